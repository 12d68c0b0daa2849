"""Any order of commands and facts on a change: the invariants about its history hold."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from change_service.domain import FINAL, Change, ChangeGrant, ChangeState, ChangeType, Content, Decider, Outcome, Risk
from fourgates.chassis.aggregate import Refused
from fourgates.chassis.testing import NOON, an_act, replayed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

SERVICE = UUID(int=1)
RELEASES = st.sampled_from([UUID(int=2), UUID(int=3)])
GRANTS = st.sampled_from([UUID(int=4), UUID(int=5)])
ALL = ("requester", "change_manager")
PEOPLE = st.sampled_from([("rita", ALL), ("mia", ("change_manager",)), ("tom", ("tester",))])
TITLES = st.sampled_from(["one", "two"])


def an_actor(person):
    return an_act(person[0], roles=person[1])


def state_of(aggregate):
    return {name: value for name, value in vars(aggregate).items() if not name.startswith("_")}


class ChangeMachine(RuleBasedStateMachine):
    @initialize(kind=st.sampled_from(list(ChangeType)), alters=st.booleans())
    def draft(self, kind, alters):
        content = Content("one", "", kind, Risk.LOW, (SERVICE,), alters_service=alters)
        self.change = Change.draft(an_act("rita", roles=ALL), change_id=UUID(int=9), content=content)
        self.ended_in = None

    def attempt(self, command, *args, **kwargs):
        before = len(self.change.pending_events)
        try:
            command(*args, **kwargs)
        except Refused:
            unchanged = True
        else:
            unchanged = False
        assert unchanged == (len(self.change.pending_events) == before)

    @rule(person=PEOPLE, name=st.sampled_from(["submit", "cancel", "put_on_hold", "take_off_hold", "close"]))
    def command(self, person, name):
        self.attempt(getattr(self.change, name), an_actor(person))

    @rule(person=PEOPLE, risk=st.sampled_from(list(Risk)))
    def assess(self, person, risk):
        self.attempt(self.change.assess, an_actor(person), risk=risk, findings="")

    @rule(person=PEOPLE, title=TITLES)
    def rewrite(self, person, title):
        carried = self.change.carried_by is not None and not self.change.scope_open
        digest = self.change.content_digest
        self.attempt(self.change.rewrite, an_actor(person), content=replace(self.change.content, title=title))
        assert not carried or self.change.content_digest == digest

    @rule(person=PEOPLE, grant=GRANTS, undecided=st.booleans(), by_model=st.booleans())
    def put_to_authority(self, person, grant, undecided, by_model):
        command, act = self.change.put_to_authority, an_actor(person)
        self.attempt(command, act, authorization_id=grant, undecided=undecided, by_model=by_model)

    @rule(person=PEOPLE, outcome=st.sampled_from(list(Outcome)))
    def review(self, person, outcome):
        self.attempt(self.change.review, an_actor(person), outcome=outcome)

    @rule(grant=GRANTS, digest=st.sampled_from(["", "old"]))
    def authorize(self, grant, digest):
        decider = Decider("ada", (), NOON, "", "")
        held = ChangeGrant(grant, digest or self.change.content_digest, (decider,), 1)
        self.change.authorize(an_act("change-service"), grant=held)

    @rule(grant=GRANTS)
    def reject(self, grant):
        self.change.reject(an_act("change-service"), authorization_id=grant, reason="no")

    @rule(grant=GRANTS)
    def lose_grant(self, grant):
        self.change.lose_grant(an_act("change-service"), authorization_id=grant, reason="expired")

    @rule(
        release=RELEASES,
        fact=st.sampled_from(["carry", "open_scope", "bind_scope", "schedule", "implement", "send_back"]),
    )
    def fact(self, release, fact):
        getattr(self.change, fact)(an_act("change-service"), release_id=release)

    @rule(release=RELEASES)
    def drop(self, release):
        self.change.drop(an_act("change-service"), release_id=release, reason="dropped")

    @rule(release=RELEASES, outcome=st.sampled_from(list(Outcome)))
    def close_with_release(self, release, outcome):
        self.change.close_with_release(an_act("change-service"), release_id=release, outcome=outcome)

    @invariant()
    def the_end_is_the_end(self):
        if self.ended_in is not None:
            assert self.change.state is self.ended_in
        if self.change.state in FINAL:
            self.ended_in = self.change.state

    @invariant()
    def nothing_is_worked_on_without_a_grant_of_this_very_content(self):
        if self.change.state in {ChangeState.AUTHORIZED, ChangeState.SCHEDULED}:
            assert self.change.grant.content_digest == self.change.content_digest
        granted = None
        for happened in self.change.pending_events:
            name = type(happened).__name__
            if name == "Authorized":
                granted = happened.grant
            if name in {"Rewritten", "Cancelled", "GrantLost"}:
                granted = None
            if name in {"Scheduled", "ImplementationStarted"}:
                assert granted is not None

    @invariant()
    def one_release_carries_it_at_a_time(self):
        carrier = None
        for happened in self.change.pending_events:
            if type(happened).__name__ == "Carried":
                assert carrier is None
                carrier = happened.release_id
            if type(happened).__name__ == "Dropped":
                assert carrier == happened.release_id
                carrier = None
        assert carrier == self.change.carried_by

    @invariant()
    def what_alters_a_service_closes_with_a_release(self):
        if self.change.state is ChangeState.CLOSED and self.change.content.alters_service:
            assert self.change.pending_events[-1].release_id is not None or self.change.carried_by is not None

    @invariant()
    def replay_equals_live(self):
        assert state_of(replayed(self.change)) == state_of(self.change)

    @invariant()
    def only_the_end_has_no_way_out(self):
        if self.change.state in FINAL:
            return
        acts = an_act("rita", roles=ALL)
        ways = {c.command for c in self.change.next(acts) if c.possible} - {"put_on_hold", "take_off_hold"}
        # What a release carries ends with the release.
        assert ways or self.change.carried_by is not None


ChangeMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestChangeMachine = ChangeMachine.TestCase
