"""What this service does about what it hears from change management, the DML, deployment and review, and about time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fourgates.chassis.aggregate import Act
from fourgates.contracts import change, common, deploy, dml, review

from release_service.application import ReleaseUseCases
from release_service.domain import (
    ChangeState,
    ChangeType,
    Conflict,
    Decider,
    DeploymentState,
    Grant,
    ImpactedService,
    Item,
    MediaState,
    Outcome,
    RequestState,
    ReviewDecision,
    Risk,
)

# From change management: changes.


def know_requested_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeRequested) -> None:
    """Whenever a change was requested, know it, and tell the release that waits for it."""
    use_cases.note_change(
        act,
        change_id=fact.change_id,
        state=ChangeState.REQUESTED,
        content_digest=fact.content_digest,
        title=fact.title,
        change_type=ChangeType(fact.change_type.value),
        risk=Risk(fact.risk.value),
        requested_by=fact.requested_by,
        authors=tuple(fact.authors),
        service_ids=tuple(fact.service_ids),
        alters_service=fact.alters_service,
    )


def know_rewritten_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeRewritten) -> None:
    """Whenever a change was rewritten, its old content is authorized no more, and what bound it is void."""
    use_cases.note_change(
        act,
        change_id=fact.change_id,
        state=ChangeState.REQUESTED,
        content_digest=fact.content_digest,
        title=fact.title,
        risk=Risk(fact.risk.value),
        authors=tuple(fact.authors),
        service_ids=tuple(fact.service_ids),
    )


def know_authorized_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeAuthorized) -> None:
    """Whenever a change was authorized, a release may be built with exactly this content of it."""
    use_cases.note_change(
        act, change_id=fact.change_id, state=ChangeState.AUTHORIZED, content_digest=fact.content_digest
    )


def stop_release_of_rejected_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeRejected) -> None:
    """Whenever a change was rejected, the release that carries it stops."""
    use_cases.note_change(act, change_id=fact.change_id, state=ChangeState.REJECTED)


def stop_release_of_cancelled_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeCancelled) -> None:
    """Whenever a change was cancelled, the release that carries it stops."""
    use_cases.note_change(act, change_id=fact.change_id, state=ChangeState.CANCELLED)


def know_closed_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeClosed) -> None:
    """Whenever a change was closed, no release may carry it any more."""
    use_cases.note_change(act, change_id=fact.change_id, state=ChangeState.CLOSED)


def hold_release_of_held_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangePutOnHold) -> None:
    """Whenever a change was put on hold, the release that carries it passes no gate."""
    use_cases.note_change(act, change_id=fact.change_id, on_hold=True)


def free_release_of_held_change(use_cases: ReleaseUseCases, act: Act, fact: change.ChangeTakenOffHold) -> None:
    """Whenever a change goes on after a hold, so does the release that carries it."""
    use_cases.note_change(act, change_id=fact.change_id, on_hold=False)


# From change management: authorizations and the change schedule.


def keep_grant_of_gate(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationGranted) -> None:
    """Whenever a gate was granted, its release may enter; whenever the CAB confirmed an emergency, a debt is settled."""
    if fact.subject_kind == "gate":
        grant = _grant(fact)
        use_cases.tell_release(act, _release_of(fact), lambda release: release.note_grant(act, grant=grant))
    else:
        _confirm(use_cases, act, fact, confirmed=True, reasons=())


def end_rejected_request(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationRejected) -> None:
    """Whenever a gate was rejected, its request ends; whenever the CAB said no to an emergency, a debt fails."""
    if fact.subject_kind == "gate":
        _end(use_cases, act, fact, RequestState.REJECTED, tuple(fact.reasons))
    else:
        _confirm(use_cases, act, fact, confirmed=False, reasons=tuple(fact.reasons))


def end_withdrawn_request(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationWithdrawn) -> None:
    """Whenever a request was withdrawn, it is over."""
    _end(use_cases, act, fact, RequestState.WITHDRAWN, (fact.reason,))


def end_expired_grant(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationExpired) -> None:
    """Whenever a request or a grant expired, it opens nothing; after its use the crossing is recorded."""
    _end(use_cases, act, fact, RequestState.EXPIRED, (f"expired at {fact.expired_at.isoformat()}",))


def end_revoked_grant(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationRevoked) -> None:
    """Whenever a grant was revoked, it opens nothing; after its use the release goes no further under it."""
    _end(use_cases, act, fact, RequestState.REVOKED, (fact.reason,))


def end_voided_grant(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationVoided) -> None:
    """Whenever a grant was made void, it opens nothing."""
    _end(use_cases, act, fact, RequestState.VOIDED, (fact.reason,))


def know_schedule_conflicts(use_cases: ReleaseUseCases, act: Act, fact: change.ScheduleConflictFound) -> None:
    """Whenever a deployment plan conflicts with the change schedule, it needs a waiver or another window."""
    conflicts = tuple(
        Conflict(one.conflict_id, one.code, one.detail, one.environment_id, one.waived_by) for one in fact.conflicts
    )
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_conflicts(act, plan_digest=fact.plan_digest, conflicts=conflicts),
    )


def know_schedule_is_free(use_cases: ReleaseUseCases, act: Act, fact: change.ScheduleConflictCleared) -> None:
    """Whenever a deployment plan is free of conflicts, it may be authorized."""
    use_cases.tell_release(
        act, fact.release_id, lambda release: release.note_conflicts(act, plan_digest=fact.plan_digest, conflicts=())
    )


# From configuration management and the DML.


def know_registered_service(use_cases: ReleaseUseCases, act: Act, fact: dml.ServiceRegistered) -> None:
    """Whenever a service was registered, it may be released."""
    use_cases.note_service(
        act,
        service_id=fact.service_id,
        name=fact.name,
        owner_id=fact.owner_id,
        tier=fact.tier,
        lifecycle=fact.lifecycle,
    )


def know_targets_of_service(use_cases: ReleaseUseCases, act: Act, fact: dml.TargetsSet) -> None:
    """Whenever the targets of a service were set, know how many its reviews will evaluate."""
    use_cases.note_service(act, service_id=fact.service_id, target_count=len(fact.targets))


def know_lifecycle_of_service(use_cases: ReleaseUseCases, act: Act, fact: dml.ServiceLifecycleEntered) -> None:
    """Whenever a service became live, retiring or retired, its releases know."""
    use_cases.note_service(act, service_id=fact.service_id, lifecycle=fact.lifecycle)


def know_dependants_of_service(use_cases: ReleaseUseCases, act: Act, fact: dml.RelationsChanged) -> None:
    """Whenever relations changed, know which live services keep a service from being retired."""
    use_cases.note_service(act, service_id=fact.service_id, live_dependants=tuple(fact.live_dependants))


def keep_impact_of_release(use_cases: ReleaseUseCases, act: Act, fact: dml.ImpactComputed) -> None:
    """Whenever the impact of a release was computed, it may be acknowledged."""
    services = tuple(
        ImpactedService(one.service_id, one.name, one.owner_id, one.tier, one.relation) for one in fact.impacted
    )
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_impact(act, impact_digest=fact.impact_digest, services=services),
    )


def know_definitive_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaCheckedIn) -> None:
    """Whenever an item became definitive, it may be built with and deployed."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.DEFINITIVE)


