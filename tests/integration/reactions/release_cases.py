"""What each reaction of release-service must show."""

from __future__ import annotations

from datetime import timedelta

from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Case
from fourgates.contracts import change, deploy, dml, review
from fourgates.contracts.common import Risk

from tests.integration.reactions.release_facts import (
    AUTHORIZATION,
    AUTHORIZED,
    BACKED_OUT,
    BUILD,
    CHANGE,
    CHANGE_KNOWN,
    CHECKED_IN,
    DEPLOYED,
    ENVIRONMENT,
    EVALUATION,
    G1,
    IMPACT,
    MISSED,
    OF_DEPLOYMENT,
    OF_REVIEW,
    OTHER_SERVICE,
    REGISTERED,
    REHEARSAL,
    REHEARSED,
    RELEASE,
    REQUESTED,
    SERVICE,
    STARTED,
    TARGET,
    TOOL,
    WHEEL,
    asked_for_planning,
    building,
    built,
    cancelled,
    checked_in,
    checking_in,
    closing,
    definitive,
    deployed,
    deploying,
    granted,
    granted_planning,
    impact_asked,
    in_debt,
    known,
    nothing,
    of_authorization,
    of_item,
    opened,
    plan_digest,
    planned,
    rehearsing,
    running,
    tell,
    used_planning,
)


def of_change(contract, **more):
    return lambda here: contract(change_id=CHANGE, **more)


def change_case(contract, *, given=opened, refused_given=cancelled, **more):
    """A fact about a change reaches the release that carries it; of an unknown change it is only known."""
    return Case(
        given=given,
        when=of_change(contract, **more),
        then=("release.KnownChangeNoted", "release.ChangeNoted"),
        refused_given=refused_given,
        refused_then=("release.KnownChangeNoted",),
    )


def service_case(fact):
    return Case(
        given=opened,
        when=lambda here: fact,
        then=("release.KnownServiceNoted", "release.ServiceNoted"),
        refused_given=cancelled,
        refused_then=("release.KnownServiceNoted",),
    )


def media_case(contract, *, given=checked_in, **more):
    return Case(
        given=given,
        when=lambda here: of_item(contract, WHEEL, **more),
        then=("release.KnownMediumNoted", "release.MediaNoted"),
        refused_given=nothing,
        refused_then=("release.KnownMediumNamed",),
    )


def ended_case(contract, *, given=asked_for_planning, then=("release.GateRequestEnded",), **more):
    return Case(
        given=given,
        when=lambda here: contract(**of_authorization(), **more),
        then=then,
        refused_given=opened,
    )


def deployment_case(fact, *, given=running, then=("release.DeploymentNoted", "release.ReviewEntered")):
    return Case(given=given, when=lambda here: fact, then=then, refused_given=checked_in)


def held(here):
    opened(here)
    here.hear(change.ChangePutOnHold(change_id=CHANGE, reason="wait"))


def quarantined(here):
    checked_in(here)
    here.hear(of_item(dml.MediaQuarantined, WHEEL, used_by_release_ids=[]))


