"""Facts about releases, and the shortest way to each state of one."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fourgates.chassis.testing import NOON
from fourgates.contracts import change, deploy, dml, review
from fourgates.contracts.common import ChangeType, Decider, Gate, Item, Outcome, ReleaseKind, Risk, Target
from release_service import domain

SERVICE, OTHER_SERVICE, CHANGE, RELEASE = (UUID(int=n) for n in range(1, 5))
REVIEW, EVALUATION, AUTHORIZATION, ENVIRONMENT = (UUID(int=n) for n in range(11, 15))
G1, G2, G3, G4 = (UUID(int=n) for n in range(21, 25))
BUILD, REHEARSAL, DEPLOYMENT = (UUID(int=n) for n in range(31, 34))
ROLES = ("release_manager", "builder", "tester", "change_manager")
WHEEL = Item(name="parcels", version="1.0.0", sha256="a" * 64, size_bytes=10, kind="wheel")
TOOL = Item(name="flit-core", version="3.9.0", sha256="b" * 64, size_bytes=10, kind="wheel")
OF_RELEASE = {"release_id": RELEASE, "service_id": SERVICE}
OF_DEPLOYMENT = {**OF_RELEASE, "deployment_id": DEPLOYMENT, "kind": ReleaseKind.NEW}
OF_REVIEW = {**OF_RELEASE, "review_id": REVIEW}
GATE_IDS = {"planning": G1, "build_and_test": G2, "check_in": G3, "deployment": G4}

REGISTERED = dml.ServiceRegistered(service_id=SERVICE, name="parcels", owner_id="olga", tier="gold", lifecycle="live")
REQUESTED = change.ChangeRequested(
    change_id=CHANGE,
    title="track parcels",
    change_type=ChangeType.EMERGENCY,
    risk=Risk.LOW,
    service_ids=[SERVICE],
    alters_service=True,
    content_digest="c" * 64,
    requested_by="rita",
    authors=["anna"],
)
AUTHORIZED = change.ChangeAuthorized(
    change_id=CHANGE, content_digest="c" * 64, authorization_id=AUTHORIZATION, deciders=[], policy_version=1
)


def definitive(item):
    return dml.MediaCheckedIn(item=item, item_id=UUID(int=41), release_id=RELEASE, build_id=BUILD, loaded=False)


def of_item(contract, item, **more):
    return contract(item=item, item_id=UUID(int=41), reason="a report", **more)


def of_authorization(gate="planning", **more):
    facts = {
        "authorization_id": AUTHORIZATION,
        "request_id": GATE_IDS[gate],
        "subject_kind": "gate",
        "subject_id": RELEASE,
        "release_id": RELEASE,
        "gates": [Gate(gate)],
    }
    return facts | more


def granted(here, gate="planning", **more):
    digest = release_of(here).requests[GATE_IDS[gate]].document_digest if "document_digest" not in more else ""
    facts = {
        "document": {},
        "document_digest": digest,
        "deciders": [Decider(person_id="vera", roles=["x"], voted_at=NOON, meaning="approve", reason="fine")],
        "policy_version": 1,
        "rule": "first",
        "granted_at": NOON,
        "expires_at": NOON + timedelta(days=9),
    }
    return change.AuthorizationGranted(**of_authorization(gate), **facts | more)


# The shortest way to each state.


def nothing(here):
    """Leave the service as it is."""


def release_of(here):
    found = []
    here.carry_out(lambda use_cases: found.append(use_cases._release(RELEASE)))
    return found[0]


def tell(here, command, by="mona"):
    """Give the release a command, as a person with every role."""

    def carry_out(use_cases):
        release = use_cases._release(RELEASE)
        command(release, here.act(by, ROLES))
        use_cases._save(here.act(by, ROLES), release)

    here.carry_out(carry_out)


def known(here):
    for fact in (REGISTERED, REQUESTED, AUTHORIZED, definitive(TOOL)):
        here.hear(fact)


def opened(here, kind="new", *, emergency=False):
    known(here)
    here.carry_out(
        lambda use_cases: use_cases.open_release(
            here.act("mona", ROLES),
            release_id=RELEASE,
            service_id=SERVICE,
            kind=domain.ReleaseKind(kind),
            version="1.0.0",
            change_ids=(CHANGE,),
            emergency=emergency,
        )
    )


def open_emergency(here):
    opened(here, "fix", emergency=True)


def asked(here, gate="planning"):
    request_id = GATE_IDS[gate]
    tell(here, lambda r, act: r.request_gates(act, request_id=request_id, gates=(domain.Gate(gate),)))


def enter(here, gate):
    due_at = NOON + timedelta(days=3)
    phase = domain.ReleaseState(gate)
    tell(
        here,
        lambda r, act: r.enter_phase(act, phase=phase, deployment_id=DEPLOYMENT, debts_due_at=due_at),
    )


def pass_gate(here, gate):
    asked(here, gate)
    here.hear(granted(here, gate))
    enter(here, gate)


def asked_for_planning(here):
    opened(here)
    asked(here)


def granted_planning(here):
    asked_for_planning(here)
    here.hear(granted(here))


def used_planning(here):
    granted_planning(here)
    enter(here, "planning")


def a_plan():
    step = domain.Step("restore", domain.Action.RESTORE)
    return domain.Plan(
        schedule=domain.Schedule(NOON, NOON + timedelta(days=1)),
        risks=(domain.PlannedRisk("slow", domain.Risk.LOW, "call"),),
        deployment_steps=(step,),
        back_out=domain.BackOutPlan((step,), "olga", "a probe fails", 60),
        tests=domain.TestPlan((domain.Suite("unit", minimum=True),), ("it works",)),
        strategy="at once",
    )


def impact_asked(here):
    used_planning(here)
    tell(here, lambda r, act: r.write_plan(act, plan=a_plan()))
    tell(here, lambda r, act: r.request_impact(act))


IMPACT = dml.ImpactComputed(release_id=RELEASE, service_id=SERVICE, impacted=[], impact_digest="1" * 64)


def building(here):
    impact_asked(here)
    here.hear(IMPACT)
    tell(here, lambda r, act: r.acknowledge_impact(act, impact_digest="1" * 64))
    pass_gate(here, "build_and_test")


def built(here):
    building(here)
    build(here)


def build(here):
    item = domain.Item("parcels", "1.0.0", "a" * 64, 10, "wheel")
    here.carry_out(
        lambda use_cases: use_cases.record_build(
            here.act("bert", ROLES), release_id=RELEASE, build_id=BUILD, inputs=(), candidates=(item,)
        )
    )
    report = f'<testsuite><properties><property name="sha256" value="{"a" * 64}"/></properties><testcase/></testsuite>'
    for suite in release_of(here).suites_not_passed(minimum_only=False):
        here.carry_out(
            lambda use_cases, suite=suite: use_cases.record_test_run(
                here.act("bert", ROLES),
                release_id=RELEASE,
                test_run_id=BUILD,
                suite=suite,
                tested_sha256="a" * 64,
                report=report,
            )
        )


def rehearsing(here):
    built(here)
    tell(here, lambda r, act: r.request_rehearsal(act, rehearsal_id=REHEARSAL, environment_id=ENVIRONMENT))


REHEARSED = deploy.RehearsalFinished(
    rehearsal_id=REHEARSAL,
    release_id=RELEASE,
    succeeded=True,
    duration_s=3.0,
    package_digest="p",
    steps_digest="s",
    environment_id=ENVIRONMENT,
    evidence=[],
)


def checking_in(here):
    rehearsing(here)
    here.hear(REHEARSED)
    tell(here, lambda r, act: r.record_sign_off(act), by="carl")
    pass_gate(here, "check_in")


CHECKED_IN = dml.CheckInCompleted(release_id=RELEASE, build_id=BUILD, items=[WHEEL])


def checked_in(here):
    checking_in(here)
    here.hear(definitive(WHEEL))
    here.hear(CHECKED_IN)


def planned(here):
    checked_in(here)
    planned_at = domain.PlannedEnvironment(ENVIRONMENT, NOON, NOON + timedelta(days=1), (("prod-1",),))
    plan = domain.DeploymentPlan((planned_at,), domain.OnWindowEnd.BACK_OUT)
    tell(here, lambda r, act: r.plan_deployment(act, plan=plan))


def plan_digest(here):
    return release_of(here).deployment_plan_digest()


def deploying(here):
    planned(here)
    here.hear(change.ScheduleConflictCleared(release_id=RELEASE, plan_digest=plan_digest(here)))
    pass_gate(here, "deployment")


STARTED = deploy.DeploymentStarted(**OF_DEPLOYMENT, environment_id=ENVIRONMENT, started_by="dan", started_at=NOON)
DEPLOYED = deploy.Deployed(**OF_DEPLOYMENT, version="1.0.0", items=[WHEEL], endpoints=[], deployed_at=NOON)
BACKED_OUT = deploy.BackedOut(
    **OF_DEPLOYMENT,
    environment_id=ENVIRONMENT,
    reason="a probe failed",
    steps_digest="s",
    restored_version=None,
    endpoints=[],
    backed_out_at=NOON,
)


def running(here):
    deploying(here)
    here.hear(STARTED)


def deployed(here):
    running(here)
    here.hear(DEPLOYED)


def cancelled(here):
    opened(here)
    tell(here, lambda r, act: r.cancel(act))


def in_debt(here):
    """An emergency that has a debt, and has asked the CAB to confirm it."""
    open_emergency(here)
    tell(here, lambda r, act: r.write_plan(act, plan=a_plan()))
    for gate in ("planning", "build_and_test"):
        pass_gate(here, gate)
    build(here)
    tell(here, lambda r, act: r.record_sign_off(act), by="carl")
    pass_gate(here, "check_in")
    here.hear(CHECKED_IN)
    planned_at = domain.PlannedEnvironment(ENVIRONMENT, NOON, NOON + timedelta(days=9), (("prod-1",),))
    plan = domain.DeploymentPlan((planned_at,), domain.OnWindowEnd.BACK_OUT)
    tell(here, lambda r, act: r.plan_deployment(act, plan=plan))
    here.hear(change.ScheduleConflictCleared(release_id=RELEASE, plan_digest=plan_digest(here)))
    pass_gate(here, "deployment")


def closing(decision="close", deployment_id=DEPLOYMENT):
    return review.ReviewClosed(
        **OF_REVIEW,
        decision=decision,
        outcome=Outcome.SUCCESSFUL,
        reason="as seen",
        decided_by="carl",
        verdicts=[],
        deployment_id=deployment_id,
    )


MISSED = review.TargetMissed(
    **OF_REVIEW, evaluation_id=EVALUATION, name="fast", measured=900.0, goal=200.0, unit="ms", detail="too slow"
)
CHANGE_KNOWN = ("release.KnownChangeNamed", "release.KnownChangeNoted")
TARGET = Target(
    target_id=EVALUATION, name="fast", measure="latency_p95_ms", comparison="at_most", goal=200, unit="ms", path="/x"
)
