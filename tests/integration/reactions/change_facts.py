"""What the reaction cases of change-service are made of: facts, commands, and states to begin in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from change_service.application import PersonEntry
from change_service.domain import (
    AuthorizationState,
    Ballot,
    ChangeState,
    ChangeType,
    Content,
    VoteKind,
    Window,
    WindowKind,
    id_of_authorization,
    id_of_plan,
    shipped_rules,
)
from change_service.domain import Risk as ChangeRisk
from fourgates.chassis.testing import NOON
from fourgates.contracts.common import (
    CarriedChange,
    Decider,
    Gate,
    Grant,
    LineagePerson,
    Outcome,
    PlannedEnvironment,
    ReleaseKind,
    ReleaseState,
    Risk,
    WayBack,
)
from fourgates.contracts.common import ChangeType as PublishedType
from fourgates.contracts.deploy import DeploymentStarted
from fourgates.contracts.release import (
    ConfirmationRequested,
    DeploymentPlanned,
    GateRequested,
    GateRequestWithdrawn,
    PhaseEntered,
    ReleaseCancelled,
    ReleaseClosed,
    ReleaseOpened,
    ReleasePutOnHold,
    ReleaseTakenOffHold,
    WentBack,
)
from fourgates.contracts.review import AcceptanceRequested, TargetAccepted, TargetMissed

SERVICE, RELEASE, OTHER_RELEASE = UUID(int=1), UUID(int=11), UUID(int=12)
CHANGE, ENVIRONMENT, DEPLOYMENT = UUID(int=21), UUID(int=31), UUID(int=32)
REVIEW, EVALUATION, WINDOW = UUID(int=41), UUID(int=42), UUID(int=43)
CHANGE_REQUEST, GATE_REQUEST, OTHER_REQUEST, WAIVER_REQUEST = (UUID(int=n) for n in range(51, 55))
DIGEST = "d" * 64
OF_RELEASE = {"release_id": RELEASE, "service_id": SERVICE}
OF_REVIEW = {**OF_RELEASE, "review_id": REVIEW}
CONTENT = Content("Faster", "Use the index.", ChangeType.NORMAL, ChangeRisk.LOW, (SERVICE,))
HOUR = timedelta(hours=1)
PEOPLE = (
    PersonEntry("rita", ("requester", "release_manager")),
    PersonEntry("mona", ("change_manager",)),
    PersonEntry("cora", ("change_authority", "cab_member")),
)

OPENED = ReleaseOpened(
    **OF_RELEASE,
    kind=ReleaseKind.UPDATE,
    version="1.1.0",
    reason="faster",
    change_ids=[CHANGE],
    requested_by="rita",
    emergency=False,
)
STARTED = DeploymentStarted(
    **OF_RELEASE,
    deployment_id=DEPLOYMENT,
    kind=ReleaseKind.UPDATE,
    environment_id=ENVIRONMENT,
    started_by="dan",
    started_at=NOON,
)
CLOSED = ReleaseClosed(**OF_RELEASE, kind=ReleaseKind.UPDATE, outcome=Outcome.SUCCESSFUL, change_ids=[CHANGE])
CANCELLED = ReleaseCancelled(**OF_RELEASE, kind=ReleaseKind.UPDATE, change_ids=[CHANGE], reason="not needed")
ON_HOLD = ReleasePutOnHold(**OF_RELEASE, reason="wait")
OFF_HOLD = ReleaseTakenOffHold(**OF_RELEASE, reason="go on")
WITHDRAWN = GateRequestWithdrawn(**OF_RELEASE, request_id=GATE_REQUEST, gates=[Gate.PLANNING], reason="edited")
TARGET_MISSED = TargetMissed(
    **OF_REVIEW, evaluation_id=EVALUATION, name="speed", measured=900.0, goal=200.0, unit="ms", detail="too slow"
)
ACCEPTANCE = AcceptanceRequested(
    **OF_REVIEW,
    request_id=OTHER_REQUEST,
    evaluation_id=EVALUATION,
    document={"target": "speed"},
    document_digest=DIGEST,
    summary="Accept the miss",
    lineage=[],
)
ACCEPTED = TargetAccepted(**OF_REVIEW, evaluation_id=EVALUATION, authorization_id=id_of_authorization(OTHER_REQUEST))
CONFIRMATION = ConfirmationRequested(
    **OF_RELEASE,
    request_id=OTHER_REQUEST,
    document={"emergency": "yes"},
    document_digest=DIGEST,
    summary="Confirm the emergency",
    change_type=PublishedType.EMERGENCY,
    risk=Risk.HIGH,
    service_tier="gold",
    lineage=[],
)


def requester(here):
    return here.act("rita", ("requester", "release_manager"))


def manager(here):
    return here.act("mona", ("change_manager",))


def command(here, use_case):
    """Give a command, and let a race be lost by the reaction to it rather than by the command."""
    races, here.store.races = here.store.races, 0
    here.service.carry_out(use_case)
    here.store.races = races
    here.settle()


def given(here, use_case):
    here.carry_out(use_case)


def the_change(here):
    return here.store.load(CHANGE)


def installed(here):
    """Make the people known to a policy, and raise a change that was requested and assessed."""
    here.carry_out(lambda u: u.install(here.act("installation"), people=PEOPLE, rules=shipped_rules()))
    given(here, lambda u: u.draft_change(requester(here), change_id=CHANGE, content=CONTENT))
    given(here, lambda u: u.submit_change(requester(here), change_id=CHANGE))
    given(here, lambda u: u.assess_change(manager(here), change_id=CHANGE, risk=ChangeRisk.LOW, findings="fine"))


def asked(here):
    installed(here)
    given(
        here,
        lambda u: u.request_change_authorization(requester(here), change_id=CHANGE, request_id=CHANGE_REQUEST),
    )


def vote(here, request_id, kind=VoteKind.APPROVE):
    authorization = here.store.load(id_of_authorization(request_id))
    ballot = Ballot(kind, "I read it", authorization.question.document_digest)
    return lambda u: u.vote(here.act("cora"), authorization_id=authorization.id, ballot=ballot, delegate_to=None)


def authorized(here):
    asked(here)
    given(here, vote(here, CHANGE_REQUEST))
    assert the_change(here).state is ChangeState.AUTHORIZED


def carried(here):
    authorized(here)
    here.hear(OPENED)


def cancelled_change(here):
    installed(here)
    given(here, lambda u: u.cancel_change(requester(here), change_id=CHANGE))


def gate(here, *gates, digest=None, request_id=GATE_REQUEST):
    change = the_change(here)
    return GateRequested(
        **OF_RELEASE,
        request_id=request_id,
        gates=list(gates) or [Gate.PLANNING],
        kind=ReleaseKind.UPDATE,
        document={"scope": DIGEST},
        document_digest=DIGEST,
        summary="Plan it",
        change_type=PublishedType.NORMAL,
        risk=Risk.LOW,
        service_tier="gold",
        environment_ids=[],
        changes=[CarriedChange(change_id=CHANGE, content_digest=digest or change.content_digest)],
        lineage=[LineagePerson(person_id="rita", part="requester")],
    )


def gate_asked(here):
    carried(here)
    here.hear(gate(here))


def asked_last(here):
    return CHANGE_REQUEST if here.store.load(id_of_authorization(GATE_REQUEST)) is None else GATE_REQUEST


def gate_granted(here):
    gate_asked(here)
    given(here, vote(here, GATE_REQUEST))


def grant_of(request_id):
    decider = Decider(person_id="cora", roles=["cab_member"], voted_at=NOON, meaning="m", reason="r")
    return Grant(
        authorization_id=id_of_authorization(request_id),
        request_id=request_id,
        gate=Gate.PLANNING,
        document_digest=DIGEST,
        deciders=[decider],
        policy_version=1,
        rule="low-gate",
        granted_at=NOON,
        expires_at=NOON + 14 * 24 * HOUR,
    )


def in_phase(phase=ReleaseState.PLANNING, grant=None, kind=ReleaseKind.UPDATE):
    return PhaseEntered(
        **OF_RELEASE, phase=phase, kind=kind, version="1.1.0", change_ids=[CHANGE], entered_by="rita", grant=grant
    )


def in_planning(here):
    gate_granted(here)
    here.hear(in_phase(grant=grant_of(GATE_REQUEST)))


def went_back(way=WayBack.RESCOPE, start=ReleaseState.PLANNING, end=ReleaseState.REQUESTED):
    return WentBack(
        **OF_RELEASE, way=way, from_phase=start, to_phase=end, reason="more is needed", voided_request_ids=[]
    )


def planned(release_id=RELEASE, digest="p1", hours=1):
    rung = PlannedEnvironment(
        environment_id=ENVIRONMENT,
        window_start=NOON + hours * HOUR,
        window_end=NOON + (hours + 1) * HOUR,
        waves=[["node-1"]],
    )
    return DeploymentPlanned(release_id=release_id, service_id=SERVICE, plan_digest=digest, environments=[rung])


def a_freeze(here):
    window = Window(WINDOW, WindowKind.FREEZE, NOON, NOON + 9 * HOUR)
    return lambda u: u.set_window(manager(here), window=window)


def a_conflict(here):
    carried(here)
    given(here, a_freeze(here))
    here.hear(planned())


def a_waiver_asked(here):
    a_conflict(here)
    (conflict,) = here.store.load(id_of_plan(RELEASE)).conflicts
    given(
        here,
        lambda u: u.request_waiver(
            manager(here), release_id=RELEASE, request_id=WAIVER_REQUEST, conflict_ids=(conflict.conflict_id,)
        ),
    )


def accepted(here):
    installed(here)
    here.hear(ACCEPTANCE)
    given(here, vote(here, OTHER_REQUEST))


def two_plans(here):
    carried(here)
    here.hear(planned())
    here.hear(planned(OTHER_RELEASE, "p2", hours=5))


def implemented(here):
    carried(here)
    here.hear(STARTED)


def rewrite(here):
    content = replace(CONTENT, title="Another")
    command(here, lambda u: u.rewrite_change(requester(here), change_id=CHANGE, content=content))


def state_of(here, request_id):
    return here.store.load(id_of_authorization(request_id)).state


def expired_already(here):
    asked(here)
    here.tick(after=timedelta(days=30))
    assert state_of(here, CHANGE_REQUEST) is AuthorizationState.EXPIRED


def nothing(_):
    """Leave the service as it is."""


def revoke(request_id, act):
    authorization_id = id_of_authorization(request_id)
    return lambda u: u.revoke_authorization(act, authorization_id=authorization_id)


def plan_elsewhere_behind_its_back(here):
    """Write another plan without a reaction to it, as when both happen at the same time."""
    plan = replace(here.store.load(id_of_plan(RELEASE)).plan, plan_digest="p9")
    here.service.carry_out(lambda u: u.note_plan(here.act("change-service"), plan=plan))
