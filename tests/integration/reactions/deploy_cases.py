"""What each reaction of deploy-service must show."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from deploy_service.domain import Result
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Case
from fourgates.contracts.change import (
    AuthorizationExpired,
    AuthorizationRevoked,
    AuthorizationVoided,
    CalendarWindowLifted,
    CalendarWindowSet,
    ChangeCancelled,
    ChangeRejected,
    ScheduleConflict,
    ScheduleConflictCleared,
    ScheduleConflictFound,
)
from fourgates.contracts.common import (
    Gate,
    Grant,
    Item,
    PlannedEnvironment,
    ReleaseKind,
    ReleaseState,
    Step,
    WayBack,
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
    DeploymentRequestCancelled,
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
        deciders=[],
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
        detail=f"Freeze {WINDOW} is in force.",
        environment_id=STAGING,
        waived_by=waived_by,
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


ABORTED, PAUSED, STOPPED = "deploy.DeploymentAborted", "deploy.DeploymentPaused", "deploy.RehearsalStopped"

CASES = {
    "rehearse_what_was_requested": Case(
        heard(REGISTERED, given=environments),
        told(REHEARSE),
        ("deploy.RehearsalRequested", "deploy.RehearsalBegan"),
        heard(REGISTERED),
        ("deploy.RehearsalRequested", "deploy.RehearsalRequestRefused"),
    ),
    "plan_requested_deployment": Case(
        environments,
        told(DEPLOY),
        ("deploy.DeploymentPlanned",),
        nothing,
        ("deploy.DeploymentPlanned", "deploy.DeploymentRequestRefused"),
        other_order=lambda _here: (REGISTERED, CHECKED_IN, OPENED),
    ),
    "drop_cancelled_request": Case(
        planned,
        told(DeploymentRequestCancelled(**OF_RELEASE, deployment_id=DEPLOYMENT, reason="no need")),
        (ABORTED,),
        running,
    ),
    "know_changes_of_opened_release": Case(
        nothing, told(OPENED), ("deploy.KnownReleaseHeard", "deploy.KnownReleaseChangesNoted"), heard(OPENED)
    ),
    "know_changes_of_release": Case(
        heard(OPENED), told(CARRIED), ("deploy.KnownReleaseChangesNoted",), heard(OPENED, CARRIED)
    ),
    "know_hold": Case(
        running,
        told(HELD),
        ("deploy.KnownReleaseHoldNoted",),
        heard(HELD),
        other_order=lambda _here: (REGISTERED,),
    ),
    "know_end_of_hold": Case(heard(HELD), told(FREED), ("deploy.KnownReleaseHoldNoted",), heard(HELD, FREED)),
    "give_up_what_went_back": Case(planned, told(went_back(WayBack.REPLAN)), (ABORTED,), running),
    "give_up_what_was_cancelled": Case(
        planned, told(CANCELLED), ("deploy.KnownReleaseCancellationNoted", ABORTED), heard(OPENED, CANCELLED)
    ),
    "give_up_what_is_to_be_cancelled": Case(
        rehearsing,
        told(TO_BE_CANCELLED),
        ("deploy.KnownReleaseCancellationNoted", STOPPED),
        heard(OPENED, TO_BE_CANCELLED),
    ),
    "know_definitive_medium": Case(
        nothing,
        told(CHECKED_IN),
        ("deploy.KnownMediumHeard",),
        heard(CHECKED_IN),
        other_order=lambda _here: (REGISTERED, OPENED),
    ),
    "know_cleared_medium": Case(
        heard(CHECKED_IN, QUARANTINED), told(CLEARED), ("deploy.KnownMediumStateNoted",), heard(CHECKED_IN)
    ),
    "know_quarantined_medium": Case(
        running, told(QUARANTINED), ("deploy.KnownMediumStateNoted", PAUSED), heard(CHECKED_IN, QUARANTINED)
    ),
    "know_withdrawn_medium": Case(
        heard(CHECKED_IN), told(WITHDRAWN), ("deploy.KnownMediumStateNoted",), heard(CHECKED_IN, WITHDRAWN)
    ),
    "know_registered_service": Case(
        nothing,
        told(REGISTERED),
        ("deploy.KnownServiceHeard", "deploy.KnownServiceLifecycleNoted"),
        heard(REGISTERED),
    ),
    "know_lifecycle_of_service": Case(
        running, told(RETIRED), ("deploy.KnownServiceLifecycleNoted", PAUSED), heard(REGISTERED, RETIRED)
    ),
    "know_dependants_of_service": Case(
        nothing,
        told(RELATIONS),
        ("deploy.KnownServiceHeard", "deploy.KnownServiceDependantsNoted"),
        heard(RELATIONS),
    ),
    "know_revoked_authorization": Case(
        running, told(REVOKED), ("deploy.KnownAuthorizationHeard", PAUSED), heard(REVOKED)
    ),
    "know_expired_authorization": Case(running, told(EXPIRED), ("deploy.KnownAuthorizationHeard",), heard(EXPIRED)),
    "know_voided_authorization": Case(running, told(VOIDED), ("deploy.KnownAuthorizationHeard",), heard(VOIDED)),
    "know_freeze": Case(
        running,
        told(freeze()),
        ("deploy.KnownFreezeHeard", PAUSED),
        heard(conflicts("carla"), freeze()),
    ),
    "know_lifted_freeze": Case(
        heard(freeze()), told(LIFTED), ("deploy.KnownFreezeLiftedNoted",), heard(freeze(), LIFTED)
    ),
    "know_waived_conflicts": Case(
        heard(OPENED),
        told(conflicts("carla")),
        ("deploy.KnownReleaseWaiversNoted",),
        heard(OPENED, conflicts("carla")),
    ),
    "forget_waived_conflicts": Case(
        heard(OPENED, conflicts("carla")), told(NO_CONFLICTS), ("deploy.KnownReleaseWaiversNoted",), heard(OPENED)
    ),
    "know_cancelled_change": Case(
        running,
        told(ChangeCancelled(change_id=CHANGE, reason="no need")),
        ("deploy.KnownChangeHeard", PAUSED),
        heard(ChangeRejected(change_id=CHANGE, reason="no")),
    ),
    "know_rejected_change": Case(
        running,
        told(ChangeRejected(change_id=CHANGE, reason="no")),
        ("deploy.KnownChangeHeard", PAUSED),
        heard(ChangeCancelled(change_id=CHANGE, reason="no need")),
    ),
    "stop_work_that_may_not_go_on": Case(
        rehearsing, told(WITHDRAWN), ("deploy.KnownMediumHeard", STOPPED), heard(WITHDRAWN)
    ),
    "stop_what_a_freeze_has_reached": Case(
        heard(freeze(after_s=600), given=running),
        later,
        (PAUSED,),
        heard(freeze(after_s=600), LIFTED, given=running),
        tick_after=timedelta(seconds=600),
    ),
    "end_windows_that_passed": Case(running, later, (PAUSED,), nothing, tick_after=timedelta(hours=1)),
    "abort_what_can_no_longer_start": Case(planned, later, (ABORTED,), nothing, tick_after=timedelta(hours=1)),
    "go_on_to_next_environments": Case(
        standing,
        later,
        ("deploy.DeploymentEnvironmentBegan", "deploy.EnvironmentOccupied"),
        heard(REVOKED, given=standing),
        tick_after=timedelta(seconds=60),
    ),
    "look_for_drift": Case(
        deployed,
        later,
        ("deploy.EnvironmentDriftCheckAsked", "deploy.EnvironmentDriftCheckAsked"),
        rehearsing,
        tick_after=timedelta(seconds=900),
    ),
}
