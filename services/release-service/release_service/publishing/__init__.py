"""What release management says to the others: its own events as published contracts; nothing else builds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from release_service.domain import Gate, KnownChange, KnownMedium, KnownService, Release, ReleaseState
from release_service.publishing import facts

__all__ = ["INTERNAL", "PUBLISHED"]

PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Any]] = {
    Release.Opened: facts.opened,
    Release.ChangesCarried: facts.changes_carried,
    Release.GateRequested: facts.gate_requested,
    Release.GateRequestWithdrawn: facts.gate_request_withdrawn,
    Release.ConfirmationRequested: facts.confirmation_requested,
    Release.PlanningEntered: facts.entered(ReleaseState.PLANNING, Gate.PLANNING),
    Release.BuildAndTestEntered: facts.entered(ReleaseState.BUILD_AND_TEST, Gate.BUILD_AND_TEST),
    Release.CheckInEntered: facts.entered(ReleaseState.CHECK_IN, Gate.CHECK_IN),
    Release.DeploymentEntered: facts.entered(ReleaseState.DEPLOYMENT, Gate.DEPLOYMENT),
    Release.ReviewEntered: facts.entered(ReleaseState.REVIEW, None),
    Release.WentBack: facts.went_back,
    Release.BuildRecorded: facts.build_recorded,
    Release.TestRunRecorded: facts.evidence_bound,
    Release.SignedOff: facts.signed_off,
    Release.DeploymentPlanned: facts.deployment_planned,
    Release.ImpactRequested: facts.impact_requested,
    Release.OwnersInformed: facts.owners_informed,
    Release.CheckInRequested: facts.check_in_requested,
    Release.RehearsalRequested: facts.rehearsal_requested,
    Release.DeploymentRequested: facts.deployment_requested,
    Release.CheckInRequestCancelled: facts.check_in_request_cancelled,
    Release.DeploymentRequestCancelled: facts.deployment_request_cancelled,
    Release.DebtsIncurred: facts.debts_incurred,
    Release.DebtSettled: facts.debt_settled,
    Release.DebtFailed: facts.debt_failed,
    Release.SuccessorOpened: facts.successor_opened,
    Release.PutOnHold: facts.put_on_hold,
    Release.TakenOffHold: facts.taken_off_hold,
    Release.Closed: facts.closed,
    Release.CancellationRequested: facts.cancellation_requested,
    Release.Cancelled: facts.cancelled,
}

INTERNAL: frozenset[type[Any]] = frozenset(
    {
        Release.ChangeNoted,
        Release.ServiceNoted,
        Release.PlanWritten,
        Release.ImpactNoted,
        Release.ImpactAcknowledged,
        Release.GrantNoted,
        Release.GateRequestEnded,
        Release.GrantCrossed,
        Release.CheckInCompleted,
        Release.CheckInRefused,
        Release.MediaNoted,
        Release.RehearsalNoted,
        Release.ConflictsNoted,
        Release.DeploymentNoted,
        Release.ReviewNoted,
        Release.ReviewDecided,
        Release.TargetAcceptanceNoted,
        KnownChange.Named,
        KnownChange.Noted,
        KnownChange.Carried,
        KnownChange.Dropped,
        KnownService.Named,
        KnownService.Noted,
        KnownMedium.Named,
        KnownMedium.Noted,
    }
)
