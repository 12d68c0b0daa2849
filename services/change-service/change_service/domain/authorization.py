"""The authorization: one for each change, gate request, acceptance, override and confirmation; decided by votes."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, derived_id, event, refuse_any

from change_service.domain.authorization_rules import (
    AuthorizationRules,
    AuthorizationState,
    Ballot,
    Question,
    Standing,
)
from change_service.domain.policy import Match, Rule, Step
from change_service.domain.values import Decider, Gate
from change_service.domain.voting import Vote, VoteKind, Voter, meets, shortfall

# Stands in a request that no rule of the policy decides; such a request is rejected as it is opened.
NO_RULE = Rule("none", Match(), (Step("nobody"),))


def id_of_authorization(request_id: UUID) -> UUID:
    """Return the id of an authorization, which follows from its request."""
    return derived_id(request_id, "authorization")


class Authorization(AuthorizationRules, Aggregate):
    """What people decided about one request, and what became of their decision."""

    TOPIC = "change.Authorization"

    class Requested(Aggregate.Created):
        """An authorization was requested; the rule that decides it is pinned with its policy version."""

        question: Question
        rule: Rule
        policy_version: int
        request_expires_at: datetime
        escalates_at: datetime

    class VoteCast(Aggregate.Event):
        """A person voted; `completes_step` says that the quorum of the step is met by it."""

        vote: Vote
        completes_step: bool

    class Escalated(Aggregate.Event):
        """A request waited too long or cannot be met, so more roles may decide it."""

        reason: str
        roles: tuple[str, ...]

    class Granted(Aggregate.Event):
        """Entitled people granted what was asked; the grant binds the document until it expires."""

        deciders: tuple[Decider, ...]
        granted_at: datetime
        expires_at: datetime
        model_id: UUID | None

    class Rejected(Aggregate.Event):
        """What was asked was rejected, or could not be opened; the reasons say why."""

        reasons: tuple[str, ...]

    class Withdrawn(Aggregate.Event):
        """The request was withdrawn before it was decided."""

        reason: str

    class Expired(Aggregate.Event):
        """The request or the grant passed its time."""

        expired_at: datetime
        gates: tuple[Gate, ...]

    class Revoked(Aggregate.Event):
        """An authority took a grant back. A used grant stays used; what runs under it is stopped by those who hear."""

        reason: str

    class Voided(Aggregate.Event):
        """What the grant bound has changed, or is no longer wanted: the gates named here are void."""

        reason: str
        gates: tuple[Gate, ...]

    class Used(Aggregate.Event):
        """A grant was used, once for each of its gates; `crossing` names what had ended it by then."""

        gates: tuple[Gate, ...]
        used_at: datetime
        crossing: str | None

    @classmethod
    def request(cls, act: Act, *, question: Question, rule: Rule, policy_version: int) -> Authorization:
        """Open the request of an authorization."""
        return cls(
            id=id_of_authorization(question.request_id),
            act=act,
            question=question,
            rule=rule,
            policy_version=policy_version,
            request_expires_at=act.at + timedelta(seconds=rule.request_validity_s),
            escalates_at=act.at + timedelta(seconds=rule.escalate_after_s),
        )

    def vote(
        self, act: Act, *, ballot: Ballot, voter: Voter, standing: Standing, delegate: Voter | None = None
    ) -> None:
        """Give a vote, or let another person give it.

        It grants when the last step's quorum is met by it, and any rejection rejects.
        """
        delegating = ballot.kind is VoteKind.DELEGATE
        refuse_any(
            (
                *self.unmet_for_vote(act, ballot, voter, standing),
                *(self.unmet_for_delegate(voter, delegate) if delegating else ()),
            )
        )
        self._count(act, ballot, voter, standing, delegate.identity if delegate and delegating else None)

    def withdraw(self, act: Act) -> None:
        refuse_any(self.unmet_for_withdraw(act))
        self._withdrawn(act=act, reason=act.why)

    def revoke(self, act: Act) -> None:
        refuse_any(self.unmet_for_revoke(act))
        self._revoked(act=act, reason=act.why)

    # Facts that reactions and the clock bring. Those that no longer matter make no event.

    def reject(self, act: Act, *, reasons: tuple[str, ...]) -> None:
        """Refuse to open a request, with every reason."""
        if self.state is AuthorizationState.REQUESTED:
            self._rejected(act=act, reasons=reasons)

    def grant_by_model(self, act: Act, *, model_id: UUID, deciders: tuple[Decider, ...]) -> None:
        """Grant a standard change by its change model, whose approvers are the deciders."""
        if self.state is AuthorizationState.REQUESTED:
            self._grant(act, deciders, model_id)

    def end(self, act: Act, *, reason: str) -> None:
        """Withdraw the request, or void what is unused of the grant."""
        if self.state is AuthorizationState.REQUESTED:
            self._withdrawn(act=act, reason=reason)
        elif self.is_unused:
            self._voided(act=act, reason=reason, gates=self.unused_gates)

    def expire(self, act: Act) -> None:
        """Expire the request or the unused grant when its time has come."""
        due = self.request_expires_at if self.state is AuthorizationState.REQUESTED else self.expires_at
        waiting = self.state is AuthorizationState.REQUESTED or self.is_unused
        if waiting and due is not None and act.at >= due:
            self._expired(act=act, expired_at=due, gates=self.unused_gates)

    def escalate(self, act: Act, *, electorates: tuple[tuple[str, ...], ...]) -> None:
        """Open the request to more roles when it is due, or when the people there are cannot meet it."""
        if not self.may_escalate:
            return
        late = "nobody decided in time" if act.at >= self.escalates_at else None
        reason = shortfall(self.rule, self.step, self.votes, electorates) or late
        if reason is not None:
            self._escalated(act=act, reason=reason, roles=self.escalates_to)

    def use(self, act: Act, *, gate: Gate | None, used_at: datetime) -> None:
        """Record that the grant was used for a gate, or as a whole; what crossed the use is named."""
        fresh = gate not in self.used_gates if gate is not None else self.state is not AuthorizationState.USED
        if self.granted_at is None or not fresh:
            return
        gates = () if gate is None else (gate,)
        self._used(act=act, gates=gates, used_at=used_at, crossing=self.crossing)

    def _count(self, act: Act, ballot: Ballot, voter: Voter, standing: Standing, delegated_to: str | None) -> None:
        vote = Vote(
            person_id=voter.person_id,
            identity=voter.identity,
            counts_as=self.counts_as(voter) or voter.identity,
            kind=ballot.kind,
            roles=voter.roles,
            groups=voter.groups,
            at=act.at,
            meaning=ballot.meaning,
            reason=act.why,
            digest=ballot.digest,
            step=self.step,
            delegated_to=delegated_to,
        )
        votes = (*(v for v in self.votes if v.identity != vote.identity), vote)
        completes = meets(self.current_step, self.step, votes, standing.electorate)
        self._vote_cast(act=act, vote=vote, completes_step=completes)
        if vote.kind is VoteKind.REJECT:
            self._rejected(act=act, reasons=(f"{vote.person_id}: {vote.reason}",))
        elif self.step == len(self.rule.steps):
            approvals = (v for v in self.votes if v.kind is VoteKind.APPROVE)
            deciders = tuple(Decider(v.person_id, v.roles, v.at, v.meaning, v.reason) for v in approvals)
            self._grant(act, deciders, None)

    def _grant(self, act: Act, deciders: tuple[Decider, ...], model_id: UUID | None) -> None:
        expires_at = act.at + timedelta(seconds=self.rule.grant_validity_s)
        self._granted(act=act, deciders=deciders, granted_at=act.at, expires_at=expires_at, model_id=model_id)

    @property
    def unused_gates(self) -> tuple[Gate, ...]:
        """The gates for which the grant was not used yet."""
        return tuple(gate for gate in self.question.gates if gate not in self.used_gates)

    @property
    def may_escalate(self) -> bool:
        """True while the request is undecided and open to nobody but those whom its rule names."""
        return self.state is AuthorizationState.REQUESTED and not self.escalated

    @property
    def is_unused(self) -> bool:
        """True while the grant, or one of its joined gates, waits to be used."""
        return self.state is AuthorizationState.GRANTED

    @property
    def crossing(self) -> str | None:
        """What ended the grant, if something did."""
        if self.revoked_at is not None:
            return f"revoked at {self.revoked_at.isoformat()}"
        return self.ended

    # What each event does to the state.

    @event(Requested)
    def __init__(
        self,
        id: UUID,
        act: Act,
        question: Question,
        rule: Rule,
        policy_version: int,
        request_expires_at: datetime,
        escalates_at: datetime,
    ) -> None:
        self.question = question
        self.rule = rule
        self.policy_version = policy_version
        self.request_expires_at = request_expires_at
        self.escalates_at = escalates_at
        self.requested_by = act.person
        self.requested_at = act.at
        self.state = AuthorizationState.REQUESTED
        self.step = 0
        self.votes: tuple[Vote, ...] = ()
        self.escalated = False
        self.escalation: str | None = None
        self.deciders: tuple[Decider, ...] = ()
        self.granted_at: datetime | None = None
        self.expires_at: datetime | None = None
        self.model_id: UUID | None = None
        self.used_gates: tuple[Gate, ...] = ()
        self.reasons: tuple[str, ...] = ()
        self.revoked_at: datetime | None = None
        self.ended: str | None = None

    @event(VoteCast)
    def _vote_cast(self, act: Act, vote: Vote, *, completes_step: bool) -> None:
        # A later vote of somebody who had not decided takes the place of the earlier one.
        self.votes = (*(v for v in self.votes if v.identity != vote.identity), vote)
        self.step += int(completes_step)

    @event(Escalated)
    def _escalated(self, act: Act, reason: str, roles: tuple[str, ...]) -> None:
        self.escalated = True
        self.escalation = reason

    @event(Granted)
    def _granted(
        self,
        act: Act,
        deciders: tuple[Decider, ...],
        granted_at: datetime,
        expires_at: datetime,
        model_id: UUID | None,
    ) -> None:
        self.deciders = deciders
        self.granted_at = granted_at
        self.expires_at = expires_at
        self.model_id = model_id
        self.state = AuthorizationState.GRANTED

    @event(Rejected)
    def _rejected(self, act: Act, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        self.state = AuthorizationState.REJECTED

    @event(Withdrawn)
    def _withdrawn(self, act: Act, reason: str) -> None:
        self.reasons = (reason,)
        self.state = AuthorizationState.WITHDRAWN

    @event(Expired)
    def _expired(self, act: Act, expired_at: datetime, gates: tuple[Gate, ...]) -> None:
        self.ended = f"expired at {expired_at.isoformat()}"
        self._end_as(AuthorizationState.EXPIRED)

    @event(Revoked)
    def _revoked(self, act: Act, reason: str) -> None:
        self.revoked_at = act.at
        self._end_as(AuthorizationState.REVOKED)

    @event(Voided)
    def _voided(self, act: Act, reason: str, gates: tuple[Gate, ...]) -> None:
        self.ended = f"voided: {reason}"
        self._end_as(AuthorizationState.VOIDED)

    @event(Used)
    def _used(self, act: Act, gates: tuple[Gate, ...], used_at: datetime, crossing: str | None) -> None:
        self.used_gates = (*self.used_gates, *gates)
        if self.state is not AuthorizationState.GRANTED or not self.unused_gates:
            self.state = AuthorizationState.USED

    def _end_as(self, state: AuthorizationState) -> None:
        # What was used stays used for ever: of a joined grant only the gate that was not used yet ends.
        used = self.used_gates or self.state is AuthorizationState.USED
        self.state = AuthorizationState.USED if used else state
