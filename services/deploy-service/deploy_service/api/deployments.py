"""Deployments over HTTP: a person starts, pauses, resumes, backs out or aborts; the rest runs by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, Call, HistoryAnswer, NextAnswer, Page, PathId, filters
from fourgates.chassis.http.reading import next_answer

from deploy_service.api.shapes import (
    ItemAnswer,
    PlacedAnswer,
    Reader,
    Reason,
    StepAnswer,
    Writer,
    item_answer,
    placed_answer,
    step_answers,
    with_id,
)
from deploy_service.application import DeployUseCases
from deploy_service.domain import Deployment, DeploymentState, Rung
from deploy_service.views import facts_for_deployment


class RungAnswer(Answer):
    """One environment of a deployment, in its order."""

    environment_id: UUID
    window_start: datetime
    window_end: datetime
    waves: list[list[str]]
    soak_s: int
    begun: bool
    standing: list[PlacedAnswer] | None


class OrderAnswer(Answer):
    """What is being carried out now."""

    phase: str
    environment_id: UUID
    node: str
    step: str


class DeploymentAnswer(Answer):
    """A deployment as it stands."""

    id: UUID
    number: str
    state: DeploymentState
    release_id: UUID
    service_id: UUID
    kind: str
    version: str
    emergency: bool
    items: list[ItemAnswer]
    environments: list[RungAnswer]
    deployment_steps: list[StepAnswer]
    back_out_steps: list[StepAnswer]
    forward_steps: list[StepAnswer]
    point_of_no_return: int | None
    past_point_of_no_return: bool
    package_digest: str
    steps_digest: str
    rehearsal_id: UUID | None
    authorization_id: UUID
    on_window_end: str
    planned_at: datetime
    started_at: datetime | None
    started_by: str | None
    soak_until_at: datetime | None
    under_way: OrderAnswer | None
    reason: str
    refused_because: list[str]


class DeploymentRow(Answer):
    """A deployment in a list."""

    id: UUID
    number: str
    state: DeploymentState
    release_id: UUID
    service_id: UUID
    kind: str
    version: str
    environment_ids: list[UUID]
    planned_at: datetime


def _rung(deployment: Deployment, rung: Rung) -> RungAnswer:
    standing = dict(deployment.standing).get(rung.environment_id)
    return RungAnswer(
        environment_id=rung.environment_id,
        window_start=rung.window_start,
        window_end=rung.window_end,
        waves=[list(wave) for wave in rung.waves],
        soak_s=rung.soak_s,
        begun=rung.environment_id in deployment.environments_begun,
        standing=None if standing is None else [placed_answer(placed) for placed in standing],
    )


def _under_way(deployment: Deployment) -> OrderAnswer | None:
    order = deployment.in_flight
    if order is None:
        return None
    step = "verification" if order.step is None else order.step.name
    return OrderAnswer(phase=order.phase, environment_id=order.environment_id, node=order.node, step=step)


def presenting(call: Call[DeployUseCases]) -> Callable[[Deployment], DeploymentAnswer]:
    """Return how a reader of this call sees a deployment."""

    def present(deployment: Deployment) -> DeploymentAnswer:
        row: dict[str, Any] = call.views.get("deployments", str(deployment.id)) or {"number": ""}
        request = deployment.request
        return DeploymentAnswer(
            id=deployment.id,
            number=row["number"],
            state=deployment.state,
            release_id=request.release_id,
            service_id=request.service_id,
            kind=request.kind,
            version=request.version,
            emergency=request.emergency,
            items=[item_answer(item) for item in request.items],
            environments=[_rung(deployment, rung) for rung in request.environments],
            deployment_steps=step_answers(request.deployment_steps),
            back_out_steps=step_answers(request.back_out_steps),
            forward_steps=step_answers(request.forward_steps),
            point_of_no_return=request.point_of_no_return,
            past_point_of_no_return=deployment.past_return,
            package_digest=request.package_digest,
            steps_digest=request.steps_digest,
            rehearsal_id=request.rehearsal_id,
            authorization_id=request.grant.authorization_id,
            on_window_end=request.on_window_end,
            planned_at=deployment.planned_at,
            started_at=deployment.started_at,
            started_by=deployment.started_by,
            soak_until_at=deployment.soak_until_at if deployment.stands else None,
            under_way=_under_way(deployment),
            reason=deployment.reason,
            refused_because=list(deployment.reasons),
        )

    return present


router = APIRouter(prefix="/v1", tags=["deployments"])


@router.get("/deployments", operation_id="deployments_list", response_model=Page[DeploymentRow])
def list_deployments(
    call: Reader,
    *,
    state: Annotated[list[DeploymentState] | None, Query()] = None,
    release_id: Annotated[PathId | None, Query()] = None,
    service_id: Annotated[PathId | None, Query()] = None,
    environment_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List deployments in the order in which they were planned."""
    where = filters(state=state, release_id=release_id, service_id=service_id, environment_ids=environment_id)
    fields = DeploymentRow.model_fields
    return call.page(
        "deployments",
        where,
        order_by="number",
        present=lambda row: {k: v for k, v in with_id(row).items() if k in fields},
    )


