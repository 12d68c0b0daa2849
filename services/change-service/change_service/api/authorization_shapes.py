"""What authorizations look like over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fourgates.chassis.http import Answer, Name, Strict, Subject, Text
from pydantic import Field

from change_service.api.shapes import EXAMPLE_ID, LIST_MAX, DeciderAnswer, example, shown
from change_service.domain import Authorization, AuthorizationState, Gate, SubjectKind, VoteKind


class VoteBody(Strict):
    """A vote: what is meant by it, on which document, and why."""

    model_config = example(
        vote="approve",
        document_digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        meaning="I have read the plan and accept its risk",
        delegate_to=None,
        reason="the back-out was rehearsed",
    )

    vote: VoteKind
    document_digest: Name
    meaning: Text
    delegate_to: Subject | None = None
    reason: Text


class WaiverBody(Strict):
    """Which conflicts of which release an authority is asked to waive."""

    model_config = example(
        release_id=EXAMPLE_ID, conflict_ids=["1f2e3d4c5b6a7988"], reason="the fix cannot wait for the freeze to end"
    )

    release_id: UUID
    conflict_ids: Annotated[list[Name], Field(min_length=1, max_length=LIST_MAX)]
    reason: Text


class LineageAnswer(Answer):
    """A person who had a part in what is decided."""

    person_id: str
    part: str


class BoundChangeAnswer(Answer):
    """A change that is bound, with the digest of its content."""

    change_id: UUID
    content_digest: str


class VoteAnswer(Answer):
    """One vote as it was given."""

    person_id: str
    counts_as: str
    kind: VoteKind
    roles: list[str]
    at: str
    meaning: str
    reason: str
    digest: str
    step: int
    delegated_to: str | None


class StepAnswer(Answer):
    """One step of the rule that decides."""

    name: str
    roles: list[str]
    quorum: str
    count: int
    group_id: UUID | None


class AuthorizationRow(Answer):
    """An authorization in a list."""

    id: UUID
    number: str
    state: AuthorizationState
    request_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    release_id: UUID | None
    gates: list[Gate]
    change_ids: list[UUID]
    summary: str
    document_digest: str
    emergency: bool
    requested_by: str
    requested_at: str
    rule: str
    policy_version: int
    due_at: str
    escalated: bool
    vote_count: int
    deciders: list[str]
    used_gates: list[Gate]
    reasons: list[str]


class AuthorizationAnswer(Answer):
    """An authorization as it stands, with the document that voters read."""

    id: UUID
    state: AuthorizationState
    request_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    release_id: UUID | None
    gates: list[Gate]
    summary: str
    document: dict[str, str]
    document_digest: str
    changes: list[BoundChangeAnswer]
    lineage: list[LineageAnswer]
    signed_off_by: str | None
    emergency: bool
    requested_by: str
    requested_at: str
    request_expires_at: str
    rule: str
    policy_version: int
    steps: list[StepAnswer]
    step: int
    signer_may_vote: bool
    escalation: str | None
    votes: list[VoteAnswer]
    deciders: list[DeciderAnswer]
    model_id: UUID | None
    granted_at: str | None
    expires_at: str | None
    used_gates: list[Gate]
    revoked_at: str | None
    reasons: list[str]


class GateAnswer(Answer):
    """Whether a release may enter the phase behind a gate, as far as its authorization says."""

    release_id: UUID
    gate: Gate
    verdict: Literal["awaiting", "allowed", "prevented", "invalid"]
    authorization_id: UUID | None
    expires_at: str | None
    reasons: list[str]


def present_authorization(authorization: Authorization) -> AuthorizationAnswer:
    """Present an authorization."""
    question, rule = authorization.question, authorization.rule
    return shown(
        AuthorizationAnswer,
        id=authorization.id,
        state=authorization.state,
        request_id=question.request_id,
        subject_kind=question.subject_kind,
        subject_id=question.subject_id,
        release_id=question.release_id,
        gates=question.gates,
        summary=question.summary,
        document=question.document,
        document_digest=question.document_digest,
        changes=question.changes,
        lineage=question.lineage,
        signed_off_by=question.signed_off_by,
        emergency=question.emergency,
        requested_by=authorization.requested_by,
        requested_at=authorization.requested_at,
        request_expires_at=authorization.request_expires_at,
        rule=rule.name,
        policy_version=authorization.policy_version,
        steps=rule.steps,
        step=authorization.step,
        signer_may_vote=rule.signer_may_vote,
        escalation=authorization.escalation,
        votes=authorization.votes,
        deciders=authorization.deciders,
        model_id=authorization.model_id,
        granted_at=authorization.granted_at,
        expires_at=authorization.expires_at,
        used_gates=authorization.used_gates,
        revoked_at=authorization.revoked_at,
        reasons=authorization.reasons,
    )


def location_of_authorization(authorization: Authorization) -> str:
    """Return where an authorization is found."""
    return f"/v1/authorizations/{authorization.id}"
