"""An emergency at night: two people, joined gates, a minimal plan, and debts that block closing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.testing import NOON, an_act, event_names, refused
from release_service.domain import (
    DebtCode,
    DebtState,
    DeploymentState,
    Gate,
    ReleaseKind,
    ReleaseState,
    RequestState,
    TestResult,
)

from tests.unit.release.a_release import (
    RELEASE,
    REVIEW,
    Story,
    a_plan,
    assert_replay_equals_live,
    manager,
    reaction,
    signer,
)

ALL_DEBTS = {*DebtCode}


def an_emergency():
    return Story(ReleaseKind.FIX, emergency=True)


def states(story):
    return {debt.code: debt.state for debt in story.release.debts.values()}


def settle_all(story):
    story.acknowledge()
    story.inform()
    story.run("unit")
    story.rehearse()
    story.release.request_confirmation(manager(), request_id=RELEASE)
    story.release.note_confirmation(reaction(), request_id=RELEASE, confirmed=True, reasons=())


def test_one_vote_gives_two_grants_each_used_once():
    story = an_emergency().to_emergency_deployment()
    requests = list(story.release.requests.values())
    assert [request.state for request in requests] == [RequestState.USED, RequestState.USED]
    assert requests[0].used == (Gate.PLANNING, Gate.BUILD_AND_TEST)
    assert_replay_equals_live(story.release)


def test_gates_may_also_be_asked_for_one_by_one():
    story = an_emergency()
    story.plan()
    story.pass_gate(Gate.PLANNING)
    story.pass_gate(Gate.BUILD_AND_TEST)


def test_editing_between_two_joined_gates_voids_the_second():
    story = an_emergency()
    story.plan()
    request = story.granted(Gate.PLANNING, Gate.BUILD_AND_TEST)
    story.enter(ReleaseState.PLANNING)
    story.plan(a_plan(strategy="all at once"))
    assert story.release.requests[request.request_id].state is RequestState.VOIDED
    assert story.release.pending_events[-1].gates == (Gate.BUILD_AND_TEST,)
    with refused("no-grant"):
        story.enter(ReleaseState.BUILD_AND_TEST)


def test_a_revocation_between_two_joined_gates_bars_the_second():
    story = an_emergency()
    story.plan()
    request = story.granted(Gate.PLANNING, Gate.BUILD_AND_TEST)
    story.enter(ReleaseState.PLANNING)
    ended = {"request_id": request.request_id, "ended": RequestState.REVOKED, "reasons": ("no",)}
    story.release.note_request_ended(reaction(), **ended)
    assert event_names(story.release)[-1] == "GrantCrossed"
    with refused("no-grant", "phase-grant-revoked"):
        story.enter(ReleaseState.BUILD_AND_TEST)


def test_what_is_left_out_becomes_a_debt_with_a_date():
    story = an_emergency().to_emergency_deployment()
    assert set(story.release.debts) == ALL_DEBTS
    assert {debt.due_at for debt in story.release.debts.values()} == {NOON + timedelta(days=3)}
    assert {debt.state for debt in story.release.debts.values()} == {DebtState.OPEN}


def test_what_was_done_before_is_no_debt():
    story = an_emergency()
    story.plan()
    story.acknowledge()
    story.granted(Gate.PLANNING, Gate.BUILD_AND_TEST)
    story.enter(ReleaseState.PLANNING)
    story.enter(ReleaseState.BUILD_AND_TEST)
    story.build()
    story.run_all()
    story.rehearse()
    story.inform()
    story.release.record_sign_off(signer())
    story.plan_deployment()
    story.granted(Gate.CHECK_IN, Gate.DEPLOYMENT)
    story.enter(ReleaseState.CHECK_IN)
    story.check_in_completes()
    story.enter(ReleaseState.DEPLOYMENT)
    assert set(story.release.debts) == {DebtCode.CAB_CONFIRMATION}


def test_the_items_are_checked_when_the_second_of_two_joined_grants_is_used():
    story = an_emergency().to_emergency_build()
    story.granted(Gate.CHECK_IN, Gate.DEPLOYMENT)
    story.enter(ReleaseState.CHECK_IN)
    with refused("not-in-the-dml"):
        story.enter(ReleaseState.DEPLOYMENT)


def test_a_rehearsal_between_request_and_entry_voids_nothing_and_is_no_debt():
    story = an_emergency().to_emergency_build()
    story.granted(Gate.CHECK_IN, Gate.DEPLOYMENT)
    story.rehearse()
    story.enter(ReleaseState.CHECK_IN)
    story.check_in_completes()
    story.enter(ReleaseState.DEPLOYMENT)
    assert DebtCode.REHEARSAL not in story.release.debts


def test_the_minimum_suites_are_never_left_out():
    story = an_emergency()
    story.plan()
    story.granted(Gate.PLANNING, Gate.BUILD_AND_TEST)
    story.enter(ReleaseState.PLANNING)
    story.enter(ReleaseState.BUILD_AND_TEST)
    story.build()
    with refused("suite-not-passed"):
        story.release.record_sign_off(signer())
    story.run("smoke")
    story.release.record_sign_off(signer())


def test_every_debt_can_be_settled_and_then_the_release_closes():
    story = an_emergency().to_emergency_deployment()
    story.hear(DeploymentState.DEPLOYED)
    story.decide()
    assert story.release.state is ReleaseState.REVIEW
    (command,) = [c for c in story.release.next(manager()) if c.command == "decide the review"]
    assert {u.code for u in command.unmet} == {"debt-open"}
    settle_all(story)
    assert set(states(story).values()) == {DebtState.SETTLED}
    assert story.release.state is ReleaseState.CLOSED
    assert_replay_equals_live(story.release)


@pytest.mark.parametrize(("succeeded", "duration_s"), [(False, 10.0), (True, 61.0)])
def test_a_rehearsal_that_fails_or_takes_too_long_fails_its_debt(succeeded, duration_s):
    story = an_emergency().to_emergency_deployment()
    story.hear(DeploymentState.DEPLOYED)
    story.rehearse(succeeded=succeeded, duration_s=duration_s)
    assert states(story)[DebtCode.REHEARSAL] is DebtState.FAILED
    failed = story.release.pending_events[-1]
    request_id = story.release.used[Gate.DEPLOYMENT]
    assert failed.evaluation_id == derived_id(request_id, "debt:rehearsal")


def test_a_suite_that_fails_later_fails_its_debt():
    story = an_emergency().to_emergency_deployment()
    story.run("unit", TestResult.FAILED)
    assert states(story)[DebtCode.TEST_SUITES] is DebtState.FAILED
    with refused("not-in-build-and-test"):
        story.run("unit")


def test_a_later_suite_without_a_verdict_leaves_the_debt_open():
    story = an_emergency().to_emergency_deployment()
    story.run("unit", TestResult.ERROR)
    assert states(story)[DebtCode.TEST_SUITES] is DebtState.OPEN


def test_the_cab_may_say_no():
    story = an_emergency().to_emergency_deployment()
    story.release.request_confirmation(manager(), request_id=RELEASE)
    story.release.note_confirmation(reaction(), request_id=story.new_id(), confirmed=False, reasons=())
    assert states(story)[DebtCode.CAB_CONFIRMATION] is DebtState.OPEN
    story.release.note_confirmation(reaction(), request_id=RELEASE, confirmed=False, reasons=("too hasty",))
    assert states(story)[DebtCode.CAB_CONFIRMATION] is DebtState.FAILED


def test_the_cab_is_asked_once_when_it_is_owed_and_by_those_who_may():
    with refused("no-confirmation-owed"):
        Story().release.request_confirmation(manager(), request_id=RELEASE)
    story = an_emergency().to_emergency_deployment()
    with refused("not-entitled"):
        story.release.request_confirmation(an_act(), request_id=RELEASE)
    story.release.request_confirmation(manager(), request_id=RELEASE)
    with refused("confirmation-requested"):
        story.release.request_confirmation(manager(), request_id=RELEASE)


def test_a_debt_falls_overdue_once():
    story = an_emergency().to_emergency_deployment()
    story.release.fail_overdue_debts(reaction(at=NOON + timedelta(days=2)))
    assert story.release.open_debts()
    for _ in range(2):
        story.release.fail_overdue_debts(reaction(at=NOON + timedelta(days=3)))
    assert event_names(story.release).count("DebtFailed") == len(ALL_DEBTS)


def test_a_failed_debt_blocks_closing_no_more():
    story = an_emergency().to_emergency_deployment()
    story.hear(DeploymentState.DEPLOYED)
    story.decide()
    story.release.fail_overdue_debts(reaction(at=NOON + timedelta(days=3)))
    assert story.release.state is ReleaseState.CLOSED


def test_an_emergency_load_owes_a_confirmation_from_its_check_in():
    story = Story(ReleaseKind.INITIAL_LOAD, emergency=True)
    story.plan()
    story.pass_gate(Gate.PLANNING)
    story.pass_gate(Gate.BUILD_AND_TEST)
    story.build()
    story.run_all()
    story.release.record_sign_off(signer())
    story.pass_gate(Gate.CHECK_IN)
    assert DebtCode.CAB_CONFIRMATION in story.release.debts


def test_a_missed_target_opens_one_successor():
    story = Story().to_deployed()
    for _ in range(2):
        story.release.record_successor(reaction(), evaluation_id=RELEASE)
        story.release.note_target_accepted(reaction(), evaluation_id=RELEASE, authorization_id=RELEASE)
    names = event_names(story.release)
    assert (names.count("SuccessorOpened"), names.count("TargetAcceptanceNoted")) == (1, 1)
    assert story.release.successors == {RELEASE: derived_id(RELEASE, "successor-release")}
    story.release.note_review(reaction(), review_id=RELEASE)
    story.release.note_review(reaction(), review_id=RELEASE)
    assert event_names(story.release).count("ReviewNoted") == 1


def test_the_cab_is_asked_anew_about_a_second_deployment_and_never_on_hold():
    story = an_emergency().to_emergency_deployment()
    story.hear(DeploymentState.RUNNING)
    story.hear(DeploymentState.BACKED_OUT)
    story.release.request_confirmation(manager(), request_id=RELEASE)
    story.release.note_confirmation(reaction(), request_id=RELEASE, confirmed=True, reasons=())
    story.decide("redeploy")
    story.pass_gate(Gate.DEPLOYMENT)
    assert story.release.debts[DebtCode.CAB_CONFIRMATION].state is DebtState.OPEN
    story.release.put_on_hold(manager())
    with refused("on-hold"):
        story.release.request_confirmation(manager(), request_id=REVIEW)
    story.release.take_off_hold(manager())
    story.release.request_confirmation(manager(), request_id=REVIEW)
    story.release.note_confirmation(reaction(), request_id=REVIEW, confirmed=True, reasons=())
    assert story.release.debts[DebtCode.CAB_CONFIRMATION].state is DebtState.SETTLED
    assert_replay_equals_live(story.release)


def test_a_cancelled_release_owes_nothing_any_more():
    story = an_emergency().to_emergency_build()
    assert states(story)
    story.release.cancel(manager())
    before = event_names(story.release)
    story.release.fail_overdue_debts(reaction(at=NOON + timedelta(days=9)))
    assert event_names(story.release) == before


def test_an_owed_rehearsal_waits_for_the_second_gate():
    story = an_emergency().to_emergency_deployment()
    story.hear(DeploymentState.RUNNING)
    story.hear(DeploymentState.BACKED_OUT)
    story.decide("replan")
    assert story.release.state is ReleaseState.PLANNING
    with refused("not-the-time-to-rehearse"):
        story.rehearse()


def test_a_grant_that_expired_in_part_may_be_revoked_as_a_whole():
    story = an_emergency()
    story.plan()
    request = story.granted(Gate.PLANNING, Gate.BUILD_AND_TEST)
    story.enter(ReleaseState.PLANNING)
    for ended in (RequestState.EXPIRED, RequestState.REVOKED, RequestState.REVOKED, RequestState.EXPIRED):
        story.release.note_request_ended(reaction(), request_id=request.request_id, ended=ended, reasons=("so",))
    assert event_names(story.release).count("GrantCrossed") == 2
    story.granted(Gate.BUILD_AND_TEST)
    with refused("phase-grant-revoked"):
        story.enter(ReleaseState.BUILD_AND_TEST)
