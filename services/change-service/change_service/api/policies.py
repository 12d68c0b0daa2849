"""Authority policies over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from fourgates.chassis.http import Answer, HistoryAnswer, Name, NextAnswer, Page, PathId, Strict, Text
from fourgates.chassis.http.reading import next_answer
from pydantic import ConfigDict, Field

from change_service.api.shapes import Authorizer, Reader, Reason, example, from_row, shown
from change_service.domain import (
    AuthorityPolicy,
    ChangeType,
    Gate,
    Match,
    QuorumKind,
    Risk,
    Rule,
    Step,
    SubjectKind,
)
from change_service.domain import PolicyVersion as Version

YEAR_S = 366 * 86_400
SOME = Field(max_length=50)

router = APIRouter(prefix="/v1", tags=["authority policies"])


class StepBody(Strict):
    """One step: who may vote in it, and how many must approve."""

    # A rule that was read can be sent back as it is.
    name: Name
    roles: Annotated[list[Name], SOME] = []
    quorum: QuorumKind = QuorumKind.FIRST
    count: int = Field(default=1, ge=1, le=1000)
    group_id: UUID | None = None

    def step(self) -> Step:
        """Return the step as the domain knows it."""
        return Step(self.name, tuple(self.roles), self.quorum, self.count, self.group_id)


class MatchBody(Strict):
    """To what a rule applies; an empty part applies to everything."""

    subject_kinds: Annotated[list[SubjectKind], SOME] = []
    change_types: Annotated[list[ChangeType], SOME] = []
    risks: Annotated[list[Risk], SOME] = []
    gates: Annotated[list[Gate], SOME] = []
    service_tiers: Annotated[list[Name], SOME] = []
    environment_ids: Annotated[list[UUID], SOME] = []
    emergency: bool | None = None

    def match(self) -> Match:
        """Return the match as the domain knows it."""
        return Match(
            subject_kinds=tuple(self.subject_kinds),
            change_types=tuple(self.change_types),
            risks=tuple(self.risks),
            gates=tuple(self.gates),
            service_tiers=tuple(self.service_tiers),
            environment_ids=tuple(self.environment_ids),
            emergency=self.emergency,
        )


class RuleBody(Strict):
    """Who decides what a rule matches."""

    name: Name
    match: MatchBody
    steps: Annotated[list[StepBody], Field(min_length=1, max_length=5)]
    grant_validity_s: int = Field(ge=1, le=YEAR_S)
    request_validity_s: int = Field(ge=1, le=YEAR_S)
    escalate_after_s: int = Field(ge=1, le=YEAR_S)
    escalate_to: Annotated[list[Name], SOME] = []
    signer_may_vote: bool = False
    may_join: bool = False

    def rule(self) -> Rule:
        """Return the rule as the domain knows it."""
        return Rule(
            name=self.name,
            match=self.match.match(),
            steps=tuple(step.step() for step in self.steps),
            grant_validity_s=self.grant_validity_s,
            request_validity_s=self.request_validity_s,
            escalate_after_s=self.escalate_after_s,
            escalate_to=tuple(self.escalate_to),
            signer_may_vote=self.signer_may_vote,
            may_join=self.may_join,
        )


class ProposalBody(Strict):
    """The rules of the next version; they replace all rules of the version in force."""

    model_config = example(
        rules=[
            {
                "name": "everything",
                "match": {"emergency": False},
                "steps": [{"name": "authority", "roles": ["change_authority"], "quorum": "at_least", "count": 2}],
                "grant_validity_s": 1209600,
                "request_validity_s": 2592000,
                "escalate_after_s": 259200,
                "escalate_to": ["cab_member"],
            }
        ],
        reason="two people for everything from now on",
    )

    rules: Annotated[list[RuleBody], Field(min_length=1, max_length=100)]
    reason: Text


class ApprovalBody(Strict):
    """An approval of the proposal that was read, by the digest of its rules."""

    model_config = example(
        rules_digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", reason="agreed with the board"
    )

    rules_digest: Name
    reason: Text


class StepAnswer(Answer):
    """One step of a rule."""

    name: str
    roles: list[str]
    quorum: QuorumKind
    count: int
    group_id: UUID | None


class MatchAnswer(Answer):
    """To what a rule applies."""

    subject_kinds: list[SubjectKind]
    change_types: list[ChangeType]
    risks: list[Risk]
    gates: list[Gate]
    service_tiers: list[str]
    environment_ids: list[UUID]
    emergency: bool | None


class RuleAnswer(Answer):
    """Who decides what a rule matches."""

    name: str
    match: MatchAnswer
    steps: list[StepAnswer]
    grant_validity_s: int
    request_validity_s: int
    escalate_after_s: int
    escalate_to: list[str]
    signer_may_vote: bool
    may_join: bool


class VersionRow(Answer):
    """One version of the policy."""

    model_config = ConfigDict(frozen=True)

    policy_id: UUID
    number: int
    rules: list[RuleAnswer]
    proposed_by: str
    approved_by: str
    approved_at: str


class ProposalAnswer(Answer):
    """A proposed next version."""

    rules: list[RuleAnswer]
    rules_digest: str
    proposed_by: str
    reason: str


class PolicyAnswer(Answer):
    """The authority policy: the version in force, and what is proposed."""

    id: UUID
    number: int
    rules: list[RuleAnswer]
    proposed_by: str
    approved_by: str
    proposal: ProposalAnswer | None


def present_policy(policy: AuthorityPolicy) -> PolicyAnswer:
    """Present the policy."""
    version: Version = policy.in_force
    proposal = policy.proposal
    proposed = proposal and shown(
        ProposalAnswer,
        rules=proposal.rules,
        rules_digest=proposal.digest,
        proposed_by=proposal.proposed_by,
        reason=proposal.reason,
    )
    shape = shown(
        PolicyAnswer,
        id=policy.id,
        number=version.number,
        rules=version.rules,
        proposed_by=version.proposed_by,
        approved_by=version.approved_by,
        proposal=None,
    )
    return shape.model_copy(update={"proposal": proposed})


@router.get(
    "/authority-policies",
    operation_id="authority_policies_list",
    summary="List the versions of the policy",
    response_model=Page[VersionRow],
)
def list_versions(call: Reader) -> Response:
    """List every version that was ever in force, the oldest first."""
    return call.page("policy_versions", order_by="number", present=from_row(VersionRow))


@router.get(
    "/authority-policies/{policy_id}",
    operation_id="authority_policies_get",
    summary="Show the policy",
    response_model=PolicyAnswer,
)
async def get_policy(policy_id: PathId, call: Reader) -> Response:
    """Show the version in force and the proposed one."""
    return await call.show(AuthorityPolicy, policy_id, present_policy)


@router.get(
    "/authority-policies/{policy_id}/next",
    operation_id="authority_policies_next",
    summary="What can be done next",
    response_model=NextAnswer,
)
def next_of_policy(policy_id: PathId, call: Reader) -> Response:
    """Say what can be done next with the policy, by whom, and why not."""
    policy = call.get(AuthorityPolicy, policy_id)
    return call.answer(next_answer(policy.next(call.act())))


@router.get(
    "/authority-policies/{policy_id}/history",
    operation_id="authority_policies_history",
    summary="The events of the policy",
    response_model=HistoryAnswer,
)
def history_of_policy(policy_id: PathId, call: Reader) -> Response:
    """Return the events of the policy in order."""
    return call.history(AuthorityPolicy, policy_id)


@router.post(
    "/authority-policies/{policy_id}/proposals",
    operation_id="authority_policies_propose",
    summary="Propose the next version",
    status_code=201,
    response_model=PolicyAnswer,
)
async def propose_policy(policy_id: PathId, body: ProposalBody, call: Authorizer) -> Response:
    """Propose the next version of the policy; somebody else must approve it."""
    return await call.command(
        lambda use_cases: use_cases.propose_policy(
            call.act(body.reason), policy_id=policy_id, rules=tuple(rule.rule() for rule in body.rules)
        ),
        present=present_policy,
        status=201,
        location=lambda policy: f"/v1/authority-policies/{policy.id}",
    )


@router.post(
    "/authority-policies/{policy_id}/approvals",
    operation_id="authority_policies_approve",
    summary="Approve the proposed version",
    response_model=PolicyAnswer,
)
async def approve_policy(policy_id: PathId, body: ApprovalBody, call: Authorizer) -> Response:
    """Approve the proposed version that was read; it is in force from then on."""
    return await call.command(
        lambda use_cases: use_cases.approve_policy(
            call.act(body.reason), policy_id=policy_id, digest=body.rules_digest
        ),
        present=present_policy,
    )


@router.post(
    "/authority-policies/{policy_id}/declinations",
    operation_id="authority_policies_decline",
    summary="Decline the proposed version",
    response_model=PolicyAnswer,
)
async def decline_policy(policy_id: PathId, body: Reason, call: Authorizer) -> Response:
    """Decline the proposed version."""
    return await call.command(
        lambda use_cases: use_cases.decline_policy(call.act(body.reason), policy_id=policy_id), present=present_policy
    )
