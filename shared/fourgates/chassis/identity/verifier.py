"""Validates bearer tokens by the issuer's published keys: an allow-list of algorithms, and every claim checked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fourgates.chassis.clock import Clock
from fourgates.chassis.identity.principal import Principal

ALGORITHMS = ("RS256", "ES256", "Ed25519")
TYPES = frozenset({"at+jwt", "application/at+jwt"})
TOKEN_CHARS_MAX = 8192
SUBJECT_CHARS_MAX = 200
LIST_ITEMS_MAX = 100
FIRST_KEYS_PAUSE = timedelta(seconds=1)


class BadToken(Exception):
    """A token that is not accepted. The reason is one of ours and holds nothing of the token."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class KeysUnavailable(Exception):
    """The issuer's keys could not be fetched, so no token can be judged."""


class TokenVerifier(Protocol):
    """Tells who a token speaks for."""

    def verify(self, token: str) -> Principal:
        """Return the principal of a token. Raises `BadToken` or `KeysUnavailable`. May wait for keys."""
        ...

    def remembered(self, token: str) -> Principal | None:
        """Return the principal of a token that was verified before and is still valid; never waits."""
        ...


class JwksVerifier:
    """Verifies access tokens (RFC 9068) with keys that are fetched once, and again for an unknown key id.

    `fetch` returns the JWK set. Fetches are at least `refetch_s` apart, so that invented key ids cannot flood the
    issuer.
    """

    def __init__(
        self,
        *,
        fetch: Callable[[], Mapping[str, Any]],
        issuer: str,
        audience: str,
        clock: Clock,
        leeway_s: int = 60,
        refetch_s: int = 30,
        cache_s: int = 3600,
        remembered_max: int = 2000,
    ) -> None:
        self._fetch = fetch
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._leeway = timedelta(seconds=leeway_s)
        self._refetch = timedelta(seconds=refetch_s)
        self._cache = timedelta(seconds=cache_s)
        self._remembered_max = remembered_max
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._remembered: OrderedDict[str, tuple[Principal, datetime]] = OrderedDict()

    def remembered(self, token: str) -> Principal | None:
        """Return the principal of a token that was verified before and is still valid; never waits."""
        with self._lock:
            found = self._remembered.get(token)
            if found is None:
                return None
            if found[1] <= self._clock.now():
                del self._remembered[token]
                return None
            self._remembered.move_to_end(token)
            return found[0]

    def verify(self, token: str) -> Principal:
        """Return the principal of a token. Raises `BadToken` or `KeysUnavailable`."""
        known = self.remembered(token)
        if known is not None:
            return known
        if len(token) > TOKEN_CHARS_MAX:
            raise BadToken("the token is too long")
        claims = self._claims(token)
        until = self._check(claims)
        principal = _principal(claims)
        with self._lock:
            self._remembered[token] = (principal, until)
            while len(self._remembered) > self._remembered_max:
                self._remembered.popitem(last=False)
        return principal

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError) as error:
            raise BadToken("the token cannot be read") from error
        if header.get("alg") not in ALGORITHMS:
            raise BadToken("the token is signed in a way that is not accepted")
        if str(header.get("typ", "")).lower() not in TYPES:
            raise BadToken("the token is no access token")
        try:
            return jwt.decode(token, self._key(header.get("kid")), algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError) as error:
            raise BadToken("the signature of the token is not valid") from error

    def _check(self, claims: Mapping[str, Any]) -> datetime:
        """Check issuer, audience and times; return until when the token may be remembered."""
        now = self._clock.now()
        if claims.get("iss") != self._issuer:
            raise BadToken("the token is from another issuer")
        named = claims.get("aud")
        if self._audience not in (named if isinstance(named, list) else [named]):
            raise BadToken("the token is for another audience")
        expires_at = _time(claims, "exp")
        if expires_at is None:
            raise BadToken("the token does not say when it expires")
        if expires_at + self._leeway <= now:
            raise BadToken("the token has expired")
        begins_at = _time(claims, "nbf")
        if begins_at is not None and begins_at - self._leeway > now:
            raise BadToken("the token is not valid yet")
        return expires_at + self._leeway

    def _key(self, kid: object) -> Any:
        keys = self._current_keys()
        found = _by_kid(keys, kid)
        if found is None and self._fetch_again():
            found = _by_kid(self._current_keys(), kid)
        if found is None:
            raise BadToken("the token is signed with an unknown key")
        return found

    def _current_keys(self) -> KeySet:
        with self._fetching:
            now = self._clock.now()
            stale = self._fetched_at is None or now - self._fetched_at > self._cache
            if stale and self._may_try(now):
                self._renew(now)
            if self._keys is None:
                raise KeysUnavailable("the keys of the issuer cannot be fetched")
            return self._keys

    def _fetch_again(self) -> bool:
        with self._fetching:
            now = self._clock.now()
            if not self._may_try(now):
                return False
            self._renew(now)
            return True

    def _may_try(self, now: datetime) -> bool:
        pause = self._refetch if self._keys is not None else FIRST_KEYS_PAUSE
        return self._tried_at is None or now - self._tried_at >= pause

    def _renew(self, now: datetime) -> None:
        """Fetch keys; older ones are kept when that fails, so that an outage of the issuer locks nobody out at once."""
        self._tried_at = now
        try:
            keys = KeySet.import_key_set({"keys": list(self._fetch()["keys"])})
        except Exception as error:
            if self._keys is None:
                raise KeysUnavailable("the keys of the issuer cannot be fetched") from error
            return
        self._keys = keys
        self._fetched_at = now


def _by_kid(keys: KeySet, kid: object) -> Any:
    if not isinstance(kid, str):
        only = list(keys)
        return only[0] if kid is None and len(only) == 1 else None
    return next((key for key in keys if key.kid == kid), None)


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadToken(f"the claim {name} is no time")
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadToken(f"the claim {name} is no time") from error


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARS_MAX or not subject.isprintable():
        raise BadToken("the token names no subject")
    scope = claims.get("scope", "")
    scopes = scope.split() if isinstance(scope, str) else _strings(claims, "scope")
    return Principal(
        subject=subject,
        roles=tuple(sorted(_strings(claims, "roles"))),
        scopes=frozenset(scopes),
        # RFC 9068: the subject of a client-credentials token is the client itself.
        machine=claims.get("client_id") == subject,
    )


def _strings(claims: Mapping[str, Any], name: str) -> list[str]:
    value = claims.get(name, [])
    if not isinstance(value, list) or len(value) > LIST_ITEMS_MAX or not all(isinstance(v, str) for v in value):
        raise BadToken(f"the claim {name} is no list of names")
    return value
