"""A release and its people, brought to any phase by the shortest honest way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.testing import NOON, an_act, replayed
from release_service.domain import (
    Action,
    BackOutPlan,
    CarriedChange,
    ChangeState,
    ChangeType,
    Decider,
    DeploymentPlan,
    DeploymentState,
    Gate,
    Grant,
    ImpactedService,
    Item,
    KnownItem,
    MediaState,
    OnWindowEnd,
    Outcome,
    Plan,
    PlannedEnvironment,
    PlannedRisk,
    Release,
    ReleaseKind,
    ReleaseState,
    ReviewDecision,
    Risk,
    Schedule,
    ServiceFacts,
    Step,
    Suite,
    TestPlan,
    TestResult,
)

RELEASE, SERVICE, OTHER_SERVICE, CHANGE, OTHER_CHANGE = (UUID(int=n) for n in range(1, 6))
STAGING, PRODUCTION, SANDBOX, REVIEW = (UUID(int=n) for n in range(11, 15))
FAR = NOON + timedelta(days=400)
KINDS_WITHOUT = (ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD)


def manager(**more):
    return an_act("mona", roles=("release_manager",), **more)


def builder(**more):
    return an_act("bert", roles=("builder",), **more)


def a_tester(**more):
    return an_act("tess", roles=("tester",), **more)


def signer(**more):
    return an_act("carl", roles=("change_manager",), **more)


def reaction(**more):
    return an_act("release-service", on_behalf_of="dora", **more)


def a_change(change_id=CHANGE, **more):
    facts = {
        "change_id": change_id,
        "state": ChangeState.AUTHORIZED,
        "content_digest": "c" * 64,
        "title": "track parcels",
        "requested_by": "rita",
        "authors": ("anna",),
        "service_ids": (SERVICE,),
    }
    return CarriedChange(**facts | more)


def a_service(**more):
    facts = {"name": "parcels", "owner_id": "olga", "tier": "gold", "lifecycle": "live", "target_count": 2}
    return ServiceFacts(**facts | more)


def an_item(name="parcels", version="1.0.0", mark="a"):
    return Item(name, version, mark * 64, 100, "wheel")


def known(item, state=MediaState.DEFINITIVE):
    return KnownItem(item.name, item.version, item.sha256, state)


TOOL = an_item("setuptools", "80.0", "9")


def a_plan(**more):
    facts = {
        "schedule": Schedule(NOON, NOON + timedelta(days=2)),
        "risks": (PlannedRisk("it is slow", Risk.LOW, "call Olga"),),
        "deployment_steps": (Step("install", Action.INSTALL), Step("start", Action.START, "parcels")),
        "back_out": BackOutPlan((Step("restore", Action.RESTORE),), "olga", "a failed probe", 60),
        "tests": TestPlan((Suite("unit"), Suite("smoke", minimum=True), Suite("load", required=False)), ("it works",)),
        "strategy": "one node after the other",
    }
    return Plan(**facts | more)


def a_deployment_plan(**more):
    window = {"window_start": NOON, "window_end": FAR, "waves": (("node-1",), ("node-2",))}
    rungs = (PlannedEnvironment(STAGING, **window, soak_s=5), PlannedEnvironment(PRODUCTION, **window))
    return DeploymentPlan(**{"environments": rungs, "on_window_end": OnWindowEnd.BACK_OUT} | more)


def impacted(service_id=OTHER_SERVICE):
    return ImpactedService(service_id, "billing", "otto", "silver", "depends_on")


def a_grant(request, *, expires_at=FAR, **more):
    facts = {
        "authorization_id": derived_id(request.request_id, "authorization"),
        "request_id": request.request_id,
        "document_digest": request.document_digest,
        "deciders": (Decider("vera", ("change_authority",), NOON, "approve", "it is fine"),),
        "policy_version": 1,
        "rule": "normal-low",
        "granted_at": NOON,
        "expires_at": expires_at,
    }
    return Grant(**facts | more)


def a_decision(release, decision="close", outcome=Outcome.SUCCESSFUL):
    return ReviewDecision(REVIEW, release.deployment_id, decision, outcome, "as seen", "carl")


class Story:
    """One release, and the shortest honest way through its phases."""

    def __init__(self, kind=ReleaseKind.NEW, *, emergency=False, changes=None, service=None):
        self.kind = kind
        self.ids = 1000
        self.items = (an_item(),)
        change = a_change(change_type=ChangeType.EMERGENCY if emergency else ChangeType.NORMAL)
        self.release = Release.open(
            manager(),
            release_id=RELEASE,
            service_id=SERVICE,
            service=service or a_service(),
            kind=kind,
            version="1.0.0",
            changes=(change,) if changes is None else changes,
            emergency=emergency,
        )

    def new_id(self):
        self.ids += 1
        return UUID(int=self.ids)

    def request(self, *gates):
        request_id = self.new_id()
        self.release.request_gates(manager(), request_id=request_id, gates=gates)
        return self.release.requests[request_id]

    def granted(self, *gates, **more):
        request = self.request(*gates)
        self.release.note_grant(reaction(), grant=a_grant(request, **more))
        return self.release.requests[request.request_id]

    def enter(self, phase, act=None):
        self.release.enter_phase(
            act or manager(), phase=phase, deployment_id=self.new_id(), debts_due_at=NOON + timedelta(days=3)
        )

    def pass_gate(self, gate):
        self.granted(gate)
        self.enter(ReleaseState(gate.value))

    def plan(self, plan=None):
        self.release.write_plan(manager(), plan=plan or a_plan())

    def acknowledge(self, services=None):
        services = (impacted(),) if services is None else services
        self.release.request_impact(manager())
        self.release.note_impact(reaction(), impact_digest="1" * 64, services=services)
        self.release.acknowledge_impact(manager(), impact_digest="1" * 64)

    def build(self, *, items=None, inputs=(TOOL,), known_items=None, act=None):
        self.items = items or self.items
        heard = {item.key: known(item) for item in inputs} if known_items is None else known_items
        self.release.record_build(
            act or builder(), build_id=self.new_id(), inputs=inputs, candidates=self.items, known=heard
        )

    def run(self, suite, result=TestResult.PASSED, *, tested=None, act=None, names=None):
        self.release.record_test_run(
            act or a_tester(),
            test_run_id=self.new_id(),
            suite=suite,
            result=result,
            tested_sha256=tested or self.items[0].sha256,
            evidence_sha256="e" * 64,
            evidence_names=names or (tested or self.items[0].sha256,),
            tests=3,
            failures=0 if result is TestResult.PASSED else 1,
        )

    def run_all(self):
        for suite in self.release.suites_not_passed(minimum_only=False):
            self.run(suite)

    def rehearse(self, *, succeeded=True, duration_s=10.0):
        rehearsal_id = self.new_id()
        self.release.request_rehearsal(manager(), rehearsal_id=rehearsal_id, environment_id=SANDBOX)
        self.rehearsed(rehearsal_id, succeeded=succeeded, duration_s=duration_s)
        return rehearsal_id

    def rehearsed(self, rehearsal_id, *, succeeded=True, duration_s=10.0):
        self.release.note_rehearsal(
            reaction(), rehearsal_id=rehearsal_id, succeeded=succeeded, duration_s=duration_s, notes=("ran",)
        )

    def plan_deployment(self, plan=None):
        self.release.plan_deployment(manager(), plan=plan or a_deployment_plan())
        self.release.note_conflicts(reaction(), plan_digest=self.release.deployment_plan_digest(), conflicts=())

    def inform(self):
        self.release.inform_owners(manager(), service_ids=self.release.owners_not_informed())

    def check_in_completes(self):
        items = tuple(replace(i, item_id=self.new_id()) for i in self.release.build.candidates)
        build_id = self.release.build.build_id
        self.release.note_check_in_completed(reaction(), build_id=build_id, items=items)

    def hear(self, state, deployment_id=None):
        self.release.note_deployment(
            reaction(), deployment_id=deployment_id or self.release.deployment_id, heard=state, detail="so it was"
        )

    def decide(self, decision="close", outcome=Outcome.SUCCESSFUL):
        self.release.note_review_closed(reaction(), decision=a_decision(self.release, decision, outcome))

    # The shortest honest way.

    def to_planning(self):
        self.pass_gate(Gate.PLANNING)
        return self

    def to_ready_plan(self):
        self.to_planning()
        self.plan()
        self.acknowledge()
        return self

    def to_build_and_test(self):
        self.to_ready_plan()
        self.pass_gate(Gate.BUILD_AND_TEST)
        return self

    def to_built(self):
        self.to_build_and_test()
        self.build()
        return self

    def to_signed_off(self):
        self.to_built()
        self.run_all()
        if self.kind not in KINDS_WITHOUT:
            self.rehearse()
        self.release.record_sign_off(signer())
        return self

    def to_check_in(self):
        self.to_signed_off()
        self.pass_gate(Gate.CHECK_IN)
        return self

    def to_checked_in(self):
        self.to_check_in()
        self.check_in_completes()
        return self

    def to_deployable(self):
        self.to_checked_in()
        self.plan_deployment()
        self.inform()
        return self

    def to_deployment(self):
        self.to_deployable()
        self.pass_gate(Gate.DEPLOYMENT)
        return self

    def to_running(self):
        self.to_deployment()
        self.hear(DeploymentState.RUNNING)
        return self

    def to_deployed(self):
        self.to_running()
        self.hear(DeploymentState.DEPLOYED)
        return self

    def to_backed_out(self):
        self.to_running()
        self.hear(DeploymentState.BACKED_OUT)
        return self

    def to_emergency_build(self):
        """Plan first, then one vote for G1 and G2."""
        self.plan()
        self.granted(Gate.PLANNING, Gate.BUILD_AND_TEST)
        self.enter(ReleaseState.PLANNING)
        self.enter(ReleaseState.BUILD_AND_TEST)
        self.build()
        self.run("smoke")
        self.release.record_sign_off(signer())
        self.plan_deployment()
        return self

    def to_emergency_deployment(self):
        """One vote for G3 and G4."""
        self.to_emergency_build()
        self.granted(Gate.CHECK_IN, Gate.DEPLOYMENT)
        self.enter(ReleaseState.CHECK_IN)
        self.check_in_completes()
        self.enter(ReleaseState.DEPLOYMENT)
        return self


def facts_of(release):
    """Return everything that a release knows, to compare a live one with its replay."""
    return {name: value for name, value in vars(release).items() if name != "_pending_events"}


def assert_replay_equals_live(release):
    assert facts_of(replayed(release)) == facts_of(release)
