"""Every row of the table of the ways back: where it is allowed, where it leads, and what it voids."""

from __future__ import annotations

import pytest
from fourgates.chassis.testing import an_act, event_names, refused
from release_service.domain import (
    CheckInState,
    DeploymentState,
    Gate,
    ReleaseKind,
    ReleaseState,
    RequestState,
    WayBack,
)

from tests.unit.release.a_release import (
    Story,
    an_item,
    assert_replay_equals_live,
    builder,
    manager,
    reaction,
)

S = ReleaseState
PLACES = {
    "requested": Story,
    "planning": lambda: Story().to_ready_plan(),
    "build_and_test": lambda: Story().to_signed_off(),
    "check_in": lambda: Story().to_checked_in(),
    "before": lambda: Story().to_deployment(),
    "aborted": lambda: _heard(DeploymentState.ABORTED),
    "running": lambda: Story().to_running(),
    "backed_out": lambda: _reviewed("redeploy"),
    "deployed": lambda: Story().to_deployed(),
}
LEADS_TO = {
    WayBack.RESCOPE: S.REQUESTED,
    WayBack.REPLAN: S.PLANNING,
    WayBack.REBUILD: S.BUILD_AND_TEST,
    WayBack.REDEPLOY: S.CHECK_IN,
}
ALLOWED = {
    WayBack.RESCOPE: {"planning", "build_and_test", "check_in", "backed_out"},
    WayBack.REPLAN: {"build_and_test", "check_in", "before", "aborted", "backed_out"},
    WayBack.REBUILD: {"build_and_test", "check_in", "before", "aborted", "backed_out"},
    WayBack.REDEPLOY: {"before", "aborted", "backed_out"},
}
VOIDED = {
    WayBack.RESCOPE: {Gate.PLANNING, Gate.BUILD_AND_TEST, Gate.CHECK_IN, Gate.DEPLOYMENT},
    WayBack.REPLAN: {Gate.BUILD_AND_TEST, Gate.CHECK_IN, Gate.DEPLOYMENT},
    WayBack.REBUILD: {Gate.CHECK_IN, Gate.DEPLOYMENT},
    WayBack.REDEPLOY: {Gate.DEPLOYMENT},
}


def _heard(state):
    story = Story().to_deployment()
    story.hear(state)
    return story


def _reviewed(decision):
    story = Story().to_backed_out()
    story.decide(decision)
    return story


def _back(story, way, version="1.0.1", act=None):
    story.release.go_back(act or manager(), way=way, version=version)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", WayBack)
def test_a_way_back_is_allowed_where_the_table_says_so(way, place):
    story = PLACES[place]()
    used = set(story.release.used)
    if place not in ALLOWED[way]:
        expected = {"running": "deployment-runs", "deployed": "stays"}.get(place, "way-not-allowed-here")
        with refused(expected):
            _back(story, way)
        return
    _back(story, way)
    again = way is WayBack.REDEPLOY and place == "backed_out"
    assert story.release.state is (S.REVIEW if again else LEADS_TO[way])
    assert set(story.release.used) == used - VOIDED[way]
    builds_anew = way in {WayBack.RESCOPE, WayBack.REBUILD}
    assert (story.release.build is None) == (builds_anew or place == "planning")
    if way is not WayBack.REDEPLOY:
        assert story.release.sign_off is None
        assert story.release.rehearsals == {}
    assert (story.release.test_runs == ()) == (builds_anew or place == "planning")
    assert_replay_equals_live(story.release)


def test_going_back_takes_a_role():
    with refused("not-entitled"):
        _back(Story().to_signed_off(), WayBack.REBUILD, act=builder())


def test_open_requests_end_with_a_way_back():
    story = Story().to_signed_off()
    request = story.granted(Gate.CHECK_IN)
    _back(story, WayBack.REBUILD)
    assert story.release.requests[request.request_id].state is RequestState.VOIDED
    assert story.release.pending_events[-1].voided_request_ids == (request.request_id,)


