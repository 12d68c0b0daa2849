"""One operation: what is checked before its endpoint runs, in the one order that all services share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ForwardRef, cast

from fastapi import Depends, Request, Response
from fastapi._compat import ModelField
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from fourgates.chassis.http import parsing
from fourgates.chassis.http.direct import carried_out_directly
from fourgates.chassis.http.paging import page_parameters
from fourgates.chassis.http.positions import MIN_POSITION
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.replay import Remembered, remembered
from fourgates.chassis.http.whole import received_whole
from fourgates.chassis.identity.principal import Principal

if TYPE_CHECKING:
    from fourgates.chassis.http.call import Call
    from fourgates.chassis.http.callers import CallFactory

JSON = ("application/json",)
BODY_LIMIT_BYTES = 1_048_576
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MIN_POSITION = MIN_POSITION.lower().encode()


class Needs:
    """The dependency that gives an endpoint its call, and says what the operation needs.

    `media` are the types of body that are taken, `serves` the types of answer. With `stream` the body is left for the
    endpoint (`Call.stream`), and no idempotency key is honoured.
    """

    def __init__(
        self,
        scope: str,
        *,
        media: tuple[str, ...] | None = None,
        serves: tuple[str, ...] = JSON,
        body_limit_bytes: int | None = None,
        stream: bool = False,
        caller: CallFactory[Any] | None = None,
    ) -> None:
        self.scope = scope
        self.media = media
        self.serves = serves
        self.body_limit_bytes = body_limit_bytes
        self.stream = stream
        self.caller = caller

    async def __call__(self, request: Request) -> Any:
        return request.scope["fourgates.call"]


def needs(
    scope: str,
    *,
    media: tuple[str, ...] | None = None,
    serves: tuple[str, ...] = JSON,
    body_limit_bytes: int | None = None,
    stream: bool = False,
) -> Needs:
    """Return the dependency for a scope: `Reader = Annotated[Call, Depends(needs("release:read"))]`."""
    return Needs(scope, media=media, serves=serves, body_limit_bytes=body_limit_bytes, stream=stream)


@dataclass(frozen=True)
class Plan:
    """What one operation checks, worked out once."""

    needs: Needs | None
    single: frozenset[str]
    repeatable: frozenset[str]
    body: TypeAdapter[Any] | None
    body_required: bool
    media: tuple[str, ...]
    method: str


class Operation(APIRoute):
    """A route whose checks come in a fixed order: size, token, media types, scope, replay, parse, validate."""

    is_direct: bool
    # What answers a request, wherever it comes from.
    answer: Callable[[Asked], Coroutine[Any, Any, Response]]

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "next_page_token" in getattr(options.get("response_model"), "model_fields", {}):
            options["dependencies"] = [*(options.get("dependencies") or ()), Depends(page_parameters)]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint behind its checks."""
        plan = self.plan()
        carry_out = carried_out_directly(self.dependant)
        # Whether a request may come here from the server itself.
        self.is_direct = carry_out is not None and plan.needs is not None
        if carry_out is None:
            carry_out = super().get_route_handler()

        if plan.needs is None:
            self.answer = partial(_public, plan, carry_out)
        else:
            self.answer = partial(_admitted, plan, plan.needs, carry_out)

        async def handle(request: Request) -> Response:
            return await self.answer(Asked.of(request))

        return handle

    def plan(self) -> Plan:
        """Work out what to check. Raises `TypeError` for an endpoint whose annotations could not be read."""
        single: set[str] = set()
        repeatable: set[str] = set()
        for field in _query_fields(self.dependant):
            annotation = field.field_info.annotation
            if isinstance(annotation, (str, ForwardRef)):
                msg = f"{self.path}: cannot read the annotation of {field.name}; name it at the top of the module"
                raise TypeError(msg)
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                single.update(info.alias or name for name, info in annotation.model_fields.items())
            else:
                (repeatable if _is_list(annotation) else single).add(field.alias)
        found = _needs_of(self.dependant)
        body = self.body_field
        adapter: TypeAdapter[Any] | None = None
        if body is not None:
            adapter = TypeAdapter(cast("Any", body.field_info.annotation))
        return Plan(
            needs=found,
            single=frozenset(single),
            repeatable=frozenset(repeatable),
            body=adapter,
            body_required=body is not None and body.field_info.is_required(),
            media=(found.media if found and found.media else JSON if adapter else ()),
            method=next(iter(self.methods or ["GET"])),
        )