CASES = {
    "know_requested_change": Case(
        given=nothing, when=lambda here: REQUESTED, then=CHANGE_KNOWN, refused_given=lambda here: here.hear(REQUESTED)
    ),
    "know_rewritten_change": change_case(
        change.ChangeRewritten,
        title="track parcels",
        risk=Risk.LOW,
        service_ids=[SERVICE],
        content_digest="e" * 64,
        authors=["anna"],
    ),
    "know_authorized_change": Case(
        given=lambda here: here.hear(REQUESTED),
        when=lambda here: AUTHORIZED,
        then=("release.KnownChangeNoted",),
        refused_given=known,
        other_order=lambda here: [REGISTERED],
    ),
    "stop_release_of_rejected_change": change_case(change.ChangeRejected, reason="no"),
    "stop_release_of_cancelled_change": change_case(change.ChangeCancelled, reason="no"),
    "know_closed_change": change_case(change.ChangeClosed, outcome="successful"),
    "hold_release_of_held_change": change_case(change.ChangePutOnHold, reason="wait"),
    "free_release_of_held_change": change_case(
        change.ChangeTakenOffHold,
        given=held,
        refused_given=lambda here: (held(here), tell(here, lambda r, act: r.cancel(act))),
        reason="go on",
    ),
    "keep_grant_of_gate": Case(
        given=asked_for_planning,
        when=granted,
        then=("release.GrantNoted",),
        refused_given=lambda here: (
            asked_for_planning(here),
            tell(here, lambda r, act: r.withdraw_gate_request(act, request_id=G1)),
        ),
    ),
    "end_rejected_request": ended_case(change.AuthorizationRejected, reasons=["no"]),
    "end_withdrawn_request": ended_case(change.AuthorizationWithdrawn, reason="no"),
    "end_expired_grant": ended_case(change.AuthorizationExpired, given=granted_planning, expired_at=NOON),
    "end_revoked_grant": ended_case(
        change.AuthorizationRevoked,
        given=used_planning,
        then=("release.GrantCrossed",),
        reason="a mistake",
        revoked_by="vera",
    ),
    "end_voided_grant": ended_case(change.AuthorizationVoided, given=granted_planning, reason="edited"),
    "know_schedule_conflicts": Case(
        given=planned,
        when=lambda here: change.ScheduleConflictFound(
            release_id=RELEASE,
            plan_digest=plan_digest(here),
            conflicts=[
                change.ScheduleConflict(conflict_id="1", code="freeze", detail="frozen", environment_id=ENVIRONMENT)
            ],
        ),
        then=("release.ConflictsNoted",),
        refused_given=cancelled,
    ),
    "know_schedule_is_free": Case(
        given=planned,
        when=lambda here: change.ScheduleConflictCleared(release_id=RELEASE, plan_digest=plan_digest(here)),
        then=("release.ConflictsNoted",),
        refused_given=cancelled,
    ),
    "know_registered_service": Case(
        given=nothing,
        when=lambda here: REGISTERED,
        then=("release.KnownServiceNamed", "release.KnownServiceNoted"),
        refused_given=known,
        other_order=lambda here: [REQUESTED],
    ),
    "know_targets_of_service": service_case(dml.TargetsSet(service_id=SERVICE, revision=1, targets=[TARGET])),
    "know_lifecycle_of_service": service_case(dml.ServiceLifecycleEntered(service_id=SERVICE, lifecycle="retiring")),
    "know_dependants_of_service": service_case(
        dml.RelationsChanged(service_id=SERVICE, depends_on=[], live_dependants=[OTHER_SERVICE])
    ),
    "keep_impact_of_release": Case(
        given=impact_asked, when=lambda here: IMPACT, then=("release.ImpactNoted",), refused_given=building
    ),
    "know_definitive_medium": Case(
        given=nothing,
        when=lambda here: definitive(TOOL),
        then=("release.KnownMediumNamed",),
        refused_given=known,
    ),
    "know_quarantined_medium": media_case(dml.MediaQuarantined, used_by_release_ids=[]),
    "know_cleared_medium": media_case(dml.MediaCleared, given=quarantined),
    "know_withdrawn_medium": media_case(dml.MediaWithdrawn, used_by_release_ids=[]),
    "complete_check_in": Case(
        given=checking_in,
        when=lambda here: CHECKED_IN,
        then=("release.CheckInCompleted",),
        refused_given=built,
    ),
    "keep_refusal_of_check_in": Case(
        given=checking_in,
        when=lambda here: dml.CheckInRefused(release_id=RELEASE, build_id=BUILD, reasons=["no bytes"]),
        then=("release.CheckInRefused",),
        refused_given=built,
    ),
    "keep_result_of_rehearsal": Case(
        given=rehearsing, when=lambda here: REHEARSED, then=("release.RehearsalNoted",), refused_given=built
    ),
    "keep_refusal_of_rehearsal": Case(
        given=rehearsing,
        when=lambda here: deploy.RehearsalRefused(rehearsal_id=REHEARSAL, release_id=RELEASE, reasons=["no sandbox"]),
        then=("release.RehearsalNoted",),
        refused_given=built,
    ),
    "know_started_deployment": deployment_case(STARTED, given=deploying, then=("release.DeploymentNoted",)),
    "review_deployed_release": Case(
        given=running,
        when=lambda here: DEPLOYED,
        then=("release.DeploymentNoted", "release.ReviewEntered"),
        refused_given=checked_in,
        other_order=lambda here: [review.ReviewOpened(**OF_REVIEW, kind="new")],
    ),
    "review_backed_out_release": deployment_case(BACKED_OUT),
    "review_release_of_failed_back_out": deployment_case(
        deploy.BackOutFailed(**OF_DEPLOYMENT, environment_id=ENVIRONMENT, reason="stuck", failed_at=NOON)
    ),
    "know_aborted_deployment": deployment_case(
        deploy.DeploymentAborted(**OF_DEPLOYMENT, reason="the window passed"),
        given=deploying,
        then=("release.DeploymentNoted",),
    ),
    "know_refused_deployment": deployment_case(
        deploy.DeploymentRefused(**OF_DEPLOYMENT, reasons=["frozen"]),
        given=deploying,
        then=("release.DeploymentNoted",),
    ),
    "know_review_of_release": Case(
        given=deployed,
        when=lambda here: review.ReviewOpened(**OF_REVIEW, kind="new"),
        then=("release.ReviewNoted",),
        refused_given=cancelled,
    ),
    "open_successor_of_missed_target": Case(
        given=deployed,
        when=lambda here: MISSED,
        then=(
            "release.KnownChangeNamed",
            "release.KnownChangeCarried",
            "release.Opened",
            "release.SuccessorOpened",
        ),
        refused_given=nothing,
        other_order=lambda here: [review.ReviewOpened(**OF_REVIEW, kind="new")],
    ),
    "know_accepted_target": Case(
        given=deployed,
        when=lambda here: review.TargetAccepted(**OF_REVIEW, evaluation_id=EVALUATION, authorization_id=AUTHORIZATION),
        then=("release.TargetAcceptanceNoted",),
        refused_given=nothing,
    ),
    "do_as_the_review_decided": Case(
        given=deployed,
        when=lambda here: closing(),
        then=("release.ReviewDecided", "release.Closed", "release.KnownChangeDropped"),
        refused_given=cancelled,
    ),
    "fail_overdue_debts": Case(
        given=in_debt,
        when=lambda here: None,
        tick_after=timedelta(days=4),
        then=("release.DebtFailed",) * 4,
        refused_given=deployed,
    ),
}
