"""Any order of commands, results and facts: what started ends in three ways only, and replay equals live."""

from __future__ import annotations

import copy
import importlib.util
from contextlib import suppress
from pathlib import Path

from deploy_service.domain import Deployment, DeploymentState, MediumFact, Phase
from fourgates.chassis.aggregate import Refused, Unmet
from fourgates.chassis.testing import event_names, replayed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

spec = importlib.util.spec_from_file_location("deploy_kit", Path(__file__).with_name("conftest.py"))
assert spec
assert spec.loader
kit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit)

ENDS = {DeploymentState.DEPLOYED, DeploymentState.BACKED_OUT, DeploymentState.BACK_OUT_FAILED}
REVOKED = (Unmet("grant-revoked", "It was revoked.", "grant", "redeploy"),)
RESULTS = st.sampled_from([kit.DONE, kit.DONE, kit.DONE, kit.DONE, kit.FAILED])


class Course(RuleBasedStateMachine):
    """Rules are what people, the clock, other services and the executor do."""

    def __init__(self):
        super().__init__()
        self.after_s = 0
        self.order = None
        self.seen: list[str] = []
        self.begun: dict[str, list] = {}

    @initialize(
        limit=st.sampled_from([None, 1, 2]),
        forward=st.booleans(),
        two=st.booleans(),
        on_end=st.sampled_from(["pause", "back_out"]),
        started=st.sampled_from([True, True, True, False]),
    )
    def plan(self, limit, forward, two, on_end, started):
        rungs = (kit.a_rung(kit.STAGING, (("s1",),), soak_s=60), kit.a_rung(waves=(("p1",), ("p2",)), hours=2))
        self.request = kit.a_request(
            environments=rungs if two else rungs[1:],
            deployment_steps=(kit.INSTALL, kit.START),
            back_out_steps=(kit.STOP, kit.RESTORE),
            forward_steps=(kit.START,) if forward else (),
            point_of_no_return=limit,
            on_window_end=on_end,
        )
        self.deployment = Deployment.plan(
            kit.act(), deployment_id=kit.DEPLOYMENT, request=self.request, environments=kit.ENVIRONMENTS
        )
        if started:
            self.start("definitive")

    def act(self):
        return kit.act(after_s=self.after_s)

    def facts(self, state="definitive"):
        item = self.request.items[0]
        return kit.facts(self.request, media=(MediumFact(item.name, item.version, item.sha256, state),))

    @rule(state=st.sampled_from(["definitive", "definitive", "unheard", "quarantined"]))
    def start(self, state):
        with suppress(Refused):
            self.deployment.start(self.act(), facts=self.facts(state), before=())
            assert state == "definitive"

    @rule()
    def take(self):
        order = self.deployment.take_order(self.act())
        if order is not None:
            self.order = order
            self.begun.setdefault(order.phase, []).append(order)

    @rule(result=RESULTS)
    def record(self, result):
        if self.order is not None:
            self.deployment.record_result(self.act(), order=self.order, result=result)

    @rule()
    def go_on_for_a_while(self):
        for _ in range(6):
            self.take()
            self.record(kit.DONE)

    @rule(seconds=st.sampled_from([1, 60, 3000]))
    def let_time_pass(self, seconds):
        self.after_s += seconds
        self.deployment.end_window(self.act())
        with suppress(Refused):
            self.deployment.begin_next_environment(self.act(), facts=self.facts(), before=())

    @rule(back_out=st.booleans())
    def hear_of_a_revocation(self, back_out):
        self.deployment.heed(self.act(), unmet=REVOKED, back_out=back_out)

    @rule(command=st.sampled_from(["pause", "back_out", "abort"]))
    def decide(self, command):
        with suppress(Refused):
            getattr(self.deployment, command)(self.act(), reason="because")

    @rule()
    def resume(self):
        with suppress(Refused):
            self.deployment.resume(self.act(), facts=self.facts())

    @invariant()
    def replay_equals_live(self):
        if hasattr(self, "deployment"):
            assert vars(replayed(self.deployment)) == {**vars(self.deployment), "_pending_events": []}

    @invariant()
    def what_happened_never_contradicts_itself(self):
        if not hasattr(self, "deployment"):
            return
        names = event_names(self.deployment)
        ends = [name for name in names if name in {"Deployed", "BackedOut", "BackOutFailed", "Aborted"}]
        assert len(ends) <= 1
        assert names[: len(self.seen)] == self.seen
        if ends:
            # After the end nothing but the late result of a step that was under way is kept.
            assert set(names[names.index(ends[0]) + 1 :]) <= {"StepDone"}
        assert ("Aborted" in names) <= ("Started" not in names)
        self.seen = names

    @invariant()
    def a_back_out_runs_exactly_the_rehearsed_steps(self):
        orders = self.begun.get(Phase.BACK_OUT, [])
        for node in {order.node for order in orders}:
            ran = list(dict.fromkeys(o.step for o in orders if o.node == node and o.step))
            assert ran == list(self.request.back_out_steps)[: len(ran)]
        if getattr(self, "deployment", None) and self.deployment.state is DeploymentState.BACKED_OUT and orders:
            for node in {order.node for order in orders}:
                assert [o.step for o in dict.fromkeys(orders) if o.node == node and o.step] == list(
                    self.request.back_out_steps
                )

    @invariant()
    def every_state_but_the_final_ones_has_a_way_out(self):
        if not hasattr(self, "deployment"):
            return
        probe = copy.deepcopy(self.deployment)
        act = self.act()
        if probe.state is DeploymentState.PLANNED:
            probe.abort(act, reason="way out")
            return
        if probe.state not in ENDS | {DeploymentState.BACKING_OUT, DeploymentState.ABORTED}:
            probe.back_out(act, reason="way out")
        for _ in range(60):
            order = probe.take_order(act)
            if order is None:
                break
            probe.record_result(act, order=order, result=kit.DONE)
        if probe.state is DeploymentState.RUNNING and probe.stands:
            # It went forward and waits for the next environment: giving that up is the way out.
            probe.back_out(act, reason="way out")
        assert probe.state in ENDS | {DeploymentState.ABORTED}


Course.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestCourse = Course.TestCase
