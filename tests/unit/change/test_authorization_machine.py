"""Any order of votes, ends and uses on an authorization: the invariants about its history hold."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from change_service.domain import (
    Authorization,
    AuthorizationState,
    Ballot,
    Decider,
    Delegator,
    Gate,
    LineagePerson,
    Match,
    Question,
    QuorumKind,
    Rule,
    Standing,
    Step,
    SubjectKind,
    VoteKind,
    Voter,
    electorate_of,
)
from fourgates.chassis.aggregate import Refused
from fourgates.chassis.testing import NOON, an_act, replayed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

GROUP = UUID(int=8)
LINEAGE = (LineagePerson("rita", "requester"), LineagePerson("bob", "builder"), LineagePerson("sam", "signer"))
AUTHORITY = ("change_authority",)
VOTERS = (
    Voter("ada", "ada", ("ada", "ada2"), AUTHORITY),
    Voter("ada2", "ada", ("ada", "ada2"), AUTHORITY),
    Voter("carl", "carl", ("carl",), (*AUTHORITY, "cab_member"), (str(GROUP),)),
    Voter("dora", "dora", ("dora",), ("cab_member",), (str(GROUP),)),
    Voter("emil", "emil", ("emil",), delegators=(Delegator("ada", ("ada", "ada2"), AUTHORITY),)),
    Voter("fay", "fay", ("fay",), AUTHORITY, delegators=(Delegator("bob", ("bob",), ()),)),
    Voter("rita", "rita", ("rita",), AUTHORITY),
    Voter("bob2", "bob", ("bob", "bob2"), AUTHORITY),
    Voter("sam", "sam", ("sam",), AUTHORITY),
    Voter("robot", "robot", ("robot",), AUTHORITY, machine=True),
    Voter("tom", "tom", ("tom",), ("tester",)),
)
STEPS = st.lists(
    st.sampled_from(
        [
            Step("first", AUTHORITY),
            Step("two", AUTHORITY, QuorumKind.AT_LEAST, 2),
            Step("all", ("cab_member",), QuorumKind.ALL),
            Step("group", (), QuorumKind.OF_GROUP, 1, GROUP),
        ]
    ),
    min_size=1,
    max_size=2,
).map(tuple)
GATES = st.sampled_from([(Gate.PLANNING,), (Gate.CHECK_IN,), (Gate.CHECK_IN, Gate.DEPLOYMENT)])
TERMINAL = frozenset(AuthorizationState) - {AuthorizationState.REQUESTED, AuthorizationState.GRANTED}
SERVICE = "change-service"


def state_of(aggregate):
    return {name: value for name, value in vars(aggregate).items() if not name.startswith("_")}


class AuthorizationMachine(RuleBasedStateMachine):
    @initialize(steps=STEPS, gates=GATES, signer_may_vote=st.booleans())
    def request(self, steps, gates, signer_may_vote):
        policy_rule = Rule("rule", Match(), steps, signer_may_vote=signer_may_vote)
        question = Question(
            UUID(int=1), SubjectKind.GATE, UUID(int=2), {"a": "b"}, "digest", "", LINEAGE, UUID(int=2), gates
        )
        self.now = NOON
        self.it = Authorization.request(self.act(), question=question, rule=policy_rule, policy_version=1)
        self.decision = None
        self.was_used = False

    def act(self, by=SERVICE, roles=()):
        return an_act(by, roles=roles, at=self.now)

    @rule(days=st.integers(1, 20))
    def time_passes(self, days):
        self.now += timedelta(days=days)

    @rule(
        voter=st.sampled_from(VOTERS),
        kind=st.sampled_from(list(VoteKind)),
        digest=st.sampled_from(["digest", "digest", "older"]),
        delegate=st.sampled_from(VOTERS),
    )
    def vote(self, voter, kind, digest, delegate):
        electorate = electorate_of(self.it.current_step, VOTERS, LINEAGE, self.it.more_roles)
        before = len(self.it.pending_events)
        try:
            self.it.vote(
                self.act(voter.person_id, voter.roles),
                ballot=Ballot(kind, "", digest),
                voter=voter,
                standing=Standing(electorate=electorate),
                delegate=delegate if kind is VoteKind.DELEGATE else None,
            )
        except Refused:
            unchanged = True
        else:
            unchanged = False
        assert unchanged == (len(self.it.pending_events) == before)

    @rule()
    def expire(self):
        self.it.expire(self.act())

    @rule()
    def escalate(self):
        self.it.escalate(self.act(), electorates=((),) * len(self.it.rule.steps))

    @rule()
    def end(self):
        self.it.end(self.act(), reason="edited")

    @rule()
    def reject(self):
        self.it.reject(self.act(), reasons=("no",))

    @rule()
    def grant_by_model(self):
        decider = Decider("ada", AUTHORITY, self.now, "", "")
        self.it.grant_by_model(self.act(), model_id=GROUP, deciders=(decider,))

    @rule(gate=st.sampled_from(list(Gate)))
    def use(self, gate):
        if gate in self.it.question.gates:
            self.it.use(self.act(), gate=gate, used_at=self.now)

    @rule(roles=st.sampled_from([(), ("change_manager",)]), command=st.sampled_from(["revoke", "withdraw"]))
    def take_back(self, roles, command):
        with suppress(Refused):
            getattr(self.it, command)(self.act("mia", roles))

    @invariant()
    def a_decision_is_made_once(self):
        names = [type(happened).__name__ for happened in self.it.pending_events]
        decisions = [name for name in names if name in {"Granted", "Rejected", "Withdrawn"}]
        assert len(decisions) <= 1
        if self.decision is not None:
            assert decisions == self.decision
        self.decision = decisions or None
        if decisions:
            assert "VoteCast" not in names[names.index(decisions[0]) :]

    @invariant()
    def used_stays_used(self):
        if self.was_used:
            assert self.it.state is AuthorizationState.USED
        self.was_used = self.it.state is AuthorizationState.USED
        assert len(set(self.it.used_gates)) == len(self.it.used_gates)

    @invariant()
    def nobody_votes_who_had_a_part_in_it(self):
        for vote in self.it.votes:
            assert vote.identity in {"ada", "carl", "dora", "emil", "sam"} | {"tom"}
            assert vote.digest == "digest"
            if vote.identity == "sam":
                assert self.it.rule.signer_may_vote or Gate.CHECK_IN not in self.it.question.gates
            if vote.identity == "tom":
                assert vote.counts_as != "tom"

    @invariant()
    def nobody_is_counted_twice(self):
        approvals = [vote for vote in self.it.votes if vote.kind is VoteKind.APPROVE]
        assert len({vote.identity for vote in approvals}) == len(approvals)
        assert len({vote.counts_as for vote in approvals}) == len(approvals)
        voted = self.it.granted_at is not None and self.it.model_id is None
        if voted:
            needed = sum(step.weight for step in self.it.rule.steps if step.quorum is not QuorumKind.ALL)
            assert len(self.it.deciders) >= needed

    @invariant()
    def replay_equals_live(self):
        assert state_of(replayed(self.it)) == state_of(self.it)

    @invariant()
    def only_the_end_has_no_way_out(self):
        if self.it.state not in TERMINAL:
            later = replayed(self.it)
            later.expire(an_act(SERVICE, at=self.now + timedelta(days=60)))
            assert later.state in TERMINAL


AuthorizationMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAuthorizationMachine = AuthorizationMachine.TestCase
