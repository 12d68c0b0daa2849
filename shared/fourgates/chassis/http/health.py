"""Whether the process lives, and whether it is ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

Check = Callable[[], str | None]
"""Returns None when all is well, else what is not."""

log = structlog.get_logger("fourgates.health")


class Readiness:
    """The checks of one service, by name. While it drains, it is not ready."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}
        self.draining = False

    def failing(self) -> dict[str, str]:
        """Return what is not well, by the name of the check."""
        found = {name: reason for name, check in self.checks.items() if (reason := _run(name, check)) is not None}
        return {**found, "draining": "the process is about to end"} if self.draining else found


def _run(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception:
        log.exception("a readiness check failed", check=name)
        return "the check itself failed"


def health_routes(readiness: Readiness) -> APIRouter:
    """Return the routes of health."""
    router = APIRouter(include_in_schema=False)
    switch = Annotated[str | None, Query(max_length=5)]

    def ready(verbose: str | None = None) -> Response:
        failing = readiness.failing()
        status = 503 if failing else 200
        if verbose is None:
            return PlainTextResponse("not ready" if failing else "ok", status)
        names = [*readiness.checks, *(n for n in failing if n not in readiness.checks)]
        lines = [f"[-]{n}: {failing[n]}" if n in failing else f"[+]{n} ok" for n in names]
        return PlainTextResponse("\n".join([*lines, "not ready" if failing else "ok"]), status)

    ready.__annotations__["verbose"] = switch

    @router.get("/livez")
    async def live() -> Response:
        return PlainTextResponse("ok")

    router.get("/readyz")(ready)
    router.get("/healthz")(ready)
    return router