def know_quarantined_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaQuarantined) -> None:
    """Whenever an item was quarantined, nothing is built with it and it is not deployed."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.QUARANTINED)


def know_cleared_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaCleared) -> None:
    """Whenever a quarantine was lifted, the item may be used again."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.DEFINITIVE)


def know_withdrawn_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaWithdrawn) -> None:
    """Whenever an item was withdrawn, nothing uses it any more."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.WITHDRAWN)


def complete_check_in(use_cases: ReleaseUseCases, act: Act, fact: dml.CheckInCompleted) -> None:
    """Whenever all items of a release are definitive, it may be deployed; kinds without deployment are reviewed."""
    items = tuple(_item(item) for item in fact.items)
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_check_in_completed(act, build_id=fact.build_id, items=items),
    )


def keep_refusal_of_check_in(use_cases: ReleaseUseCases, act: Act, fact: dml.CheckInRefused) -> None:
    """Whenever a check-in was refused, the release shows why."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_check_in_refused(act, build_id=fact.build_id, reasons=tuple(fact.reasons)),
    )


# From deployment.


def keep_result_of_rehearsal(use_cases: ReleaseUseCases, act: Act, fact: deploy.RehearsalFinished) -> None:
    """Whenever a rehearsal finished, its measured duration decides whether the release may be deployed."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_rehearsal(
            act,
            rehearsal_id=fact.rehearsal_id,
            succeeded=fact.succeeded,
            duration_s=fact.duration_s,
            notes=tuple(fact.evidence),
        ),
    )


def keep_refusal_of_rehearsal(use_cases: ReleaseUseCases, act: Act, fact: deploy.RehearsalRefused) -> None:
    """Whenever a rehearsal was refused, the release shows why."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_rehearsal(
            act, rehearsal_id=fact.rehearsal_id, succeeded=False, duration_s=0.0, notes=tuple(fact.reasons)
        ),
    )


