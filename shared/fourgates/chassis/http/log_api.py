"""The log of a service over HTTP: what it published, made anew for a reader whom the bus did not bring it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import NUMBER_MAX, SHARDS, topic_of
from fourgates.chassis.http.call import Call
from fourgates.chassis.http.callers import CallFactory
from fourgates.chassis.http.shapes import Answer, Page
from fourgates.chassis.relay import Place, Relay

_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")


def _whole_number(value: object) -> object:
    if isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value):
        raise PydanticCustomError("whole_number", "Must be a whole number of at most 19 digits")
    return value


Shard = Annotated[
    int, Field(ge=0, lt=SHARDS), BeforeValidator(_whole_number), Query(description="The shard, as `ce_shard` says it.")
]
Position = Annotated[int, Field(ge=0, le=NUMBER_MAX), BeforeValidator(_whole_number)]
After = Annotated[Position, Query(description="The last `ce_pos` of the shard that is known already; 0 for none.")]
Until = Annotated[Position | None, Query(description="The `ce_pos` before which to end; else all that is there.")]


class LogMessage(Answer):
    """One message as it is on the bus: its key, its headers, and its body as text."""

    key: str
    headers: dict[str, str]
    body: str

    def message(self, service: str, shard: int) -> Message:
        """Return it as the bus would have brought it."""
        return Message(topic_of(service), self.key, shard, self.headers, self.body.encode())


class LogHead(Answer):
    """The last message of one shard."""

    shard: int
    position: int


class LogHeads(Answer):
    """The last message of each shard that has one."""

    items: list[LogHead]


def log_routes(caller: CallFactory[Any], relay: Relay) -> APIRouter:
    """Return the routes of the log of a service."""
    router = APIRouter(prefix="/v1", tags=["log"])
    reader = Depends(caller(f"{caller.service}:read"))

    @router.get(
        "/log",
        operation_id="log_read",
        summary="Read what was published, from the log itself",
        description="For machine accounts that miss messages of a shard. Pages before the last may be short, or empty.",
        response_model=Page[LogMessage],
    )
    def read_log(shard: Shard, after: After = 0, until: Until = None, call: Call[Any] = reader) -> Response:
        call.machines_only()
        context = [caller.service, "log", shard, after, until]
        size, place = call.page_asked_for(context)
        begin = Place(*place) if place is not None else Place(after, after)
        remade = relay.remake(shard, begin, NUMBER_MAX if until is None else until, limit=size)
        following = remade.following
        return call.one_page(
            [LogMessage(key=m.key, headers=dict(m.headers), body=m.body.decode()) for m in remade.messages],
            (following.position, following.previous) if following else None,
            context,
        )

    @router.get(
        "/log/heads",
        operation_id="log_heads",
        summary="Read how far each shard was published",
        description="For machine accounts that begin to listen, and do not know what the bus has forgotten.",
        response_model=LogHeads,
    )
    def read_heads(call: Call[Any] = reader) -> Response:
        call.machines_only()
        heads = relay.heads()
        return call.answer(LogHeads(items=[LogHead(shard=s, position=heads[s]) for s in sorted(heads)]))

    return router
