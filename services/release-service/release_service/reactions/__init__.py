"""What this service does about what it hears from change management, the DML, deployment and review, and about time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fourgates.chassis.aggregate import Act
from fourgates.contracts import change, deploy, dml, review

from release_service.application import ReleaseUseCases
from release_service.reactions import authorizations, changes, deployments, library, reviews

__all__ = ["CLOCK", "HEARD", "OWN"]


def fail_overdue_debts(use_cases: ReleaseUseCases, act: Act) -> None:
    """Whenever the date of a debt has passed, the debt fails."""
    use_cases.fail_overdue_debts(act)


HEARD: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {
    change.ChangeRequested: changes.know_requested_change,
    change.ChangeRewritten: changes.know_rewritten_change,
    change.ChangeAuthorized: changes.know_authorized_change,
    change.ChangeRejected: changes.stop_release_of_rejected_change,
    change.ChangeCancelled: changes.stop_release_of_cancelled_change,
    change.ChangeClosed: changes.know_closed_change,
    change.ChangePutOnHold: changes.hold_release_of_held_change,
    change.ChangeTakenOffHold: changes.free_release_of_held_change,
    change.AuthorizationGranted: authorizations.keep_grant_of_gate,
    change.AuthorizationRejected: authorizations.end_rejected_request,
    change.AuthorizationWithdrawn: authorizations.end_withdrawn_request,
    change.AuthorizationExpired: authorizations.end_expired_grant,
    change.AuthorizationRevoked: authorizations.end_revoked_grant,
    change.AuthorizationVoided: authorizations.end_voided_grant,
    change.ScheduleConflictFound: authorizations.know_schedule_conflicts,
    change.ScheduleConflictCleared: authorizations.know_schedule_is_free,
    dml.ServiceRegistered: library.know_registered_service,
    dml.TargetsSet: library.know_targets_of_service,
    dml.ServiceLifecycleEntered: library.know_lifecycle_of_service,
    dml.RelationsChanged: library.know_dependants_of_service,
    dml.ImpactComputed: library.keep_impact_of_release,
    dml.MediaCheckedIn: library.know_definitive_medium,
    dml.MediaQuarantined: library.know_quarantined_medium,
    dml.MediaCleared: library.know_cleared_medium,
    dml.MediaWithdrawn: library.know_withdrawn_medium,
    dml.CheckInCompleted: library.complete_check_in,
    dml.CheckInRefused: library.keep_refusal_of_check_in,
    deploy.RehearsalFinished: deployments.keep_result_of_rehearsal,
    deploy.RehearsalRefused: deployments.keep_refusal_of_rehearsal,
    deploy.DeploymentStarted: deployments.know_started_deployment,
    deploy.Deployed: deployments.review_deployed_release,
    deploy.BackedOut: deployments.review_backed_out_release,
    deploy.BackOutFailed: deployments.review_release_of_failed_back_out,
    deploy.DeploymentAborted: deployments.know_aborted_deployment,
    deploy.DeploymentRefused: deployments.know_refused_deployment,
    review.ReviewOpened: reviews.know_review_of_release,
    review.TargetMissed: reviews.open_successor_of_missed_target,
    review.TargetAccepted: reviews.know_accepted_target,
    review.ReviewClosed: reviews.do_as_the_review_decided,
}
OWN: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {}
CLOCK: tuple[Callable[[Any, Act], None], ...] = (fail_overdue_debts,)
