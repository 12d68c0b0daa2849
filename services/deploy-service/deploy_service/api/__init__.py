"""HTTP in, use case or query out."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory

from deploy_service.api import deployments, environments, rehearsals
from deploy_service.application import DeployUseCases


def routes(caller: CallFactory[DeployUseCases]) -> APIRouter:  # noqa: ARG001 - every service is given its factory
    """Return every route of this service."""
    router = APIRouter()
    for part in (environments, deployments, rehearsals):
        router.include_router(part.router)
    return router
