"""The development issuer: OIDC discovery, keys, and tokens for people with a secret and for machine accounts."""

from __future__ import annotations

import base64
import binascii
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from joserfc import jwt

from fourgates.chassis.clock import Clock
from fourgates.chassis.http.api import Api, create_api
from fourgates.chassis.http.operation import check_length, read_body
from fourgates.chassis.http.parsing import check_content_type
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.identity.hashing import hash_secret, verify_secret
from fourgates.chassis.identity.keys import ALGORITHM, SigningKey
from fourgates.chassis.identity.people import Machine, PeopleFile, Person
from fourgates.chassis.ids import Ids

CLIENT_ID = "fourgates-cli"
FORM = ("application/x-www-form-urlencoded",)
FORM_BYTES_MAX = 16_384
FORM_FIELDS_MAX = 20
NAMES_WATCHED_MAX = 10_000
# Hashed instead of the secret of an unknown account, so that both take the same time.
_NOBODY = hash_secret("nobody has this secret", salt=bytes(16))


@dataclass(frozen=True)
class IssuerLimits:
    """How long tokens last, and how often a secret may be guessed."""

    token_lifetime_s: int = 3600
    failures_max: int = 10
    failures_window_s: int = 300


class _OAuthError(Exception):
    """An error in the words of RFC 6749."""

    def __init__(self, error: str, description: str, status: int = 400, retry_after_s: int | None = None) -> None:
        self.error = error
        self.description = description
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(error)


class Failures:
    """Counts the failed logins of each account, known or not, in a window of time; bounded."""

    def __init__(self, limits: IssuerLimits) -> None:
        self._max = limits.failures_max
        self._window = timedelta(seconds=limits.failures_window_s)
        self._seen: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, name: str, now: datetime) -> int:
        """Return for how long no further attempt is heard; 0 for not at all."""
        with self._lock:
            since, count = self._seen.get(name, (now, 0))
            left = since + self._window - now
            return max(1, int(left.total_seconds())) if count >= self._max and left > timedelta() else 0

    def note(self, name: str, now: datetime) -> None:
        """Count a failure."""
        with self._lock:
            since, count = self._seen.pop(name, (now, 0))
            if now - since >= self._window:
                since, count = now, 0
            self._seen[name] = (since, count + 1)
            while len(self._seen) > NAMES_WATCHED_MAX:
                self._seen.popitem(last=False)


