"""A release goes from its request to its end, and its log alone shows who authorized what."""

from __future__ import annotations

import pytest
from fourgates.chassis.testing import event_names
from release_service.domain import DeploymentState, Gate, Outcome, ReleaseKind, ReleaseState

from tests.unit.release.a_release import KINDS_WITHOUT, Story, assert_replay_equals_live, manager, reaction

DEPLOYING = (ReleaseKind.NEW, ReleaseKind.UPDATE, ReleaseKind.FIX, ReleaseKind.RETIREMENT)


@pytest.mark.parametrize("kind", DEPLOYING)
def test_a_release_walks_through_all_four_gates(kind):
    story = Story(kind).to_deployed()
    assert story.release.state is ReleaseState.REVIEW
    story.decide()
    assert story.release.state is ReleaseState.CLOSED
    assert story.release.outcome is Outcome.SUCCESSFUL
    entered = [name for name in event_names(story.release) if name.endswith("Entered")]
    assert entered == ["PlanningEntered", "BuildAndTestEntered", "CheckInEntered", "DeploymentEntered", "ReviewEntered"]
    assert_replay_equals_live(story.release)


@pytest.mark.parametrize("kind", KINDS_WITHOUT)
def test_a_kind_without_deployment_is_reviewed_after_check_in(kind):
    story = Story(kind)
    story.to_checked_in()
    assert story.release.state is ReleaseState.REVIEW
    story.decide()
    assert story.release.state is ReleaseState.CLOSED
    assert_replay_equals_live(story.release)


def test_each_entry_carries_the_whole_grant():
    release = Story().to_deployment().release
    for happened in release.pending_events:
        if type(happened).__name__ in {"PlanningEntered", "BuildAndTestEntered", "CheckInEntered", "DeploymentEntered"}:
            request = release.requests[happened.grant.request_id]
            assert happened.grant == request.grant
            assert happened.grant.deciders
            assert all(request.document[name] == digest for name, digest in happened.document.items())


def test_check_in_and_deployment_are_asked_for_as_they_are_entered():
    names = event_names(Story().to_deployment().release)
    assert names[names.index("CheckInEntered") + 1] == "CheckInRequested"
    assert names[names.index("DeploymentEntered") + 1] == "DeploymentRequested"


def test_a_deployment_that_failed_past_its_back_out_is_reviewed_too():
    story = Story().to_running()
    story.hear(DeploymentState.BACK_OUT_FAILED)
    assert story.release.state is ReleaseState.REVIEW


def test_what_is_heard_twice_happens_once():
    story = Story().to_deployed()
    story.decide()
    before = len(story.release.pending_events)
    story.hear(DeploymentState.DEPLOYED)
    story.decide()
    story.release.note_review(reaction(), review_id=story.new_id())
    assert len(story.release.pending_events) == before


def test_a_decision_that_is_heard_before_the_deployment_closes_when_it_is_heard():
    story = Story().to_running()
    story.decide()
    assert story.release.state is ReleaseState.DEPLOYMENT
    story.hear(DeploymentState.DEPLOYED)
    assert story.release.state is ReleaseState.CLOSED


def test_next_says_what_comes_and_why_not():
    story = Story()
    commands = {command.command: command for command in story.release.next(manager())}
    assert commands["request gate planning"].possible
    assert "no-grant" in {u.code for u in commands["enter planning"].unmet}
    story.to_deployed()
    assert "decide the review" in {command.command for command in story.release.next(manager())}
    story.decide()
    assert story.release.next(manager()) == ()


def test_lineage_names_everyone_who_had_a_part():
    release = Story().to_signed_off().release
    parts = {(p.person_id, p.part) for p in release.lineage()}
    assert {("rita", "requester"), ("anna", "author"), ("bert", "builder"), ("tess", "tester")} <= parts
    request = release.requests[release.used[Gate.BUILD_AND_TEST]]
    assert request.requested_by == "mona"