def test_a_void_build_is_discarded_unless_it_is_definitive():
    story = Story().to_signed_off()
    _back(story, WayBack.REBUILD, None)
    went = story.release.pending_events[-1]
    assert (went.discarded_build_id, went.discarded_items) == (story.release.builds[0].build_id, story.items)
    story = Story().to_checked_in()
    _back(story, WayBack.REBUILD)
    assert story.release.pending_events[-1].discarded_items == ()


def test_after_a_check_in_a_new_build_takes_a_new_version_and_supersedes_the_old():
    story = Story().to_checked_in()
    for version in (None, "1.0.0"):
        with refused("no-new-version"):
            _back(story, WayBack.REBUILD, version)
    _back(story, WayBack.REBUILD, "1.0.1")
    assert story.release.package_version == "1.0.1"
    story.build(items=(an_item(version="1.0.1", mark="b"),))
    assert [item.key for item in story.release.superseded_items()] == ["parcels@1.0.0"]


def test_a_build_that_is_kept_by_a_replan_after_its_check_in_still_takes_a_new_version():
    story = Story().to_checked_in()
    _back(story, WayBack.REPLAN, None)
    story.pass_gate(Gate.BUILD_AND_TEST)
    with refused("no-new-version"):
        _back(story, WayBack.REBUILD, None)


def test_after_a_refused_check_in_the_version_may_stay():
    story = Story().to_check_in()
    build_id = story.release.build.build_id
    story.release.note_check_in_refused(reaction(), build_id=build_id, reasons=("no bytes",))
    _back(story, WayBack.REBUILD, None)


def test_what_was_asked_of_others_is_called_off():
    story = Story().to_check_in()
    _back(story, WayBack.REPLAN)
    assert "CheckInRequestCancelled" in event_names(story.release)
    story = Story().to_deployment()
    _back(story, WayBack.REDEPLOY)
    assert "DeploymentRequestCancelled" in event_names(story.release)
    assert story.release.deployment_state is DeploymentState.WITHDRAWN


def test_a_phase_is_not_reopened_under_a_revoked_grant():
    story = Story().to_signed_off()
    used = story.release.used[Gate.PLANNING]
    story.release.note_request_ended(reaction(), request_id=used, ended=RequestState.REVOKED, reasons=())
    with refused("way-grant-revoked"):
        _back(story, WayBack.REPLAN)
    _back(story, WayBack.RESCOPE)


def test_an_expired_grant_reopens_its_phase():
    story = Story().to_signed_off()
    used = story.release.used[Gate.PLANNING]
    story.release.note_request_ended(reaction(), request_id=used, ended=RequestState.EXPIRED, reasons=())
    _back(story, WayBack.REPLAN)


# The review of a deployment that did not stay.


@pytest.mark.parametrize("way", WayBack)
def test_the_review_decides_the_way(way):
    story = _reviewed(way.value)
    again = way is WayBack.REDEPLOY
    assert story.release.state is (S.REVIEW if again else LEADS_TO[way])
    assert story.release.package_version == ("1.0.0" if way in {WayBack.REPLAN, WayBack.REDEPLOY} else "1.0.1")
    assert_replay_equals_live(story.release)


def test_no_way_leads_out_of_a_review_that_has_not_ended():
    story = Story().to_backed_out()
    with refused("review-not-ended"):
        _back(story, WayBack.REPLAN)


def test_a_way_that_is_barred_leaves_the_choice_to_a_release_manager():
    story = Story().to_running()
    used = story.release.used[Gate.BUILD_AND_TEST]
    story.release.note_request_ended(reaction(), request_id=used, ended=RequestState.REVOKED, reasons=())
    story.hear(DeploymentState.BACKED_OUT)
    story.decide("rebuild")
    assert story.release.state is S.REVIEW
    _back(story, WayBack.REPLAN)
    assert story.release.state is S.PLANNING


