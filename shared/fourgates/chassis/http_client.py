"""Speaking HTTP to other servers: the only module that knows the HTTP library; every wait has a limit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

import httpx
from httpx import ASGITransport, AsyncClient, BaseTransport, Client, Response, TransportError

from fourgates.chassis.clock import Clock

__all__ = [
    "ASGITransport",
    "AsyncClient",
    "Client",
    "HttpClient",
    "HttpFailed",
    "MachineTokens",
    "Response",
    "TransportError",
]


class HttpFailed(Exception):
    """Another server did not answer as hoped: not at all, with an error, or with too much."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.url = url
        self.status = status
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class HttpClient:
    """A thin client with limits on time and size, safe to share between threads."""

    def __init__(
        self,
        *,
        timeout_s: float = 10.0,
        answer_limit_bytes: int = 4_194_304,
        connections_max: int = 20,
        idle_s: float = 2.0,
        transport: BaseTransport | None = None,
    ) -> None:
        self._limit = answer_limit_bytes
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout_s),
            # Given up sooner than any server gives it up: else a request could meet a connection that just closes.
            limits=httpx.Limits(
                max_connections=connections_max, max_keepalive_connections=connections_max, keepalive_expiry=idle_s
            ),
            follow_redirects=False,
            transport=transport,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        token: str | None = None,
        timeout_s: float | None = None,
        limit_bytes: int | None = None,
    ) -> Response:
        """Return the answer, whatever its status. Raises `HttpFailed` when there is none or it is too large."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        limit = self._limit if limit_bytes is None else limit_bytes
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_s is None else httpx.Timeout(timeout_s)
        try:
            built = self._client.build_request(
                method, url, headers=sent, json=json, data=form, content=content, timeout=timeout
            )
            answer = self._client.send(built, stream=True)
            try:
                body = _read(answer, limit)
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HttpFailed(url, type(error).__name__) from error
        if body is None:
            raise HttpFailed(url, f"the answer is larger than {limit} bytes", answer.status_code)
        return Response(answer.status_code, headers=_without_coding(answer.headers), content=body, request=built)

    def get_json(self, url: str, *, token: str | None = None, timeout_s: float | None = None) -> Any:
        """Return the JSON at an address. Raises `HttpFailed` unless the status is 2xx and the body is JSON."""
        answer = _success(self.request("GET", url, token=token, timeout_s=timeout_s), url)
        try:
            return answer.json()
        except ValueError as error:
            raise HttpFailed(url, "the answer is no JSON", answer.status_code) from error

    def get_bytes(self, url: str, *, token: str | None = None, limit_bytes: int | None = None) -> bytes:
        """Return the bytes at an address. Raises `HttpFailed` unless the status is 2xx."""
        return _success(self.request("GET", url, token=token, limit_bytes=limit_bytes), url).content

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class MachineTokens:
    """The token of a machine account, fetched by client credentials and kept until shortly before it expires."""

    def __init__(
        self,
        client: HttpClient,
        *,
        token_url: str,
        client_id: str,
        secret: str,
        clock: Clock,
        renew_before_s: int = 30,
    ) -> None:
        self._client = client
        self._url = token_url
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self._clock = clock
        self._renew_before = timedelta(seconds=renew_before_s)
        self._lock = threading.Lock()
        self._kept: tuple[str, datetime] | None = None

    def token(self) -> str:
        """Return a token that is valid for a while. Raises `HttpFailed`."""
        with self._lock:
            now = self._clock.now()
            if self._kept is None or self._kept[1] - self._renew_before <= now:
                self._kept = self._fetch(now)
            return self._kept[0]

    def _fetch(self, now: datetime) -> tuple[str, datetime]:
        answer = _success(self._client.request("POST", self._url, form=self._form), self._url)
        try:
            body = answer.json()
            return str(body["access_token"]), now + timedelta(seconds=int(body["expires_in"]))
        except (ValueError, KeyError, TypeError) as error:
            raise HttpFailed(self._url, "the answer holds no token", answer.status_code) from error


def _read(answer: Response, limit: int) -> bytes | None:
    """Return the body, or None as soon as it is larger than the limit."""
    read = bytearray()
    for chunk in answer.iter_bytes():
        read += chunk
        if len(read) > limit:
            return None
    return bytes(read)


def _without_coding(headers: httpx.Headers) -> list[tuple[str, str]]:
    """Leave out what described the body on the wire: it has been decoded."""
    return [(k, v) for k, v in headers.multi_items() if k.lower() not in {"content-encoding", "transfer-encoding"}]


def _success(answer: Response, url: str) -> Response:
    if not answer.is_success:
        raise HttpFailed(url, f"the answer is {answer.status_code}", answer.status_code)
    return answer
