"""HTTP in, use case or query out."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory

from change_service.api import authorizations, calendar, changes, gates, meetings, models, people, policies
from change_service.application import ChangeUseCases


def routes(caller: CallFactory[ChangeUseCases]) -> APIRouter:
    """Return every route of this service."""
    router = APIRouter()
    for part in (changes, models, authorizations, policies, people, calendar, meetings):
        router.include_router(part.router)
    router.include_router(authorizations.next_route(caller))
    router.include_router(gates.gate_route(caller))
    return router
