"""What release management says, one function for each published fact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fourgates.contracts import common
from fourgates.contracts import release as said

from release_service.domain import Gate, Release, ReleaseKind, ReleaseState
from release_service.publishing.parts import (
    about,
    debt_of,
    environment_of,
    grant_of,
    item_of,
    items_of,
    kind_of,
    lineage_of,
    steps_of,
    used_grant,
)


def opened(release: Release, event: Any) -> said.ReleaseOpened:
    """Say that a release was opened."""
    return said.ReleaseOpened(
        **about(release),
        kind=common.ReleaseKind(event.kind.value),
        version=event.version,
        reason=event.reason,
        change_ids=[change.change_id for change in event.changes],
        requested_by=event.act.person,
        emergency=event.emergency,
        predecessor_id=event.predecessor_id,
        evaluation_id=event.evaluation_id,
    )


def changes_carried(release: Release, event: Any) -> said.ChangesCarried:
    """Say which changes a release carries."""
    return said.ChangesCarried(**about(release), change_ids=[change.change_id for change in event.changes])


def gate_requested(release: Release, event: Any) -> said.GateRequested:
    """Say that a gate was requested, and everything that a policy decides on."""
    return said.GateRequested(
        **about(release),
        request_id=event.request_id,
        gates=[common.Gate(gate.value) for gate in event.gates],
        kind=kind_of(release),
        document=event.document,
        document_digest=event.document_digest,
        summary=event.summary,
        change_type=common.ChangeType(event.change_type.value),
        risk=common.Risk(event.risk.value),
        service_tier=release.service.tier,
        environment_ids=list(event.environment_ids),
        changes=[
            common.CarriedChange(change_id=change.change_id, content_digest=change.content_digest)
            for change in release.changes.values()
        ],
        lineage=lineage_of(event.lineage),
        signed_off_by=event.signed_off_by,
        emergency=release.emergency,
    )


def gate_request_withdrawn(release: Release, event: Any) -> said.GateRequestWithdrawn:
    """Say that a request is withdrawn, or its unused grant void."""
    gates = [common.Gate(gate.value) for gate in event.gates]
    return said.GateRequestWithdrawn(**about(release), request_id=event.request_id, gates=gates, reason=event.reason)


def confirmation_requested(release: Release, event: Any) -> said.ConfirmationRequested:
    """Say that the CAB is asked to confirm an emergency."""
    return said.ConfirmationRequested(
        **about(release),
        request_id=event.request_id,
        document=event.document,
        document_digest=event.document_digest,
        summary=event.summary,
        change_type=common.ChangeType(event.change_type.value),
        risk=common.Risk(event.risk.value),
        service_tier=release.service.tier,
        lineage=lineage_of(event.lineage),
    )


def entered(phase: ReleaseState, gate: Gate | None) -> Callable[[Release, Any], said.PhaseEntered]:
    """Return what says that a phase was entered, with the grant of its gate."""

    def phase_entered(release: Release, event: Any) -> said.PhaseEntered:
        return said.PhaseEntered(
            **about(release),
            phase=common.ReleaseState(phase.value),
            kind=kind_of(release),
            version=release.package_version,
            change_ids=list(release.changes),
            entered_by=event.act.person,
            grant=grant_of(event.grant, gate) if gate else None,
        )

    return phase_entered


def went_back(release: Release, event: Any) -> said.WentBack:
    """Say that a release went back, what is void and what is discarded."""
    return said.WentBack(
        **about(release),
        way=common.WayBack(event.way.value),
        from_phase=common.ReleaseState(event.from_phase.value),
        to_phase=common.ReleaseState(event.to_phase.value),
        reason=event.act.why,
        voided_request_ids=list(event.voided_request_ids),
        discarded_build_id=event.discarded_build_id,
        discarded_items=[item_of(item) for item in event.discarded_items],
    )


def build_recorded(release: Release, event: Any) -> said.BuildRecorded:
    """Say that a build was recorded."""
    return said.BuildRecorded(
        **about(release),
        build_id=event.build_id,
        attempt=event.attempt,
        candidates=[item_of(item) for item in event.candidates],
        inputs=[item_of(item) for item in event.inputs],
        built_by=event.act.person,
    )


def evidence_bound(release: Release, event: Any) -> said.EvidenceBound:
    """Say that evidence was bound to a build."""
    return said.EvidenceBound(
        **about(release),
        build_id=event.build_id,
        test_run_id=event.test_run_id,
        suite=event.suite,
        result=event.result.value,
        tested_sha256=event.tested_sha256,
        evidence_sha256=event.evidence_sha256,
        tested_by=event.act.person,
    )


def signed_off(release: Release, event: Any) -> said.SignedOff:
    """Say that a build was signed off."""
    return said.SignedOff(**about(release), build_id=event.build_id, signed_off_by=event.act.person)


def deployment_planned(release: Release, event: Any) -> said.DeploymentPlanned:
    """Say how a release is to be deployed."""
    return said.DeploymentPlanned(
        **about(release),
        plan_digest=event.plan_digest,
        environments=[environment_of(planned) for planned in event.plan.environments],
        emergency=release.emergency,
    )


def impact_requested(release: Release, _: Any) -> said.ImpactRequested:
    """Say that a release asks for its impact."""
    return said.ImpactRequested(**about(release), kind=kind_of(release))


def owners_informed(release: Release, event: Any) -> said.OwnersInformed:
    """Say that owners were informed."""
    return said.OwnersInformed(**about(release), service_ids=list(event.service_ids), informed_by=event.act.person)


def check_in_requested(release: Release, event: Any) -> said.CheckInRequested:
    """Ask the DML to take the items, under the grant that was used."""
    superseded = [item.item_id for item in release.superseded_items() if item.item_id is not None]
    return said.CheckInRequested(
        **about(release),
        build_id=event.build_id,
        kind=kind_of(release),
        items=items_of(release),
        grant=used_grant(release, Gate.CHECK_IN),
        loaded=release.kind is ReleaseKind.INITIAL_LOAD,
        supersedes_item_ids=superseded,
    )


def rehearsal_requested(release: Release, event: Any) -> said.RehearsalRequested:
    """Ask for a rehearsal, under the grant of G2."""
    return said.RehearsalRequested(
        **about(release),
        **steps_of(release),
        rehearsal_id=event.rehearsal.rehearsal_id,
        longest_duration_s=release.plan.back_out.longest_duration_s if release.plan else 0,
        environment_id=event.rehearsal.environment_id,
        grant=used_grant(release, Gate.BUILD_AND_TEST),
    )


def deployment_requested(release: Release, event: Any) -> said.DeploymentRequested:
    """Ask for the deployment, under the grant of G4."""
    plan = release.deployment_plan
    return said.DeploymentRequested(
        **about(release),
        **steps_of(release),
        deployment_id=event.deployment_id,
        environments=[environment_of(planned) for planned in (plan.environments if plan else ())],
        point_of_no_return=release.plan.back_out.point_of_no_return if release.plan else None,
        rehearsal_id=event.rehearsal_id,
        on_window_end=plan.on_window_end.value if plan else "pause",
        grant=used_grant(release, Gate.DEPLOYMENT),
        built_by=sorted({build.built_by for build in release.builds}),
        emergency=release.emergency,
    )


def check_in_request_cancelled(release: Release, event: Any) -> said.CheckInRequestCancelled:
    """Say that a check-in is no longer wanted."""
    return said.CheckInRequestCancelled(**about(release), build_id=event.build_id, reason=event.act.why)


def deployment_request_cancelled(release: Release, event: Any) -> said.DeploymentRequestCancelled:
    """Say that a deployment is no longer wanted."""
    return said.DeploymentRequestCancelled(**about(release), deployment_id=event.deployment_id, reason=event.act.why)


def debts_incurred(release: Release, event: Any) -> said.DebtsIncurred:
    """Say what an emergency left for later."""
    return said.DebtsIncurred(**about(release), debts=[debt_of(debt) for debt in event.debts])


def debt_settled(release: Release, event: Any) -> said.DebtSettled:
    """Say that a debt was settled."""
    return said.DebtSettled(**about(release), code=event.code.value, how=event.how)


def debt_failed(release: Release, event: Any) -> said.DebtFailed:
    """Say that a debt failed."""
    return said.DebtFailed(
        **about(release), code=event.code.value, reason=event.reason, evaluation_id=event.evaluation_id
    )


def successor_opened(release: Release, event: Any) -> said.SuccessorOpened:
    """Say which release answers a missed target."""
    return said.SuccessorOpened(
        **about(release),
        successor_id=event.successor_id,
        evaluation_id=event.evaluation_id,
        change_id=event.change_id,
    )


def put_on_hold(release: Release, event: Any) -> said.ReleasePutOnHold:
    """Say that a release is on hold."""
    return said.ReleasePutOnHold(**about(release), reason=event.act.why)


def taken_off_hold(release: Release, event: Any) -> said.ReleaseTakenOffHold:
    """Say that a release goes on."""
    return said.ReleaseTakenOffHold(**about(release), reason=event.act.why)


def closed(release: Release, event: Any) -> said.ReleaseClosed:
    """Say how a release ended."""
    outcome = common.Outcome(event.outcome.value)
    return said.ReleaseClosed(
        **about(release), kind=kind_of(release), outcome=outcome, change_ids=list(event.change_ids)
    )


def cancellation_requested(release: Release, event: Any) -> said.CancellationRequested:
    """Say that a cancellation waits for what ran."""
    return said.CancellationRequested(**about(release), reason=event.act.why)


def cancelled(release: Release, event: Any) -> said.ReleaseCancelled:
    """Say that a release was cancelled."""
    return said.ReleaseCancelled(
        **about(release),
        kind=kind_of(release),
        change_ids=list(event.change_ids),
        reason=event.reason,
        discarded_items=[item_of(item) for item in event.discarded_items],
    )
