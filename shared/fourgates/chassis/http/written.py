"""How a result is answered: as JSON, with its version, its address and what may be cached."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Response
from pydantic import BaseModel
from pydantic_core import to_json

from fourgates.chassis.aggregate import Aggregate
from fourgates.chassis.http.edge import SECURITY_HEADERS, as_sent

Result = TypeVar("Result", bound="Aggregate | None")
Body = BaseModel | Mapping[str, Any] | Sequence[Any]

_UNCLEAN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
PRIVATE = {"Cache-Control": "private, no-cache"}
_NOT_CACHED = ((b"content-type", b"application/json"), *SECURITY_HEADERS)
_CACHED = tuple((name, value) for name, value in _NOT_CACHED if name != b"cache-control")


@dataclass(frozen=True)
class Written(Generic[Result]):
    """How the result of a command is answered."""

    present: Callable[[Result], Body]
    status: int
    location: Callable[[Result], str] | None
    if_match: bool

    def response(self, result: Result, root_path: str) -> Response:
        """Return the answer to a command."""
        if result is None:
            return Response(status_code=204)
        headers = {**PRIVATE, "ETag": f'"{result.version}"'}
        if self.location is not None:
            headers["Location"] = root_path.rstrip("/") + self.location(result)
        return rendered(self.present(result), status=self.status, headers=headers)


class Rendered(Response):
    """A whole answer as JSON, whose headers are written once and completely, as they go to the server."""

    body: bytes

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        """Write it down. Raises `ValueError` for a header that could become two."""
        self.status_code = status
        self.background = None
        self.body = body
        given = [(as_sent(name), value.encode("latin-1")) for name, value in headers.items()]
        # Where it is sent in one piece, nobody looks at it again.
        if any(_UNCLEAN.search(value) for _, value in given):
            msg = "a header must not hold control characters"
            raise ValueError(msg)
        all_have = _CACHED if "Cache-Control" in headers else _NOT_CACHED
        self.raw_headers = [*given, (b"content-length", b"%d" % len(body)), *all_have]


def rendered(body: Body, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a body as JSON."""
    return Rendered(to_json(body, inf_nan_mode="null"), status, headers or {})
