"""HTTP for operators: the stream, the board, and the history and lineage of a release across all services."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fourgates.chassis.http import Answer, Call, CallFactory, Page, PathId, QueryInt, filters, needs
from fourgates.chassis.views import Row
from fourgates.chassis.work import NotFound

from operations_service.application import OperationsUseCases
from operations_service.settings import OperationsSettings
from operations_service.views import PHASES, causes, history, stream

Reader = Annotated[Call[OperationsUseCases], Depends(needs("operations:read"))]
After = Annotated[QueryInt, Query(ge=0, le=999_999_999, description="Only facts behind this place in the stream.")]
Limit = Annotated[QueryInt, Query(ge=1, le=1000, description="Most facts in the answer.")]
Types = Annotated[
    list[str] | None, Query(max_length=100, description="Only these types, such as dev.fourgates.release.closed.v1.")
]
OfService = Annotated[UUID | None, Query(description="Only releases of this service.")]
Phases = Annotated[list[str] | None, Query(max_length=20, description="Only releases in these phases.")]


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


class ReleaseRow(Answer):
    """A release on the board."""

    id: UUID
    service_id: UUID
    kind: str | None
    version: str | None
    emergency: bool
    requested_by: str | None
    change_ids: list[UUID]
    phase: str
    on_hold: bool
    outcome: str | None
    deployment: str | None
    deployment_id: UUID | None
    review_id: UUID | None
    last_at: str


class BoardColumn(Answer):
    """The releases in one phase."""

    phase: str
    releases: list[ReleaseRow]


class BoardAnswer(Answer):
    """Releases by phase."""

    columns: list[BoardColumn]


class ReleaseHistory(Answer):
    """What all services said about a release and its changes, in the order in which it happened."""

    items: list[FactAnswer]


class LineageItem(Answer):
    """One fact and what led to it: another heard fact, or a request of a person."""

    message_id: str
    type: str
    at: str
    person: str
    by: str
    machine: bool
    cause_id: str
    caused_by: str | None
    begun_by: str


class LineagePersonAnswer(Answer):
    """A person and what they began."""

    person: str
    types: list[str]


class LineageAnswer(Answer):
    """Who did what for a release, following causation."""

    release_id: UUID
    people: list[LineagePersonAnswer]
    items: list[LineageItem]


def present_fact(row: Row) -> FactAnswer:
    """Present a fact."""
    return FactAnswer.model_validate({name: row[name] for name in FactAnswer.model_fields})


def present_release(row: Row) -> ReleaseRow:
    """Present a release on the board."""
    return ReleaseRow.model_validate({**{n: row[n] for n in ReleaseRow.model_fields if n != "id"}, "id": row["key"]})


def present_lineage(release_id: UUID, rows: list[Row]) -> LineageAnswer:
    """Present who did what: each fact with the heard fact that caused it and the person who began the chain."""
    by_message = {row["message_id"]: row for row in rows}
    items = [
        LineageItem(
            message_id=row["message_id"],
            type=row["type"],
            at=row["at"],
            person=row["person"],
            by=row["by"],
            machine=row["machine"],
            cause_id=row["cause_id"],
            caused_by=row["cause_id"] if row["cause_id"] in by_message else None,
            begun_by=_beginning(row, by_message)["person"],
        )
        for row in rows
    ]
    people: dict[str, list[str]] = {}
    for item in items:
        if item.caused_by is None:
            people.setdefault(item.person, []).append(item.type)
    return LineageAnswer(
        release_id=release_id,
        people=[LineagePersonAnswer(person=p, types=list(dict.fromkeys(people[p]))) for p in sorted(people)],
        items=items,
    )


def _beginning(row: Row, by_message: dict[str, Row]) -> Row:
    seen: set[str] = set()
    while row["cause_id"] in by_message and row["message_id"] not in seen:
        seen.add(row["message_id"])
        row = by_message[row["cause_id"]]
    return row


def routes(_caller: CallFactory[OperationsUseCases], settings: OperationsSettings) -> APIRouter:
    """Return every route of this service."""
    router = APIRouter(prefix="/v1")
    _add_stream(router)
    _add_releases(router, settings)
    return router


def _add_stream(router: APIRouter) -> None:
    @router.get(
        "/events",
        operation_id="events_list",
        summary="The stream of facts",
        response_model=StreamAnswer,
        tags=["events"],
    )
    def list_events(call: Reader, after: After = 0, limit: Limit = 100, types: Types = None) -> Response:
        """Return the facts behind a place in the stream, oldest first."""
        rows = stream(call.views, after=after, types=types or (), limit=limit)
        last = rows[-1]["sequence"] if rows else after
        return call.answer(StreamAnswer(items=[present_fact(row) for row in rows], last=last))

    @router.get(
        "/pages",
        operation_id="pages_list",
        summary="Facts that page a person",
        response_model=Page[FactAnswer],
        tags=["events"],
    )
    def list_pages(call: Reader) -> Response:
        """Return the facts for which a person is needed now, such as a back-out that failed."""
        return call.page("facts", {"pages": True}, present=present_fact)


def _add_releases(router: APIRouter, settings: OperationsSettings) -> None:
    @router.get(
        "/board", operation_id="board_get", summary="Releases by phase", response_model=BoardAnswer, tags=["releases"]
    )
    def get_board(call: Reader, service_id: OfService = None) -> Response:
        """Return the releases in each phase, those that moved last first."""
        where = filters(service_id=service_id)
        rows = call.views.find("releases", where, order_by="last_at", descending=True, limit=settings.board_max)
        columns = [
            BoardColumn(phase=phase, releases=[present_release(row) for row in rows if row["phase"] == phase])
            for phase in PHASES
        ]
        return call.answer(BoardAnswer(columns=columns))

    @router.get(
        "/releases",
        operation_id="releases_list",
        summary="List releases",
        response_model=Page[ReleaseRow],
        tags=["releases"],
    )
    def list_releases(call: Reader, phase: Phases = None, service_id: OfService = None) -> Response:
        """List what is known of releases."""
        return call.page("releases", filters(phase=phase, service_id=service_id), present=present_release)

    @router.get(
        "/releases/{release_id}/history",
        operation_id="releases_history",
        summary="The merged history of a release",
        response_model=ReleaseHistory,
        tags=["releases"],
    )
    def history_of_release(release_id: PathId, call: Reader) -> Response:
        """Return what all services said about a release and its changes, in the order in which it happened."""
        rows = _history(call, release_id, settings)
        return call.answer(ReleaseHistory(items=[present_fact(row) for row in rows]))

    @router.get(
        "/lineage/{release_id}",
        operation_id="lineage_get",
        summary="Who did what for a release",
        response_model=LineageAnswer,
        tags=["releases"],
    )
    def get_lineage(release_id: PathId, call: Reader) -> Response:
        """Return who did what for a release, following causation."""
        rows = causes(call.views, _history(call, release_id, settings), settings.lineage_depth_max)
        return call.answer(present_lineage(release_id, sorted(rows, key=lambda row: (row["at"], row["key"]))))


def _history(call: Call[OperationsUseCases], release_id: UUID, settings: OperationsSettings) -> list[Row]:
    rows = history(call.views, str(release_id), settings.history_max)
    if not rows:
        raise NotFound("Release", release_id)
    return rows
