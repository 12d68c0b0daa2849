"""Rehearsals, the deployment plan, and what is heard of a deployment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fourgates.chassis.testing import NOON, an_act, event_names, refused
from release_service.domain import (
    DeploymentState,
    Gate,
    ReleaseKind,
    ReleaseState,
    RequestState,
    WayBack,
)

from tests.unit.release.a_release import (
    RELEASE,
    SANDBOX,
    Story,
    a_deployment_plan,
    assert_replay_equals_live,
    manager,
    reaction,
)


def test_a_rehearsal_is_asked_for_by_those_who_may_and_not_on_hold():
    story = Story().to_built()
    with refused("not-entitled"):
        story.release.request_rehearsal(an_act(), rehearsal_id=RELEASE, environment_id=SANDBOX)
    story.release.put_on_hold(manager())
    with refused("on-hold"):
        story.rehearse()


def test_there_is_nothing_to_rehearse_before_a_build_or_for_media():
    with refused("nothing-built"):
        Story().to_build_and_test().rehearse()
    with refused("nothing-to-rehearse"):
        Story(ReleaseKind.MEDIA).to_built().rehearse()


def test_a_rehearsal_has_its_time():
    for story in (Story().to_planning(), Story().to_running(), Story().to_deployed()):
        with refused("not-the-time-to-rehearse"):
            story.rehearse()
    for story in (Story().to_built(), Story().to_checked_in(), Story().to_deployment()):
        story.rehearse()


def test_a_rehearsal_runs_under_the_second_grant():
    story = Story().to_built()
    used = story.release.used[Gate.BUILD_AND_TEST]
    story.release.note_request_ended(reaction(), request_id=used, ended=RequestState.REVOKED, reasons=())
    with refused("rehearsal-grant-revoked"):
        story.rehearse()


def test_a_result_is_kept_once_and_none_that_was_made_void():
    story = Story().to_built()
    rehearsal_id = story.rehearse()
    before = len(story.release.pending_events)
    story.rehearsed(rehearsal_id, succeeded=False)
    story.rehearsed(RELEASE)
    assert len(story.release.pending_events) == before
    story.release.go_back(manager(), way=WayBack.REBUILD)
    story.rehearsed(rehearsal_id)
    assert story.release.rehearsals == {}


# The deployment plan.


def test_a_deployment_is_planned_by_a_release_manager_in_its_time():
    with refused("not-entitled"):
        Story().to_checked_in().release.plan_deployment(an_act(), plan=a_deployment_plan())
    for story in (Story().to_planning(), Story().to_deployment(), Story().to_deployed()):
        with refused("not-the-time-to-plan-deployment"):
            story.plan_deployment()


def test_a_kind_without_deployment_plans_none():
    with refused("nothing-to-deploy"):
        Story(ReleaseKind.INITIAL_LOAD).to_built().plan_deployment()


RUNGS = a_deployment_plan().environments


@pytest.mark.parametrize(
    ("code", "environments"),
    [
        ("no-environments", ()),
        ("environment-twice", (RUNGS[0], RUNGS[0])),
        ("no-such-window", (replace(RUNGS[0], window_start=RUNGS[0].window_end),)),
        ("no-such-window", (replace(RUNGS[0], window_start=NOON - timedelta(1), window_end=NOON),)),
        ("empty-wave", (replace(RUNGS[0], waves=()),)),
        ("empty-wave", (replace(RUNGS[0], waves=(("node-1",), ())),)),
    ],
)
def test_a_deployment_plan_makes_sense(code, environments):
    story = Story().to_checked_in()
    with refused(code):
        story.plan_deployment(a_deployment_plan(environments=environments))


def test_the_same_answer_of_the_schedule_is_kept_once():
    story = Story().to_deployable()
    before = len(story.release.pending_events)
    story.release.note_conflicts(reaction(), plan_digest=story.release.deployment_plan_digest(), conflicts=())
    assert len(story.release.pending_events) == before


# What is heard.


def test_an_aborted_deployment_stays_until_a_new_fourth_gate():
    story = Story().to_deployment()
    story.hear(DeploymentState.ABORTED)
    assert story.release.state is ReleaseState.DEPLOYMENT
    story.release.go_back(manager(), way=WayBack.REDEPLOY)
    assert story.release.state is ReleaseState.CHECK_IN
    with refused("no-grant"):
        story.enter(ReleaseState.DEPLOYMENT)
    story.pass_gate(Gate.DEPLOYMENT)
    story.hear(DeploymentState.DEPLOYED)
    assert story.release.state is ReleaseState.REVIEW


def test_a_start_that_crossed_a_way_back_is_recorded_and_reviewed():
    story = Story().to_deployment()
    crossed = story.release.deployment_id
    story.release.go_back(manager(), way=WayBack.REBUILD, version="1.0.1")
    story.hear(DeploymentState.ABORTED, crossed)
    assert event_names(story.release)[-1] == "WentBack"
    story.hear(DeploymentState.RUNNING, crossed)
    assert story.release.pending_events[-1].crossing
    for command in (lambda: story.release.cancel(manager()), lambda: _replan(story)):
        with refused("deployment-runs"):
            command()
    story.hear(DeploymentState.BACKED_OUT, crossed)
    assert story.release.state is ReleaseState.REVIEW
    assert_replay_equals_live(story.release)


def test_an_unknown_deployment_changes_nothing():
    story = Story().to_deployment()
    before = len(story.release.pending_events)
    story.hear(DeploymentState.DEPLOYED, RELEASE)
    assert len(story.release.pending_events) == before


def _replan(story):
    story.release.go_back(manager(), way=WayBack.REPLAN)
