"""The interactive documentation, served without any other host, and the pages of the problem types."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse

from fourgates.chassis.http.problems import CATALOGUE, Problem, base_url

_FOLDER = Path(__file__).parent / "static" / "vendor" / "swagger-ui-5.35.0"
_FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
# Swagger UI styles its elements by attributes and shows its icons as data.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_START = """window.addEventListener("load", function () {
  SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
});
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body></html>
"""


def docs_routes(api: FastAPI) -> APIRouter:
    """Return the documentation of an API: /docs, /openapi.json and /problems."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        here = [{"url": request.scope.get("root_path", "").rstrip("/") or "/"}]
        return JSONResponse({**api.openapi(), "servers": here})

    @router.get("/docs")
    async def docs() -> Response:
        page = _PAGE.format(title=html.escape(api.title))
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    @router.get("/docs/{name}")
    async def file(name: str) -> Response:
        if name == "start.js":
            return PlainTextResponse(_START, media_type="text/javascript")
        if name not in _FILES:
            raise Problem("not-found")
        cached = {"Cache-Control": "public, max-age=86400"}
        return FileResponse(_FOLDER / name, media_type=_FILES[name], headers=cached)

    @router.get("/problems/{slug}")
    async def problem_type(slug: str, request: Request) -> Response:
        found = CATALOGUE.get(slug)
        if found is None:
            raise Problem("not-found")
        told: dict[str, Any] = {
            "type": f"{base_url(request)}/problems/{slug}",
            "title": found.title,
            "status": found.status,
            "description": found.description,
        }
        return JSONResponse(told, headers={"Cache-Control": "public, max-age=86400"})

    return router
