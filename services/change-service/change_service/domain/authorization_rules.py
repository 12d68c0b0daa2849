"""What stands in the way of each command on an authorization: who may vote, on what, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Forbidden, NextCommand, Unmet

from change_service.domain.policy import Rule, Step
from change_service.domain.values import (
    CHANGE_AUTHORITY,
    CHANGE_MANAGER,
    ECAB_MEMBER,
    CarriedChange,
    Decider,
    Gate,
    LineagePerson,
    SubjectKind,
)
from change_service.domain.voting import SIGNER, Vote, VoteKind, Voter, conflicts, counts_as, spent

REVOKERS = (CHANGE_MANAGER, CHANGE_AUTHORITY)


class AuthorizationState(StrEnum):
    """The states of an authorization."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REVOKED = "revoked"
    VOIDED = "voided"
    USED = "used"


@dataclass(frozen=True)
class Question:
    """What is asked: about what, binding what, with whose part in it, and which changes it carries."""

    request_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    document: dict[str, str]
    document_digest: str
    summary: str
    lineage: tuple[LineagePerson, ...]
    release_id: UUID | None = None
    gates: tuple[Gate, ...] = ()
    changes: tuple[CarriedChange, ...] = ()
    signed_off_by: str | None = None
    emergency: bool = False


@dataclass(frozen=True)
class Ballot:
    """What a voter hands in: the vote, what they mean by it, and the digest of what they read."""

    kind: VoteKind
    meaning: str
    digest: str


@dataclass(frozen=True)
class Standing:
    """How things stand at the moment of a vote: holds, differences to what is bound, and all who may vote."""

    holds: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    electorate: tuple[str, ...] = ()


