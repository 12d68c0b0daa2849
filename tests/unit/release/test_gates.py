"""A gate is requested when its conditions hold, and its request or grant ends when what it bound has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fourgates.chassis.testing import NOON, an_act, refused
from release_service.domain import (
    ChangeState,
    ChangeType,
    Conflict,
    Gate,
    MediaState,
    ReleaseKind,
    ReleaseState,
    RequestState,
    Risk,
    TestResult,
)

from tests.unit.release.a_release import (
    OTHER_CHANGE,
    OTHER_SERVICE,
    PRODUCTION,
    RELEASE,
    STAGING,
    Story,
    a_change,
    a_deployment_plan,
    a_grant,
    a_plan,
    a_service,
    an_item,
    manager,
    reaction,
)

# Requests.


def test_only_a_release_manager_requests_gates():
    with refused("not-entitled"):
        Story().release.request_gates(an_act("x", roles=("builder",)), request_id=RELEASE, gates=(Gate.PLANNING,))


def test_nothing_is_requested_on_hold():
    story = Story()
    story.release.put_on_hold(manager())
    with refused("on-hold"):
        story.request(Gate.PLANNING)


@pytest.mark.parametrize("gate", [Gate.BUILD_AND_TEST, Gate.CHECK_IN, Gate.DEPLOYMENT])
def test_a_gate_is_requested_in_the_phase_before_it(gate):
    with refused("gate-not-next"):
        Story().request(gate)


def test_gates_are_joined_in_an_emergency_only():
    with refused("gate-not-next"):
        Story().request(Gate.PLANNING, Gate.BUILD_AND_TEST)
    with refused("gate-not-next"):
        Story(emergency=True).request(Gate.BUILD_AND_TEST, Gate.CHECK_IN)


def test_a_kind_without_deployment_asks_for_no_fourth_gate():
    story = Story(ReleaseKind.MEDIA).to_check_in()
    with refused("gate-not-next"):
        story.request(Gate.DEPLOYMENT)


def test_a_gate_is_requested_once_at_a_time():
    story = Story()
    story.request(Gate.PLANNING)
    with refused("gate-already-requested"):
        story.request(Gate.PLANNING)


def test_the_first_gate_needs_changes():
    with refused("no-changes"):
        Story(changes=()).request(Gate.PLANNING)


def test_the_first_gate_needs_every_change_heard():
    with refused("change-not-heard"):
        Story(changes=(a_change(state=ChangeState.UNHEARD),)).request(Gate.PLANNING)


@pytest.mark.parametrize("state", [ChangeState.REJECTED, ChangeState.CANCELLED, ChangeState.CLOSED])
def test_a_stopped_change_stops_the_first_gate(state):
    story = Story()
    story.release.note_change(reaction(), change=a_change(state=state))
    with refused("change-stopped"):
        story.request(Gate.PLANNING)


def test_a_change_on_hold_stops_every_gate():
    story = Story()
    story.release.note_change(reaction(), change=a_change(on_hold=True))
    with refused("change-on-hold"):
        story.request(Gate.PLANNING)


def test_nothing_is_released_for_a_retired_service():
    story = Story()
    story.release.note_service(reaction(), service=a_service(lifecycle="retired"))
    with refused("service-retired"):
        story.request(Gate.PLANNING)


def test_every_change_is_authorized_before_the_second_gate():
    story = Story().to_ready_plan()
    story.release.note_change(reaction(), change=a_change(state=ChangeState.REQUESTED))
    with refused("change-not-authorized"):
        story.request(Gate.BUILD_AND_TEST)


def test_the_second_gate_needs_a_plan_and_an_acknowledged_impact():
    story = Story().to_planning()
    with refused("no-plan", "impact-not-acknowledged"):
        story.request(Gate.BUILD_AND_TEST)


def test_the_third_gate_needs_evidence_and_sign_off():
    story = Story().to_build_and_test()
    with refused("no-build", "not-signed-off"):
        story.request(Gate.CHECK_IN)
    story.build()
    with refused("suite-not-passed", "not-signed-off"):
        story.request(Gate.CHECK_IN)


def test_a_run_that_failed_after_the_sign_off_bars_the_third_gate():
    story = Story().to_signed_off()
    story.run("unit", TestResult.FAILED)
    with refused("suite-not-passed"):
        story.request(Gate.CHECK_IN)


def test_a_retirement_needs_its_procedure_rehearsed():
    story = Story(ReleaseKind.RETIREMENT).to_built()
    story.run_all()
    with refused("procedure-not-rehearsed"):
        story.request(Gate.CHECK_IN)


def test_the_fourth_gate_names_everything_that_is_missing():
    story = Story().to_built()
    story.run_all()
    story.release.record_sign_off(an_act("carl", roles=("change_manager",)))
    story.pass_gate(Gate.CHECK_IN)
    with refused("not-rehearsed", "no-deployment-plan", "owner-not-informed", "not-in-the-dml"):
        story.request(Gate.DEPLOYMENT)


@pytest.mark.parametrize(("succeeded", "duration_s"), [(False, 10.0), (True, 61.0)])
def test_a_rehearsal_that_failed_or_took_too_long_does_not_count(succeeded, duration_s):
    story = Story().to_built()
    story.rehearse(succeeded=succeeded, duration_s=duration_s)
    assert story.release.valid_rehearsal() is None


def test_a_rehearsal_of_another_package_does_not_count():
    story = Story().to_built()
    story.rehearse()
    story.build(items=(an_item(mark="b"),))
    assert story.release.valid_rehearsal() is None


def test_the_fourth_gate_waits_for_the_change_schedule():
    story = Story().to_checked_in()
    story.release.plan_deployment(manager(), plan=a_deployment_plan())
    with refused("schedule-not-checked"):
        story.request(Gate.DEPLOYMENT)


def test_a_conflict_bars_the_fourth_gate_until_it_is_waived_by_name():
    story = Story().to_deployable()
    digest = story.release.deployment_plan_digest()
    conflict = Conflict("1", "freeze", "It is frozen.", PRODUCTION)
    story.release.note_conflicts(reaction(), plan_digest=digest, conflicts=(conflict,))
    with refused("schedule-conflict"):
        story.request(Gate.DEPLOYMENT)
    story.release.note_conflicts(reaction(), plan_digest=digest, conflicts=(replace(conflict, waived_by="vera"),))
    story.request(Gate.DEPLOYMENT)


def test_a_window_that_has_passed_bars_the_fourth_gate():
    story = Story().to_deployable()
    late = manager(at=NOON + timedelta(days=500))
    with refused("window-passed"):
        story.release.request_gates(late, request_id=RELEASE, gates=(Gate.DEPLOYMENT,))


def test_a_quarantined_item_bars_the_fourth_gate():
    story = Story().to_deployable()
    story.release.note_media(reaction(), key="parcels@1.0.0", state=MediaState.QUARANTINED)
    with refused("not-in-the-dml"):
        story.request(Gate.DEPLOYMENT)
    story.release.note_media(reaction(), key="parcels@1.0.0", state=MediaState.DEFINITIVE)
    story.request(Gate.DEPLOYMENT)


def test_a_quarantine_heard_before_the_check_in_stays():
    story = Story().to_check_in()
    story.release.note_media(reaction(), key="parcels@1.0.0", state=MediaState.QUARANTINED)
    story.check_in_completes()
    assert story.release.items_not_definitive()


def test_a_service_with_live_dependants_is_not_retired():
    story = Story(ReleaseKind.RETIREMENT).to_deployable()
    story.release.note_service(reaction(), service=a_service(live_dependants=(OTHER_SERVICE,)))
    with refused("live-dependants"):
        story.request(Gate.DEPLOYMENT)


def test_other_kinds_do_not_mind_dependants():
    story = Story().to_deployable()
    story.release.note_service(reaction(), service=a_service(live_dependants=(OTHER_SERVICE,)))
    story.request(Gate.DEPLOYMENT)


def test_a_request_says_what_a_policy_decides_on():
    story = Story(
        changes=(
            a_change(change_type=ChangeType.STANDARD, risk=Risk.LOW),
            a_change(OTHER_CHANGE, risk=Risk.HIGH),
        )
    )
    story.request(Gate.PLANNING)
    asked = story.release.pending_events[-1]
    assert (asked.change_type, asked.risk) == (ChangeType.NORMAL, Risk.HIGH)
    assert {"scope.service", "scope.kind", f"scope.change.{OTHER_CHANGE}"} <= set(asked.document)
    assert ("mona", "requester") in {(p.person_id, p.part) for p in asked.lineage}
    assert asked.environment_ids == ()


def test_the_fourth_request_names_the_environments_in_order():
    story = Story().to_deployable()
    story.request(Gate.DEPLOYMENT)
    assert story.release.pending_events[-1].environment_ids == (STAGING, PRODUCTION)


def test_standard_changes_are_decided_as_standard():
    story = Story(changes=(a_change(change_type=ChangeType.STANDARD),))
    assert story.release.strictest_type() is ChangeType.STANDARD


# Withdrawals, and what ends elsewhere.


def test_a_request_is_withdrawn_and_a_grant_is_void():
    story = Story()
    first = story.request(Gate.PLANNING)
    story.release.withdraw_gate_request(manager(), request_id=first.request_id)
    second = story.granted(Gate.PLANNING)
    story.release.withdraw_gate_request(manager(), request_id=second.request_id)
    states = [request.state for request in story.release.requests.values()]
    assert states == [RequestState.WITHDRAWN, RequestState.VOIDED]


def test_only_an_open_request_is_withdrawn_by_a_release_manager():
    story = Story()
    with refused("request-not-open"):
        story.release.withdraw_gate_request(manager(), request_id=RELEASE)
    request = story.request(Gate.PLANNING)
    with refused("not-entitled"):
        story.release.withdraw_gate_request(an_act(), request_id=request.request_id)
    story.release.withdraw_gate_request(manager(), request_id=request.request_id)
    with refused("request-not-open"):
        story.release.withdraw_gate_request(manager(), request_id=request.request_id)


def test_editing_the_plan_withdraws_the_request_and_names_the_part():
    story = Story().to_ready_plan()
    request = story.request(Gate.BUILD_AND_TEST)
    story.plan(a_plan(strategy="all at once"))
    assert story.release.requests[request.request_id].state is RequestState.WITHDRAWN
    assert story.release.pending_events[-1].reason == "changed since: plan.strategy"


def test_editing_the_plan_voids_the_grant():
    story = Story().to_ready_plan()
    request = story.granted(Gate.BUILD_AND_TEST)
    story.plan(a_plan(strategy="all at once"))
    assert story.release.requests[request.request_id].state is RequestState.VOIDED
    with refused("no-grant"):
        story.enter(ReleaseState.BUILD_AND_TEST)


def test_writing_the_same_plan_again_voids_nothing():
    story = Story().to_ready_plan()
    request = story.granted(Gate.BUILD_AND_TEST)
    story.plan()
    assert story.release.requests[request.request_id].open


def test_an_edited_change_voids_what_bound_it():
    story = Story()
    request = story.granted(Gate.PLANNING)
    story.release.note_change(reaction(), change=a_change(content_digest="d" * 64))
    assert story.release.requests[request.request_id].state is RequestState.VOIDED


def test_new_evidence_a_new_build_and_a_new_deployment_plan_void_what_bound_them():
    story = Story().to_signed_off()
    request = story.granted(Gate.CHECK_IN)
    story.run("load", TestResult.FAILED)
    assert not story.release.requests[request.request_id].open
    story = Story().to_signed_off()
    request = story.granted(Gate.CHECK_IN)
    story.build(items=(an_item(mark="b"),))
    assert not story.release.requests[request.request_id].open
    story = Story().to_deployable()
    request = story.granted(Gate.DEPLOYMENT)
    plan = a_deployment_plan()
    story.plan_deployment(replace(plan, environments=plan.environments[:1]))
    assert not story.release.requests[request.request_id].open


def test_another_rehearsal_voids_the_grant_that_bound_the_first():
    story = Story().to_deployable()
    request = story.granted(Gate.DEPLOYMENT)
    story.rehearse()
    assert not story.release.requests[request.request_id].open


def test_a_rejected_request_ends_with_its_reasons():
    story = Story()
    request = story.request(Gate.PLANNING)
    ended = {"request_id": request.request_id, "ended": RequestState.REJECTED, "reasons": ("no",)}
    story.release.note_request_ended(reaction(), **ended)
    before = len(story.release.pending_events)
    story.release.note_request_ended(reaction(), **ended)
    story.release.note_request_ended(reaction(), **ended | {"request_id": RELEASE})
    assert len(story.release.pending_events) == before
    assert story.release.requests[request.request_id].reasons == ("no",)


def test_a_grant_for_a_request_that_ended_meanwhile_changes_nothing():
    story = Story()
    request = story.request(Gate.PLANNING)
    story.release.withdraw_gate_request(manager(), request_id=request.request_id)
    before = len(story.release.pending_events)
    story.release.note_grant(reaction(), grant=a_grant(request))
    story.release.note_grant(reaction(), grant=a_grant(replace(request, request_id=RELEASE)))
    assert len(story.release.pending_events) == before
