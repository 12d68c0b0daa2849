"""A phase is entered under an unused, unexpired grant that binds what the release holds then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fourgates.chassis.testing import NOON, an_act, event_names, refused
from release_service.domain import (
    ChangeState,
    DeploymentState,
    Gate,
    ReleaseState,
    RequestState,
    WayBack,
)

from tests.unit.release.a_release import (
    Story,
    a_change,
    manager,
    reaction,
)


def test_a_phase_is_not_entered_without_a_grant():
    story = Story()
    with refused("no-grant"):
        story.enter(ReleaseState.PLANNING)
    story.request(Gate.PLANNING)
    with refused("no-grant"):
        story.enter(ReleaseState.PLANNING)


def test_only_a_release_manager_enters_and_not_on_hold():
    story = Story()
    story.granted(Gate.PLANNING)
    with refused("not-entitled"):
        story.enter(ReleaseState.PLANNING, an_act())
    story.release.put_on_hold(manager())
    with refused("on-hold"):
        story.enter(ReleaseState.PLANNING)


@pytest.mark.parametrize("phase", [ReleaseState.CHECK_IN, ReleaseState.REVIEW, ReleaseState.CLOSED])
def test_phases_come_in_their_order(phase):
    with refused("phase-not-next"):
        Story().enter(phase)


def test_a_grant_is_used_once():
    story = Story().to_planning()
    story.plan()
    story.acknowledge()
    with refused("phase-not-next", "no-grant"):
        story.enter(ReleaseState.PLANNING)


def test_an_expired_grant_opens_nothing():
    story = Story()
    story.granted(Gate.PLANNING, expires_at=NOON + timedelta(hours=1))
    with refused("grant-expired"):
        story.enter(ReleaseState.PLANNING, manager(at=NOON + timedelta(hours=1)))
    story.enter(ReleaseState.PLANNING, manager(at=NOON + timedelta(minutes=59)))


def test_a_grant_of_another_document_opens_nothing():
    story = Story()
    story.granted(Gate.PLANNING, document_digest="0" * 64)
    with refused("grant-binds-something-else"):
        story.enter(ReleaseState.PLANNING)


def test_a_change_that_was_rejected_after_the_grant_stops_the_entry():
    story = Story().to_ready_plan()
    story.granted(Gate.BUILD_AND_TEST)
    story.release.note_change(reaction(), change=a_change(state=ChangeState.REJECTED))
    with refused("change-not-authorized"):
        story.enter(ReleaseState.BUILD_AND_TEST)


def test_a_revocation_heard_after_the_use_is_recorded_and_bars_going_on():
    story = Story().to_ready_plan()
    used = story.release.used[Gate.PLANNING]
    story.granted(Gate.BUILD_AND_TEST)
    ended = {"request_id": used, "ended": RequestState.REVOKED, "reasons": ("a mistake",)}
    story.release.note_request_ended(reaction(), **ended)
    story.release.note_request_ended(reaction(), **ended)
    assert event_names(story.release).count("GrantCrossed") == 1
    assert story.release.requests[used].state is RequestState.USED
    with refused("phase-grant-revoked"):
        story.enter(ReleaseState.BUILD_AND_TEST)


def test_an_expiry_heard_after_the_use_is_recorded_and_bars_nothing():
    story = Story().to_ready_plan()
    used = story.release.used[Gate.PLANNING]
    story.release.note_request_ended(reaction(), request_id=used, ended=RequestState.EXPIRED, reasons=())
    story.pass_gate(Gate.BUILD_AND_TEST)


def test_nothing_is_entered_while_a_deployment_runs_that_crossed_a_way_back():
    story = Story().to_deployment()
    crossed = story.release.deployment_id
    story.release.go_back(manager(), way=WayBack.REDEPLOY)
    story.granted(Gate.DEPLOYMENT)
    story.hear(DeploymentState.RUNNING, crossed)
    with refused("phase-not-next"):
        story.enter(ReleaseState.DEPLOYMENT)
    with refused("gate-not-next"):
        story.request(Gate.DEPLOYMENT)
