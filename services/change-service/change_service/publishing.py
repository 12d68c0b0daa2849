"""What change management says to the others: its own events as published contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fourgates.contracts import change as contracts
from fourgates.contracts import common

from change_service.domain import (
    AuthorityPolicy,
    Authorization,
    CabMeeting,
    CalendarWindow,
    Change,
    ChangeModel,
    ChangeState,
    Decider,
    Gate,
    Group,
    KnownRelease,
    Person,
    SchedulePlan,
)


def _change_requested(change: Change, _: Change.Submitted) -> contracts.ChangeRequested:
    content = change.content
    return contracts.ChangeRequested(
        change_id=change.id,
        title=content.title,
        change_type=common.ChangeType(content.change_type),
        risk=common.Risk(content.risk),
        service_ids=list(content.service_ids),
        alters_service=content.alters_service,
        content_digest=change.content_digest,
        requested_by=change.requested_by,
        authors=list(change.authors),
        evaluation_id=change.evaluation_id,
        retrospective=content.retrospective,
    )


def _rewritten_contract(change: Change) -> contracts.ChangeRewritten:
    return contracts.ChangeRewritten(
        change_id=change.id,
        title=change.content.title,
        risk=common.Risk(change.content.risk),
        service_ids=list(change.content.service_ids),
        content_digest=change.content_digest,
        authors=list(change.authors),
    )


def _change_rewritten(change: Change, _: Change.Rewritten) -> contracts.ChangeRewritten | None:
    # A draft was not heard of yet.
    return None if change.state is ChangeState.DRAFT else _rewritten_contract(change)


def _change_assessed(change: Change, happened: Change.Assessed) -> contracts.ChangeRewritten | None:
    same = happened.previous_digest == change.content_digest
    return None if same else _rewritten_contract(change)


def _change_authorized(change: Change, happened: Change.Authorized) -> contracts.ChangeAuthorized:
    grant = happened.grant
    return contracts.ChangeAuthorized(
        change_id=change.id,
        content_digest=grant.content_digest,
        authorization_id=grant.authorization_id,
        deciders=_deciders(grant.deciders),
        policy_version=grant.policy_version,
        model_id=grant.model_id,
    )


def _change_rejected(change: Change, happened: Change.Rejected) -> contracts.ChangeRejected:
    return contracts.ChangeRejected(change_id=change.id, reason=happened.reason)


def _change_cancelled(change: Change, happened: Change.Cancelled) -> contracts.ChangeCancelled:
    return contracts.ChangeCancelled(change_id=change.id, reason=happened.act.why)


def _change_put_on_hold(change: Change, happened: Change.PutOnHold) -> contracts.ChangePutOnHold:
    return contracts.ChangePutOnHold(change_id=change.id, reason=happened.act.why)


def _change_taken_off_hold(change: Change, happened: Change.TakenOffHold) -> contracts.ChangeTakenOffHold:
    return contracts.ChangeTakenOffHold(change_id=change.id, reason=happened.act.why)


def _change_linked(change: Change, happened: Change.Linked) -> contracts.ChangeLinked:
    return contracts.ChangeLinked(
        change_id=change.id,
        evaluation_id=happened.evaluation_id,
        release_id=happened.release_id,
        review_id=happened.review_id,
    )


def _change_closed(change: Change, happened: Change.Closed) -> contracts.ChangeClosed:
    return contracts.ChangeClosed(change_id=change.id, outcome=happened.outcome.value, release_id=happened.release_id)


def _deciders(deciders: tuple[Decider, ...]) -> list[common.Decider]:
    return [
        common.Decider(
            person_id=decider.person_id,
            roles=list(decider.roles),
            voted_at=decider.voted_at,
            meaning=decider.meaning,
            reason=decider.reason,
        )
        for decider in deciders
    ]


def _about(authorization: Authorization, gates: tuple[Gate, ...] | None = None) -> dict[str, Any]:
    question = authorization.question
    named = question.gates if gates is None else gates
    return {
        "authorization_id": authorization.id,
        "request_id": question.request_id,
        "subject_kind": question.subject_kind.value,
        "subject_id": question.subject_id,
        "release_id": question.release_id,
        "gates": [common.Gate(gate) for gate in named],
    }


def _granted(authorization: Authorization, happened: Authorization.Granted) -> contracts.AuthorizationGranted:
    return contracts.AuthorizationGranted(
        **_about(authorization),
        document=authorization.question.document,
        document_digest=authorization.question.document_digest,
        deciders=_deciders(happened.deciders),
        policy_version=authorization.policy_version,
        rule=authorization.rule.name,
        granted_at=happened.granted_at,
        expires_at=happened.expires_at,
        model_id=happened.model_id,
    )


def _rejected(authorization: Authorization, happened: Authorization.Rejected) -> contracts.AuthorizationRejected:
    return contracts.AuthorizationRejected(**_about(authorization), reasons=list(happened.reasons))


def _withdrawn(authorization: Authorization, happened: Authorization.Withdrawn) -> contracts.AuthorizationWithdrawn:
    return contracts.AuthorizationWithdrawn(**_about(authorization), reason=happened.reason)


def _expired(authorization: Authorization, happened: Authorization.Expired) -> contracts.AuthorizationExpired:
    return contracts.AuthorizationExpired(**_about(authorization, happened.gates), expired_at=happened.expired_at)


def _revoked(authorization: Authorization, happened: Authorization.Revoked) -> contracts.AuthorizationRevoked:
    return contracts.AuthorizationRevoked(
        **_about(authorization), reason=happened.reason, revoked_by=happened.act.person
    )


def _voided(authorization: Authorization, happened: Authorization.Voided) -> contracts.AuthorizationVoided:
    return contracts.AuthorizationVoided(**_about(authorization, happened.gates), reason=happened.reason)


def _used(authorization: Authorization, happened: Authorization.Used) -> contracts.AuthorizationUsed:
    return contracts.AuthorizationUsed(
        **_about(authorization, happened.gates), used_at=happened.used_at, crossing=happened.crossing
    )


def _window_set(_: CalendarWindow, happened: CalendarWindow.Set) -> contracts.CalendarWindowSet:
    window = happened.window
    return contracts.CalendarWindowSet(
        window_id=window.window_id,
        kind=window.kind.value,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        environment_ids=list(window.environment_ids),
        service_ids=list(window.service_ids),
        reason=happened.act.why,
    )


def _window_lifted(placed: CalendarWindow, happened: CalendarWindow.Lifted) -> contracts.CalendarWindowLifted:
    return contracts.CalendarWindowLifted(window_id=placed.id, kind=placed.window.kind.value, reason=happened.act.why)


def _conflicts_found(noted: SchedulePlan, happened: SchedulePlan.ConflictsFound) -> contracts.ScheduleConflictFound:
    return contracts.ScheduleConflictFound(
        release_id=noted.plan.release_id,
        plan_digest=happened.plan_digest,
        conflicts=[
            contracts.ScheduleConflict(
                conflict_id=conflict.conflict_id,
                code=conflict.code,
                detail=conflict.detail,
                environment_id=conflict.environment_id,
                waived_by=", ".join(conflict.waived_by) or None,
                window_id=conflict.window_id,
            )
            for conflict in happened.conflicts
        ],
    )


def _conflicts_cleared(
    noted: SchedulePlan, happened: SchedulePlan.ConflictsCleared
) -> contracts.ScheduleConflictCleared:
    return contracts.ScheduleConflictCleared(release_id=noted.plan.release_id, plan_digest=happened.plan_digest)


PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Any]] = {
    Change.Submitted: _change_requested,
    Change.Rewritten: _change_rewritten,
    Change.Assessed: _change_assessed,
    Change.Authorized: _change_authorized,
    Change.Rejected: _change_rejected,
    Change.Cancelled: _change_cancelled,
    Change.PutOnHold: _change_put_on_hold,
    Change.TakenOffHold: _change_taken_off_hold,
    Change.Linked: _change_linked,
    Change.Closed: _change_closed,
    Authorization.Granted: _granted,
    Authorization.Rejected: _rejected,
    Authorization.Withdrawn: _withdrawn,
    Authorization.Expired: _expired,
    Authorization.Revoked: _revoked,
    Authorization.Voided: _voided,
    Authorization.Used: _used,
    CalendarWindow.Set: _window_set,
    CalendarWindow.Lifted: _window_lifted,
    SchedulePlan.ConflictsFound: _conflicts_found,
    SchedulePlan.ConflictsCleared: _conflicts_cleared,
}

INTERNAL: frozenset[type[Any]] = frozenset(
    {
        Change.Drafted,
        Change.PutToAuthority,
        Change.GrantLost,
        Change.Carried,
        Change.Dropped,
        Change.ScopeOpened,
        Change.ScopeBound,
        Change.Scheduled,
        Change.ImplementationStarted,
        Change.SentBack,
        Change.Reviewed,
        ChangeModel.Drafted,
        ChangeModel.Revised,
        ChangeModel.Approved,
        ChangeModel.Used,
        ChangeModel.Withdrawn,
        Authorization.Requested,
        Authorization.VoteCast,
        Authorization.Escalated,
        AuthorityPolicy.Installed,
        AuthorityPolicy.Proposed,
        AuthorityPolicy.Approved,
        AuthorityPolicy.Declined,
        Person.Registered,
        Person.RolesGiven,
        Person.AliasNamed,
        Person.Delegated,
        Person.DelegationEnded,
        Group.Formed,
        Group.MembersNamed,
        CabMeeting.Convened,
        CabMeeting.AgendaSet,
        CabMeeting.Held,
        CabMeeting.CalledOff,
        SchedulePlan.Planned,
        SchedulePlan.Replanned,
        SchedulePlan.Waived,
        SchedulePlan.Ended,
        KnownRelease.Noted,
        KnownRelease.ContentNoted,
        KnownRelease.HoldNoted,
        KnownRelease.PhaseNoted,
        KnownRelease.WayBackNoted,
        KnownRelease.DeploymentNoted,
        KnownRelease.EndNoted,
    }
)
