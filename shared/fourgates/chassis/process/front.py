"""What a process answers before its service is built: that it lives, and what it waits for."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fourgates.chassis.http.api import Api, create_api
from fourgates.chassis.http.health import Check
from fourgates.chassis.http.problems import Problem, problem_response
from fourgates.chassis.settings import ServiceSettings

RETRY_AFTER_S = 1
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Front:
    """An application that waits, until another one takes its place."""

    def __init__(self, waiting: Api) -> None:
        self._app: ASGIApp = waiting
        self._waiting = waiting
        self._behind: Api | None = None

    def open(self, api: Api) -> None:
        """Let the service answer from now on."""
        api.readiness.draining = self._waiting.readiness.draining
        self._behind = api
        self._app = api

    def drain(self) -> None:
        """Tell who asks that this process is about to end."""
        for api in (self._waiting, self._behind):
            if api is not None:
                api.readiness.draining = True

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Return what answers a request: no layer of its own, which would be gone through at each wait."""
        return self._app(scope, receive, send)


def waiting_api(name: str, settings: ServiceSettings, checks: Mapping[str, Check]) -> Api:
    """Return what answers meanwhile: its health as it is, and 503 for everything else."""
    title = f"Fourgates: {name}, about to start"
    api = create_api(name, title, "This process waits for what it needs.", settings=settings, checks=checks)
    api.router.routes.append(Route("/{rest:path}", _unavailable, methods=_METHODS, include_in_schema=False))
    return api


async def _unavailable(request: Request) -> Response:
    problem = Problem(
        "unavailable",
        "The service has not started: /readyz?verbose says what it waits for.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
    return problem_response(request, problem)
