"""HTTP for operators and subscribers: facts in pages and as they come, releases, schemas, and the console."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory

from operations_service.api.console import SCOPE, Console, console_routes
from operations_service.api.facts import fact_routes, present_fact
from operations_service.api.following import Followers
from operations_service.api.releases import present_lineage, present_release, release_routes
from operations_service.api.schemas import schema_routes
from operations_service.api.stream import stream_routes
from operations_service.application import OperationsUseCases
from operations_service.settings import OperationsSettings

__all__ = ["SCOPE", "Console", "Followers", "present_fact", "present_lineage", "present_release", "routes"]


def routes(
    caller: CallFactory[OperationsUseCases], settings: OperationsSettings, followers: Followers, console: Console
) -> APIRouter:
    """Return every route of this service."""
    router = APIRouter()
    router.include_router(fact_routes())
    router.include_router(stream_routes(caller, settings, followers))
    router.include_router(release_routes(settings))
    router.include_router(schema_routes())
    router.include_router(console_routes(console))
    return router
