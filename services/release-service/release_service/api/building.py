"""Builds, evidence, sign-off, rehearsals and deployment plans over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fourgates.chassis.http import PathId, Problem

from release_service.api.answers import ReleaseAnswer
from release_service.api.bodies import (
    InformOwners,
    PlanDeployment,
    Reasoned,
    RecordBuild,
    RecordTestRun,
    RequestRehearsal,
)
from release_service.api.callers import Writer, carry_out
from release_service.application import BadEvidence, ReleaseUseCases
from release_service.domain import Release

router = APIRouter(prefix="/v1", tags=["build, test and deployment"])


@router.post("/releases/{release_id}/builds", operation_id="releases_record_build", response_model=ReleaseAnswer)
async def record_build(release_id: PathId, body: RecordBuild, call: Writer) -> Response:
    """Record a numbered build; every input must be definitive."""
    inputs = tuple(one.item() for one in body.inputs)
    candidates = tuple(one.item() for one in body.candidates)
    return await carry_out(
        call,
        lambda use_cases: use_cases.record_build(
            call.act(body.reason),
            release_id=release_id,
            build_id=call.new_id(),
            inputs=inputs,
            candidates=candidates,
        ),
    )


@router.post("/releases/{release_id}/test-runs", operation_id="releases_record_test_run", response_model=ReleaseAnswer)
async def record_test_run(release_id: PathId, body: RecordTestRun, call: Writer) -> Response:
    """Bind the report of a test run to the build whose bytes were tested."""

    def record(use_cases: ReleaseUseCases) -> Release:
        try:
            return use_cases.record_test_run(
                call.act(body.reason),
                release_id=release_id,
                test_run_id=call.new_id(),
                suite=body.suite,
                tested_sha256=body.tested_sha256,
                report=body.junit_xml,
            )
        except BadEvidence as error:
            found = {"pointer": "/junit_xml", "code": "unreadable-report", "detail": str(error)}
            raise Problem("invalid", errors=[found]) from error

    return await carry_out(call, record)


@router.post("/releases/{release_id}/sign-offs", operation_id="releases_sign_off", response_model=ReleaseAnswer)
async def sign_off(release_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Sign off the present build, as change manager."""
    return await carry_out(
        call, lambda use_cases: use_cases.record_sign_off(call.act(body.reason), release_id=release_id)
    )


@router.post(
    "/releases/{release_id}/rehearsals", operation_id="releases_request_rehearsal", response_model=ReleaseAnswer
)
async def request_rehearsal(release_id: PathId, body: RequestRehearsal, call: Writer) -> Response:
    """Ask for package and back-out steps to be rehearsed in a sandbox."""
    return await carry_out(
        call,
        lambda use_cases: use_cases.request_rehearsal(
            call.act(body.reason),
            release_id=release_id,
            rehearsal_id=call.new_id(),
            environment_id=body.environment_id,
        ),
    )


@router.put(
    "/releases/{release_id}/deployment-plan", operation_id="releases_plan_deployment", response_model=ReleaseAnswer
)
async def plan_deployment(release_id: PathId, body: PlanDeployment, call: Writer) -> Response:
    """Write the deployment plan; a request or an unused grant that bound another one ends."""
    plan = body.plan()
    return await carry_out(
        call,
        lambda use_cases: use_cases.plan_deployment(call.act(body.reason), release_id=release_id, plan=plan),
        if_match=True,
    )


@router.post(
    "/releases/{release_id}/owner-notices", operation_id="releases_inform_owners", response_model=ReleaseAnswer
)
async def inform_owners(release_id: PathId, body: InformOwners, call: Writer) -> Response:
    """Record that the owners of dependent services were informed."""
    service_ids = tuple(body.service_ids)
    return await carry_out(
        call,
        lambda use_cases: use_cases.inform_owners(
            call.act(body.reason), release_id=release_id, service_ids=service_ids
        ),
    )