def test_a_redeployment_takes_a_new_fourth_gate_only():
    story = _reviewed("redeploy")
    story.pass_gate(Gate.DEPLOYMENT)
    story.hear(DeploymentState.DEPLOYED)
    assert story.release.state is S.REVIEW
    assert not story.release.reviewed
    story.decide()
    assert story.release.state is S.CLOSED


def test_another_deployment_plan_may_be_written_for_a_redeployment():
    story = _reviewed("redeploy")
    story.plan_deployment()
    story.pass_gate(Gate.DEPLOYMENT)


def test_a_backed_out_release_may_be_closed():
    assert _reviewed("close").release.state is S.CLOSED


# Cancelling.


@pytest.mark.parametrize("place", ["requested", "planning", "build_and_test", "check_in", "aborted", "backed_out"])
def test_a_release_is_cancelled_where_nothing_runs(place):
    story = PLACES[place]()
    story.release.cancel(manager())
    assert story.release.state is S.CANCELLED
    assert_replay_equals_live(story.release)


def test_cancelling_takes_a_role():
    with refused("not-entitled"):
        Story().release.cancel(builder())


def test_what_runs_or_stays_is_not_cancelled():
    with refused("deployment-runs"):
        Story().to_running().release.cancel(manager())
    with refused("stays"):
        Story().to_deployed().release.cancel(manager())
    with refused("stays"):
        Story(ReleaseKind.MEDIA).to_checked_in().release.cancel(manager())


def test_cancelling_ends_requests_and_discards_candidates():
    story = Story().to_signed_off()
    request = story.granted(Gate.CHECK_IN)
    story.release.cancel(manager())
    assert story.release.requests[request.request_id].state is RequestState.VOIDED
    assert story.release.pending_events[-1].discarded_items == story.items


def test_cancelling_calls_the_check_in_off():
    story = Story().to_check_in()
    story.release.cancel(manager())
    assert story.release.check_in.state is CheckInState.REFUSED


def test_what_ran_is_reviewed_before_the_release_is_cancelled():
    story = Story().to_backed_out()
    story.release.cancel(manager())
    assert story.release.state is S.REVIEW
    for command in (lambda: story.release.cancel(manager()), lambda: _back(story, WayBack.REPLAN)):
        with refused("cancellation-asked"):
            command()
    story.decide("redeploy")
    assert story.release.state is S.CANCELLED


def test_a_review_may_cancel():
    assert _reviewed("cancel").release.state is S.CANCELLED


def test_a_deployment_that_was_asked_for_is_awaited_before_the_release_is_cancelled():
    story = Story().to_deployment()
    story.release.cancel(manager())
    assert story.release.state is S.DEPLOYMENT
    with refused("phase-not-next"):
        story.enter(S.DEPLOYMENT)
    story.hear(DeploymentState.ABORTED)
    assert story.release.state is S.CANCELLED


def test_a_deployment_that_started_all_the_same_is_reviewed_and_kept_when_it_stays():
    story = Story().to_deployment()
    story.release.cancel(manager())
    story.hear(DeploymentState.RUNNING)
    story.hear(DeploymentState.DEPLOYED)
    story.decide()
    assert story.release.state is S.CLOSED


def test_no_gate_is_requested_once_cancelling():
    story = _reviewed("redeploy")
    story.granted(Gate.DEPLOYMENT)
    story.enter(S.DEPLOYMENT)
    story.release.cancel(manager())
    assert [c.command for c in story.release.next(manager()) if c.command.startswith("request gate")] == []


# Hold.


def test_a_hold_ends_by_a_person():
    story = Story()
    with refused("not-entitled"):
        story.release.put_on_hold(an_act())
    with refused("not-on-hold"):
        story.release.take_off_hold(manager())
    story.release.put_on_hold(manager())
    with refused("on-hold"):
        story.release.put_on_hold(manager())
    with refused("not-entitled"):
        story.release.take_off_hold(an_act())
    story.release.take_off_hold(manager())
    story.request(Gate.PLANNING)
