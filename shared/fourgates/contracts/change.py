"""What change management says: changes, authorizations, the calendar."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime

from fourgates.contracts.common import ChangeType, Contract, Decider, Gate, Part, Risk


class ChangeRequested(Contract, type="dev.fourgates.change.requested.v1"):
    """A request for change was raised, with the digest of its content."""

    change_id: UUID
    title: str
    change_type: ChangeType
    risk: Risk
    service_ids: list[UUID]
    alters_service: bool
    content_digest: str
    requested_by: str
    authors: list[str]
    evaluation_id: UUID | None = None
    retrospective: bool = False


class ChangeRewritten(Contract, type="dev.fourgates.change.rewritten.v1"):
    """The content of a change was edited; every authorization of the old content is void."""

    change_id: UUID
    title: str
    risk: Risk
    service_ids: list[UUID]
    content_digest: str
    authors: list[str]


class ChangeAuthorized(Contract, type="dev.fourgates.change.authorized.v1"):
    """A change authority authorized a change with exactly this content."""

    change_id: UUID
    content_digest: str
    authorization_id: UUID
    deciders: list[Decider]
    policy_version: int
    model_id: UUID | None = None


class ChangeRejected(Contract, type="dev.fourgates.change.rejected.v1"):
    """A change authority rejected a change."""

    change_id: UUID
    reason: str


class ChangeCancelled(Contract, type="dev.fourgates.change.cancelled.v1"):
    """A change was cancelled."""

    change_id: UUID
    reason: str


class ChangePutOnHold(Contract, type="dev.fourgates.change.put_on_hold.v1"):
    """A change was put on hold."""

    change_id: UUID
    reason: str


class ChangeTakenOffHold(Contract, type="dev.fourgates.change.taken_off_hold.v1"):
    """A change goes on after a hold."""

    change_id: UUID
    reason: str


class ChangeLinked(Contract, type="dev.fourgates.change.linked.v1"):
    """A missed target opened a linked change; its id follows from the evaluation."""

    change_id: UUID
    evaluation_id: UUID
    release_id: UUID
    review_id: UUID


class ChangeClosed(Contract, type="dev.fourgates.change.closed.v1"):
    """A change was closed by the outcome of its release, or by its own review."""

    change_id: UUID
    outcome: str
    release_id: UUID | None = None


class AuthorizationContract(Part):
    """What every fact about an authorization names.

    `subject_kind` is change, gate, acceptance, override or confirmation; `gates` is filled for a gate
    (two of them when an emergency joins them); `subject_id` is the change, the release, or the evaluation.
    """

    authorization_id: UUID
    request_id: UUID
    subject_kind: str
    subject_id: UUID
    release_id: UUID | None = None
    gates: list[Gate] = []


class AuthorizationGranted(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_granted.v1"):
    """People entitled by the pinned policy granted what was asked, and it binds these digests until it expires."""

    document: dict[str, str]
    document_digest: str
    deciders: list[Decider]
    policy_version: int
    rule: str
    granted_at: AwareDatetime
    expires_at: AwareDatetime
    model_id: UUID | None = None


class AuthorizationRejected(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_rejected.v1"):
    """What was asked was rejected, or could not be opened; the reasons say why."""

    reasons: list[str]


class AuthorizationWithdrawn(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_withdrawn.v1"):
    """The request was withdrawn before it was decided."""

    reason: str


class AuthorizationExpired(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_expired.v1"):
    """A grant or a request passed its time."""

    expired_at: AwareDatetime


class AuthorizationRevoked(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_revoked.v1"):
    """An authority took a grant back."""

    reason: str
    revoked_by: str


class AuthorizationVoided(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_voided.v1"):
    """What a grant bound has changed, so it authorizes nothing any more."""

    reason: str


class AuthorizationUsed(AuthorizationContract, Contract, type="dev.fourgates.change.authorization_used.v1"):
    """A grant was used, once; `crossing` names an expiry or revocation that crossed the use."""

    used_at: AwareDatetime
    crossing: str | None = None


class CalendarWindowSet(Contract, type="dev.fourgates.change.calendar_window_set.v1"):
    """A freeze or a maintenance window was put into the change schedule; half open: start included, end not."""

    window_id: UUID
    kind: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    environment_ids: list[UUID]
    service_ids: list[UUID]
    reason: str


class CalendarWindowLifted(Contract, type="dev.fourgates.change.calendar_window_lifted.v1"):
    """A freeze or a maintenance window was lifted."""

    window_id: UUID
    kind: str
    reason: str


class ScheduleConflict(Part):
    """One conflict of a deployment plan with the change schedule; `waived_by` names who waived it.

    `window_id` is the freeze that the plan runs into, when the conflict is with one.
    """

    conflict_id: str
    code: str
    detail: str
    environment_id: UUID
    waived_by: str | None = None
    window_id: UUID | None = None


class ScheduleConflictFound(Contract, type="dev.fourgates.change.schedule_conflict_found.v1"):
    """A deployment plan conflicts with freezes or other plans. All its conflicts are listed, the waived ones too."""

    release_id: UUID
    plan_digest: str
    conflicts: list[ScheduleConflict]


class ScheduleConflictCleared(Contract, type="dev.fourgates.change.schedule_conflict_cleared.v1"):
    """A deployment plan is free of conflicts."""

    release_id: UUID
    plan_digest: str
