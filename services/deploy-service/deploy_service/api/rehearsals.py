"""Rehearsals over HTTP: they run by themselves, and are looked at."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, Call, HistoryAnswer, NextAnswer, Page, PathId, filters

from deploy_service.api.shapes import Reader, StepAnswer, step_answers, with_id
from deploy_service.application import DeployUseCases
from deploy_service.domain import Rehearsal, RehearsalState


class RehearsalAnswer(Answer):
    """A rehearsal as it stands."""

    id: UUID
    number: str
    state: RehearsalState
    release_id: UUID
    service_id: UUID
    version: str
    environment_id: UUID
    package_digest: str
    steps_digest: str
    back_out_steps: list[StepAnswer]
    longest_duration_s: int
    baseline_version: str | None
    succeeded: bool
    duration_s: float
    evidence: list[str]
    refused_because: list[str]


class RehearsalRow(Answer):
    """A rehearsal in a list."""

    id: UUID
    number: str
    state: RehearsalState
    release_id: UUID
    service_id: UUID
    version: str
    environment_id: UUID
    succeeded: bool
    duration_s: float | None


def _present(call: Call[DeployUseCases], rehearsal: Rehearsal) -> RehearsalAnswer:
    row = call.views.get("rehearsals", str(rehearsal.id)) or {"number": ""}
    request = rehearsal.request
    return RehearsalAnswer(
        id=rehearsal.id,
        number=row["number"],
        state=rehearsal.state,
        release_id=request.release_id,
        service_id=request.service_id,
        version=request.version,
        environment_id=request.environment_id,
        package_digest=request.package_digest,
        steps_digest=request.steps_digest,
        back_out_steps=step_answers(request.back_out_steps),
        longest_duration_s=request.longest_duration_s,
        baseline_version=rehearsal.baseline.version if rehearsal.baseline else None,
        succeeded=rehearsal.succeeded,
        duration_s=rehearsal.back_out_s,
        evidence=list(rehearsal.evidence),
        refused_because=list(rehearsal.reasons),
    )


router = APIRouter(prefix="/v1", tags=["rehearsals"])


@router.get("/rehearsals", operation_id="rehearsals_list", response_model=Page[RehearsalRow])
def list_rehearsals(
    call: Reader,
    *,
    state: Annotated[list[RehearsalState] | None, Query()] = None,
    release_id: Annotated[PathId | None, Query()] = None,
    service_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List rehearsals in the order in which they were requested."""
    where = filters(state=state, release_id=release_id, service_id=service_id)
    fields = RehearsalRow.model_fields
    return call.page(
        "rehearsals",
        where,
        order_by="number",
        present=lambda row: {k: v for k, v in with_id(row).items() if k in fields},
    )


@router.get("/rehearsals/{rehearsal_id}", operation_id="rehearsals_get", response_model=RehearsalAnswer)
async def get_rehearsal(rehearsal_id: PathId, call: Reader) -> Response:
    """Show a rehearsal."""
    return await call.show(Rehearsal, rehearsal_id, lambda rehearsal: _present(call, rehearsal), waits=True)


@router.get("/rehearsals/{rehearsal_id}/next", operation_id="rehearsals_next", response_model=NextAnswer)
def next_of_rehearsal(rehearsal_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a rehearsal: nothing, it runs by itself."""
    return call.next(Rehearsal, rehearsal_id)


@router.get("/rehearsals/{rehearsal_id}/history", operation_id="rehearsals_history", response_model=HistoryAnswer)
def history_of_rehearsal(rehearsal_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a rehearsal."""
    return call.history(Rehearsal, rehearsal_id)