def know_started_deployment(use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentStarted) -> None:
    """Whenever a deployment started, nothing of its release may be edited until it ends."""
    _deployment(use_cases, act, fact, DeploymentState.RUNNING, f"started by {fact.started_by}")


def review_deployed_release(use_cases: ReleaseUseCases, act: Act, fact: deploy.Deployed) -> None:
    """Whenever a deployment stands, its release is reviewed."""
    _deployment(use_cases, act, fact, DeploymentState.DEPLOYED, f"version {fact.version}")


def review_backed_out_release(use_cases: ReleaseUseCases, act: Act, fact: deploy.BackedOut) -> None:
    """Whenever a deployment was backed out, its release is reviewed."""
    _deployment(use_cases, act, fact, DeploymentState.BACKED_OUT, fact.reason)


def review_release_of_failed_back_out(use_cases: ReleaseUseCases, act: Act, fact: deploy.BackOutFailed) -> None:
    """Whenever a back-out failed, its release is reviewed."""
    _deployment(use_cases, act, fact, DeploymentState.BACK_OUT_FAILED, fact.reason)


def know_aborted_deployment(use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentAborted) -> None:
    """Whenever a deployment never started, its release may redeploy, or ends when that was wanted."""
    _deployment(use_cases, act, fact, DeploymentState.ABORTED, fact.reason)


def know_refused_deployment(use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentRefused) -> None:
    """Whenever a deployment was refused, its release shows why."""
    _deployment(use_cases, act, fact, DeploymentState.REFUSED, "; ".join(fact.reasons))


# From review.


def know_review_of_release(use_cases: ReleaseUseCases, act: Act, fact: review.ReviewOpened) -> None:
    """Whenever a review was opened, its release names it."""
    use_cases.tell_release(act, fact.release_id, lambda release: release.note_review(act, review_id=fact.review_id))


def open_successor_of_missed_target(use_cases: ReleaseUseCases, act: Act, fact: review.TargetMissed) -> None:
    """Whenever a target was missed, a successor release is opened that carries the linked change."""
    act = replace(act, why=f"{fact.name} was missed: {fact.detail}"[:2000])
    use_cases.open_successor(act, predecessor_id=fact.release_id, evaluation_id=fact.evaluation_id)


