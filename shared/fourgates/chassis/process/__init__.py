"""One service, or the development issuer, as a process of its own: `python -m fourgates.chassis.process <service>`."""

from fourgates.chassis.process.front import Front
from fourgates.chassis.process.running import Running
from fourgates.chassis.process.serving import CannotServe, serve
from fourgates.chassis.process.settings import BadSettings, Named, ProcessSettings, read_settings

__all__ = [
    "BadSettings",
    "CannotServe",
    "Front",
    "Named",
    "ProcessSettings",
    "Running",
    "read_settings",
    "serve",
]
