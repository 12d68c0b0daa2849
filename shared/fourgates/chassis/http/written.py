"""How a result is answered: as JSON, with its version, its address and what may be cached."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from fastapi import Response
from pydantic import BaseModel
from pydantic_core import to_json

from fourgates.chassis.aggregate import Aggregate
from fourgates.chassis.http.edge import SECURITY_HEADERS, as_sent

Result = TypeVar("Result", bound="Aggregate | None")
Body = BaseModel | Mapping[str, Any] | Sequence[Any]

_UNCLEAN = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
PRIVATE = {"Cache-Control": "private, no-cache"}


class Common:
    """Headers that stand first in many answers, and as they are sent."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.headers = list(headers)
        self.count = len(headers)
        self.written = b"".join(b"%s: %s\r\n" % header for header in headers)


_NOT_CACHED = Common((b"content-type", b"application/json"), *SECURITY_HEADERS)
_CACHED = Common(*(header for header in _NOT_CACHED.headers if header[0] != b"cache-control"))


class Written(NamedTuple, Generic[Result]):
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
    # What its headers begin with.
    common: Common

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        """Write it down. Raises `ValueError` for a header that could become two."""
        self.status_code = status
        self.background = None
        self.body = body
        # Where it is sent in one piece, nobody looks at it again.
        if _UNCLEAN.search("".join(headers.values())):
            msg = "a header must not hold control characters"
            raise ValueError(msg)
        self.common = _CACHED if "Cache-Control" in headers else _NOT_CACHED
        given = [(as_sent(name), value.encode("latin-1")) for name, value in headers.items()]
        self.raw_headers = [*self.common.headers, (b"content-length", b"%d" % len(body)), *given]


def rendered(body: Body, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a body as JSON."""
    return Rendered(to_json(body, inf_nan_mode="null"), status, headers or {})
