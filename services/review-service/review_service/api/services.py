"""Watches over targets, ledgers of value and recommendations to retire, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fourgates.chassis.http import (
    Answer,
    Call,
    HistoryAnswer,
    Name,
    NextAnswer,
    Page,
    PathId,
    Strict,
    Text,
    filters,
    needs,
)
from pydantic import Field

from review_service.api.shapes import TargetAnswer, example, present_targets
from review_service.application import ReviewUseCases
from review_service.domain import EntryKind, LedgerEntry, TargetWatch, ValueLedger

Reader = Annotated[Call[ReviewUseCases], Depends(needs("review:read"))]
Writer = Annotated[Call[ReviewUseCases], Depends(needs("review:write"))]
Measuring = Annotated[bool | None, Query(description="Only services that are, or are not, measured now.")]

router = APIRouter(prefix="/v1")


class EnterValue(Strict):
    """A line of the ledger: what is expected of the service, or what it realised of that."""

    model_config = example(
        kind="expected",
        amount=12000.0,
        unit="EUR a month",
        statement="fewer calls about parcels",
        period="2027",
        reason="as in the value case",
    )

    kind: EntryKind
    amount: float = Field(ge=-1e12, le=1e12)
    unit: Name
    statement: Text
    period: Name | None = None
    reason: Text


class WatchEvaluation(Answer):
    """How a target stood when it was measured last."""

    target_id: UUID
    name: str
    result: str
    measured: float | None
    goal: float | None
    unit: str
    sample_count: int


class WatchAnswer(Answer):
    """The watch over the targets of a service."""

    service_id: UUID
    revision: int | None
    targets: list[TargetAnswer]
    endpoints: list[str]
    measuring: bool
    misses: int
    latest: list[WatchEvaluation]


class WatchRow(Answer):
    """A watch in a list."""

    service_id: UUID
    revision: int | None
    targets: list[str]
    nodes: int
    measuring: bool
    misses: int
    latest: dict[str, str]


class EntryAnswer(Answer):
    """A line of the ledger."""

    entry_id: UUID
    kind: EntryKind
    amount: float
    unit: str
    statement: str
    period: str
    entered_by: str
    review_id: UUID | None


class LedgerAnswer(Answer):
    """The value of a service: expected against realised, by unit."""

    service_id: UUID
    value_case: str
    closed: bool
    expected: dict[str, float]
    realised: dict[str, float]
    entries: list[EntryAnswer]


class LedgerRow(Answer):
    """A ledger in a list."""

    service_id: UUID
    value_case: str
    closed: bool
    expected: dict[str, float]
    realised: dict[str, float]


class RecommendationRow(Answer):
    """A recommendation to retire a service."""

    review_id: UUID
    reason: str
    recommended_by: str
    recommended_at: datetime


def _present_watch(watch: TargetWatch) -> WatchAnswer:
    return WatchAnswer(
        service_id=watch.service_id,
        revision=watch.revision,
        targets=present_targets(watch.targets),
        endpoints=[e.url for e in watch.endpoints],
        measuring=watch.measuring,
        misses=watch.miss_count,
        latest=[
            WatchEvaluation(
                target_id=target_id,
                name=e.name,
                result=e.result.value,
                measured=e.measured,
                goal=e.goal,
                unit=e.unit,
                sample_count=e.sample_count,
            )
            for target_id, e in watch.latest.items()
        ],
    )


def _present_ledger(ledger: ValueLedger) -> LedgerAnswer:
    units = sorted({e.unit for e in ledger.entries})
    return LedgerAnswer(
        service_id=ledger.service_id,
        value_case=ledger.value_case,
        closed=ledger.closed,
        expected={unit: ledger.total(EntryKind.EXPECTED, unit) for unit in units},
        realised={unit: ledger.total(EntryKind.REALISED, unit) for unit in units},
        entries=[
            EntryAnswer(
                entry_id=e.entry_id,
                kind=e.kind,
                amount=e.amount,
                unit=e.unit,
                statement=e.statement,
                period=e.period,
                entered_by=e.entered_by,
                review_id=e.review_id,
            )
            for e in ledger.entries
        ],
    )


def _row_of(shape: type[Answer], row: dict[str, Any]) -> Answer:
    return shape.model_validate({name: row[name] for name in shape.model_fields})


@router.get(
    "/target-watches",
    operation_id="target_watches_list",
    summary="List watches over targets",
    response_model=Page[WatchRow],
    tags=["target watches"],
)
def list_watches(call: Reader, measuring: Measuring = None) -> Response:
    """List the services whose targets are watched."""
    where = filters(measuring=measuring)
    return call.page("target_watches", where, present=lambda row: _row_of(WatchRow, row))


@router.get(
    "/target-watches/{service_id}",
    operation_id="target_watches_get",
    summary="Show the watch over a service",
    response_model=WatchAnswer,
    tags=["target watches"],
)
async def get_watch(service_id: PathId, call: Reader) -> Response:
    """Show the targets in force of a service, and how they stood last."""
    return await call.show(TargetWatch, TargetWatch.id_of(service_id), _present_watch)


@router.get(
    "/target-watches/{service_id}/history",
    operation_id="target_watches_history",
    summary="The events of a watch",
    response_model=HistoryAnswer,
    tags=["target watches"],
)
def history_of_watch(service_id: PathId, call: Reader) -> Response:
    """Return every measurement outside reviews, with its samples."""
    return call.history(TargetWatch, TargetWatch.id_of(service_id))


@router.get(
    "/value-ledgers",
    operation_id="value_ledgers_list",
    summary="List ledgers of value",
    response_model=Page[LedgerRow],
    tags=["value ledgers"],
)
def list_ledgers(call: Reader) -> Response:
    """List the services with what was expected and realised of each."""
    return call.page("value_ledgers", present=lambda row: _row_of(LedgerRow, row))


@router.get(
    "/value-ledgers/{service_id}",
    operation_id="value_ledgers_get",
    summary="Show the ledger of a service",
    response_model=LedgerAnswer,
    tags=["value ledgers"],
)
async def get_ledger(service_id: PathId, call: Reader) -> Response:
    """Show the ledger of a service."""
    return await call.show(ValueLedger, ValueLedger.id_of(service_id), _present_ledger)


@router.get(
    "/value-ledgers/{service_id}/next",
    operation_id="value_ledgers_next",
    summary="What can be entered next",
    response_model=NextAnswer,
    tags=["value ledgers"],
)
def next_of_ledger(service_id: PathId, call: Reader) -> Response:
    """Say what can be entered next, by whom, and why not."""
    return call.next(ValueLedger, ValueLedger.id_of(service_id))


@router.get(
    "/value-ledgers/{service_id}/history",
    operation_id="value_ledgers_history",
    summary="The events of a ledger",
    response_model=HistoryAnswer,
    tags=["value ledgers"],
)
def history_of_ledger(service_id: PathId, call: Reader) -> Response:
    """Return the events of a ledger in order."""
    return call.history(ValueLedger, ValueLedger.id_of(service_id))


@router.post(
    "/value-ledgers/{service_id}/entries",
    operation_id="ledger_entries_create",
    summary="Enter value",
    status_code=201,
    response_model=LedgerAnswer,
    tags=["value ledgers"],
)
async def enter_value(service_id: PathId, body: EnterValue, call: Writer) -> Response:
    """Enter an expectation, or what was realised of one."""

    def use_case(use_cases: ReviewUseCases) -> ValueLedger:
        act = call.act(body.reason)
        entry = LedgerEntry(
            entry_id=call.new_id(),
            kind=body.kind,
            amount=body.amount,
            unit=body.unit,
            statement=body.statement,
            entered_by=act.by,
            period=body.period or "",
        )
        return use_cases.enter_value(act, service_id=service_id, entry=entry)

    return await call.command(
        use_case,
        present=_present_ledger,
        status=201,
        location=lambda ledger: f"/v1/value-ledgers/{ledger.service_id}",
    )


@router.get(
    "/retirement-recommendations",
    operation_id="retirement_recommendations_list",
    summary="List recommendations to retire a service",
    response_model=Page[RecommendationRow],
    tags=["reviews"],
)
def list_recommendations(call: Reader) -> Response:
    """List the recommendations that reviews made."""
    return call.page("retirement_recommendations", present=lambda row: _row_of(RecommendationRow, row))