class AuthorizationRules:
    """The rules of an authorization, over the state that its events make."""

    id: UUID
    question: Question
    rule: Rule
    policy_version: int
    state: AuthorizationState
    step: int
    votes: tuple[Vote, ...]
    deciders: tuple[Decider, ...]
    requested_by: str
    escalated: bool
    request_expires_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def unmet_for_vote(self, act: Act, ballot: Ballot, voter: Voter, standing: Standing) -> Iterator[Unmet]:
        """Name everything that keeps this voter from giving this ballot now."""
        yield from self._unmet_moment(act, standing)
        if ballot.digest != self.question.document_digest:
            yield Unmet(
                "older-digest",
                "The vote names another digest than that of the document which is decided.",
                source="document_digest",
                remedy=f"read GET /change/v1/authorizations/{self.id} again and vote on what it shows",
            )
        yield from self._unmet_voter(act, voter)

    def _unmet_moment(self, act: Act, standing: Standing) -> Iterator[Unmet]:
        if self.state is not AuthorizationState.REQUESTED:
            yield Unmet(
                "already-decided",
                f"Votes are given while an authorization is requested; this one is {self.state}.",
                source="state",
                remedy="request it anew",
            )
        if act.at >= self.request_expires_at:
            yield Unmet(
                "request-expired",
                f"The request could be decided until {self.request_expires_at.isoformat()}.",
                source="request_expires_at",
                remedy="request it anew",
            )
        for hold in standing.holds:
            yield Unmet("on-hold", f"{hold} is on hold.", source="on_hold", remedy=f"take {hold} off hold")
        for difference in standing.differences:
            yield Unmet("bound-content-differs", difference, source="changes", remedy="request it anew")

    def _unmet_voter(self, act: Act, voter: Voter) -> Iterator[Unmet]:
        if voter.machine or act.machine:
            yield Forbidden(
                "machine-account",
                "No machine account decides.",
                source="machine",
                remedy="let a person vote",
                person=voter.person_id,
            )
        yield from self._unmet_lineage(voter)
        as_whom = self.counts_as(voter)
        if as_whom is None:
            step = self.current_step
            yield Forbidden(
                "not-entitled",
                f"Rule {self.rule.name}, step {step.name}, is decided by {' or '.join(self._who(step))}.",
                source="roles",
                remedy="ask somebody who is entitled",
                person=voter.person_id,
            )
        if spent(voter, as_whom, self.votes):
            yield Unmet(
                "already-voted",
                "The same person never counts twice.",
                source="votes",
                remedy="ask somebody who has not voted",
            )

    def _unmet_lineage(self, voter: Voter) -> Iterator[Unmet]:
        for person in conflicts(voter, self.question.lineage):
            yield Forbidden(
                "segregation-of-duties",
                f"{person.person_id} is {person.part} of what is decided; neither they, nor an alias or delegate of "
                "theirs, decides about it.",
                source="lineage",
                remedy="ask somebody who had no part in it",
                person=voter.person_id,
            )
        if Gate.CHECK_IN in self.question.gates and not self.rule.signer_may_vote and self.signers & voter.kin:
            yield Forbidden(
                "signer-does-not-vote",
                f"The change manager who signed off votes on check-in only where the policy says so, and rule "
                f"{self.rule.name} does not.",
                source="signed_off_by",
                remedy="ask somebody who did not sign off",
                person=voter.person_id,
            )

    def unmet_for_delegate(self, voter: Voter, delegate: Voter | None) -> Iterator[Unmet]:
        """Name what keeps a vote from being delegated to somebody."""
        if delegate is None or delegate.identity == voter.identity:
            yield Unmet(
                "nobody-to-delegate-to",
                "A vote is delegated to another person who is known here.",
                source="delegate_to",
                remedy="name a person of GET /change/v1/people",
            )
            return
        if delegate.machine:
            yield Forbidden(
                "machine-account",
                "No machine account decides.",
                source="delegate_to",
                remedy="name a person",
                person=delegate.person_id,
            )
        yield from self._unmet_lineage(delegate)

    def unmet_for_withdraw(self, act: Act) -> Iterator[Unmet]:
        if self.question.subject_kind not in {SubjectKind.CHANGE, SubjectKind.OVERRIDE}:
            yield Unmet(
                "withdrawn-where-requested",
                "This request is withdrawn in the service that made it.",
                source="subject_kind",
                remedy=f"withdraw it at release {self.question.release_id}",
            )
        if self.state is not AuthorizationState.REQUESTED:
            yield Unmet(
                "not-requested",
                f"Only a request that is not decided is withdrawn; this one is {self.state}.",
                source="state",
                remedy="revoke a grant instead",
            )
        if act.person != self.requested_by and CHANGE_MANAGER not in act.roles:
            yield Forbidden(
                "not-entitled",
                "A request is withdrawn by whoever made it, or by a change manager.",
                source="requested_by",
                remedy=f"ask {self.requested_by} or a change manager",
                person=act.person,
            )

    def unmet_for_revoke(self, act: Act) -> Iterator[Unmet]:
        if not set(REVOKERS) & set(act.roles):
            yield Forbidden(
                "not-entitled",
                f"A grant is revoked by {' or '.join(REVOKERS)}.",
                source="roles",
                remedy=f"ask a {' or '.join(REVOKERS)}",
                person=act.person,
            )
        if self.state not in {AuthorizationState.GRANTED, AuthorizationState.USED} or self.revoked_at is not None:
            yield Unmet(
                "nothing-to-revoke",
                f"Only a grant that was not revoked before is revoked; this one is {self.state}.",
                source="state",
                remedy="reject a request that is not decided yet",
            )

    def next(self, act: Act, voter: Voter | None, standing: Standing) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        who = voter or Voter(act.person, act.person, (act.person,), machine=act.machine)
        ballot = Ballot(VoteKind.APPROVE, "", self.question.document_digest)
        voting = tuple(self.unmet_for_vote(act, ballot, who, standing))
        return (
            NextCommand("vote", self._who(self.current_step), voting),
            NextCommand("withdraw", (CHANGE_MANAGER,), tuple(self.unmet_for_withdraw(act))),
            NextCommand("revoke", REVOKERS, tuple(self.unmet_for_revoke(act))),
        )

    @property
    def current_step(self) -> Step:
        """The step that waits for votes, or the last one."""
        return self.rule.steps[min(self.step, len(self.rule.steps) - 1)]

    @property
    def more_roles(self) -> tuple[str, ...]:
        """The roles that may vote in every step since the request was escalated."""
        return self.escalates_to if self.escalated else ()

    @property
    def escalates_to(self) -> tuple[str, ...]:
        """The roles to which the request escalates; an emergency is never decided without the ECAB."""
        roles = self.rule.escalate_to
        return tuple(role for role in roles if role == ECAB_MEMBER) if self.question.emergency else roles

    @property
    def signers(self) -> frozenset[str]:
        """Who signed off what is decided."""
        named = {person.person_id for person in self.question.lineage if person.part == SIGNER}
        return frozenset(named | {self.question.signed_off_by} if self.question.signed_off_by else named)

    def counts_as(self, voter: Voter) -> str | None:
        """Return the person as whom a vote would count in the current step, or None without entitlement."""
        return counts_as(voter, self.current_step, self.votes, self.more_roles)

    def _who(self, step: Step) -> tuple[str, ...]:
        group = (f"group {step.group_id}",) if step.group_id else ()
        return (*step.roles, *group, *self.more_roles)
