"""The outside world of deployment: media over HTTP, folders and processes as nodes, and the runners of slow work."""

from deploy_service.adapters.local import LocalProcesses
from deploy_service.adapters.media import DmlMedia, Media, MediaFailed
from deploy_service.adapters.processes import Processes
from deploy_service.adapters.runners import DriftInspector, NodeKeeper, StepRunner

__all__ = [
    "DmlMedia",
    "DriftInspector",
    "LocalProcesses",
    "Media",
    "MediaFailed",
    "NodeKeeper",
    "Processes",
    "StepRunner",
]
