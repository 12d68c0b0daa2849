"""The outermost layer: HEAD for every GET, security headers, and a problem for whatever nobody expected."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import structlog
from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fourgates.chassis.http.problems import Problem, problem_response, request_id

_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
SECURITY_HEADERS = (
    (b"content-security-policy", _API_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)

log = structlog.get_logger("fourgates.http")


@lru_cache(maxsize=1024)
def as_sent(name: str) -> bytes:
    """Return the name of a header as servers give it and take it."""
    return name.lower().encode("latin-1")


class Edge:
    """Wraps the API. Headers that an answer sets itself are left as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        if head:
            # A copy: the server counts the bytes of an answer by the method in its own. An answer without an end must
            # know that nobody reads it.
            scope = {**scope, "method": "GET", "fourgates.head": True}
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = completed(message.get("headers", ()))
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            if started:
                raise
            await unexpected(Request(scope), error)(scope, receive, guarded)


def unexpected(request: Request, error: Exception) -> Response:
    """Log an error that nobody expected, and return an answer that holds nothing of it."""
    log.error("unexpected", instance=request_id(request), path=request.scope["path"], exc_info=error)
    return problem_response(request, Problem("unexpected"))


def completed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that every answer has."""
    given = list(headers)
    present = {name.lower() for name, _ in given}
    given.extend((name, value) for name, value in SECURITY_HEADERS if name not in present)
    return given
