"""What a release may carry, what a complete plan says, and who acknowledges the impact."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fourgates.chassis.testing import NOON, an_act, event_names, refused
from release_service.domain import (
    Action,
    BackOutPlan,
    ChangeState,
    ChangeType,
    Gate,
    KnownChange,
    KnownMedium,
    KnownService,
    MediaState,
    PlannedRisk,
    Release,
    ReleaseKind,
    ReleaseState,
    Risk,
    Schedule,
    Step,
    Suite,
    TestPlan,
    WayBack,
    next_version,
    unmet_for_knowing,
)

from tests.unit.release.a_release import (
    CHANGE,
    OTHER_CHANGE,
    OTHER_SERVICE,
    RELEASE,
    SERVICE,
    TOOL,
    Story,
    a_change,
    a_plan,
    a_service,
    assert_replay_equals_live,
    facts_of,
    impacted,
    known,
    manager,
    reaction,
)


def an_opening(act=None, **more):
    facts = {
        "release_id": RELEASE,
        "service_id": SERVICE,
        "service": a_service(),
        "kind": ReleaseKind.UPDATE,
        "version": "2",
        "changes": (a_change(),),
    }
    return Release.open(act or manager(), **facts | more)


# Opening.


def test_opening_takes_a_role():
    with refused("not-entitled"):
        an_opening(an_act("x", roles=("deployer",)))


def test_the_service_itself_opens_a_successor():
    release = an_opening(reaction(), changes=(a_change(state=ChangeState.UNHEARD, service_ids=()),))
    assert release.requested_by == "dora"


def test_no_release_is_opened_for_a_retired_service():
    with refused("service-retired"):
        an_opening(service=a_service(lifecycle="retired"))


def test_a_change_that_is_over_is_not_carried():
    with refused("change-over"):
        an_opening(changes=(a_change(state=ChangeState.CLOSED),))


def test_a_change_of_another_service_is_not_carried():
    with refused("change-of-another-service"):
        an_opening(changes=(a_change(service_ids=(OTHER_SERVICE,)),))


def test_an_emergency_carries_emergency_changes():
    with refused("not-an-emergency-change"):
        an_opening(emergency=True)


def test_what_was_not_heard_is_named():
    story = KnownChange.name(an_act(), change_id=CHANGE)
    found = unmet_for_knowing(SERVICE, None, {CHANGE: story, OTHER_CHANGE: None})
    assert [unmet.code for unmet in found] == ["service-not-heard", "change-not-heard-of", "change-not-heard-of"]
    service = KnownService.name(an_act(), service_id=SERVICE)
    assert not list(unmet_for_knowing(SERVICE, service, {}))


# Scope.


def test_the_scope_is_set_before_planning_by_those_who_may():
    story = Story()
    story.release.carry_changes(manager(), changes=(a_change(OTHER_CHANGE),))
    assert list(story.release.changes) == [OTHER_CHANGE]
    with refused("not-entitled"):
        story.release.carry_changes(an_act(), changes=())
    story.to_planning()
    with refused("not-in-requested"):
        story.release.carry_changes(manager(), changes=())


def test_another_scope_voids_the_first_grant():
    story = Story()
    request = story.granted(Gate.PLANNING)
    story.release.carry_changes(manager(), changes=(a_change(), a_change(OTHER_CHANGE)))
    assert not story.release.requests[request.request_id].open


def test_only_carried_changes_and_news_are_noted():
    story = Story()
    before = len(story.release.pending_events)
    story.release.note_change(reaction(), change=a_change())
    story.release.note_change(reaction(), change=a_change(OTHER_CHANGE))
    story.release.note_service(reaction(), service=a_service())
    assert len(story.release.pending_events) == before


# The plan.


def test_a_plan_is_written_in_planning_by_a_release_manager():
    story = Story()
    with refused("not-in-planning"):
        story.plan()
    story.to_planning()
    with refused("not-entitled"):
        story.release.write_plan(an_act(), plan=a_plan())
    story.release.write_plan(manager(), plan=a_plan(), version="1.1.0")
    assert story.release.package_version == "1.1.0"


def test_a_used_plan_is_edited_only_after_a_way_back():
    story = Story().to_build_and_test()
    with refused("not-in-planning"):
        story.plan()
    story.release.go_back(manager(), way=WayBack.REPLAN)
    story.plan()


BACK_OUT = a_plan().back_out
GAPS = {
    "no-contingency-action": {"risks": (PlannedRisk("it is slow", Risk.LOW, " "),)},
    "no-required-suite": {"tests": TestPlan((Suite("x", required=False),), ("it works",))},
    "no-schedule": {"schedule": Schedule(NOON, NOON)},
    "no-risks": {"risks": ()},
    "no-acceptance-criteria": {"tests": TestPlan((Suite("unit"),), ())},
    "no-strategy": {"strategy": " "},
    "no-deployment-steps": {"deployment_steps": ()},
    "no-back-out-steps": {"back_out": replace(BACK_OUT, steps=())},
    "no-back-out-owner": {"back_out": replace(BACK_OUT, owner="")},
    "no-back-out-trigger": {"back_out": replace(BACK_OUT, trigger="")},
    "no-longest-duration": {"back_out": replace(BACK_OUT, longest_duration_s=0)},
    "no-such-step": {"back_out": replace(BACK_OUT, point_of_no_return=3, forward_steps=(Step("go on", Action.START),))},
    "no-forward-steps": {"back_out": replace(BACK_OUT, point_of_no_return=1)},
}


@pytest.mark.parametrize("code", GAPS)
def test_an_incomplete_plan_gets_no_second_gate(code):
    story = Story().to_ready_plan()
    story.plan(a_plan(**GAPS[code]))
    with refused(code):
        story.request(Gate.BUILD_AND_TEST)


def test_every_gap_is_named_at_once():
    story = Story().to_ready_plan()
    story.plan(a_plan(schedule=None, risks=(), back_out=BackOutPlan()))
    with refused("no-schedule", "no-risks", "no-back-out-steps", "no-back-out-owner", "no-longest-duration"):
        story.request(Gate.BUILD_AND_TEST)


def test_a_plan_with_a_way_forward_is_complete():
    story = Story().to_ready_plan()
    forward = replace(BACK_OUT, point_of_no_return=2, forward_steps=(Step("go on", Action.START),))
    story.plan(a_plan(back_out=forward))
    story.request(Gate.BUILD_AND_TEST)


def test_a_kind_without_deployment_plans_no_steps_and_no_strategy():
    story = Story(ReleaseKind.MEDIA).to_ready_plan()
    story.plan(a_plan(strategy="", deployment_steps=(), back_out=BackOutPlan(), tests=TestPlan((), ("clean",))))
    story.request(Gate.BUILD_AND_TEST)


def test_an_emergency_plans_the_least_but_always_the_back_out():
    story = Story(emergency=True)
    story.plan(a_plan(schedule=None, risks=(), strategy="", back_out=BackOutPlan()))
    with refused("no-back-out-steps"):
        story.request(Gate.PLANNING, Gate.BUILD_AND_TEST)
    tests = TestPlan((Suite("unit"),), ())
    story.plan(a_plan(schedule=None, risks=(), strategy="", tests=tests))
    with refused("no-required-suite"):
        story.request(Gate.PLANNING, Gate.BUILD_AND_TEST)
    tests = TestPlan((Suite("smoke", minimum=True),), ())
    story.plan(a_plan(schedule=None, risks=(), strategy="", tests=tests))
    story.request(Gate.PLANNING, Gate.BUILD_AND_TEST)


# The impact.


def test_the_impact_is_asked_for_and_acknowledged_as_it_was_read():
    story = Story().to_planning()
    with refused("no-impact"):
        story.release.acknowledge_impact(manager(), impact_digest="1" * 64)
    with refused("not-entitled"):
        story.release.request_impact(an_act())
    story.acknowledge()
    with refused("another-impact"):
        story.release.acknowledge_impact(manager(), impact_digest="2" * 64)
    with refused("not-entitled"):
        story.release.acknowledge_impact(an_act(), impact_digest="1" * 64)


def test_another_impact_takes_the_acknowledgement_back():
    story = Story().to_ready_plan()
    request = story.granted(Gate.BUILD_AND_TEST)
    story.release.note_impact(reaction(), impact_digest="2" * 64, services=())
    assert story.release.impact.acknowledged_by is None
    assert not story.release.requests[request.request_id].open


def test_the_impact_that_was_bound_stays():
    story = Story().to_build_and_test()
    for command in (
        lambda: story.release.request_impact(manager()),
        lambda: story.release.acknowledge_impact(manager(), impact_digest="1" * 64),
    ):
        with refused("impact-bound"):
            command()
    before = len(story.release.pending_events)
    story.release.note_impact(reaction(), impact_digest="2" * 64, services=())
    assert len(story.release.pending_events) == before


def test_owners_are_informed_of_what_can_be_affected():
    story = Story().to_ready_plan()
    with refused("not-impacted"):
        story.release.inform_owners(manager(), service_ids=(SERVICE,))
    with refused("not-entitled"):
        story.release.inform_owners(an_act(), service_ids=(OTHER_SERVICE,))
    story.release.inform_owners(manager(), service_ids=(OTHER_SERVICE,))
    assert story.release.owners_not_informed() == ()


def test_the_owner_of_the_released_service_needs_no_notice():
    story = Story().to_planning()
    story.acknowledge((impacted(SERVICE),))
    assert story.release.owners_not_informed() == ()


# What is over is over.


def test_nothing_is_done_to_a_release_that_is_over():
    story = Story()
    story.release.cancel(manager())
    assert story.release.state is ReleaseState.CANCELLED
    for command in (
        lambda: story.release.request_impact(manager()),
        lambda: story.release.acknowledge_impact(manager(), impact_digest="1" * 64),
        lambda: story.release.inform_owners(manager(), service_ids=()),
        lambda: story.release.put_on_hold(manager()),
        lambda: story.release.take_off_hold(manager()),
        lambda: story.release.cancel(manager()),
        lambda: story.run("unit"),
    ):
        with refused("over"):
            command()
    before = len(story.release.pending_events)
    story.release.note_change(reaction(), change=a_change(state=ChangeState.REJECTED))
    story.release.note_service(reaction(), service=a_service(tier="silver"))
    story.release.note_impact(reaction(), impact_digest="2" * 64, services=())
    story.release.note_conflicts(reaction(), plan_digest="1", conflicts=())
    story.release.note_media(reaction(), key="parcels@1.0.0", state=MediaState.QUARANTINED)
    story.decide()
    assert len(story.release.pending_events) == before


# What was heard.


def test_a_change_is_carried_by_one_open_release_at_a_time():
    change = KnownChange.name(an_act(), change_id=CHANGE)
    change.note(an_act(), change=a_change())
    change.note(an_act(), change=a_change())
    change.carry(an_act(), release_id=RELEASE)
    change.carry(an_act(), release_id=RELEASE)
    with refused("change-carried-elsewhere"):
        change.carry(an_act(), release_id=OTHER_SERVICE)
    change.drop(an_act(), release_id=OTHER_SERVICE)
    change.drop(an_act(), release_id=RELEASE)
    change.carry(an_act(), release_id=OTHER_SERVICE)
    assert event_names(change) == ["Named", "Noted", "Carried", "Dropped", "Carried"]
    assert_replay_equals_live(change)


def test_services_and_media_are_noted_once():
    service = KnownService.name(an_act(), service_id=SERVICE)
    service.note(an_act(), facts=a_service())
    service.note(an_act(), facts=a_service())
    assert event_names(service) == ["Named", "Noted"]
    medium = KnownMedium.name(an_act(), item=known(TOOL))
    medium.note(an_act(), state=MediaState.QUARANTINED)
    medium.note(an_act(), state=MediaState.QUARANTINED)
    assert event_names(medium) == ["Named", "Noted"]
    assert facts_of(medium)["item"].state is MediaState.QUARANTINED
    assert_replay_equals_live(medium)
    assert_replay_equals_live(service)


@pytest.mark.parametrize(
    ("version", "following"), [("1.2.0", "1.2.1"), ("7", "8"), ("1.0b", "1.0b.1"), ("1.0-rc", "1.0-rc.1")]
)
def test_the_next_version_raises_the_last_number(version, following):
    assert next_version(version) == following


def test_a_change_type_other_than_emergency_is_fine_without_emergency():
    assert an_opening(changes=(a_change(change_type=ChangeType.EMERGENCY),)).state is ReleaseState.REQUESTED


def test_late_news_is_kept_with_its_time():
    act = reaction(at=NOON + timedelta(hours=1))
    change = KnownChange.name(act, change_id=CHANGE)
    assert change.created_on == NOON + timedelta(hours=1)
