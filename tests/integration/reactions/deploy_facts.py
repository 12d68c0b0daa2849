"""What deploy-service hears in its tests, and how it comes to be in a certain state."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from deploy_service.domain import Result
from fourgates.chassis.testing import NOON
from fourgates.contracts.change import (
    AuthorizationExpired,
    AuthorizationRevoked,
    AuthorizationVoided,
    CalendarWindowLifted,
    CalendarWindowSet,
    ScheduleConflict,
    ScheduleConflictCleared,
    ScheduleConflictFound,
)
from fourgates.contracts.common import (
    Decider,
    Gate,
    Grant,
    Item,
    PlannedEnvironment,
    ReleaseKind,
    ReleaseState,
    Step,
)
from fourgates.contracts.dml import (
    MediaCheckedIn,
    MediaCleared,
    MediaQuarantined,
    MediaWithdrawn,
    RelationsChanged,
    ServiceLifecycleEntered,
    ServiceRegistered,
)
from fourgates.contracts.release import (
    CancellationRequested,
    ChangesCarried,
    DeploymentRequested,
    RehearsalRequested,
    ReleaseCancelled,
    ReleaseOpened,
    ReleasePutOnHold,
    ReleaseTakenOffHold,
    WentBack,
)

SERVICE, RELEASE, CHANGE, BUILD = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
SANDBOX, STAGING, PRODUCTION = UUID(int=11), UUID(int=12), UUID(int=13)
REHEARSAL, DEPLOYMENT, WINDOW = UUID(int=21), UUID(int=22), UUID(int=23)
GRANT_2, GRANT_4, ITEM = UUID(int=31), UUID(int=32), UUID(int=41)
OF_RELEASE = {"release_id": RELEASE, "service_id": SERVICE}
WHEEL = Item(name="parcels", version="1.0", sha256="a" * 64, size_bytes=10, kind="wheel")
OF_ITEM = {"item": WHEEL, "item_id": ITEM}
STEPS = {
    "deployment_steps": [Step(name="install", action="install"), Step(name="start", action="start", path="parcels")],
    "back_out_steps": [Step(name="stop", action="stop"), Step(name="remove", action="remove")],
    "forward_steps": [],
}
DIGESTS = {"package_digest": "p" * 64, "steps_digest": "e" * 64}
DEPLOYER = ("deployer",)
DONE = Result(succeeded=True, duration_s=0.1, detail="done", url="http://127.0.0.1:1", manifest_digest="m" * 64)


def grant(authorization_id, gate):
    return Grant(
        authorization_id=authorization_id,
        request_id=UUID(int=99),
        gate=gate,
        document_digest="d" * 64,
        deciders=[Decider(person_id="cora", roles=["change_authority"], voted_at=NOON, meaning="approve", reason="ok")],
        policy_version=1,
        rule="normal",
        granted_at=NOON,
        expires_at=NOON + timedelta(days=2),
    )


REHEARSE = RehearsalRequested(
    **OF_RELEASE,
    **STEPS,
    **DIGESTS,
    rehearsal_id=REHEARSAL,
    kind=ReleaseKind.UPDATE,
    version="1.0",
    items=[WHEEL],
    longest_duration_s=60,
    environment_id=SANDBOX,
    grant=grant(GRANT_2, Gate.BUILD_AND_TEST),
)


def rung(environment_id, node, *, hours=1, soak_s=0):
    return PlannedEnvironment(
        environment_id=environment_id,
        window_start=NOON,
        window_end=NOON + timedelta(hours=hours),
        waves=[[node]],
        soak_s=soak_s,
    )


DEPLOY = DeploymentRequested(
    **OF_RELEASE,
    **STEPS,
    **DIGESTS,
    deployment_id=DEPLOYMENT,
    kind=ReleaseKind.UPDATE,
    version="1.0",
    items=[WHEEL],
    environments=[rung(STAGING, "s1", soak_s=60), rung(PRODUCTION, "p1", hours=3)],
    point_of_no_return=None,
    rehearsal_id=REHEARSAL,
    on_window_end="pause",
    grant=grant(GRANT_4, Gate.DEPLOYMENT),
    built_by=["ben"],
)
OPENED = ReleaseOpened(
    **OF_RELEASE,
    kind=ReleaseKind.UPDATE,
    version="1.0",
    reason="faster",
    change_ids=[CHANGE],
    requested_by="rita",
    emergency=False,
)
CARRIED = ChangesCarried(**OF_RELEASE, change_ids=[UUID(int=77)])
HELD, FREED = ReleasePutOnHold(**OF_RELEASE, reason="wait"), ReleaseTakenOffHold(**OF_RELEASE, reason="go on")
CANCELLED = ReleaseCancelled(**OF_RELEASE, kind=ReleaseKind.UPDATE, change_ids=[CHANGE], reason="no need")
TO_BE_CANCELLED = CancellationRequested(**OF_RELEASE, reason="no need")
REGISTERED = ServiceRegistered(
    service_id=SERVICE, name="parcels", owner_id="olga", tier="gold", lifecycle="live", value_case="fewer calls"
)
RETIRED = ServiceLifecycleEntered(service_id=SERVICE, lifecycle="retired", release_id=RELEASE)
CHECKED_IN = MediaCheckedIn(**OF_ITEM, release_id=RELEASE, build_id=BUILD, loaded=False)
QUARANTINED = MediaQuarantined(**OF_ITEM, reason="a report", used_by_release_ids=[RELEASE])
CLEARED = MediaCleared(**OF_ITEM, reason="a false report")
WITHDRAWN = MediaWithdrawn(**OF_ITEM, reason="a true report", used_by_release_ids=[RELEASE])
RELATIONS = RelationsChanged(service_id=SERVICE, depends_on=[], live_dependants=[UUID(int=55)])
OF_GRANT = {
    "authorization_id": GRANT_4,
    "request_id": UUID(int=99),
    "subject_kind": "gate",
    "subject_id": RELEASE,
    "release_id": RELEASE,
    "gates": [Gate.DEPLOYMENT],
}
REVOKED = AuthorizationRevoked(**OF_GRANT, reason="new facts", revoked_by="cora")
EXPIRED = AuthorizationExpired(**OF_GRANT, expired_at=NOON)
VOIDED = AuthorizationVoided(**OF_GRANT, reason="the plan was edited")


def freeze(*, after_s=0, kind="freeze"):
    return CalendarWindowSet(
        window_id=WINDOW,
        kind=kind,
        starts_at=NOON + timedelta(seconds=after_s),
        ends_at=NOON + timedelta(days=1),
        environment_ids=[],
        service_ids=[],
        reason="year end",
    )


LIFTED = CalendarWindowLifted(window_id=WINDOW, kind="freeze", reason="enough")


def conflicts(waived_by):
    conflict = ScheduleConflict(
        conflict_id="c1",
        code="freeze",
        detail="A freeze is in force.",
        environment_id=STAGING,
        waived_by=waived_by,
        window_id=WINDOW,
    )
    return ScheduleConflictFound(release_id=RELEASE, plan_digest="f" * 64, conflicts=[conflict])


NO_CONFLICTS = ScheduleConflictCleared(release_id=RELEASE, plan_digest="f" * 64)


def went_back(way):
    return WentBack(
        **OF_RELEASE,
        way=way,
        from_phase=ReleaseState.DEPLOYMENT,
        to_phase=ReleaseState.PLANNING,
        reason="think again",
        voided_request_ids=[],
    )


# What is there before.


def nothing(_here):
    """Leave the service as it is."""


def environments(here):
    kept = (("sandbox", SANDBOX, 0, "x1"), ("staging", STAGING, 1, "s1"), ("production", PRODUCTION, 2, "p1"))
    for name, environment_id, place, node in kept:
        here.carry_out(
            lambda use_cases, name=name, environment_id=environment_id, place=place, node=node: (
                use_cases.register_environment(
                    here.act("dan", DEPLOYER),
                    environment_id=environment_id,
                    name=name,
                    sandbox=place == 0,
                    rung=place,
                    soak_s=0,
                    nodes=(node,),
                )
            )
        )


def heard(*facts, given=nothing):
    def prepare(here):
        given(here)
        for fact in facts:
            here.hear(fact)

    return prepare


def run(here, *, rehearsal=False, orders=20):
    """Carry out what is asked for, as an executor would."""
    for _ in range(orders):
        taken = []

        def take(use_cases, taken=taken):
            act = here.act("deploy-service")
            if rehearsal:
                taken.append(use_cases.take_rehearsal_order(act, rehearsal_id=REHEARSAL)[0])
            else:
                taken.append(use_cases.take_order(act, deployment_id=DEPLOYMENT)[0])

        here.carry_out(take)
        if taken[-1] is None:
            return
        record(here, taken[-1], rehearsal=rehearsal)


def record(here, order, *, rehearsal):
    act = here.act("deploy-service")
    if rehearsal:
        here.carry_out(lambda uc: uc.record_rehearsed(act, rehearsal_id=REHEARSAL, order=order, result=DONE))
    else:
        here.carry_out(lambda uc: uc.record_result(act, deployment_id=DEPLOYMENT, order=order, result=DONE))


def rehearsing(here):
    heard(REGISTERED, OPENED, REHEARSE, given=environments)(here)


def planned(here):
    rehearsing(here)
    run(here, rehearsal=True)
    heard(CHECKED_IN, DEPLOY)(here)


def running(here):
    planned(here)
    here.carry_out(lambda uc: uc.start_deployment(here.act("dan", DEPLOYER), deployment_id=DEPLOYMENT))
    run(here, orders=1)


def standing(here):
    running(here)
    run(here)


def deployed(here):
    standing(here)
    here.tick(after=timedelta(seconds=60))
    run(here)


def told(fact):
    return lambda _here: fact


def later(_here):
    """Time passes."""
