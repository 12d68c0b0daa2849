"""Every error that a caller can get, as problem details (RFC 9457); nothing that was sent is ever echoed."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from uuid_utils import uuid7

from fourgates.chassis.aggregate import Forbidden, Refused, Unmet

MEDIA_TYPE = "application/problem+json"
ERRORS_MAX = 50
_POINTER_PART_MAX = 100
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class ProblemType:
    """One kind of problem: its page is served at /problems/{slug}."""

    slug: str
    status: int
    title: str
    description: str


def _catalogue(*types: ProblemType) -> dict[str, ProblemType]:
    return {t.slug: t for t in types}


CATALOGUE: Mapping[str, ProblemType] = _catalogue(
    ProblemType("unparsable", 400, "The request cannot be parsed", "Send one JSON document in UTF-8."),
    ProblemType("bad-header", 400, "A header cannot be parsed", "`errors` names the header."),
    ProblemType("unknown-parameter", 400, "A query parameter is not known", "`errors` names each parameter."),
    ProblemType("repeated-parameter", 400, "A query parameter is repeated", "Send the named parameter once."),
    ProblemType("invalid-page-token", 400, "The page token is not valid", "Use a token of the same query."),
    ProblemType("unauthenticated", 401, "A token is needed", "Send `Authorization: Bearer <token>`."),
    ProblemType("invalid-token", 401, "The token is not accepted", "Log in again."),
    ProblemType("insufficient-scope", 403, "The token lacks a scope", "`WWW-Authenticate` names the scope."),
    ProblemType("forbidden", 403, "You may not do this", "`unmet` names each rule and the person it is about."),
    ProblemType("not-found", 404, "There is no such thing", "Nothing is found at this address."),
    ProblemType("not-acceptable", 406, "No acceptable media type", "Send an `Accept` that allows what is served."),
    ProblemType("refused", 409, "This cannot be done now", "`unmet` names every unmet condition and its remedy."),
    ProblemType("concurrent-change", 409, "Others keep changing this", "Send the request again."),
    ProblemType("in-progress", 409, "The same request is still running", "Send it again a little later."),
    ProblemType("stale", 412, "This is not the present version", "`current_etag` is the present version."),
    ProblemType(
        "too-large", 413, "This is too large", "`limit_bytes` is the largest body, or the largest event that is kept."
    ),
    ProblemType("unsupported-media-type", 415, "The media type is not supported", "A header names those that are."),
    ProblemType("invalid", 422, "The request is not valid", "`errors` points to each field."),
    ProblemType("key-reused", 422, "The idempotency key was used before", "Use a new key for another request."),
    ProblemType("version-required", 428, "The present version is needed", "Send `If-Match` with the ETag you read."),
    ProblemType("too-many-requests", 429, "Too many requests", "`Retry-After` says when to try again."),
    ProblemType("unexpected", 500, "Something went wrong here", "The log of the service says what; quote `instance`."),
    ProblemType(
        "unreadable-event",
        500,
        "The log of this thing cannot be read",
        "`event` names the stored event. Nothing about this thing can be shown or decided until that is mended.",
    ),
    ProblemType("unavailable", 503, "The service is not available", "`Retry-After` says when to try again."),
    ProblemType(
        "behind",
        503,
        "The position is not reached yet",
        "Ask again after `Retry-After`. Without `Fourgates-Min-Position` you get what is known now.",
    ),
)


class Problem(Exception):
    """An answer that is an error. `slug` is one of the catalogue."""

    def __init__(
        self,
        slug: str,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.type = CATALOGUE[slug]
        self.detail = detail or self.type.description
        self.errors = list(errors)[:ERRORS_MAX]
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(slug)


def request_id(request: Request) -> str:
    """Return the id of a request: the same one as long as it lasts."""
    scope = request.scope
    if "fourgates.request_id" not in scope:
        scope["fourgates.request_id"] = str(uuid7())
    return str(scope["fourgates.request_id"])


def problem_response(request: Request, problem: Problem) -> Response:
    """Return the answer that tells a problem."""
    body: dict[str, Any] = {
        "type": f"{base_url(request)}/problems/{problem.type.slug}",
        "title": problem.type.title,
        "status": problem.type.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id(request)}",
        "trace_id": trace_id(request),
    }
    if problem.errors:
        body["errors"] = problem.errors
    body.update(problem.extra)
    return _rendered(body, problem.type.status, problem.headers)


def bare_problem(request: Request, status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem that says no more than its status."""
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "instance": f"urn:uuid:{request_id(request)}",
        "trace_id": trace_id(request),
    }
    return _rendered(body, status, headers or {})


def refusal(refused: Refused) -> Problem:
    """Return the problem of a refused command: 403 when only the person stands in the way, else 409."""
    unmet = [unmet_answer(u) for u in refused.unmet]
    if refused.forbidden:
        return Problem("forbidden", "A rule about who may do this stands in the way.", unmet=unmet)
    count = len(unmet)
    words = "One condition is" if count == 1 else f"{count} conditions are"
    return Problem("refused", f"{words} not met.", unmet=unmet)


def unmet_answer(unmet: Unmet) -> dict[str, str]:
    """Return an unmet condition as callers read it; one about a person names the rule and the person."""
    told = {"code": unmet.code, "detail": unmet.detail, "source": unmet.source, "remedy": unmet.remedy}
    if isinstance(unmet, Forbidden):
        told |= {"rule": unmet.code, "person": unmet.person}
    return told


def pointer(parts: Iterable[int | str]) -> str:
    """Return an RFC 6901 pointer."""
    return "".join(f"/{_escaped(str(part))}" for part in parts)


def base_url(request: Request) -> str:
    """Return the address of this service as the caller sees it, without a trailing slash."""
    configured = getattr(request.app, "public_url", None) if "app" in request.scope else None
    if configured:
        return str(configured).rstrip("/")
    mounted = str(request.scope.get("root_path", "")).rstrip("/")
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        return mounted
    return f"{request.scope.get('scheme', 'http')}://{host}{mounted}"


def trace_id(request: Request) -> str:
    """Return the trace that the caller began, or a new one; a malformed one is ignored."""
    found = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return found[1] if found and found[1].strip("0") else secrets.token_hex(16)


def _escaped(part: str) -> str:
    return part[:_POINTER_PART_MAX].replace("~", "~0").replace("/", "~1")


def _rendered(body: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    # Pure ASCII: no text of ours, nor a name that a caller made up, can break the encoding.
    content = json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    return Response(content, status, headers={"Cache-Control": "no-store", **headers}, media_type=MEDIA_TYPE)
