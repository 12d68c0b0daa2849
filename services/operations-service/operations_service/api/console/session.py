"""Who looks at the pages: a token in a cookie that only this host gets back, and no request from another site."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fourgates.chassis.http import CallFactory, Problem
from fourgates.chassis.http.operation import check_length, read_body
from fourgates.chassis.http.parsing import check_content_type
from fourgates.chassis.http.problems import base_url
from fourgates.chassis.identity import BadToken, KeysUnavailable, Principal

SCOPE = "operations:read"
FORM = ("application/x-www-form-urlencoded",)
FORM_BYTES_MAX = 8_192
FORM_FIELDS_MAX = 5
# Browsers need not keep a longer one.
TOKEN_CHARS_MAX = 4_000


@dataclass(frozen=True)
class Session:
    """One person who signed in."""

    principal: Principal
    token: str


class NotSignedIn(Exception):
    """Nobody has signed in, or the session has ended; `ended` tells which."""

    def __init__(self, *, ended: bool) -> None:
        self.ended = ended
        super().__init__("the session has ended" if ended else "nobody has signed in")


class Sessions:
    """Reads and writes the cookie."""

    def __init__(self, caller: CallFactory[Any]) -> None:
        self._caller = caller

    async def of(self, request: Request) -> Session:
        """Return who looks. Raises `NotSignedIn`, and the problems of a token without the scope, or with no issuer.

        A token that is not accepted is written to the security log.
        """
        token = request.cookies.get(_name(request), "")
        if not token:
            raise NotSignedIn(ended=False)
        verifier = self._caller.verifier
        try:
            known = verifier.remembered(token)
            principal = known if known is not None else await run_in_threadpool(verifier.verify, token)
        except KeysUnavailable as error:
            raise Problem("unavailable", "No token can be checked now: the issuer does not answer.") from error
        except BadToken as error:
            await run_in_threadpool(self._note, request, error.reason)
            raise NotSignedIn(ended=True) from error
        if SCOPE not in principal.scopes:
            detail = f"Your account may not look at this: it lacks {SCOPE}. Who keeps the people's roles can give it."
            raise Problem("insufficient-scope", detail)
        return Session(principal, token)

    def begin(self, request: Request, response: Response, token: str) -> None:
        """Let the browser send the token with each request to this host, and to no script and no other site."""
        secure = not on_loopback(request)
        response.set_cookie(_name(request), token, path="/", secure=secure, httponly=True, samesite="strict")

    def end(self, request: Request, response: Response) -> None:
        """Let the browser forget the token."""
        secure = not on_loopback(request)
        response.delete_cookie(_name(request), path="/", secure=secure, httponly=True, samesite="strict")

    def _note(self, request: Request, reason: str) -> None:
        self._caller.security_log.record(
            kind="bad-token",
            at=self._caller.clock.now(),
            principal="",
            path=f"{request.method} {request.scope['path']}",
            rule="invalid_token",
            detail=reason,
        )


def _name(request: Request) -> str:
    """Return the name of the cookie; the prefix is a browser's word that only this host, over TLS, has set it."""
    return "fourgates" if on_loopback(request) else "__Host-fourgates"


def on_loopback(request: Request) -> bool:
    """Tell whether the pages are reached without leaving the machine; anywhere else they need TLS."""
    host = urlsplit(base_url(request)).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_same_site(request: Request) -> None:
    """Refuse a form that another site sent. Raises the 403 problem."""
    site = request.headers.get("sec-fetch-site")
    here = urlsplit(base_url(request))
    same = site == "same-origin" if site else request.headers.get("origin") == f"{here.scheme}://{here.netloc}"
    if not same:
        raise Problem("forbidden", "This form was not sent from this page. Open the console, and send it again.")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises the problems of a body that is none."""
    check_length(request.headers.get("content-length"), FORM_BYTES_MAX)
    check_content_type(request.headers.get("content-type"), FORM)
    raw = await read_body(request, FORM_BYTES_MAX)
    try:
        return dict(parse_qsl(raw.decode("ascii"), errors="strict", max_num_fields=FORM_FIELDS_MAX))
    except ValueError as error:
        raise Problem("unparsable", "This form cannot be read.") from error
