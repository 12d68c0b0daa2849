"""The same request sent twice: one effect, the first answer again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from fastapi import Response

from fourgates.chassis.http.problems import Problem
from fourgates.chassis.store import Reply

REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = ("content-type", "location", "etag", "cache-control")


@dataclass(frozen=True)
class Remembered:
    """What an idempotency key stands for: whose request, and which."""

    scope: str
    fingerprint: str

    def reply(self, response: Response, *, kept_at: datetime, expires_at: datetime) -> Reply:
        """Return the answer as it is kept."""
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        return Reply(
            scope=self.scope,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers=headers,
            body=bytes(response.body),
            kept_at=kept_at,
            expires_at=expires_at,
        )

    def replayed(self, reply: Reply) -> Response:
        """Return the first answer again. Raises the 422 problem when the key was used for another request."""
        if reply.fingerprint != self.fingerprint:
            raise Problem("key-reused")
        return Response(reply.body, reply.status, headers={**reply.headers, REPLAYED: "true"})


def remembered(
    *, subject: str, method: str, path: str, key: str, query: bytes, media_type: str, body: bytes
) -> Remembered:
    """Return what a key stands for."""
    scope = _digest(subject.encode(), method.encode(), path.encode(), key.encode())
    fingerprint = _digest(method.encode(), path.encode(), query, media_type.encode(), body)
    return Remembered(scope, fingerprint)


class InFlight:
    """The requests with a key that are being carried out in this process, at most so many."""

    def __init__(self, count_max: int) -> None:
        self._max = count_max
        self._running: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def running(self, scope: str) -> Iterator[None]:
        """Note that a request runs. Raises the 409 problem when it runs already, 503 when too many do."""
        with self._lock:
            if scope in self._running:
                raise Problem("in-progress", headers={"Retry-After": "1"})
            if len(self._running) >= self._max:
                raise Problem("unavailable", headers={"Retry-After": "1"})
            self._running.add(scope)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(scope)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
