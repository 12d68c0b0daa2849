"""Who calls: every request of a service is authenticated here, and becomes a call."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any, Generic, cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from typing_extensions import TypeVar

from fourgates.chassis.clock import Clock
from fourgates.chassis.http.call import Call
from fourgates.chassis.http.operation import JSON, Asked, Needs
from fourgates.chassis.http.paging import PageTokens, load_or_make_key
from fourgates.chassis.http.positions import Positions
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.replay import InFlight, Remembered
from fourgates.chassis.http.security_log import SecurityLog
from fourgates.chassis.identity import BadToken, KeysUnavailable, Principal, TokenVerifier
from fourgates.chassis.ids import Ids
from fourgates.chassis.memory import Memory
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units, Work

U = TypeVar("U", default=Any)
V = TypeVar("V")
_BEARER_CHARS_MAX = 8200


class CallFactory(Generic[U]):
    """Makes the calls of one service; shared by all threads."""

    def __init__(
        self,
        *,
        service: str,
        verifier: TokenVerifier,
        clock: Clock,
        ids: Ids,
        units: Units,
        views: Views,
        memory: Memory,
        use_cases: Callable[[Work], U],
        settings: ServiceSettings,
        security_log: SecurityLog,
        page_key: bytes | None = None,
    ) -> None:
        self.service = service
        self.verifier = verifier
        self.clock = clock
        self.ids = ids
        self.units = units
        self.views = views
        self.memory = memory
        self.use_cases = use_cases
        self.settings = settings
        self.security_log = security_log
        self.in_flight = InFlight(settings.in_flight_max)
        self.positions = Positions(service, units, settings)
        self._page_key = page_key

    def of(self, use_cases: Callable[[Work], V]) -> CallFactory[V]:
        """Return a factory of calls that carry out other use cases, with everything else of this one."""
        other = cast("CallFactory[V]", copy(self))
        other.use_cases = use_cases
        return other

    @cached_property
    def tokens(self) -> PageTokens:
        """The page tokens of this service; their key is read when the first one is needed."""
        return PageTokens(self._page_key or load_or_make_key(self.settings.data_folder / "page-token.key"))

    def __call__(
        self,
        scope: str,
        *,
        media: tuple[str, ...] | None = None,
        serves: tuple[str, ...] = JSON,
        body_limit_bytes: int | None = None,
        stream: bool = False,
    ) -> Needs:
        """Return the dependency for a scope, bound to this factory."""
        return Needs(scope, media=media, serves=serves, body_limit_bytes=body_limit_bytes, stream=stream, caller=self)

    def known(self, request: Asked) -> Principal | None:
        """Return who asks, if the token was accepted before, without waiting. Raises the 401 problem without one."""
        return self.verifier.remembered(_token_of(request))

    async def authenticate(self, request: Asked) -> Principal:
        """Return who asks. Raises the 401 problem; a token that is not accepted is written to the security log."""
        try:
            return await run_in_threadpool(self.verifier.verify, _token_of(request))
        except KeysUnavailable as error:
            raise Problem("unavailable", "No token can be checked now.", headers={"Retry-After": "5"}) from error
        except BadToken as error:
            await self._record(request, "bad-token", "", "invalid_token", error.reason)
            challenge = {"WWW-Authenticate": 'Bearer realm="fourgates", error="invalid_token"'}
            raise Problem("invalid-token", f"Not accepted: {error.reason}.", headers=challenge) from error

    async def refuse_scope(self, request: Request, principal: Principal, scope: str) -> None:
        """Raise the 403 problem of a token that lacks a scope, and write it to the security log."""
        await self._record(request, "insufficient-scope", principal.subject, scope, "the token lacks the scope")
        challenge = {"WWW-Authenticate": f'Bearer realm="fourgates", error="insufficient_scope", scope="{scope}"'}
        raise Problem("insufficient-scope", f"The scope {scope} is needed.", headers=challenge)

    async def _record(self, request: Request, kind: str, subject: str, rule: str, detail: str) -> None:
        path = f"{request.method} {request.scope['path']}"
        at = self.clock.now()
        await run_in_threadpool(
            lambda: self.security_log.record(kind=kind, at=at, principal=subject, path=path, rule=rule, detail=detail)
        )

    def begin(
        self, request: Request, principal: Principal, *, body: bytes, memory: Remembered | None, limit_bytes: int
    ) -> Call[U]:
        """Return the call of a request."""
        return Call(self, request, principal, body=body, memory=memory, limit_bytes=limit_bytes)


def _token_of(request: Asked) -> str:
    """Return the token that a request bears. Raises the 401 problem."""
    header = request.header(b"authorization") or ""
    kind, _, token = header.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token or len(header) > _BEARER_CHARS_MAX:
        raise Problem("unauthenticated", headers={"WWW-Authenticate": 'Bearer realm="fourgates"'})
    return token
