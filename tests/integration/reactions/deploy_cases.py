"""What each reaction of deploy-service must show."""

from __future__ import annotations

from datetime import timedelta

from fourgates.chassis.testing.hearing import Case
from fourgates.contracts.change import ChangeCancelled, ChangePutOnHold, ChangeRejected, ChangeTakenOffHold
from fourgates.contracts.common import WayBack
from fourgates.contracts.release import DeploymentRequestCancelled

from tests.integration.reactions.deploy_facts import (
    CANCELLED,
    CARRIED,
    CHANGE,
    CHECKED_IN,
    CLEARED,
    DEPLOY,
    DEPLOYMENT,
    EXPIRED,
    FREED,
    HELD,
    LIFTED,
    NO_CONFLICTS,
    OF_RELEASE,
    OPENED,
    QUARANTINED,
    REGISTERED,
    REHEARSE,
    RELATIONS,
    RETIRED,
    REVOKED,
    TO_BE_CANCELLED,
    VOIDED,
    WITHDRAWN,
    conflicts,
    deployed,
    environments,
    freeze,
    heard,
    later,
    nothing,
    planned,
    rehearsing,
    running,
    standing,
    told,
    went_back,
)

ABORTED, PAUSED, STOPPED = "deploy.DeploymentAborted", "deploy.DeploymentPaused", "deploy.RehearsalStopped"

