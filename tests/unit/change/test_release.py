"""What was heard about a release gives the same state in whatever order it arrived."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

from change_service.domain import KnownRelease
from fourgates.chassis.testing import an_act, event_names, replayed

ACT = an_act("change-service", cause_id="message-1")
FIRST, SECOND = UUID(int=1), UUID(int=2)


def a_release():
    return KnownRelease.note(ACT, release_id=UUID(int=7))


def test_facts_known_already_make_no_event():
    release = a_release()
    for _ in range(2):
        release.note_content(ACT, change_ids=(FIRST,))
        release.note_hold(ACT, on_hold=True)
        release.note_deployment(ACT, deployment_id=FIRST)
        release.note_end(ACT, how="closed")
    for _ in range(2):
        release.note_phase(ACT, phase="planning", kind="update")
    for _ in range(2):
        release.note_way_back(ACT, way="rescope", from_phase="planning", to_phase="requested")
    assert release.rescoped
    assert event_names(release) == [
        "Noted",
        "ContentNoted",
        "HoldNoted",
        "DeploymentNoted",
        "EndNoted",
        "PhaseNoted",
        "WayBackNoted",
    ]
    release.note_phase(ACT, phase="planning", kind="update")
    assert not release.rescoped
    assert {e.source_id for e in release.pending_events} == {"message-1"}
    assert replayed(release).ended == "closed"


def test_a_deployment_heard_after_the_way_back_out_of_its_review_does_not_implement():
    def deploy(release):
        release.note_deployment(ACT, deployment_id=FIRST)

    def redeploy(release):
        release.note_deployment(ACT, deployment_id=SECOND)

    def go_back(release):
        release.note_way_back(ACT, way="redeploy", from_phase="review", to_phase="check_in")

    for order in permutations((deploy, go_back)):
        release = a_release()
        for fact in order:
            fact(release)
        assert not release.implementing
        redeploy(release)
        assert release.implementing


def test_kinds_without_deployment_implement_at_check_in():
    media, update = a_release(), a_release()
    media.note_phase(ACT, phase="check_in", kind="media")
    update.note_phase(ACT, phase="check_in", kind="update")
    assert media.implementing
    assert not update.implementing
    media.note_way_back(ACT, way="rebuild", from_phase="check_in", to_phase="build_and_test")
    assert not media.implementing


def test_a_second_way_out_of_the_same_review_undoes_no_second_deployment():
    release = a_release()
    release.note_deployment(ACT, deployment_id=FIRST)
    release.note_phase(ACT, phase="review", kind="update")
    release.note_way_back(ACT, way="redeploy", from_phase="review", to_phase="review")
    release.note_way_back(ACT, way="rebuild", from_phase="review", to_phase="build_and_test")
    assert not release.implementing
    release.note_deployment(ACT, deployment_id=SECOND)
    assert release.implementing
