"""The dead letters of a service over HTTP: what waits, why, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fourgates.chassis.bus.envelope import NUMBER_MAX, TEXT_CHARS_MAX
from fourgates.chassis.dead_letters import (
    DeadLetter,
    DeadLetterDesk,
    DeadLetterState,
    DeadLetterUseCases,
    letter_id,
    told,
)
from fourgates.chassis.http.call import Call
from fourgates.chassis.http.callers import CallFactory
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.reading import history_answer
from fourgates.chassis.http.shapes import Answer, HistoryItem, Page, Strict
from fourgates.chassis.prose import Text
from fourgates.chassis.store import STORE_AWAY
from fourgates.chassis.store.texts import readable
from fourgates.chassis.views import iso

READS, DECIDES = "operations:read", "operations:write"
BODY_SHOWN_BYTES_MAX = 65_536
_DIGITS_MAX = 19

log = structlog.get_logger("fourgates.http")


def _place(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) <= _DIGITS_MAX):
        raise PydanticCustomError("place", "This is no place of a dead letter")
    return value


Place = Annotated[int, Field(ge=1, le=NUMBER_MAX), BeforeValidator(_place)]


Source = Annotated[
    str | None, Query(max_length=TEXT_CHARS_MAX, description="Only those of this source, as the list tells it.")
]
Key = Annotated[str | None, Query(max_length=TEXT_CHARS_MAX, description="Only those about this thing, by its id.")]


class Decision(Strict):
    """Why a person decides so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the fault behind it was corrected"}]})

    reason: Text


class DeadLetterItem(Answer):
    """A message that could not be handled. `reason` is that of the last try, `retries` how many people asked for."""

    place: int
    state: DeadLetterState
    source: str
    key: str
    message_id: str
    message_type: str
    reason: str
    retries: int
    parked_at: str
    body_digest: str


class DeadLetterAnswer(DeadLetterItem):
    """A dead letter with what arrived and what was decided about it.

    `first` is the place of the first that waits about the same thing, and has to be settled before the others.
    """

    first: int | None
    headers: dict[str, str]
    body: str
    body_bytes: int
    history: list[HistoryItem]


def dead_letter_routes(caller: CallFactory[Any], desk: DeadLetterDesk) -> APIRouter:
    """Return the routes of the dead letters of a service."""
    router = APIRouter(prefix="/v1", tags=["dead letters"])
    reader = Depends(caller(READS))
    decider = Depends(caller.of(desk.use_cases)(DECIDES))

    @router.get(
        "/dead-letters",
        operation_id="dead_letters_list",
        summary="List the messages that wait because they could not be handled",
        response_model=Page[DeadLetterItem],
    )
    def list_waiting(call: Call[Any] = reader, source: Source = None, key: Key = None) -> Response:
        context = [caller.service, "dead-letters", source, key]
        size, after = call.page_asked_for(context)
        found = desk.waiting(size + 1, after[0] if after else 0, source=source, key=key)
        items = [_item(desk.letter(parked, call.act())) for parked in found[:size]]
        return call.one_page(items, (found[size - 1].place,) if len(found) > size else None, context)

    @router.get(
        "/dead-letters/{place}",
        operation_id="dead_letters_get",
        summary="Show a dead letter, waiting or settled, with what was decided about it",
        response_model=DeadLetterAnswer,
    )
    def show(place: Place, call: Call[Any] = reader) -> Response:
        return call.answer(_shown(desk, caller, place, call))

    @router.post(
        "/dead-letters/{place}/retries",
        operation_id="dead_letters_retry",
        status_code=201,
        summary="Handle a message again; when that succeeds, those behind it follow until one fails",
        response_model=DeadLetterItem,
    )
    def retry(place: Place, body: Decision, call: Call[DeadLetterUseCases] = decider) -> Response:
        return _retried(desk, place, body.reason, call)

    @router.post(
        "/dead-letters/{place}/discards",
        operation_id="dead_letters_discard",
        status_code=201,
        summary="Give a message up; those behind it wait on",
        response_model=DeadLetterItem,
    )
    def discard(place: Place, body: Decision, call: Call[DeadLetterUseCases] = decider) -> Response:
        return _decided(call, _item, lambda letters: letters.discard(call.act(body.reason), place=place))

    return router


def _retried(desk: DeadLetterDesk, place: int, reason: str, call: Call[DeadLetterUseCases]) -> Response:
    decided: list[DeadLetter] = []

    def present(letter: DeadLetter) -> DeadLetterItem:
        decided[:] = [letter]
        return _item(letter)

    try:
        answer = _decided(call, present, lambda letters: letters.retry(call.act(reason), place=place))
    except (Problem, *STORE_AWAY):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the message waits on with it
        failure = told(error)
        return _decided(
            call, _item, lambda letters: letters.note_failure(call.act(reason), place=place, reason=failure)
        )
    if decided and answer.status_code == HTTPStatus.CREATED:
        _follow(desk, place, reason, call)
    return answer


def _follow(desk: DeadLetterDesk, place: int, reason: str, call: Call[DeadLetterUseCases]) -> None:
    """Let what waits behind a handled message follow. The answer stands, so whatever stops this stops nothing else."""
    parked = desk.get(place)
    try:
        desk.follow(parked.source, parked.key, lambda: call.act(f"follows dead letter {place}: {reason}"))
    except STORE_AWAY as error:
        log.warning("what follows waits on", place=place, error=str(error))


def _decided(
    call: Call[DeadLetterUseCases],
    present: Callable[[DeadLetter], DeadLetterItem],
    use_case: Callable[[DeadLetterUseCases], DeadLetter],
) -> Response:
    return call.command_in_thread(
        use_case, present, status=201, location=lambda letter: f"/v1/dead-letters/{letter.place}"
    )


def _item(letter: DeadLetter) -> DeadLetterItem:
    message = letter.message
    return DeadLetterItem(
        place=message.place,
        state=letter.state,
        source=message.source,
        key=message.key,
        message_id=message.message_id,
        message_type=message.message_type,
        reason=letter.reason,
        retries=letter.retries,
        parked_at=iso(message.parked_at),
        body_digest=message.body_digest,
    )


def _shown(desk: DeadLetterDesk, caller: CallFactory[Any], place: int, call: Call[Any]) -> DeadLetterAnswer:
    parked = desk.get(place)
    return DeadLetterAnswer(
        **dict(_item(desk.letter(parked, call.act()))),
        first=desk.first(parked),
        headers={readable(name): readable(value) for name, value in parked.headers.items()},
        body=parked.body[:BODY_SHOWN_BYTES_MAX].decode("utf-8", "backslashreplace"),
        body_bytes=len(parked.body),
        history=history_answer(caller.units.events_of(letter_id(place))).items,
    )
