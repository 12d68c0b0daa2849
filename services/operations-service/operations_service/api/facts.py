"""The facts in pages: the merged stream from any place, and those that page a person."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fourgates.chassis.http import Answer, Call, Page, QueryInt, needs
from fourgates.chassis.views import Row

from operations_service.application import OperationsUseCases
from operations_service.views import stream

Reader = Annotated[Call[OperationsUseCases], Depends(needs("operations:read"))]
After = Annotated[QueryInt, Query(ge=0, le=999_999_999, description="Only facts behind this place in the stream.")]
Limit = Annotated[QueryInt, Query(ge=1, le=1000, description="Most facts in the answer.")]
Types = Annotated[
    list[str] | None, Query(max_length=100, description="Only these types, such as dev.fourgates.release.closed.v1.")
]


class FactAnswer(Answer):
    """One published fact: who did what when, why it came about, and what it says."""

    sequence: int
    message_id: str
    publisher: str
    type: str
    subject: str
    at: str
    by: str
    person: str
    machine: bool
    cause_id: str
    correlation_id: str
    facts: dict[str, Any]


class StreamAnswer(Answer):
    """Facts in the order in which they were heard; ask again with `after` set to `last`."""

    items: list[FactAnswer]
    last: int


def present_fact(row: Row) -> FactAnswer:
    """Present a fact."""
    return FactAnswer.model_validate({name: row[name] for name in FactAnswer.model_fields})


def fact_routes() -> APIRouter:
    """Return the routes of facts in pages."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get("/events", operation_id="events_list", summary="The stream of facts", response_model=StreamAnswer)
    def list_events(call: Reader, after: After = 0, limit: Limit = 100, types: Types = None) -> Response:
        """Return the facts behind a place in the stream, oldest first."""
        rows = stream(call.views, after=after, types=types or (), limit=limit)
        last = rows[-1]["sequence"] if rows else after
        return call.answer(StreamAnswer(items=[present_fact(row) for row in rows], last=last))

    @router.get(
        "/pages", operation_id="pages_list", summary="Facts that page a person", response_model=Page[FactAnswer]
    )
    def list_pages(call: Reader) -> Response:
        """Return the facts for which a person is needed now, such as a back-out that failed."""
        return call.page("facts", {"pages": True}, present=present_fact)

    return router
