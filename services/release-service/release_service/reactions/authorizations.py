"""What this service does about what it hears of authorizations and of the change schedule."""

from __future__ import annotations

from typing import Any

from fourgates.chassis.aggregate import Act
from fourgates.contracts import change

from release_service.application import ReleaseUseCases
from release_service.domain import Conflict, Decider, Grant, RequestState


def keep_grant_of_gate(use_cases: ReleaseUseCases, act: Act, fact: change.AuthorizationGranted) -> None:
    """Whenever a gate was granted, its release may enter; whenever the CAB confirmed, a debt is settled."""
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
