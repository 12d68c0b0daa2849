"""What each reaction of review-service must show."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Case
from fourgates.contracts import change, common, deploy, dml, release
from review_service.domain import Decision, Evaluation, Measurement, Result

SERVICE, RELEASE, DEPLOYMENT = UUID(int=1), UUID(int=11), UUID(int=12)
ENVIRONMENT, TARGET, EVALUATION = UUID(int=31), UUID(int=32), UUID(int=33)
REQUEST, AUTHORIZATION, DEBT = UUID(int=41), UUID(int=42), UUID(int=43)
REVIEW = derived_id(DEPLOYMENT, "review")
CHANGE = derived_id(EVALUATION, "linked-change")
SUCCESSOR = derived_id(EVALUATION, "successor-release")
DIGEST = "d" * 64
OF_RELEASE = {"release_id": RELEASE, "service_id": SERVICE}
OF_DEPLOYMENT = {**OF_RELEASE, "deployment_id": DEPLOYMENT, "kind": common.ReleaseKind.UPDATE}
GRANT = common.Grant(
    authorization_id=AUTHORIZATION,
    request_id=REQUEST,
    gate=common.Gate.DEPLOYMENT,
    document_digest=DIGEST,
    deciders=[common.Decider(person_id="ada", roles=["cab_member"], voted_at=NOON, meaning="approve", reason="tested")],
    policy_version=1,
    rule="all",
    granted_at=NOON,
    expires_at=NOON + timedelta(days=1),
)
ENDPOINT = deploy.Endpoint(environment_id=ENVIRONMENT, node="node-1", url="http://127.0.0.1:9001")
SPEED = common.Target(
    target_id=TARGET,
    name="speed",
    measure="latency_p95_ms",
    comparison="at_most",
    goal=200.0,
    unit="ms",
    path="/parcels/1",
)
TARGETS_SET = dml.TargetsSet(service_id=SERVICE, revision=1, targets=[SPEED])
REGISTERED = dml.ServiceRegistered(
    service_id=SERVICE, name="parcels", owner_id="olga", tier="gold", lifecycle="pipeline", value_case="fewer calls"
)
LIVE = dml.ServiceLifecycleEntered(service_id=SERVICE, lifecycle="live", release_id=RELEASE)
RETIRED = dml.ServiceLifecycleEntered(service_id=SERVICE, lifecycle="retired", release_id=RELEASE)
DEPLOYED = deploy.Deployed(**OF_DEPLOYMENT, version="1.0.0", items=[], endpoints=[ENDPOINT], deployed_at=NOON)
BACKED_OUT = deploy.BackedOut(
    **OF_DEPLOYMENT,
    environment_id=ENVIRONMENT,
    reason="it answers 500",
    steps_digest=DIGEST,
    restored_version="0.9.0",
    endpoints=[ENDPOINT],
    backed_out_at=NOON,
)
OPENED = release.ReleaseOpened(
    **OF_RELEASE,
    kind=common.ReleaseKind.UPDATE,
    version="1.1.0",
    reason="faster",
    change_ids=[],
    requested_by="rob",
    emergency=False,
)
SUCCESSOR_OPENED = release.SuccessorOpened(
    **OF_RELEASE, successor_id=SUCCESSOR, evaluation_id=EVALUATION, change_id=CHANGE
)
CHANGE_LINKED = change.ChangeLinked(change_id=CHANGE, evaluation_id=EVALUATION, release_id=RELEASE, review_id=REVIEW)
DEBTS = release.DebtsIncurred(**OF_RELEASE, debts=[release.Debt(code="rehearsal", detail="rehearse it", due_at=NOON)])
DEBT_FAILED = release.DebtFailed(**OF_RELEASE, code="rehearsal", reason="it takes too long", evaluation_id=DEBT)
DEPLOYMENT_REQUESTED = release.DeploymentRequested(
    **OF_DEPLOYMENT,
    version="1.1.0",
    items=[],
    environments=[],
    deployment_steps=[],
    back_out_steps=[],
    forward_steps=[],
    point_of_no_return=None,
    package_digest=DIGEST,
    steps_digest=DIGEST,
    rehearsal_id=None,
    on_window_end="pause",
    grant=GRANT,
    built_by=["ben"],
)
ACCEPTANCE = {
    "authorization_id": AUTHORIZATION,
    "request_id": REQUEST,
    "subject_kind": "acceptance",
    "subject_id": EVALUATION,
    "release_id": RELEASE,
}


def in_phase(phase=common.ReleaseState.REVIEW, kind=common.ReleaseKind.UPDATE):
    return release.PhaseEntered(
        **OF_RELEASE, phase=phase, kind=kind, version="1.1.0", change_ids=[], entered_by="release-service"
    )


def a_reviewer(here):
    return here.act("rita", ("release_manager",))


def nothing(here):
    """Leave the service as it is."""


def registered(here):
    here.hear(REGISTERED)
    here.hear(TARGETS_SET)


def an_open_review(here):
    registered(here)
    here.hear(DEPLOYMENT_REQUESTED)
    here.hear(DEPLOYED)


def a_missed_target(here):
    an_open_review(here)
    measurement = Measurement(evaluation_id=EVALUATION, target_id=TARGET, measured=900.0, sample_count=20)
    here.carry_out(lambda u: u.record_measurement(a_reviewer(here), review_id=REVIEW, measurement=measurement))


def an_asked_acceptance(here):
    a_missed_target(here)
    here.carry_out(
        lambda u: u.request_acceptance(a_reviewer(here), review_id=REVIEW, request_id=REQUEST, evaluation_id=EVALUATION)
    )


def granted(here, **changed):
    found = here.store.load(REVIEW)
    asked = found.acceptances.get(REQUEST) if found else None
    return change.AuthorizationGranted(
        **{**ACCEPTANCE, **changed},
        document={},
        document_digest=asked.document_digest if asked else DIGEST,
        deciders=GRANT.deciders,
        policy_version=1,
        rule="all",
        granted_at=NOON,
        expires_at=NOON + timedelta(days=1),
    )


def an_accepted_miss(here):
    an_asked_acceptance(here)
    here.hear(granted(here))


def a_closed_review(here):
    an_open_review(here)
    here.hear(in_phase())
    measurement = Measurement(evaluation_id=EVALUATION, target_id=TARGET, measured=100.0, sample_count=20)
    statement = Evaluation(UUID(int=77), "value", "value", Result.PASS, None, None, "", missed=False, statement="so")
    here.carry_out(lambda u: u.record_measurement(a_reviewer(here), review_id=REVIEW, measurement=measurement))
    here.carry_out(lambda u: u.make_statement(a_reviewer(here), review_id=REVIEW, evaluation=statement))
    here.carry_out(lambda u: u.close_review(a_reviewer(here), review_id=REVIEW, decision=Decision.CLOSE))
    assert here.store.load(REVIEW).outcome == "successful"


def a_known_release(here):
    here.hear(OPENED)


def a_debt(here):
    an_open_review(here)
    here.hear(DEBTS)


def a_watched_service(here):
    a_closed_review(here)
    here.hear(
        release.ReleaseClosed(
            **OF_RELEASE, kind=common.ReleaseKind.UPDATE, outcome=common.Outcome.SUCCESSFUL, change_ids=[]
        )
    )


def a_retired_service(here):
    a_watched_service(here)
    here.hear(RETIRED)


BEGUN = ("review.TargetWatchBegun", "review.TargetWatchEndpointsNoted", "review.TargetWatchReviewNoted")
REVIEWED = ("review.KnownReleaseNoted", "review.KnownReleaseReviewNoted", "review.Opened")

CASES = {
    "open_review_of_deployed": Case(
        given=registered,
        when=lambda here: DEPLOYED,
        then=("review.TargetWatchEndpointsNoted", *REVIEWED, "review.TargetsPinned"),
        refused_given=an_open_review,
    ),
    "open_review_of_backed_out": Case(
        given=registered,
        when=lambda here: BACKED_OUT,
        then=(
            *("review.TargetWatchEndpointsNoted", *REVIEWED),
            *("review.StatementMade", "review.TargetsPinned", "review.TargetEvaluated"),
        ),
        refused_given=an_open_review,
    ),
    "open_review_of_failed_back_out": Case(
        given=nothing,
        when=lambda here: deploy.BackOutFailed(
            **OF_DEPLOYMENT, environment_id=ENVIRONMENT, reason="stuck", failed_at=NOON
        ),
        then=(*REVIEWED[:2], *BEGUN[::2], "review.Opened", "review.StatementMade"),
        refused_given=an_open_review,
    ),
    "note_release_and_successor": Case(
        given=nothing,
        when=lambda here: OPENED.model_copy(update={"release_id": SUCCESSOR, "evaluation_id": EVALUATION}),
        then=(
            *("review.KnownReleaseNoted", "review.KnownReleaseLineageNoted"),
            *("review.KnownFollowUpNoted", "review.KnownFollowUpSuccessorNoted"),
        ),
        refused_given=a_known_release,
        refused_then=(
            *("review.KnownReleaseNoted", "review.KnownReleaseLineageNoted"),
            *("review.KnownFollowUpNoted", "review.KnownFollowUpSuccessorNoted"),
        ),
    ),
    "note_lineage_of_gate_request": Case(
        given=a_known_release,
        when=lambda here: release.GateRequested(
            **OF_RELEASE,
            request_id=REQUEST,
            gates=[common.Gate.DEPLOYMENT],
            kind=common.ReleaseKind.UPDATE,
            document={},
            document_digest=DIGEST,
            summary="deploy it",
            change_type=common.ChangeType.NORMAL,
            risk=common.Risk.LOW,
            service_tier="gold",
            environment_ids=[],
            changes=[],
            lineage=[common.LineagePerson(person_id="ben", part="builder")],
        ),
        then=("review.KnownReleaseLineageNoted",),
        refused_given=a_closed_review,
        refused_then=("review.KnownReleaseLineageNoted",),
    ),
    "note_deployment_request": Case(
        given=a_known_release,
        when=lambda here: DEPLOYMENT_REQUESTED,
        then=("review.KnownReleaseDeploymentRequestNoted",),
        refused_given=an_open_review,
        other_order=lambda here: [DEPLOYED],
    ),
    "note_review_phase": Case(
        given=an_open_review,
        when=lambda here: in_phase(),
        then=("review.KnownReleaseReviewPhaseNoted", "review.ReleaseNoted"),
        refused_given=a_closed_review,
    ),
    "note_debts": Case(
        given=an_open_review,
        when=lambda here: DEBTS,
        then=("review.KnownReleaseDebtsNoted", "review.ReleaseNoted"),
        refused_given=a_closed_review,
        refused_then=("review.KnownReleaseDebtsNoted",),
    ),
    "note_debt_settled": Case(
        given=a_debt,
        when=lambda here: release.DebtSettled(**OF_RELEASE, code="rehearsal", how="rehearsed"),
        then=("review.KnownReleaseDebtSettledNoted", "review.ReleaseNoted"),
        refused_given=an_open_review,
    ),
    "note_debt_failed": Case(
        given=a_debt,
        when=lambda here: DEBT_FAILED,
        then=(
            *("review.KnownReleaseDebtFailedNoted", "review.KnownFollowUpNoted", "review.KnownFollowUpReviewNoted"),
            *("review.ReleaseNoted", "review.DebtFailed"),
        ),
        refused_given=a_closed_review,
        refused_then=("review.KnownReleaseDebtFailedNoted",),
    ),
    "note_successor": Case(
        given=a_missed_target,
        when=lambda here: SUCCESSOR_OPENED,
        then=("review.KnownFollowUpSuccessorNoted", "review.SuccessorNoted"),
        refused_given=nothing,
        refused_then=("review.KnownFollowUpNoted", "review.KnownFollowUpSuccessorNoted"),
    ),
    "note_cancellation": Case(
        given=an_open_review,
        when=lambda here: release.CancellationRequested(**OF_RELEASE, reason="not wanted"),
        then=("review.KnownReleaseCancellationNoted", "review.ReleaseNoted"),
        refused_given=a_closed_review,
        refused_then=("review.KnownReleaseCancellationNoted",),
    ),
    "begin_measuring_of_closed_release": Case(
        given=a_closed_review,
        when=lambda here: release.ReleaseClosed(
            **OF_RELEASE, kind=common.ReleaseKind.UPDATE, outcome=common.Outcome.SUCCESSFUL, change_ids=[]
        ),
        then=("review.TargetWatchMeasuringBegun",),
        refused_given=lambda here: (a_closed_review(here), here.hear(RETIRED)),
    ),
    "note_requested_change": Case(
        given=a_missed_target,
        when=lambda here: change.ChangeRequested(
            change_id=CHANGE,
            title="make it fast again",
            change_type=common.ChangeType.NORMAL,
            risk=common.Risk.LOW,
            service_ids=[SERVICE],
            alters_service=True,
            content_digest=DIGEST,
            requested_by="rita",
            authors=["rita"],
            evaluation_id=EVALUATION,
        ),
        then=("review.KnownFollowUpLinkedChangeNoted", "review.LinkedChangeNoted"),
        refused_given=nothing,
        refused_then=("review.KnownFollowUpNoted", "review.KnownFollowUpLinkedChangeNoted"),
    ),
    "note_linked_change": Case(
        given=a_missed_target,
        when=lambda here: CHANGE_LINKED,
        then=("review.KnownFollowUpLinkedChangeNoted", "review.LinkedChangeNoted"),
        refused_given=nothing,
        refused_then=("review.KnownFollowUpNoted", "review.KnownFollowUpLinkedChangeNoted"),
        other_order=lambda here: [SUCCESSOR_OPENED],
    ),
    "note_acceptance": Case(
        given=an_asked_acceptance,
        when=granted,
        then=("review.TargetAccepted",),
        refused_given=a_missed_target,
    ),
    "note_acceptance_rejected": Case(
        given=an_asked_acceptance,
        when=lambda here: change.AuthorizationRejected(**ACCEPTANCE, reasons=["the contract forbids it"]),
        then=("review.TargetNotAccepted",),
        refused_given=an_accepted_miss,
    ),
    "note_acceptance_lapsed": Case(
        given=an_asked_acceptance,
        when=lambda here: change.AuthorizationExpired(**ACCEPTANCE, expired_at=NOON),
        then=("review.TargetNotAccepted",),
        refused_given=an_accepted_miss,
    ),
    "note_acceptance_revoked": Case(
        given=an_accepted_miss,
        when=lambda here: change.AuthorizationRevoked(**ACCEPTANCE, reason="a mistake", revoked_by="ada"),
        then=("review.TargetNotAccepted",),
        refused_given=a_missed_target,
    ),
    "note_registration": Case(
        given=nothing,
        when=lambda here: REGISTERED,
        then=("review.KnownServiceNoted", "review.ValueLedgerOpened", "review.ValueLedgerValueCaseNoted"),
        refused_given=registered,
        other_order=lambda here: [TARGETS_SET],
    ),
    "note_targets": Case(
        given=lambda here: here.hear(DEPLOYED),
        when=lambda here: TARGETS_SET,
        then=("review.TargetWatchTargetsNoted", "review.TargetsPinned"),
        refused_given=registered,
    ),
    "note_lifecycle": Case(
        given=a_watched_service,
        when=lambda here: RETIRED,
        then=("review.KnownServiceLifecycleNoted", "review.TargetWatchMeasuringEnded", "review.ValueLedgerClosed"),
        refused_given=a_retired_service,
    ),
    "measure_open_reviews": Case(
        given=an_open_review,
        when=nothing,
        then=("review.EvaluationRequested",),
        refused_given=a_closed_review,
        tick_after=timedelta(minutes=10),
    ),
    "measure_watched_services": Case(
        given=a_watched_service,
        when=nothing,
        then=("review.TargetWatchMeasurementRequested",),
        refused_given=a_retired_service,
        tick_after=timedelta(hours=2),
    ),
}
