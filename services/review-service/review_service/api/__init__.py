"""HTTP in, use case or query out."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory

from review_service.api import reviews, services
from review_service.application import ReviewUseCases


def routes(_caller: CallFactory[ReviewUseCases]) -> APIRouter:
    """Return every route of this service."""
    router = APIRouter()
    router.include_router(reviews.router)
    router.include_router(services.router)
    return router
