"""What each reaction of dml-service must show."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Case
from fourgates.contracts.change import AuthorizationRevoked
from fourgates.contracts.common import Decider, Gate, Grant, Item, Outcome, ReleaseKind, ReleaseState, WayBack
from fourgates.contracts.deploy import BackedOut, BackOutFailed, Deployed, Endpoint, NodeRetired
from fourgates.contracts.release import (
    BuildRecorded,
    CheckInRequestCancelled,
    CheckInRequested,
    DeploymentRequested,
    ImpactRequested,
    ReleaseCancelled,
    ReleaseClosed,
    SignedOff,
    WentBack,
)
from fourgates.contracts.review import RetirementRecommended

SERVICE, DEPENDANT = UUID(int=1), UUID(int=2)
RELEASE, OTHER_RELEASE = UUID(int=11), UUID(int=12)
BUILD, DEPLOYMENT = UUID(int=21), UUID(int=22)
ENVIRONMENT, REVIEW = UUID(int=31), UUID(int=32)
REQUEST, AUTHORIZATION = UUID(int=41), UUID(int=42)
BYTES = b"a wheel"
WHEEL = Item(
    name="parcel-tracking",
    version="1.0.0",
    sha256=hashlib.sha256(BYTES).hexdigest(),
    size_bytes=len(BYTES),
    kind="wheel",
)
ENDPOINT = Endpoint(environment_id=ENVIRONMENT, node="node-1", url="http://127.0.0.1:9001")
GRANT = Grant(
    authorization_id=AUTHORIZATION,
    request_id=REQUEST,
    gate=Gate.CHECK_IN,
    document_digest="d" * 64,
    deciders=[Decider(person_id="ada", roles=["cab_member"], voted_at=NOON, meaning="approve", reason="tested")],
    policy_version=1,
    rule="all",
    granted_at=NOON,
    expires_at=NOON + timedelta(days=1),
)
OF_RELEASE = {"release_id": RELEASE, "service_id": SERVICE}
OF_DEPLOYMENT = {**OF_RELEASE, "deployment_id": DEPLOYMENT}

BUILD_RECORDED = BuildRecorded(**OF_RELEASE, build_id=BUILD, attempt=1, candidates=[WHEEL], inputs=[], built_by="ben")
SIGNED_OFF = SignedOff(**OF_RELEASE, build_id=BUILD, signed_off_by="mia")
CHECK_IN_REQUESTED = CheckInRequested(**OF_RELEASE, build_id=BUILD, kind=ReleaseKind.NEW, items=[WHEEL], grant=GRANT)
CHECK_IN_CANCELLED = CheckInRequestCancelled(**OF_RELEASE, build_id=BUILD, reason="replan")
WENT_BACK = WentBack(
    **OF_RELEASE,
    way=WayBack.REBUILD,
    from_phase=ReleaseState.CHECK_IN,
    to_phase=ReleaseState.BUILD_AND_TEST,
    reason="a bug",
    voided_request_ids=[],
    discarded_build_id=BUILD,
)
CANCELLED = ReleaseCancelled(**OF_RELEASE, kind=ReleaseKind.MEDIA, change_ids=[], reason="not wanted")
REVOKED = AuthorizationRevoked(
    authorization_id=AUTHORIZATION,
    request_id=REQUEST,
    subject_kind="gate",
    subject_id=RELEASE,
    release_id=RELEASE,
    gates=[Gate.CHECK_IN],
    reason="a mistake",
    revoked_by="ada",
)
RETIREMENT_REQUESTED = DeploymentRequested(
    **OF_DEPLOYMENT,
    kind=ReleaseKind.RETIREMENT,
    version="1.0.0",
    items=[],
    environments=[],
    deployment_steps=[],
    back_out_steps=[],
    forward_steps=[],
    point_of_no_return=None,
    package_digest="e" * 64,
    steps_digest="f" * 64,
    rehearsal_id=None,
    on_window_end="pause",
    grant=GRANT,
    built_by=[],
)
RETIREMENT_CLOSED = ReleaseClosed(**OF_RELEASE, kind=ReleaseKind.RETIREMENT, outcome=Outcome.SUCCESSFUL, change_ids=[])
RETIREMENT_BACKED_OUT = BackedOut(
    **OF_DEPLOYMENT,
    kind=ReleaseKind.RETIREMENT,
    environment_id=ENVIRONMENT,
    reason="the archive is incomplete",
    steps_digest="f" * 64,
    restored_version="1.0.0",
    endpoints=[],
    backed_out_at=NOON,
)
RETIREMENT_FAILED = BackOutFailed(
    **OF_DEPLOYMENT,
    kind=ReleaseKind.RETIREMENT,
    environment_id=ENVIRONMENT,
    reason="the archive is incomplete, and the backup too",
    failed_at=NOON,
)


def deployed(kind=ReleaseKind.NEW):
    return Deployed(**OF_DEPLOYMENT, kind=kind, version="1.0.0", items=[WHEEL], endpoints=[ENDPOINT], deployed_at=NOON)


def put_bytes(here):
    def put(use_cases):
        upload = use_cases.blobs.begin()
        upload.write(BYTES)
        upload.keep(WHEEL.sha256)

    here.carry_out(put)


def register(here, service_id=SERVICE, name="parcel-tracking", depends_on=()):
    here.carry_out(
        lambda use_cases: use_cases.register_service(
            here.act("olga", ("service_owner",)),
            service_id=service_id,
            name=name,
            owner_id=None,
            tier="gold",
            value_case="parcels are found",
            depends_on=depends_on,
        )
    )


def nothing(here):
    """Leave the service as it is."""


def a_build(here):
    put_bytes(here)
    here.hear(BUILD_RECORDED)
    here.hear(SIGNED_OFF)


def a_checked_in_build(here):
    a_build(here)
    here.hear(CHECK_IN_REQUESTED)


def a_live_service(here):
    register(here)
    here.hear(deployed().model_copy(update={"release_id": OTHER_RELEASE, "endpoints": []}))


def a_running_service(here):
    register(here)
    here.hear(deployed())


def a_retired_service(here):
    a_live_service(here)
    here.hear(RETIREMENT_REQUESTED)
    here.hear(deployed(ReleaseKind.RETIREMENT))
    here.hear(RETIREMENT_CLOSED)


def a_retiring_service(here):
    a_live_service(here)
    here.hear(RETIREMENT_REQUESTED)


def a_deployed_retirement(here):
    a_retiring_service(here)
    here.hear(deployed(ReleaseKind.RETIREMENT))


def a_service_with_a_live_dependant(here):
    register(here)
    register(here, DEPENDANT, "shop", (SERVICE,))
    update = {"service_id": DEPENDANT, "release_id": OTHER_RELEASE, "endpoints": []}
    here.hear(deployed().model_copy(update=update))


def a_check_in_that_waits(here):
    put_bytes(here)
    here.hear(SIGNED_OFF)
    here.hear(CHECK_IN_REQUESTED)


CHECKED_IN = (
    "dml.CheckInRequested",
    "dml.CheckInCompleted",
    "dml.MediaItemCheckedIn",
    "dml.MediaItemUseNoted",
    "dml.DefinitiveNameBound",
)

CASES = {
    "know_candidates_of_build": Case(
        given=a_check_in_that_waits,
        when=lambda here: BUILD_RECORDED,
        then=(
            *("dml.MediaItemRecorded", "dml.MediaItemCheckedIn", "dml.MediaItemUseNoted"),
            "dml.KnownReleaseBuildNoted",
            *("dml.DefinitiveNameBound", "dml.CheckInCompleted"),
        ),
        refused_given=lambda here: (a_check_in_that_waits(here), here.hear(REVOKED)),
        refused_then=("dml.MediaItemRecorded", "dml.KnownReleaseBuildNoted", "dml.CheckInRefused"),
    ),
    "know_sign_off_of_build": Case(
        given=lambda here: (put_bytes(here), here.hear(BUILD_RECORDED), here.hear(CHECK_IN_REQUESTED)),
        when=lambda here: SIGNED_OFF,
        then=(
            "dml.KnownReleaseSignOffNoted",
            *("dml.MediaItemCheckedIn", "dml.MediaItemUseNoted"),
            *("dml.DefinitiveNameBound", "dml.CheckInCompleted"),
        ),
        refused_given=lambda here: (here.hear(BUILD_RECORDED), here.hear(CHECK_IN_REQUESTED)),
        refused_then=("dml.KnownReleaseSignOffNoted", "dml.CheckInRefused"),
    ),
    "discard_what_went_back": Case(
        given=a_build,
        when=lambda here: WENT_BACK,
        then=("dml.KnownReleaseSignOffsVoided", "dml.KnownReleaseBuildVoided", "dml.MediaItemDiscarded"),
        refused_given=a_checked_in_build,
        refused_then=("dml.KnownReleaseSignOffsVoided", "dml.KnownReleaseBuildVoided"),
    ),
    "discard_what_was_cancelled": Case(
        given=a_checked_in_build,
        when=lambda here: CANCELLED,
        then=("dml.KnownReleaseBuildVoided", "dml.KnownReleaseCancelled", "dml.MediaItemWithdrawn"),
        refused_given=nothing,
        refused_then=("dml.KnownReleaseNoted", "dml.KnownReleaseCancelled"),
    ),
    "check_in_what_was_requested": Case(
        given=a_build,
        when=lambda here: CHECK_IN_REQUESTED,
        then=CHECKED_IN,
        refused_given=lambda here: (here.hear(BUILD_RECORDED), here.hear(SIGNED_OFF)),
        refused_then=("dml.CheckInRequested", "dml.CheckInRefused"),
    ),
    "cancel_check_in_that_waits": Case(
        given=a_check_in_that_waits,
        when=lambda here: CHECK_IN_CANCELLED,
        then=("dml.CheckInCancelled",),
        refused_given=a_checked_in_build,
    ),
    "quarantine_what_a_revoked_grant_let_in": Case(
        given=a_checked_in_build,
        when=lambda here: REVOKED,
        then=("dml.KnownGrantRevoked", "dml.MediaItemQuarantined"),
        refused_given=nothing,
        refused_then=("dml.KnownGrantRevoked",),
    ),
    "compute_impact_of_release": Case(
        given=a_service_with_a_live_dependant,
        when=lambda here: ImpactRequested(**OF_RELEASE, kind=ReleaseKind.UPDATE),
        then=("dml.ImpactComputed",),
        refused_given=nothing,
        refused_then=("dml.ImpactComputed",),
    ),
    "begin_requested_retirement": Case(
        given=a_live_service,
        when=lambda here: RETIREMENT_REQUESTED,
        then=("dml.ServiceRetirementBegun",),
        refused_given=lambda here: (a_live_service(here), here.hear(RETIREMENT_BACKED_OUT)),
        other_order=lambda here: [deployed(ReleaseKind.RETIREMENT)],
    ),
    "know_what_runs_after_deployment": Case(
        given=register,
        when=lambda here: deployed(),
        then=(
            "dml.ServiceWentLive",
            *("dml.ConfigurationItemRegistered", "dml.ConfigurationItemRegistered", "dml.ConfigurationItemRunNoted"),
        ),
        refused_given=a_running_service,
    ),
    "know_what_runs_after_back_out": Case(
        given=a_retiring_service,
        when=lambda here: RETIREMENT_BACKED_OUT,
        then=("dml.ServiceRetirementBackedOut",),
        refused_given=a_retired_service,
    ),
    "know_that_a_retirement_failed": Case(
        given=lambda here: (a_retiring_service(here), here.hear(RETIREMENT_CLOSED)),
        when=lambda here: RETIREMENT_FAILED,
        then=("dml.ServiceRetirementFailed", "dml.ServiceRetirementBackedOut"),
        refused_given=a_retired_service,
        other_order=lambda here: [RETIREMENT_REQUESTED],
    ),
    "know_that_a_node_was_retired": Case(
        given=lambda here: (a_running_service(here), here.clock.advance(timedelta(hours=1))),
        when=lambda here: NodeRetired(**OF_RELEASE, environment_id=ENVIRONMENT, node="node-1"),
        then=("dml.ConfigurationItemStopped",),
        refused_given=nothing,
    ),
    "retire_service_of_closed_retirement": Case(
        given=a_deployed_retirement,
        when=lambda here: RETIREMENT_CLOSED,
        then=("dml.ServiceRetirementClosed", "dml.ServiceRetired"),
        refused_given=a_retiring_service,
        refused_then=("dml.ServiceRetirementClosed",),
    ),
    "mark_service_for_retirement": Case(
        given=a_live_service,
        when=lambda here: RetirementRecommended(**OF_RELEASE, review_id=REVIEW, reason="no value"),
        then=("dml.ServiceRetirementRecommended",),
        refused_given=nothing,
    ),
    "take_up_waiting_check_ins": Case(
        given=a_check_in_that_waits,
        when=nothing,
        then=("dml.CheckInRefused",),
        refused_given=a_checked_in_build,
        tick_after=timedelta(hours=1),
    ),
}
