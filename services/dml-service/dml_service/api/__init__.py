"""HTTP in, use case or query out."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory

from dml_service.api import baselines, blobs, check_outs, configuration, media_items, services
from dml_service.api.blobs import BlobStore
from dml_service.application import DmlUseCases
from dml_service.settings import DmlSettings


def routes(caller: CallFactory[DmlUseCases], store: BlobStore, settings: DmlSettings) -> APIRouter:
    """Return every route of this service."""
    router = APIRouter()
    for part in (services, media_items, check_outs, configuration, baselines):
        router.include_router(part.router)
    router.include_router(blobs.routes(caller, store, settings))
    return router