CASES = {
    "rehearse_what_was_requested": Case(
        heard(REGISTERED, given=environments),
        told(REHEARSE),
        ("deploy.RehearsalRequested", "deploy.RehearsalBegan"),
        heard(REGISTERED),
        ("deploy.RehearsalRequested", "deploy.RehearsalRequestRefused"),
    ),
    "plan_requested_deployment": Case(
        environments,
        told(DEPLOY),
        ("deploy.DeploymentPlanned",),
        nothing,
        ("deploy.DeploymentPlanned", "deploy.DeploymentRequestRefused"),
        other_order=lambda _here: (REGISTERED, CHECKED_IN, OPENED),
    ),
    "drop_cancelled_request": Case(
        planned,
        told(DeploymentRequestCancelled(**OF_RELEASE, deployment_id=DEPLOYMENT, reason="no need")),
        (ABORTED,),
        running,
    ),
    "know_changes_of_opened_release": Case(
        nothing, told(OPENED), ("deploy.KnownReleaseHeard", "deploy.KnownReleaseChangesNoted"), heard(OPENED)
    ),
    "know_changes_of_release": Case(
        heard(OPENED), told(CARRIED), ("deploy.KnownReleaseChangesNoted",), heard(OPENED, CARRIED)
    ),
    "know_hold": Case(
        running,
        told(HELD),
        ("deploy.KnownReleaseHoldNoted",),
        heard(HELD),
        other_order=lambda _here: (REGISTERED,),
    ),
    "know_end_of_hold": Case(heard(HELD), told(FREED), ("deploy.KnownReleaseHoldNoted",), heard(HELD, FREED)),
    "give_up_what_went_back": Case(planned, told(went_back(WayBack.REPLAN)), (ABORTED,), running),
    "give_up_what_was_cancelled": Case(
        planned, told(CANCELLED), ("deploy.KnownReleaseCancellationNoted", ABORTED), heard(OPENED, CANCELLED)
    ),
    "give_up_what_is_to_be_cancelled": Case(
        rehearsing,
        told(TO_BE_CANCELLED),
        ("deploy.KnownReleaseCancellationNoted", STOPPED),
        heard(OPENED, TO_BE_CANCELLED),
    ),
    "know_definitive_medium": Case(
        nothing,
        told(CHECKED_IN),
        ("deploy.KnownMediumHeard",),
        heard(CHECKED_IN),
        other_order=lambda _here: (REGISTERED, OPENED),
    ),
    "know_cleared_medium": Case(
        heard(CHECKED_IN, QUARANTINED), told(CLEARED), ("deploy.KnownMediumStateNoted",), heard(CHECKED_IN)
    ),
    "know_quarantined_medium": Case(
        running, told(QUARANTINED), ("deploy.KnownMediumStateNoted", PAUSED), heard(CHECKED_IN, QUARANTINED)
    ),
    "know_withdrawn_medium": Case(
        heard(CHECKED_IN), told(WITHDRAWN), ("deploy.KnownMediumStateNoted",), heard(CHECKED_IN, WITHDRAWN)
    ),
    "know_registered_service": Case(
        nothing,
        told(REGISTERED),
        ("deploy.KnownServiceHeard", "deploy.KnownServiceLifecycleNoted"),
        heard(REGISTERED),
    ),
    "know_lifecycle_of_service": Case(
        running, told(RETIRED), ("deploy.KnownServiceLifecycleNoted", PAUSED), heard(REGISTERED, RETIRED)
    ),
    "know_dependants_of_service": Case(
        nothing,
        told(RELATIONS),
        ("deploy.KnownServiceHeard", "deploy.KnownServiceDependantsNoted"),
        heard(RELATIONS),
    ),
    "know_revoked_authorization": Case(
        running, told(REVOKED), ("deploy.KnownAuthorizationHeard", PAUSED), heard(REVOKED)
    ),
    "know_expired_authorization": Case(running, told(EXPIRED), ("deploy.KnownAuthorizationHeard",), heard(EXPIRED)),
    "know_voided_authorization": Case(running, told(VOIDED), ("deploy.KnownAuthorizationHeard",), heard(VOIDED)),
    "know_freeze": Case(
        running,
        told(freeze()),
        ("deploy.KnownFreezeHeard", PAUSED),
        heard(conflicts("carla"), freeze()),
    ),
    "know_lifted_freeze": Case(
        heard(freeze()), told(LIFTED), ("deploy.KnownFreezeLiftedNoted",), heard(freeze(), LIFTED)
    ),
    "know_waived_conflicts": Case(
        heard(OPENED),
        told(conflicts("carla")),
        ("deploy.KnownReleaseWaiversNoted",),
        heard(OPENED, conflicts("carla")),
    ),
    "forget_waived_conflicts": Case(
        heard(OPENED, conflicts("carla")), told(NO_CONFLICTS), ("deploy.KnownReleaseWaiversNoted",), heard(OPENED)
    ),
    "know_cancelled_change": Case(
        running,
        told(ChangeCancelled(change_id=CHANGE, reason="no need")),
        ("deploy.KnownChangeHeard", PAUSED),
        heard(ChangeRejected(change_id=CHANGE, reason="no")),
    ),
    "know_rejected_change": Case(
        running,
        told(ChangeRejected(change_id=CHANGE, reason="no")),
        ("deploy.KnownChangeHeard", PAUSED),
        heard(ChangeCancelled(change_id=CHANGE, reason="no need")),
    ),
    "know_held_change": Case(
        running,
        told(ChangePutOnHold(change_id=CHANGE, reason="wait")),
        ("deploy.KnownChangeHeard",),
        heard(ChangePutOnHold(change_id=CHANGE, reason="wait")),
    ),
    "know_freed_change": Case(
        heard(ChangePutOnHold(change_id=CHANGE, reason="wait")),
        told(ChangeTakenOffHold(change_id=CHANGE, reason="go on")),
        ("deploy.KnownChangeStateNoted",),
        heard(ChangeCancelled(change_id=CHANGE, reason="no need")),
    ),
    "stop_work_that_may_not_go_on": Case(
        rehearsing, told(WITHDRAWN), ("deploy.KnownMediumHeard", STOPPED), heard(WITHDRAWN)
    ),
    "stop_what_a_freeze_has_reached": Case(
        heard(freeze(after_s=600), given=running),
        later,
        (PAUSED,),
        heard(freeze(after_s=600), LIFTED, given=running),
        tick_after=timedelta(seconds=600),
    ),
    "end_windows_that_passed": Case(running, later, (PAUSED,), nothing, tick_after=timedelta(hours=1)),
    "abort_what_can_no_longer_start": Case(planned, later, (ABORTED,), nothing, tick_after=timedelta(hours=1)),
    "go_on_to_next_environments": Case(
        standing,
        later,
        ("deploy.DeploymentEnvironmentBegan", "deploy.EnvironmentOccupied"),
        heard(REVOKED, given=standing),
        tick_after=timedelta(seconds=60),
    ),
    "look_for_drift": Case(
        deployed,
        later,
        ("deploy.EnvironmentDriftCheckAsked", "deploy.EnvironmentDriftCheckAsked"),
        rehearsing,
        tick_after=timedelta(seconds=900),
    ),
}
