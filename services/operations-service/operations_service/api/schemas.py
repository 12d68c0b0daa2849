"""The JSON Schema of every published type, for anyone: it holds nothing but what the documentation holds."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from fourgates.chassis.http import Problem

from operations_service.publishing import SCHEMAS

MEDIA_TYPE = "application/schema+json"
# A type may gain an optional field when this service is renewed.
_CACHED = {"Cache-Control": "public, max-age=3600"}


def schema_routes() -> APIRouter:
    """Return the routes of the schemas; like the OpenAPI document, they need no token."""
    router = APIRouter(include_in_schema=False)

    @router.get("/schemas")
    async def list_schemas() -> Response:
        """Return every published type."""
        return JSONResponse({"types": list(SCHEMAS)}, headers=_CACHED)

    @router.get("/schemas/{type_name}.json")
    async def get_schema(type_name: str) -> Response:
        """Return the schema of one type."""
        if type_name not in SCHEMAS:
            raise Problem("not-found")
        return Response(SCHEMAS[type_name], media_type=MEDIA_TYPE, headers=_CACHED)

    return router