def know_accepted_target(use_cases: ReleaseUseCases, act: Act, fact: review.TargetAccepted) -> None:
    """Whenever a missed target was accepted in writing, its release says so."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_target_accepted(
            act, evaluation_id=fact.evaluation_id, authorization_id=fact.authorization_id
        ),
    )


def do_as_the_review_decided(use_cases: ReleaseUseCases, act: Act, fact: review.ReviewClosed) -> None:
    """Whenever a review ended, its release is closed or cancelled, or goes back, as was decided."""
    act = replace(act, why=fact.reason)
    decision = ReviewDecision(
        fact.review_id,
        fact.deployment_id,
        fact.decision,
        Outcome(fact.outcome.value),
        fact.reason,
        fact.decided_by,
    )
    use_cases.tell_release(act, fact.release_id, lambda release: release.note_review_closed(act, decision=decision))


# From the clock.


def fail_overdue_debts(use_cases: ReleaseUseCases, act: Act) -> None:
    """Whenever the date of a debt has passed, the debt fails."""
    use_cases.fail_overdue_debts(act)


def _release_of(fact: change.AuthorizationContract) -> Any:
    return fact.release_id or fact.subject_id


def _grant(fact: change.AuthorizationGranted) -> Grant:
    return Grant(
        authorization_id=fact.authorization_id,
        request_id=fact.request_id,
        document_digest=fact.document_digest,
        deciders=tuple(
            Decider(one.person_id, tuple(one.roles), one.voted_at, one.meaning, one.reason) for one in fact.deciders
        ),
        policy_version=fact.policy_version,
        rule=fact.rule,
        granted_at=fact.granted_at,
        expires_at=fact.expires_at,
        model_id=fact.model_id,
    )


def _item(item: common.Item) -> Item:
    return Item(item.name, item.version, item.sha256, item.size_bytes, item.kind, item.item_id)


def _end(
    use_cases: ReleaseUseCases,
    act: Act,
    fact: change.AuthorizationContract,
    ended: RequestState,
    reasons: tuple[str, ...],
) -> None:
    if fact.subject_kind == "gate":
        use_cases.tell_release(
            act,
            _release_of(fact),
            lambda release: release.note_request_ended(act, request_id=fact.request_id, ended=ended, reasons=reasons),
        )


def _confirm(
    use_cases: ReleaseUseCases,
    act: Act,
    fact: change.AuthorizationContract,
    *,
    confirmed: bool,
    reasons: tuple[str, ...],
) -> None:
    if fact.subject_kind == "confirmation":
        use_cases.tell_release(
            act,
            _release_of(fact),
            lambda release: release.note_confirmation(
                act, request_id=fact.request_id, confirmed=confirmed, reasons=reasons
            ),
        )


def _deployment(
    use_cases: ReleaseUseCases, act: Act, fact: deploy.DeploymentContract, heard: DeploymentState, detail: str
) -> None:
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_deployment(act, deployment_id=fact.deployment_id, heard=heard, detail=detail),
    )


HEARD: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {
    change.ChangeRequested: know_requested_change,
    change.ChangeRewritten: know_rewritten_change,
    change.ChangeAuthorized: know_authorized_change,
    change.ChangeRejected: stop_release_of_rejected_change,
    change.ChangeCancelled: stop_release_of_cancelled_change,
    change.ChangeClosed: know_closed_change,
    change.ChangePutOnHold: hold_release_of_held_change,
    change.ChangeTakenOffHold: free_release_of_held_change,
    change.AuthorizationGranted: keep_grant_of_gate,
    change.AuthorizationRejected: end_rejected_request,
    change.AuthorizationWithdrawn: end_withdrawn_request,
    change.AuthorizationExpired: end_expired_grant,
    change.AuthorizationRevoked: end_revoked_grant,
    change.AuthorizationVoided: end_voided_grant,
    change.ScheduleConflictFound: know_schedule_conflicts,
    change.ScheduleConflictCleared: know_schedule_is_free,
    dml.ServiceRegistered: know_registered_service,
    dml.TargetsSet: know_targets_of_service,
    dml.ServiceLifecycleEntered: know_lifecycle_of_service,
    dml.RelationsChanged: know_dependants_of_service,
    dml.ImpactComputed: keep_impact_of_release,
    dml.MediaCheckedIn: know_definitive_medium,
    dml.MediaQuarantined: know_quarantined_medium,
    dml.MediaCleared: know_cleared_medium,
    dml.MediaWithdrawn: know_withdrawn_medium,
    dml.CheckInCompleted: complete_check_in,
    dml.CheckInRefused: keep_refusal_of_check_in,
    deploy.RehearsalFinished: keep_result_of_rehearsal,
    deploy.RehearsalRefused: keep_refusal_of_rehearsal,
    deploy.DeploymentStarted: know_started_deployment,
    deploy.Deployed: review_deployed_release,
    deploy.BackedOut: review_backed_out_release,
    deploy.BackOutFailed: review_release_of_failed_back_out,
    deploy.DeploymentAborted: know_aborted_deployment,
    deploy.DeploymentRefused: know_refused_deployment,
    review.ReviewOpened: know_review_of_release,
    review.TargetMissed: open_successor_of_missed_target,
    review.TargetAccepted: know_accepted_target,
    review.ReviewClosed: do_as_the_review_decided,
}
OWN: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {}
CLOCK: tuple[Callable[[Any, Act], None], ...] = (fail_overdue_debts,)