@router.get("/deployments/{deployment_id}", operation_id="deployments_get", response_model=DeploymentAnswer)
async def get_deployment(deployment_id: PathId, call: Reader) -> Response:
    """Show a deployment."""
    return await call.show(Deployment, deployment_id, presenting(call), waits=True)


@router.get("/deployments/{deployment_id}/next", operation_id="deployments_next", response_model=NextAnswer)
def next_of_deployment(deployment_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a deployment, by whom, and why not."""
    deployment = call.get(Deployment, deployment_id)
    facts = facts_for_deployment(call.views, deployment)
    act = call.act("to see what can be done next")
    return call.answer(next_answer(deployment.next(act, facts)))


@router.get("/deployments/{deployment_id}/history", operation_id="deployments_history", response_model=HistoryAnswer)
def history_of_deployment(deployment_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a deployment."""
    return call.history(Deployment, deployment_id)


async def _command(call: Call[DeployUseCases], use_case: Callable[[DeployUseCases], Deployment]) -> Response:
    # The number of a deployment is in the read models.
    return await call.command(use_case, present=presenting(call), waits=True)


@router.post("/deployments/{deployment_id}/starts", operation_id="deployments_start", response_model=DeploymentAnswer)
async def start_deployment(deployment_id: PathId, body: Reason, call: Writer) -> Response:
    """Start a planned deployment; it then runs by itself."""
    return await _command(call, lambda uc: uc.start_deployment(call.act(body.reason), deployment_id=deployment_id))


@router.post("/deployments/{deployment_id}/pause", operation_id="deployments_pause", response_model=DeploymentAnswer)
async def pause_deployment(deployment_id: PathId, body: Reason, call: Writer) -> Response:
    """Pause a running deployment after the step that is under way."""
    return await _command(
        call,
        lambda uc: uc.pause_deployment(call.act(body.reason), deployment_id=deployment_id, reason=body.reason),
    )


@router.post(
    "/deployments/{deployment_id}/resumption", operation_id="deployments_resume", response_model=DeploymentAnswer
)
async def resume_deployment(deployment_id: PathId, body: Reason, call: Writer) -> Response:
    """Let a paused deployment go on."""
    return await _command(call, lambda uc: uc.resume_deployment(call.act(body.reason), deployment_id=deployment_id))


@router.post(
    "/deployments/{deployment_id}/back-out", operation_id="deployments_back_out", response_model=DeploymentAnswer
)
async def back_out_deployment(deployment_id: PathId, body: Reason, call: Writer) -> Response:
    """Back a deployment out by the rehearsed steps; past the point of no return, go forward by the rehearsed ones."""
    return await _command(
        call,
        lambda uc: uc.back_out_deployment(call.act(body.reason), deployment_id=deployment_id, reason=body.reason),
    )


@router.post("/deployments/{deployment_id}/abortion", operation_id="deployments_abort", response_model=DeploymentAnswer)
async def abort_deployment(deployment_id: PathId, body: Reason, call: Writer) -> Response:
    """Give up a deployment that has not started."""
    return await _command(
        call,
        lambda uc: uc.abort_deployment(call.act(body.reason), deployment_id=deployment_id, reason=body.reason),
    )
