"""Any order of commands and heard facts: what must hold over the whole history of a release holds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from fourgates.chassis.aggregate import Refused
from fourgates.chassis.testing import NOON, an_act
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from release_service.domain import (
    ChangeState,
    Conflict,
    DeploymentState,
    Gate,
    MediaState,
    Outcome,
    PlannedRisk,
    ReleaseKind,
    ReleaseState,
    RequestState,
    Risk,
    TestResult,
    WayBack,
)

from tests.unit.release.a_release import (
    PRODUCTION,
    SANDBOX,
    TOOL,
    Story,
    a_change,
    a_decision,
    a_deployment_plan,
    a_grant,
    a_plan,
    an_item,
    facts_of,
    impacted,
    known,
)
from tests.unit.release.law import Law

ROLES = (
    *("requester", "service_owner", "release_manager", "builder", "tester", "change_manager", "deployer"),
    *("change_authority", "cab_member"),
)
NO_CONTINGENCY = a_plan(risks=(PlannedRisk("it is slow", Risk.LOW, ""),))
NO_BACK_OUT = a_plan(back_out=replace(a_plan().back_out, steps=()))
PLANS = (a_plan(), a_plan(strategy="all at once"), NO_CONTINGENCY, NO_BACK_OUT)
KINDS = (ReleaseKind.UPDATE, *ReleaseKind)
SUITES = ("unit", "smoke", "supplier", "licence", "checksum_or_signature", "scan", "dry_run")
PEOPLE = ("mona", "bert", "carl")
# What leads on or back; other commands are possible without leading anywhere.
ONWARD = {*WayBack, "wait for the deployment", "decide the review", "carry changes", "take off hold"}


class ReleaseMachine(RuleBasedStateMachine):
    """One release, and everything that people and other services may do, in any order."""

    @initialize(kind=st.sampled_from(KINDS), emergency=st.booleans(), phases=st.integers(0, 5))
    def open(self, kind, emergency, phases):
        self.story = Story(kind, emergency=emergency)
        self.release = self.story.release
        self.now = NOON
        self.law = Law()
        self.shadow = None
        self.judged = 0
        self.library = {TOOL.key: known(TOOL)}
        self.version = 0
        for _ in range(phases):
            self.go_on()

    def act(self, by="mona"):
        return an_act(by, roles=ROLES, at=self.now)

    def heard(self):
        return an_act("release-service", on_behalf_of="mona", at=self.now)

    # The honest way on, so that the deep states are reached.

    @rule()
    def go_on(self):
        self.work()
        self.pass_gate()

    @rule()
    def work(self):
        with suppress(Refused):
            self.steps()[self.release.state]()

    def steps(self):
        return {
            ReleaseState.REQUESTED: self.plan,
            ReleaseState.PLANNING: self.plan,
            ReleaseState.BUILD_AND_TEST: self.build_and_sign,
            ReleaseState.CHECK_IN: self.check_in,
            ReleaseState.DEPLOYMENT: self.deploy,
            ReleaseState.REVIEW: lambda: None,
            ReleaseState.CLOSED: lambda: None,
            ReleaseState.CANCELLED: lambda: None,
        }

    def deploy(self):
        runs = self.release.deployment_runs
        self.news(DeploymentState.DEPLOYED if runs else DeploymentState.RUNNING, 0)

    def plan(self):
        self.release.write_plan(self.act(), plan=a_plan())
        self.release.note_impact(self.heard(), impact_digest="1" * 64, services=(impacted(),))
        self.release.acknowledge_impact(self.act(), impact_digest="1" * 64)

    def build_and_sign(self):
        self.build(TOOL, "bert", fresh=True)
        for suite in self.release.suites_not_passed(minimum_only=False):
            self.run(suite, TestResult.PASSED, "bert", right=True)
        self.rehearse(succeeded=True, duration_s=10)
        self.release.record_sign_off(self.act("carl"))

    def check_in(self):
        self.answer_check_in(completed=True)
        self.plan_deployment(conflict=False)
        self.release.inform_owners(self.act(), service_ids=self.release.owners_not_informed())

    @rule(enters=st.booleans())
    def pass_gate(self, enters=True):
        following = {
            ReleaseState.REQUESTED: Gate.PLANNING,
            ReleaseState.PLANNING: Gate.BUILD_AND_TEST,
            ReleaseState.BUILD_AND_TEST: Gate.CHECK_IN,
        }
        gate = following.get(self.release.state, Gate.DEPLOYMENT)
        with suppress(Refused):
            request_id = self.story.new_id()
            self.release.request_gates(self.act(), request_id=request_id, gates=(gate,))
            self.grant(0, right=True)
        if enters:
            self.enter(ReleaseState(gate.value))

    # Everything else, in any order.

    @rule(gates=st.lists(st.sampled_from(Gate), min_size=1, max_size=2))
    def request(self, gates):
        with suppress(Refused):
            self.release.request_gates(self.act(), request_id=self.story.new_id(), gates=tuple(gates))

    @rule(first=st.sampled_from([Gate.PLANNING, Gate.CHECK_IN]))
    def request_joined(self, first):
        second = Gate.BUILD_AND_TEST if first is Gate.PLANNING else Gate.DEPLOYMENT
        self.request([first, second])

    @rule(back=st.integers(0, 2), right=st.booleans())
    def grant(self, back, right):
        requests = list(self.release.requests.values())
        if len(requests) > back:
            request = requests[-1 - back]
            wrong = {} if right else {"document_digest": "0" * 64}
            expires_at = self.now + timedelta(hours=2)
            self.release.note_grant(self.heard(), grant=a_grant(request, expires_at=expires_at, **wrong))

    @rule(back=st.integers(0, 3), ended=st.sampled_from(RequestState))
    def end(self, back, ended):
        requests = list(self.release.requests.values())
        if len(requests) > back and ended not in {RequestState.REQUESTED, RequestState.GRANTED, RequestState.USED}:
            request_id = requests[-1 - back].request_id
            self.release.note_request_ended(self.heard(), request_id=request_id, ended=ended, reasons=("so",))

    @rule(back=st.integers(0, 1))
    def withdraw(self, back):
        requests = list(self.release.requests)
        if len(requests) > back:
            with suppress(Refused):
                self.release.withdraw_gate_request(self.act(), request_id=requests[-1 - back])

    @rule(phase=st.sampled_from(ReleaseState))
    def enter(self, phase):
        with suppress(Refused):
            self.release.enter_phase(
                self.act(), phase=phase, deployment_id=self.story.new_id(), debts_due_at=self.now + timedelta(hours=3)
            )

    @rule(plan=st.sampled_from(PLANS))
    def write_plan(self, plan):
        with suppress(Refused):
            self.release.write_plan(self.act(), plan=plan)

    @rule(digest=st.sampled_from(["1" * 64, "2" * 64]), acknowledged=st.booleans())
    def impact(self, digest, acknowledged):
        self.release.note_impact(self.heard(), impact_digest=digest, services=(impacted(),))
        if acknowledged:
            with suppress(Refused):
                self.release.acknowledge_impact(self.act(), impact_digest=digest)

    @rule(state=st.sampled_from(MediaState))
    def quarantine_tool(self, state):
        self.library[TOOL.key] = known(TOOL, state)

    @rule(tool=st.sampled_from([TOOL, an_item("stranger", "1", "8")]), by=st.sampled_from(PEOPLE), fresh=st.booleans())
    def build(self, tool, by, fresh):
        self.version += 1
        version = f"{self.release.package_version}.{self.version}" if fresh else "1.0.0"
        mark = "abcdef"[self.version % 6]
        with suppress(Refused):
            self.release.record_build(
                self.act(by),
                build_id=self.story.new_id(),
                inputs=(tool,),
                candidates=(an_item(version=version, mark=mark),),
                known=self.library,
            )
            # Invariant 4: it was accepted, so its input is definitive now.
            heard = self.library[tool.key]
            assert (heard.sha256, heard.state) == (tool.sha256, MediaState.DEFINITIVE)

    @rule(
        suite=st.sampled_from(SUITES),
        result=st.sampled_from(TestResult),
        by=st.sampled_from(PEOPLE),
        right=st.booleans(),
    )
    def run(self, suite, result, by, right):
        build = self.release.build
        tested = build.candidates[0].sha256 if build and right else "7" * 64
        with suppress(Refused):
            self.story.run(suite, result, tested=tested, act=self.act(by))

    @rule(by=st.sampled_from(PEOPLE))
    def sign_off(self, by):
        with suppress(Refused):
            self.release.record_sign_off(self.act(by))

    @rule(succeeded=st.booleans(), duration_s=st.sampled_from([10, 100]))
    def rehearse(self, succeeded, duration_s):
        rehearsal_id = self.story.new_id()
        with suppress(Refused):
            self.release.request_rehearsal(self.act(), rehearsal_id=rehearsal_id, environment_id=SANDBOX)
            self.release.note_rehearsal(
                self.heard(), rehearsal_id=rehearsal_id, succeeded=succeeded, duration_s=duration_s, notes=()
            )

    @rule(completed=st.booleans())
    def answer_check_in(self, completed):
        for build in self.release.builds[-2:]:
            if completed:
                items = build.candidates
                self.release.note_check_in_completed(self.heard(), build_id=build.build_id, items=items)
                self.library |= {i.key: known(i) for i in items if i.key in self.release.checked_in}
            else:
                self.release.note_check_in_refused(self.heard(), build_id=build.build_id, reasons=("no",))

    @rule(conflict=st.booleans())
    def plan_deployment(self, conflict):
        conflicts = (Conflict("1", "freeze", "It is frozen.", PRODUCTION),) if conflict else ()
        with suppress(Refused):
            self.release.plan_deployment(self.act(), plan=a_deployment_plan())
            digest = self.release.deployment_plan_digest()
            self.release.note_conflicts(self.heard(), plan_digest=digest, conflicts=conflicts)

    @rule(heard=st.sampled_from(DeploymentState), back=st.integers(0, 1))
    def news(self, heard, back=0):
        deployments = list(self.release.deployments)
        if len(deployments) > back and heard not in {DeploymentState.REQUESTED, DeploymentState.WITHDRAWN}:
            deployment_id = deployments[-1 - back]
            self.release.note_deployment(self.heard(), deployment_id=deployment_id, heard=heard, detail="so it was")

    @rule(way=st.sampled_from(WayBack), version=st.booleans())
    def go_back(self, way, version):
        self.version += 1
        with suppress(Refused):
            self.release.go_back(self.act(), way=way, version=f"2.{self.version}" if version else None)

    @rule(held=st.booleans())
    def hold(self, held):
        with suppress(Refused):
            (self.release.put_on_hold if held else self.release.take_off_hold)(self.act())

    @rule(surely=st.integers(0, 9))
    def cancel(self, surely):
        if surely == 0:
            with suppress(Refused):
                self.release.cancel(self.act())

    @rule(decision=st.sampled_from(["close", "cancel", *WayBack]))
    def decide(self, decision):
        if self.release.state is ReleaseState.REVIEW:
            decided = a_decision(self.release, str(decision), Outcome.SUCCESSFUL)
            self.release.note_review_closed(self.heard(), decision=decided)

    @rule(state=st.sampled_from([ChangeState.REQUESTED, ChangeState.REJECTED, ChangeState.AUTHORIZED]))
    def change(self, state):
        carried = next(iter(self.release.changes.values()))
        self.release.note_change(self.heard(), change=replace(carried, state=state))

    @rule(digest=st.sampled_from(["c" * 64, "d" * 64]))
    def rewrite_change(self, digest):
        carried = next(iter(self.release.changes.values()))
        self.release.note_change(self.heard(), change=replace(carried, content_digest=digest))

    @rule(surely=st.integers(0, 3))
    def carry_others(self, surely):
        with suppress(Refused):
            if surely:
                return
            kind = next(iter(self.release.changes.values())).change_type
            self.release.carry_changes(self.act(), changes=(a_change(change_type=kind),))

    @rule(state=st.sampled_from(MediaState))
    def media(self, state):
        for key in self.release.checked_in:
            self.release.note_media(self.heard(), key=key, state=state)

    @rule(minutes=st.sampled_from([1, 30, 90]))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)
        self.release.fail_overdue_debts(self.heard())

    @rule(confirmed=st.booleans())
    def confirm(self, confirmed):
        with suppress(Refused):
            self.release.request_confirmation(self.act(), request_id=self.story.new_id())
            asked = self.release.confirmation_id
            self.release.note_confirmation(self.heard(), request_id=asked, confirmed=confirmed, reasons=())

    @rule()
    def inform(self):
        with suppress(Refused):
            self.release.inform_owners(self.act(), service_ids=self.release.owners_not_informed())

    # The law.

    @invariant()
    def the_law_holds_over_history_and_replay_equals_live(self):
        if not hasattr(self, "release"):
            return
        for event in self.release.pending_events[self.judged :]:
            if self.shadow is not None:
                self.law.judge(self.shadow, event)
            self.shadow = event.mutate(self.shadow)
        self.judged = len(self.release.pending_events)
        assert facts_of(self.shadow) == {**facts_of(self.release)}

    @invariant()
    def there_is_always_a_way_out(self):
        if not hasattr(self, "release") or self.release.state in {ReleaseState.CLOSED, ReleaseState.CANCELLED}:
            return
        commands = self.release.next(an_act("zoe", roles=ROLES, at=self.now))
        out = {c.command for c in commands if c.possible}
        revoked = {request.crossing for request in self.release.requests.values()} == {RequestState.REVOKED.value}
        # Nobody has to cancel for want of a way, unless every grant was revoked under a deployment that is asked for.
        # What an emergency owes blocks closing only until it is settled, or its date has passed.
        assert out & ONWARD or self.release.open_debts() or (revoked and "cancel" in out)


TestReleaseMachine = ReleaseMachine.TestCase
TestReleaseMachine.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
