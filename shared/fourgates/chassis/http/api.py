"""Makes the API of a service: its routes behind the checks of the house, and a problem for every error."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from fourgates.chassis.aggregate import Refused
from fourgates.chassis.http.direct import Directory, route_path
from fourgates.chassis.http.docs import docs_routes
from fourgates.chassis.http.edge import Edge, completed, unexpected
from fourgates.chassis.http.health import Check, Readiness, health_routes
from fourgates.chassis.http.openapi import complete
from fourgates.chassis.http.operation import Asked, Operation
from fourgates.chassis.http.parsing import invalid
from fourgates.chassis.http.problems import Problem, bare_problem, problem_response, refusal
from fourgates.chassis.http.whole import sent_whole
from fourgates.chassis.http.written import Rendered
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.store import EVENT_BYTES_MAX, STORE_AWAY, EventTooLarge, UnreadableEvent
from fourgates.chassis.work import NotFound

log = structlog.get_logger("fourgates.http")

# Answers that are nothing but a status, headers and a body.
_WHOLE = frozenset({Response, Rendered})

_COPIED = (
    "response_model",
    "status_code",
    "tags",
    "dependencies",
    "summary",
    "description",
    "response_description",
    "responses",
    "deprecated",
    "operation_id",
    "include_in_schema",
    "response_class",
    "openapi_extra",
)


class Api(FastAPI):
    """The API of one service. Every included route becomes an `Operation`, in one flat list."""

    def __init__(self, *, public_url: str | None, **options: Any) -> None:
        super().__init__(**options)
        self.public_url = public_url
        self.readiness = Readiness()
        self._directory = Directory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; where its operation allows it, past the layers of the framework."""
        if scope["type"] == "http":
            route, texts = self._directory.find(scope["method"], route_path(scope))
            if isinstance(route, Operation) and route.is_direct:
                scope["app"] = self
                scope["route"] = route
                scope["path_params"] = dict(zip(route.param_convertors, texts, strict=True))
                request = Asked(scope, receive)
                try:
                    response = await route.answer(request)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is answered
                    response = await _told(request, error)
                if type(response) is not Rendered or not sent_whole(send, response):
                    await _send(request, response, send)
                return
        await super().__call__(scope, receive, send)

    def include_router(self, router: APIRouter, **options: Any) -> None:
        """Take over the routes of a router. Raises `TypeError` for options: a router says everything itself."""
        if options:
            msg = "say it in the router: include_router takes no options here"
            raise TypeError(msg)
        for context in iter_route_contexts(router.routes):
            if not isinstance(context.original_route, APIRoute):
                self._append(context.original_route)
                continue
            copied = {name: getattr(context, name) for name in _COPIED}
            operation = Operation(
                str(context.path),
                context.endpoint or context.original_route.endpoint,
                methods=sorted(context.methods or ()),
                name=context.name,
                dependency_overrides_provider=self,
                **copied,
            )
            self._append(operation)

    def _append(self, route: BaseRoute) -> None:
        self.router.routes.append(route)
        if isinstance(route, Route):
            self._directory.add(route)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(self)
        return self.openapi_schema


def create_api(
    name: str,
    title: str,
    description: str,
    version: str = "1.0.0",
    *,
    settings: ServiceSettings | None = None,
    checks: Mapping[str, Check] | None = None,
) -> Api:
    """Return the API of a service, with its health, its documentation, and problems for every error."""
    api = Api(
        public_url=settings.public_url if settings else None,
        title=title,
        description=description,
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=_HANDLERS,
        # Messages of exceptions may hold what was sent: they stay out of exported logs.
        telemetry={"logs": False, "operation_spans": False},
    )
    api.add_middleware(Edge)
    api.state.service = name
    api.readiness.checks.update(checks or {})
    api.include_router(health_routes(api.readiness))
    api.include_router(docs_routes(api))
    return api


async def _told(request: Request, error: Exception) -> Response:
    """Return the problem that the framework's layers would make of what was raised."""
    handler = next((_HANDLERS[cls] for cls in type(error).__mro__ if cls in _HANDLERS), None)
    if handler is None:
        return unexpected(request, error)
    told: Response = await handler(request, error)
    return told


async def _send(request: Request, response: Response, send: Send) -> None:
    """Send an answer by the way of the server that is for all answers."""
    if type(response) in _WHOLE:
        headers = response.raw_headers if type(response) is Rendered else completed(response.raw_headers)
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
    else:
        await Edge(response)(request.scope, request.receive, send)


async def _on_problem(request: Request, problem: Any) -> Response:
    slug = problem.type.slug
    if slug == "unsupported-media-type":
        name = {"POST": "Accept-Post", "PATCH": "Accept-Patch"}.get(request.method, "Accept")
        route = request.scope.get("route")
        media = route.plan().media if isinstance(route, Operation) else ("application/json",)
        problem.headers.setdefault(name, ", ".join(media))
    return problem_response(request, problem)


async def _on_refused(request: Request, refused: Any) -> Response:
    return problem_response(request, refusal(refused))


async def _on_not_found(request: Request, _: Any) -> Response:
    return problem_response(request, Problem("not-found"))


async def _on_store_away(request: Request, error: Exception) -> Response:
    log.error("the store is away", path=request.scope["path"], error=str(error))
    problem = Problem("unavailable", "The store cannot be asked now.", headers={"Retry-After": "2"})
    return problem_response(request, problem)


async def _on_too_large(request: Request, error: Any) -> Response:
    detail = f"What this would record takes {error.size} bytes."
    return problem_response(request, Problem("too-large", detail, limit_bytes=EVENT_BYTES_MAX))


async def _on_unreadable(request: Request, error: Any) -> Response:
    log.error("unreadable event", path=request.scope["path"], error=str(error))
    event = {"type": error.topic, "version": error.originator_version, "id": str(error.originator_id)}
    return problem_response(request, Problem("unreadable-event", event=event))


async def _on_invalid(request: Request, error: Any) -> Response:
    return problem_response(request, invalid(error.errors()))


async def _on_http_exception(request: Request, error: Any) -> Response:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem_response(request, Problem("not-found"))
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    title = HTTPStatus(error.status_code).phrase
    return bare_problem(request, error.status_code, title, headers)


def _allowed(request: Request) -> list[str]:
    """Return every method of every route at this path."""
    found: set[str] = set()
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    if "GET" in found:
        found.add("HEAD")
    return sorted(found)


_HANDLERS: dict[Any, Any] = {
    Problem: _on_problem,
    Refused: _on_refused,
    NotFound: _on_not_found,
    EventTooLarge: _on_too_large,
    UnreadableEvent: _on_unreadable,
    RequestValidationError: _on_invalid,
    HTTPException: _on_http_exception,
    **dict.fromkeys(STORE_AWAY, _on_store_away),
}
