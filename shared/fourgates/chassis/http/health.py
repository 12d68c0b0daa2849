"""Whether the process lives, and whether it is ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

Check = Callable[[], str | None]
"""Returns None when all is well, else what is not."""


class Note(str):
    """What is not well, and yet keeps no request from being answered: it is told, and the process is ready."""

    __slots__ = ()


log = structlog.get_logger("fourgates.health")


class Readiness:
    """The checks of one service, by name. While it drains, it is not ready."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}
        self.draining = False

    def found(self) -> dict[str, str]:
        """Return what is not well, by the name of the check."""
        found = {name: reason for name, check in self.checks.items() if (reason := _run(name, check)) is not None}
        return {**found, "draining": "the process is about to end"} if self.draining else found


def _run(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception:
        log.exception("a readiness check failed", check=name)
        return "the check itself failed"


def _line(name: str, reason: str | None) -> str:
    if reason is None:
        return f"[+]{name} ok"
    return f"[{'!' if isinstance(reason, Note) else '-'}]{name}: {reason}"


def health_routes(readiness: Readiness) -> APIRouter:
    """Return the routes of health."""
    router = APIRouter(include_in_schema=False)
    switch = Annotated[str | None, Query(max_length=5)]

    def ready(verbose: str | None = None) -> Response:
        found = readiness.found()
        status, word = (200, "ok") if all(isinstance(one, Note) for one in found.values()) else (503, "not ready")
        if verbose is None:
            return PlainTextResponse(word, status)
        names = [*readiness.checks, *(n for n in found if n not in readiness.checks)]
        return PlainTextResponse("\n".join([*(_line(n, found.get(n)) for n in names), word]), status)

    ready.__annotations__["verbose"] = switch

    @router.get("/livez")
    async def live() -> Response:
        return PlainTextResponse("ok")

    router.get("/readyz")(ready)
    router.get("/healthz")(ready)
    return router
