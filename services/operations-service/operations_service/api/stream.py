"""All facts as they come, for machines: server-sent events, each one CloudEvent, resumed where the reader stopped."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fourgates.chassis.http import Call, CallFactory, Problem, QueryInt, needs
from fourgates.chassis.identity import BadToken, KeysUnavailable, TokenVerifier
from fourgates.chassis.views import Row, Views

from operations_service.api.facts import Types
from operations_service.api.following import RETRY_MS, EventStream, Follower, Followers, event, ping
from operations_service.application import OperationsUseCases
from operations_service.publishing import SCHEMAS, structured
from operations_service.settings import OperationsSettings
from operations_service.views import about_release, facts_behind, last_place

EVENT_STREAM = "text/event-stream"
PLACE_DIGITS_MAX = 9
Follows = Annotated[Call[OperationsUseCases], Depends(needs("operations:read", serves=(EVENT_STREAM,)))]
From = Annotated[
    QueryInt | None,
    Query(ge=0, le=999_999_999, description="Begin behind this place; 0 is everything, nothing is what comes now."),
]
OfRelease = Annotated[UUID | None, Query(description="Only what names this release, or a change that it carries.")]
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The place after which to resume; it wins over `after`.",
    "schema": {"type": "string", "pattern": f"^[0-9]{{1,{PLACE_DIGITS_MAX}}}$", "examples": ["1042"]},
}
_ANSWER = {
    "description": "One CloudEvent after the other, without an end.",
    "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
}


@dataclass(frozen=True)
class Batch:
    """What one look at the log found: the events that were asked for, and how far it went."""

    events: list[bytes]
    last: int
    more: bool


@dataclass(frozen=True)
class Choice:
    """What one reader wants to hear."""

    types: Collection[str] = ()
    release_id: UUID | None = None

    def read(self, views: Views, *, after: int, limit: int) -> Batch:
        """Return the chosen ones among the next facts behind a place."""
        rows = facts_behind(views, after=after, limit=limit)
        names = (lambda _row: True) if self.release_id is None else about_release(views, str(self.release_id))
        chosen = [row for row in rows if (not self.types or row["type"] in self.types) and names(row)]
        return Batch([_written(row) for row in chosen], rows[-1]["sequence"] if rows else after, len(rows) == limit)


def _written(row: Row) -> bytes:
    return event(json.dumps(structured(row), separators=(",", ":")), place=row["sequence"], name=row["type"])


async def follow(
    follower: Follower, read: Callable[[int], Batch | None], *, after: int, ping_s: float
) -> AsyncGenerator[bytes]:
    """Yield every chosen event behind a place, and go on until the process ends or there is nothing to read any more.

    The place is told at once: who is cut off before the first event resumes there and misses nothing.
    """
    yield event(place=after, retry_ms=RETRY_MS)
    while not follower.ends:
        follower.look()
        batch = await follower.ask(partial(read, after))
        if batch is None:
            return
        for written in batch.events:
            yield written
            if follower.ends:
                return
        after = batch.last
        if not batch.more and not await follower.wait(ping_s):
            yield ping(after)


def still_valid(verifier: TokenVerifier, token: str) -> Callable[[], bool]:
    """Return what tells whether a token may still be used. While the issuer is away, it may."""

    def may_go_on() -> bool:
        try:
            verifier.verify(token)
        except BadToken:
            return False
        except KeysUnavailable:
            return True
        return True

    return may_go_on


def stream_routes(
    caller: CallFactory[OperationsUseCases], settings: OperationsSettings, followers: Followers
) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get(
        "/stream",
        operation_id="events_stream",
        summary="The stream of facts, as they come",
        response_class=Response,
        responses={200: _ANSWER},
        openapi_extra={"parameters": [_LAST_EVENT_ID]},
    )
    async def stream_facts(
        call: Follows, after: From = None, types: Types = None, release: OfRelease = None
    ) -> Response:
        """Send every fact behind a place as a server-sent event, then those that come, until the reader leaves."""
        choice = Choice(known_types(types or ()), release)
        asked = place_of(call.request, after)
        follower = followers.begin()
        try:
            place = await follower.ask(lambda: begin_at(call.views, asked))
        except BaseException:
            follower.end()
            raise
        may_go_on = still_valid(caller.verifier, bearer(call.request))

        def read(place: int) -> Batch | None:
            return choice.read(call.views, after=place, limit=settings.stream_batch_max) if may_go_on() else None

        events = follow(follower, read, after=place, ping_s=settings.stream_ping_s)
        return EventStream(follower, events, send_s=settings.stream_send_s)

    return router


def bearer(request: Request) -> str:
    """Return the token of a request that was let in."""
    return request.headers["authorization"].partition(" ")[2].strip()


def known_types(types: Collection[str]) -> frozenset[str]:
    """Return the types. Raises the 422 problem: who waits for a type that nobody publishes would wait for ever."""
    if unknown := [name for name in types if name not in SCHEMAS]:
        detail = f"{len(unknown)} of the types are not published; /schemas lists those that are"
        raise Problem("invalid", errors=[{"parameter": "types", "code": "unknown-type", "detail": detail}])
    return frozenset(types)


def place_of(request: Request, after: int | None) -> int | None:
    """Return the place from which a reader wants to go on. Raises the 400 problem."""
    given = request.headers.getlist("last-event-id")
    if not given or given == [""]:
        return after
    (place, *more) = given
    if more or len(place) > PLACE_DIGITS_MAX or not (place.isascii() and place.isdecimal()):
        raise _no_place("Send the id of the last event that you read, a whole number")
    return int(place)


def begin_at(views: Views, asked: int | None) -> int:
    """Return the place to begin at. Raises the 400 problem for one that the log has not reached."""
    last = last_place(views)
    if asked is None:
        return last
    if asked > last:
        # It is of another log, or of one that was restored: to wait for it would hide all that comes meanwhile.
        raise _no_place(f"The stream ends at {last}; begin again with after=0, or nearer")
    return asked


def _no_place(detail: str) -> Problem:
    error: dict[str, Any] = {"header": "Last-Event-ID", "code": "no-place", "detail": detail}
    return Problem("bad-header", errors=[error])
