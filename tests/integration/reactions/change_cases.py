"""What each reaction of change-service must show."""

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
from fourgates.chassis.testing.hearing import Case
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
    ChangesCarried,
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


def gate_asked_before_it_was_assessed(here):
    here.carry_out(lambda u: u.install(here.act("installation"), people=PEOPLE, rules=shipped_rules()))
    given(here, lambda u: u.draft_change(requester(here), change_id=CHANGE, content=CONTENT))
    given(here, lambda u: u.submit_change(requester(here), change_id=CHANGE))
    here.hear(OPENED)
    here.hear(gate(here))


def state_of(here, request_id):
    return here.store.load(id_of_authorization(request_id)).state


def expired_already(here):
    asked(here)
    here.tick(after=timedelta(days=30))
    assert state_of(here, CHANGE_REQUEST) is AuthorizationState.EXPIRED


def nothing(_):
    """Leave the service as it is."""


CASES = {
    "carry_changes_of_opened_release": Case(
        given=authorized,
        when=lambda here: OPENED,
        then=("change.KnownReleaseNoted", "change.KnownReleaseContentNoted", "change.Carried"),
        refused_given=cancelled_change,
        refused_then=("change.KnownReleaseNoted", "change.KnownReleaseContentNoted"),
        other_order=lambda here: [STARTED],
    ),
    "carry_changes_of_release": Case(
        given=carried,
        when=lambda here: ChangesCarried(**OF_RELEASE, change_ids=[]),
        then=("change.KnownReleaseContentNoted", "change.Dropped"),
        refused_given=nothing,
        refused_then=("change.KnownReleaseNoted",),
    ),
    "open_authorization_for_gate": Case(
        given=carried,
        when=gate,
        then=("change.AuthorizationRequested",),
        refused_given=gate_asked,
    ),
    "end_request_that_was_withdrawn": Case(
        given=gate_granted,
        when=lambda here: WITHDRAWN,
        then=("change.AuthorizationVoided",),
        refused_given=in_planning,
    ),
    "open_authorization_for_confirmation": Case(
        given=installed,
        when=lambda here: CONFIRMATION,
        then=("change.AuthorizationRequested",),
        refused_given=accepted,
    ),
    "note_phase_and_use_of_grant": Case(
        given=gate_granted,
        when=lambda here: in_phase(grant=grant_of(GATE_REQUEST)),
        then=("change.AuthorizationUsed", "change.KnownReleasePhaseNoted"),
        refused_given=in_planning,
    ),
    "send_back_changes_of_release": Case(
        given=in_planning,
        when=lambda here: went_back(),
        then=("change.KnownReleaseWayBackNoted", "change.ScopeOpened"),
        refused_given=cancelled_change,
        refused_then=("change.KnownReleaseNoted", "change.KnownReleaseWayBackNoted"),
    ),
    "put_plan_on_schedule": Case(
        given=carried,
        when=lambda here: planned(),
        then=("change.SchedulePlanPlanned", "change.SchedulePlanConflictsCleared"),
        refused_given=two_plans,
    ),
    "close_changes_of_release": Case(
        given=implemented,
        when=lambda here: CLOSED,
        then=("change.KnownReleaseEndNoted", "change.Reviewed", "change.Closed"),
        refused_given=cancelled_change,
        refused_then=("change.KnownReleaseNoted", "change.KnownReleaseEndNoted"),
    ),
    "free_changes_of_cancelled_release": Case(
        given=gate_granted,
        when=lambda here: CANCELLED,
        then=("change.KnownReleaseEndNoted", "change.Dropped", "change.AuthorizationVoided"),
        refused_given=cancelled_change,
        refused_then=("change.KnownReleaseNoted", "change.KnownReleaseEndNoted"),
    ),
    "note_hold_of_release": Case(
        given=carried,
        when=lambda here: ON_HOLD,
        then=("change.KnownReleaseHoldNoted",),
        refused_given=lambda here: (carried(here), here.hear(ON_HOLD)),
    ),
    "note_end_of_hold_of_release": Case(
        given=lambda here: (carried(here), here.hear(ON_HOLD)),
        when=lambda here: OFF_HOLD,
        then=("change.KnownReleaseHoldNoted",),
        refused_given=carried,
    ),
    "implement_changes_of_deployment": Case(
        given=carried,
        when=lambda here: STARTED,
        then=("change.KnownReleaseDeploymentNoted", "change.ImplementationStarted", "change.AuthorizationUsed"),
        refused_given=cancelled_change,
        refused_then=("change.KnownReleaseNoted", "change.KnownReleaseDeploymentNoted"),
        other_order=lambda here: [went_back(WayBack.REDEPLOY, ReleaseState.DEPLOYMENT, ReleaseState.CHECK_IN)],
    ),
    "raise_change_for_missed_target": Case(
        given=installed,
        when=lambda here: TARGET_MISSED,
        then=("change.Drafted", "change.Linked", "change.Submitted"),
        refused_given=lambda here: here.hear(TARGET_MISSED),
    ),
    "open_authorization_for_acceptance": Case(
        given=installed,
        when=lambda here: ACCEPTANCE,
        then=("change.AuthorizationRequested",),
        refused_given=accepted,
    ),
    "use_grant_of_acceptance": Case(
        given=accepted,
        when=lambda here: ACCEPTED,
        then=("change.AuthorizationUsed",),
        refused_given=nothing,
    ),
    "carry_out_decision": Case(
        given=a_waiver_asked,
        when=lambda here: command(here, vote(here, WAIVER_REQUEST)),
        then=(
            "change.AuthorizationVoteCast",
            "change.AuthorizationGranted",
            "change.SchedulePlanWaived",
            "change.SchedulePlanConflictsFound",
            "change.AuthorizationUsed",
        ),
        refused_given=lambda here: (a_waiver_asked(here), _plan_elsewhere_behind_its_back(here)),
        refused_then=(
            "change.AuthorizationVoteCast",
            "change.AuthorizationGranted",
            "change.AuthorizationVoided",
        ),
    ),
    "reject_what_was_asked": Case(
        given=asked,
        when=lambda here: command(here, vote(here, CHANGE_REQUEST, VoteKind.REJECT)),
        then=("change.AuthorizationVoteCast", "change.AuthorizationRejected", "change.Rejected"),
        refused_given=asked,
        refused_then=("change.AuthorizationVoteCast", "change.AuthorizationRejected", "change.Rejected"),
    ),
    "take_ended_grant": Case(
        given=authorized,
        when=lambda here: command(here, _revoke(CHANGE_REQUEST, manager(here))),
        then=("change.AuthorizationRevoked", "change.GrantLost"),
        refused_given=implemented,
        refused_then=("change.AuthorizationRevoked", "change.GrantLost"),
    ),
    "end_what_binds_old_content": Case(
        given=asked,
        when=rewrite,
        then=("change.Rewritten", "change.AuthorizationWithdrawn"),
        refused_given=installed,
        refused_then=("change.Rewritten",),
    ),
    "use_grant_of_change": Case(
        given=carried,
        when=lambda here: STARTED,
        then=("change.KnownReleaseDeploymentNoted", "change.ImplementationStarted", "change.AuthorizationUsed"),
        refused_given=implemented,
    ),
    "compare_schedule_anew": Case(
        given=two_plans,
        when=lambda here: command(here, a_freeze(here)),
        then=("change.CalendarWindowSet", "change.SchedulePlanConflictsFound", "change.SchedulePlanConflictsFound"),
        refused_given=carried,
        refused_then=("change.CalendarWindowSet",),
    ),
    "compare_schedule_with_changed_plan": Case(
        given=a_waiver_asked,
        when=lambda here: planned(digest="p9", hours=2),
        then=(
            "change.SchedulePlanReplanned",
            "change.SchedulePlanConflictsFound",
            "change.AuthorizationWithdrawn",
        ),
        refused_given=lambda here: (two_plans(here), here.hear(planned(digest="p9", hours=2))),
    ),
    "expire_what_is_due": Case(
        given=authorized,
        when=nothing,
        then=("change.AuthorizationExpired", "change.GrantLost"),
        refused_given=expired_already,
        tick_after=timedelta(days=90),
    ),
    "escalate_what_is_due": Case(
        given=asked,
        when=nothing,
        then=("change.AuthorizationEscalated",),
        refused_given=expired_already,
        tick_after=timedelta(days=3),
    ),
}


def _revoke(request_id, act):
    authorization_id = id_of_authorization(request_id)
    return lambda u: u.revoke_authorization(act, authorization_id=authorization_id)


def _plan_elsewhere_behind_its_back(here):
    """Write another plan without a reaction to it, as when both happen at the same time."""
    plan = replace(here.store.load(id_of_plan(RELEASE)).plan, plan_digest="p9")
    here.service.carry_out(lambda u: u.note_plan(here.act("change-service"), plan=plan))
