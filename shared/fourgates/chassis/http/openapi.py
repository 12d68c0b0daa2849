"""Completes the OpenAPI document: problems for every operation, the bearer scheme, the headers of the house."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from fourgates.chassis.http.operation import Operation, Plan
from fourgates.chassis.http.positions import MIN_POSITION, PLACE, POSITION
from fourgates.chassis.http.problems import CATALOGUE, MEDIA_TYPE

_READ = (400, 401, 403, 404, 406, 422, 500, 503)
_WRITE = (400, 401, 403, 404, 406, 409, 412, 413, 415, 422, 428, 500, 503)
_PUBLIC = (400, 404, 500, 503)
_TITLES = {p.status: p.title for p in reversed(tuple(CATALOGUE.values()))}
_ERROR = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("pointer", "parameter", "header", "code", "detail")},
    "required": ["code", "detail"],
}
_UNMET = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("code", "detail", "source", "remedy", "rule", "person")},
    "required": ["code", "detail", "source", "remedy"],
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {"type": "array", "items": _ERROR},
        "unmet": {"type": "array", "items": _UNMET},
        "current_etag": {"type": "string"},
        "limit_bytes": {"type": "integer"},
        "event": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "version": {"type": "integer"}, "id": {"type": "string"}},
            "required": ["type", "version", "id"],
        },
    },
    "required": ["type", "title", "status"],
}
_ETAG = {"description": "The version of the thing.", "schema": {"type": "string"}}
_POSITION = {
    "description": "The positions that the command reached, for `Fourgates-Min-Position`.",
    "schema": {"type": "string"},
}
_LOCATION = {"description": "Where the new thing is.", "schema": {"type": "string"}}


def complete(api: FastAPI) -> dict[str, Any]:
    """Return the document of an API."""
    document = get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
        tags=api.openapi_tags,
        servers=api.servers or [{"url": "/"}],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for made_by_the_framework in ("HTTPValidationError", "ValidationError"):
        schemas.pop(made_by_the_framework, None)
    schemas["Problem"] = _PROBLEM
    components["responses"] = {f"Problem{status}": _problem_response(title) for status, title in _TITLES.items()}
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for route in api.routes:
        if isinstance(route, Operation) and route.include_in_schema:
            plan = route.plan()
            _complete_operation(document["paths"][route.path_format][plan.method.lower()], route, plan)
    return document


def _complete_operation(operation: dict[str, Any], route: APIRoute, plan: Plan) -> None:
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    reads = plan.method == "GET"
    statuses = _PUBLIC if plan.needs is None else _READ if reads else _WRITE
    for status in statuses:
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    if plan.needs is None:
        return
    operation["security"] = [{"bearer": [plan.needs.scope]}]
    parameters = operation.setdefault("parameters", [])
    if reads:
        responses.setdefault("304", {"description": "The caller has this version already."})
        parameters.append(_header("If-None-Match", "ETags that the caller has.", ['"3"']))
        told = f"Answer when this is reached, as `{POSITION}` says it, or a position of this log."
        parameters.append(_header(MIN_POSITION, told, ["change/5=1042"]))
    elif not plan.needs.stream:
        _complete_command(operation, route, plan)


def _complete_command(operation: dict[str, Any], route: APIRoute, plan: Plan) -> None:
    parameters = operation["parameters"]
    parameters.append(_header("Idempotency-Key", "A key of the caller for this request.", ["8e03978e-40d5"]))
    if "{" in route.path_format:
        required = plan.method in {"PUT", "PATCH", "DELETE"}
        parameters.append(_header("If-Match", "The ETag that was read.", ['"3"'], required=required))
    success = operation["responses"].get(str(route.status_code or 200), {})
    success.setdefault("headers", {}).update({"ETag": _ETAG, POSITION: _POSITION})
    if route.status_code == HTTPStatus.CREATED:
        success["headers"]["Location"] = _LOCATION


def _header(name: str, description: str, examples: list[str], *, required: bool = False) -> dict[str, Any]:
    patterns = {
        "Idempotency-Key": r'^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-~]{1,255})$',
        MIN_POSITION: f"^([0-9]{{1,18}}|{PLACE}(, {PLACE}){{0,63}})$",
    }
    schema = {"type": "string", "pattern": patterns.get(name, '^(\\*|"[0-9]{1,9}")$'), "examples": examples}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _problem_response(title: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": title, "content": content}
