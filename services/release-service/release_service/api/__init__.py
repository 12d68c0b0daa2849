"""HTTP in, use case or query out."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory

from release_service.api import building, phases, releases
from release_service.application import ReleaseUseCases


def routes(_: CallFactory[ReleaseUseCases]) -> APIRouter:
    """Return every route of this service."""
    router = APIRouter()
    for part in (releases, phases, building):
        router.include_router(part.router)
    return router