class Issuer:
    """Checks secrets and signs tokens."""

    def __init__(
        self,
        *,
        people: PeopleFile,
        key: SigningKey,
        clock: Clock,
        ids: Ids,
        issuer_url: str,
        audience: str,
        limits: IssuerLimits | None = None,
    ) -> None:
        self.url = issuer_url.rstrip("/")
        self.key = key
        self._people = people
        self._persons = {p.username: p for p in people.people}
        self._machines = {m.id: m for m in people.machines}
        self._clock = clock
        self._ids = ids
        self._audience = audience
        self._limits = limits or IssuerLimits()
        self._failures = Failures(self._limits)

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer of the token endpoint. Raises the errors of RFC 6749."""
        kind = form.get("grant_type")
        if kind == "password":
            account = self._checked(form.get("username", ""), form.get("password", ""), machine=False)
            return self._token(account, form.get("client_id") or CLIENT_ID, form.get("scope", ""))
        if kind == "client_credentials":
            account = self._checked(form.get("client_id", ""), form.get("client_secret", ""), machine=True)
            return self._token(account, account.id, form.get("scope", ""))
        raise _OAuthError("unsupported_grant_type", "Send grant_type=password or client_credentials.")

    def _checked(self, name: str, secret: str, *, machine: bool) -> Person | Machine:
        if not name or not secret:
            raise _OAuthError("invalid_request", "The name and the secret are needed.")
        now = self._clock.now()
        watched = f"{'machine' if machine else 'person'} {name[:200]}"
        wait_s = self._failures.wait_s(watched, now)
        if wait_s:
            raise _OAuthError("temporarily_unavailable", "Too many failed attempts.", 429, wait_s)
        account: Person | Machine | None = self._machines.get(name) if machine else self._persons.get(name)
        right = verify_secret(secret, _NOBODY if account is None else account.secret_hash)
        if account is None or not right:
            self._failures.note(watched, now)
            error, status = ("invalid_client", 401) if machine else ("invalid_grant", 400)
            raise _OAuthError(error, "The name or the secret is wrong.", status)
        return account

    def _token(self, account: Person | Machine, client_id: str, wanted: str) -> dict[str, Any]:
        allowed = self._people.scopes_of(account)
        scopes = sorted(allowed & set(wanted.split()) if wanted.strip() else allowed)
        if wanted.strip() and not scopes:
            raise _OAuthError("invalid_scope", "None of these scopes can be given.")
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self.url,
            "aud": self._audience,
            "sub": account.id,
            # RFC 9068: only the token of a machine account has its client as its subject.
            "client_id": client_id if isinstance(account, Machine) or client_id != account.id else CLIENT_ID,
            "iat": now,
            "nbf": now,
            "exp": now + self._limits.token_lifetime_s,
            "jti": str(self._ids.new()),
            "roles": list(account.roles),
            "scope": " ".join(scopes),
        }
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self.key.kid}
        return {
            "access_token": jwt.encode(header, claims, self.key.key, algorithms=[ALGORITHM]),
            "token_type": "Bearer",
            "expires_in": self._limits.token_lifetime_s,
            "scope": " ".join(scopes),
        }

    def discovery(self) -> dict[str, Any]:
        """Return what OIDC discovery tells."""
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "grant_types_supported": ["password", "client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
            "scopes_supported": sorted({scope for scopes in self._people.roles.values() for scope in scopes}),
        }


def issuer_app(
    *,
    people: PeopleFile,
    key: SigningKey,
    clock: Clock,
    ids: Ids,
    issuer_url: str,
    audience: str,
    limits: IssuerLimits | None = None,
) -> Api:
    """Return the development issuer as an app; it belongs at the path of `issuer_url`."""
    issuer = Issuer(
        people=people, key=key, clock=clock, ids=ids, issuer_url=issuer_url, audience=audience, limits=limits
    )
    api = create_api("identity", "Fourgates development issuer", "Tokens for people and machine accounts of one file.")
    router = APIRouter(tags=["identity"])

    @router.get("/.well-known/openid-configuration", operation_id="identity_discover", summary="Discover the issuer")
    async def discover() -> Response:
        return JSONResponse(issuer.discovery())

    @router.get("/jwks", operation_id="identity_keys", summary="List the public keys")
    async def keys() -> Response:
        return JSONResponse(key.jwks(), headers={"Cache-Control": "public, max-age=300"})

    @router.post("/token", operation_id="identity_token", summary="Get a token", openapi_extra=_TOKEN_BODY)
    async def token(request: Request) -> Response:
        try:
            form = await _form(request)
            return JSONResponse(await run_in_threadpool(issuer.grant, form))
        except _OAuthError as error:
            return _refused(error)

    api.include_router(router)
    return api


async def _form(request: Request) -> dict[str, str]:
    """Return the form, with the credentials of the header."""
    check_length(request.headers.get("content-length"), FORM_BYTES_MAX)
    check_content_type(request.headers.get("content-type"), FORM)
    raw = await read_body(request, FORM_BYTES_MAX)
    try:
        text = raw.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX)
        return {**_unrepeated(pairs), **_basic(request.headers.get("authorization", ""))}
    except ValueError as error:
        raise _OAuthError("invalid_request", "Send each field once, in UTF-8.") from error


def _unrepeated(pairs: list[tuple[str, str]]) -> dict[str, str]:
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ValueError("a field is repeated")
    return form


def _basic(header: str) -> dict[str, str]:
    """Return the client of a Basic header. Raises `ValueError` when it cannot be read."""
    kind, _, value = header.partition(" ")
    if not header:
        return {}
    if kind.lower() != "basic":
        raise ValueError("not basic")
    try:
        name, colon, secret = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not colon:
        raise ValueError("no secret")
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


def _refused(error: _OAuthError) -> Response:
    headers = {"Cache-Control": "no-store"}
    if error.status == Problem("unauthenticated").type.status:
        headers["WWW-Authenticate"] = 'Basic realm="fourgates"'
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status, headers=headers)


_TOKEN_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            FORM[0]: {
                "schema": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string"}
                        for name in ("grant_type", "username", "password", "client_id", "client_secret", "scope")
                    },
                    "required": ["grant_type"],
                }
            }
        },
    }
}
