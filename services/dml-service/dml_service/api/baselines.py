"""Baselines and impact sets over HTTP: records that are kept as they were made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
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
from pydantic import ConfigDict

from dml_service.api.services import with_id
from dml_service.application import DmlUseCases
from dml_service.domain import Baseline, Impact

Reader = Annotated[Call[DmlUseCases], Depends(needs("dml:read"))]
Writer = Annotated[Call[DmlUseCases], Depends(needs("dml:write"))]


class TakeBaseline(Strict):
    """A snapshot to be taken: of one service with its parts, or of everything."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "before release 1.1.0", "reason": "to compare with afterwards"}]}
    )

    name: Name
    service_id: UUID | None = None
    reason: Text


class BaselineEntryAnswer(Answer):
    """One thing in a baseline, as it was."""

    kind: str
    id: UUID
    name: str
    version: int
    digest: str


class BaselineAnswer(Answer):
    """A baseline."""

    id: UUID
    name: str
    service_id: UUID | None
    digest: str
    taken_by: str
    taken_at: datetime
    entries: list[BaselineEntryAnswer]


class BaselineRow(Answer):
    """A baseline in a list."""

    id: UUID
    number: str
    name: str
    service_id: UUID | None
    digest: str
    entry_count: int
    taken_by: str
    taken_at: datetime


class ImpactedAnswer(Answer):
    """A live service that a release can affect."""

    service_id: UUID
    name: str
    owner_id: str
    tier: str
    relation: str


class ImpactAnswer(Answer):
    """An impact set."""

    id: UUID
    release_id: UUID
    service_id: UUID
    impacted: list[ImpactedAnswer]
    impact_digest: str


class ImpactRow(Answer):
    """An impact set in a list."""

    id: UUID
    release_id: UUID
    service_id: UUID
    impacted_ids: list[UUID]
    impact_digest: str
    computed_at: datetime


def present_baseline(baseline: Baseline) -> BaselineAnswer:
    """Return a baseline as its reader sees it."""
    return BaselineAnswer(
        id=baseline.id,
        name=baseline.name,
        service_id=baseline.service_id,
        digest=baseline.digest,
        taken_by=baseline.taken_by,
        taken_at=baseline.taken_at,
        entries=[
            BaselineEntryAnswer(kind=one.kind, id=one.id, name=one.name, version=one.version, digest=one.digest)
            for one in baseline.entries
        ],
    )


def present_impact(impact: Impact) -> ImpactAnswer:
    """Return an impact set as its reader sees it."""
    return ImpactAnswer(
        id=impact.id,
        release_id=impact.release_id,
        service_id=impact.service_id,
        impacted=[
            ImpactedAnswer(
                service_id=one.service_id, name=one.name, owner_id=one.owner_id, tier=one.tier, relation=one.relation
            )
            for one in impact.impacted
        ],
        impact_digest=impact.impact_digest,
    )


router = APIRouter(prefix="/v1", tags=["baselines and impacts"])


@router.post("/baselines", operation_id="baselines_take", status_code=201, response_model=BaselineAnswer)
async def take_baseline(body: TakeBaseline, call: Writer) -> Response:
    """Take a snapshot of configuration, kept for ever."""
    return await call.command(
        lambda use_cases: use_cases.take_baseline(
            call.act(body.reason), baseline_id=call.new_id(), name=body.name, service_id=body.service_id
        ),
        present=present_baseline,
        status=201,
        location=lambda baseline: f"/v1/baselines/{baseline.id}",
    )


@router.get("/baselines", operation_id="baselines_list", response_model=Page[BaselineRow])
def list_baselines(call: Reader, service_id: Annotated[PathId | None, Query()] = None) -> Response:
    """List baselines, the first one first."""
    return call.page("baselines", filters(service_id=service_id), order_by="number", present=with_id)


@router.get("/baselines/{baseline_id}", operation_id="baselines_get", response_model=BaselineAnswer)
async def get_baseline(baseline_id: PathId, call: Reader) -> Response:
    """Show a baseline."""
    return await call.show(Baseline, baseline_id, present_baseline)


@router.get("/baselines/{baseline_id}/next", operation_id="baselines_next", response_model=NextAnswer)
def next_of_baseline(baseline_id: PathId, call: Reader) -> Response:
    """Say what can be done next: nothing, a baseline is a record."""
    return call.next(Baseline, baseline_id)


@router.get("/baselines/{baseline_id}/history", operation_id="baselines_history", response_model=HistoryAnswer)
def history_of_baseline(baseline_id: PathId, call: Reader) -> Response:
    """Tell who took the baseline, when and why."""
    return call.history(Baseline, baseline_id)


@router.get("/impacts", operation_id="impacts_list", response_model=Page[ImpactRow])
def list_impacts(
    call: Reader,
    *,
    release_id: Annotated[PathId | None, Query()] = None,
    service_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List the impact sets that releases asked for."""
    where = filters(release_id=release_id, service_id=service_id)
    return call.page("impacts", where, order_by="computed_at", present=with_id)


@router.get("/impacts/{impact_id}", operation_id="impacts_get", response_model=ImpactAnswer)
async def get_impact(impact_id: PathId, call: Reader) -> Response:
    """Show an impact set."""
    return await call.show(Impact, impact_id, present_impact)


@router.get("/impacts/{impact_id}/next", operation_id="impacts_next", response_model=NextAnswer)
def next_of_impact(impact_id: PathId, call: Reader) -> Response:
    """Say what can be done next: nothing, an impact set is a record."""
    return call.next(Impact, impact_id)


@router.get("/impacts/{impact_id}/history", operation_id="impacts_history", response_model=HistoryAnswer)
def history_of_impact(impact_id: PathId, call: Reader) -> Response:
    """Tell when the impact set was computed, and on whose behalf."""
    return call.history(Impact, impact_id)
