"""Plans, gates and phases over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fourgates.chassis.http import PathId

from release_service.api.answers import ReleaseAnswer
from release_service.api.bodies import AcknowledgeImpact, EnterPhase, Reasoned, RequestGates, WritePlan
from release_service.api.callers import Writer, carry_out

router = APIRouter(prefix="/v1", tags=["planning and gates"])


@router.put("/releases/{release_id}/plan", operation_id="releases_write_plan", response_model=ReleaseAnswer)
async def write_plan(release_id: PathId, body: WritePlan, call: Writer) -> Response:
    """Write the plan; a request or an unused grant that bound another one ends."""
    plan = body.plan()
    return await carry_out(
        call,
        lambda use_cases: use_cases.write_plan(
            call.act(body.reason), release_id=release_id, plan=plan, version=body.version
        ),
        if_match=True,
    )


@router.post(
    "/releases/{release_id}/impact-requests", operation_id="releases_request_impact", response_model=ReleaseAnswer
)
async def request_impact(release_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Ask configuration management whom the release can affect."""
    return await carry_out(
        call, lambda use_cases: use_cases.request_impact(call.act(body.reason), release_id=release_id)
    )


@router.post(
    "/releases/{release_id}/impact-acknowledgements",
    operation_id="releases_acknowledge_impact",
    response_model=ReleaseAnswer,
)
async def acknowledge_impact(release_id: PathId, body: AcknowledgeImpact, call: Writer) -> Response:
    """Acknowledge the impact set that was read."""
    return await carry_out(
        call,
        lambda use_cases: use_cases.acknowledge_impact(
            call.act(body.reason), release_id=release_id, impact_digest=body.impact_digest
        ),
    )


@router.post(
    "/releases/{release_id}/gate-requests", operation_id="releases_request_gates", response_model=ReleaseAnswer
)
async def request_gates(release_id: PathId, body: RequestGates, call: Writer) -> Response:
    """Ask change management for a gate, or in an emergency for two joined ones."""
    gates = tuple(body.gates)
    return await carry_out(
        call,
        lambda use_cases: use_cases.request_gates(
            call.act(body.reason), release_id=release_id, request_id=call.new_id(), gates=gates
        ),
    )


@router.post(
    "/releases/{release_id}/gate-requests/{request_id}/withdrawal",
    operation_id="releases_withdraw_gate_request",
    response_model=ReleaseAnswer,
)
async def withdraw_gate_request(release_id: PathId, request_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Take a request back, or make its unused grant void."""
    return await carry_out(
        call,
        lambda use_cases: use_cases.withdraw_gate_request(
            call.act(body.reason), release_id=release_id, request_id=request_id
        ),
    )


@router.post("/releases/{release_id}/phases", operation_id="releases_enter_phase", response_model=ReleaseAnswer)
async def enter_phase(release_id: PathId, body: EnterPhase, call: Writer) -> Response:
    """Enter a phase; the grant of its gate is used."""
    return await carry_out(
        call,
        lambda use_cases: use_cases.enter_phase(
            call.act(body.reason), release_id=release_id, phase=body.phase, deployment_id=call.new_id()
        ),
    )
