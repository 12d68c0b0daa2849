"""Releases for operators: the board by phase, and the history and lineage of one across all services."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, Call, Page, PathId, filters
from fourgates.chassis.views import Row
from fourgates.chassis.work import NotFound

from operations_service.api.facts import FactAnswer, Reader, present_fact
from operations_service.application import OperationsUseCases
from operations_service.settings import OperationsSettings
from operations_service.views import PHASES, causes, history

OfService = Annotated[UUID | None, Query(description="Only releases of this service.")]
Phases = Annotated[list[str] | None, Query(max_length=20, description="Only releases in these phases.")]


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


def release_routes(settings: OperationsSettings) -> APIRouter:
    """Return the routes of releases."""
    router = APIRouter(prefix="/v1", tags=["releases"])

    @router.get("/board", operation_id="board_get", summary="Releases by phase", response_model=BoardAnswer)
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
    )
    def list_releases(call: Reader, phase: Phases = None, service_id: OfService = None) -> Response:
        """List what is known of releases."""
        return call.page("releases", filters(phase=phase, service_id=service_id), present=present_release)

    @router.get(
        "/releases/{release_id}/history",
        operation_id="releases_history",
        summary="The merged history of a release",
        response_model=ReleaseHistory,
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
    )
    def get_lineage(release_id: PathId, call: Reader) -> Response:
        """Return who did what for a release, following causation."""
        rows = causes(call.views, _history(call, release_id, settings), settings.lineage_depth_max)
        return call.answer(present_lineage(release_id, sorted(rows, key=lambda row: (row["at"], row["key"]))))

    return router


def _history(call: Call[OperationsUseCases], release_id: UUID, settings: OperationsSettings) -> list[Row]:
    rows = history(call.views, str(release_id), settings.history_max)
    if not rows:
        raise NotFound("Release", release_id)
    return rows