class Asked(Request):
    """A request whose headers are found at once, however many are looked for, and whose body is read only once."""

    raw: bytes
    value: Any = None

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._found: dict[bytes, bytes] = dict(scope["headers"])
        # Where a name stands twice, the list is looked through, as the framework does it.
        self._repeats = len(self._found) < len(scope["headers"])

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Return a request of the framework as one of these."""
        return request if isinstance(request, cls) else cls(request.scope, request.receive)

    def header(self, name: bytes) -> str | None:
        """Return the first header of a name, which is given in lower case, as servers give it."""
        found = self._found.get(name)
        if found is None:
            return None
        return self.headers_of(name)[0] if self._repeats else found.decode("latin-1")

    def headers_of(self, name: bytes) -> list[str]:
        """Return all headers of a name, which is given in lower case."""
        if self._repeats:
            return [value.decode("latin-1") for found, value in self.scope["headers"] if found == name]
        found = self._found.get(name)
        return [] if found is None else [found.decode("latin-1")]

    def take(self, raw: bytes, value: Any) -> Asked:
        """Keep what was read, and what it means: it has been parsed and validated."""
        self.raw, self.value = raw, value
        return self

    async def body(self) -> bytes:
        """Return what was read."""
        return self.raw

    async def json(self) -> Any:
        """Return what was validated."""
        return self.value


Handler = Callable[[Any], Coroutine[Any, Any, Response]]


async def _public(plan: Plan, carry_out: Handler, request: Asked) -> Response:
    parsing.check_query(request.scope.get("query_string", b""), plan.single, plan.repeatable)
    if plan.body is None:
        return await carry_out(request)
    check_length(request.header(b"content-length"), BODY_LIMIT_BYTES)
    parsing.check_content_type(request.header(b"content-type"), plan.media)
    raw = await read_body(request, BODY_LIMIT_BYTES)
    return await carry_out(request.take(raw, parsing.parse_body(plan.body, raw)))


async def _admitted(plan: Plan, wanted: Needs, carry_out: Handler, request: Asked) -> Response:
    caller: CallFactory[Any] = wanted.caller or request.app.state.caller
    limit = wanted.body_limit_bytes or caller.settings.body_limit_bytes
    check_length(request.header(b"content-length"), limit)
    principal = caller.known(request) or await caller.authenticate(request)
    if plan.media and (plan.body_required or has_body(request)):
        parsing.check_content_type(request.header(b"content-type"), plan.media)
    parsing.check_accept(request.header(b"accept"), wanted.serves)
    if wanted.scope not in principal.scopes:
        await caller.refuse_scope(request, principal, wanted.scope)
    raw = b"" if wanted.stream else await read_body(request, limit)
    memory = None if wanted.stream else _memory(request, plan, principal, raw)
    call = caller.begin(request, principal, body=raw, memory=memory, limit_bytes=limit)
    request.scope["fourgates.call"] = call
    try:
        if memory is None:
            return await _validated(request, plan, call, carry_out)
        with caller.in_flight.running(memory.scope):
            return await _again(request, plan, call, carry_out)
    finally:
        # Each holds the other: without this, only the collector of cycles would free them.
        del request.scope["fourgates.call"]


async def _again(request: Asked, plan: Plan, call: Call[Any], carry_out: Handler) -> Response:
    """Answer a request that has a key, and may have been answered before."""
    try:
        return await _validated(request, plan, call, carry_out)
    except Problem:
        # What is wrong with a request that was answered before is no matter: it gets the same answer.
        kept = await run_in_threadpool(call.replay)
        if kept is None:
            raise
        return kept


def _validated(request: Asked, plan: Plan, call: Call[Any], carry_out: Handler) -> Coroutine[Any, Any, Response]:
    """Check what was sent, and begin to carry it out: what is returned is awaited."""
    parsing.check_query(request.scope.get("query_string", b""), plan.single, plan.repeatable)
    call.if_match = parsing.parse_tags(request.headers_of(b"if-match"), "If-Match")
    call.if_none_match = parsing.parse_tags(request.headers_of(b"if-none-match"), "If-None-Match")
    if plan.method == "GET" and (wanted := request.headers_of(_MIN_POSITION)):
        carry_out = partial(_caught_up, call, wanted, carry_out)
    if plan.body is None or (not call.body and not plan.body_required):
        return carry_out(request if call.streams else request.take(b"", None))
    value = parsing.parse_body(plan.body, call.body)
    return carry_out(request.take(call.body or b"null", value))


async def _caught_up(call: Call[Any], wanted: list[str], carry_out: Handler, request: Asked) -> Response:
    await call.positions.wait(wanted)
    return await carry_out(request)


def _memory(request: Asked, plan: Plan, principal: Principal, raw: bytes) -> Remembered | None:
    if plan.method not in _WRITES:
        return None
    key = parsing.parse_key(request.headers_of(b"idempotency-key"))
    if key is None:
        return None
    return remembered(
        subject=principal.subject,
        method=plan.method,
        path=request.scope["path"],
        key=key,
        query=request.scope.get("query_string", b""),
        media_type=request.header(b"content-type") or "",
        body=raw,
    )


def has_body(request: Asked) -> bool:
    """Tell whether a request announces a body."""
    return request.header(b"transfer-encoding") is not None or (request.header(b"content-length") or "0") != "0"


def check_length(announced: str | None, limit: int) -> None:
    """Refuse a body whose announced length is too large (413), before anything of it is read."""
    if announced is None:
        return
    if not (announced.isascii() and announced.isdecimal()):
        raise Problem(
            "bad-header", errors=[{"header": "Content-Length", "code": "no-number", "detail": "Send a number"}]
        )
    if len(announced.lstrip("0")) > len(str(limit)) or int(announced) > limit:
        raise Problem("too-large", limit_bytes=limit)


async def limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces. Raises the 413 problem as soon as it is too large."""
    count, more = 0, True
    while more:
        piece, more = await _piece(request)
        count += len(piece)
        if count > limit:
            raise Problem("too-large", limit_bytes=limit)
        yield piece


async def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body. Raises the 413 problem when it is too large."""
    whole = received_whole(request.receive)
    if whole is None:
        whole, more = await _piece(request)
        if more:
            whole += b"".join([piece async for piece in limited(request, limit - len(whole))])
    if len(whole) > limit:
        raise Problem("too-large", limit_bytes=limit)
    return whole


async def _piece(request: Request) -> tuple[bytes, bool]:
    """Return what has come of a body, and whether more comes. Raises `ClientDisconnect`."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _needs_of(dependant: Dependant) -> Needs | None:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Needs):
            return dependency.call
        found = _needs_of(dependency)
        if found is not None:
            return found
    return None


def _query_fields(dependant: Dependant) -> Iterator[ModelField]:
    yield from dependant.query_params
    for dependency in dependant.dependencies:
        yield from _query_fields(dependency)


def _is_list(annotation: Any) -> bool:
    origins = {getattr(annotation, "__origin__", None), *(getattr(a, "__origin__", a) for a in _members(annotation))}
    return bool(origins & {list, set, frozenset, tuple})


def _members(annotation: Any) -> tuple[Any, ...]:
    members = getattr(annotation, "__args__", ())
    return members if isinstance(members, tuple) else ()
