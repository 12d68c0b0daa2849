"""The calendar, the change schedule and the CAB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from change_service.domain import (
    CabMeeting,
    CalendarWindow,
    MeetingState,
    Plan,
    PlannedEnvironment,
    SchedulePlan,
    Window,
    WindowKind,
    conflicts_of,
)
from change_service.publishing import PUBLISHED
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed

MIA = an_act("mia", roles=("change_manager",))
TOM = an_act("tom", roles=("tester",))
RELEASE, OTHER, SERVICE, PRODUCTION, WINDOW, GRANT = (UUID(int=n) for n in range(1, 7))
HOUR = timedelta(hours=1)
PLAN = Plan(RELEASE, SERVICE, "d1", (PlannedEnvironment(PRODUCTION, NOON + HOUR, NOON + 2 * HOUR),))
FREEZE = Window(WINDOW, WindowKind.FREEZE, NOON, NOON + 3 * HOUR)


def codes(plan=PLAN, windows=(), others=()):
    return [c.code for c in conflicts_of(plan, tuple(windows), tuple(others), NOON)]


def codes_of(unmet):
    return [u.code for u in unmet]


def test_a_window_is_set_by_change_management_and_has_some_time():
    with refused("not-entitled", "window-without-time"):
        CalendarWindow.set(TOM, window=replace(FREEZE, ends_at=NOON))
    window = CalendarWindow.set(MIA, window=FREEZE)
    with refused("not-entitled"):
        window.lift(TOM)
    window.lift(MIA)
    with refused("already-lifted"):
        window.lift(MIA)
    assert replayed(window).lifted


def test_a_freeze_conflicts_with_what_it_overlaps_half_open():
    assert codes(windows=[FREEZE]) == ["freeze"]
    assert codes(windows=[replace(FREEZE, ends_at=NOON + HOUR)]) == []
    assert codes(windows=[replace(FREEZE, starts_at=NOON + 2 * HOUR)]) == []
    assert codes(windows=[replace(FREEZE, environment_ids=(OTHER,))]) == []
    assert codes(windows=[replace(FREEZE, service_ids=(OTHER,))]) == []
    assert codes(windows=[replace(FREEZE, environment_ids=(PRODUCTION,), service_ids=(SERVICE,))]) == ["freeze"]


def test_a_conflict_with_a_freeze_names_its_window_and_tells_it_to_the_others():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    found = conflicts_of(PLAN, (FREEZE,), (replace(PLAN, release_id=OTHER),), NOON)
    assert {c.code: c.window_id for c in found} == {"freeze": WINDOW, "other-deployment": None}
    plan.compare(MIA, conflicts=found)
    told = PUBLISHED[SchedulePlan.ConflictsFound](plan, plan.pending_events[-1])
    assert {c.code: c.window_id for c in told.conflicts} == {"freeze": WINDOW, "other-deployment": None}


def test_two_plans_conflict_in_the_same_environment_at_the_same_time():
    other = replace(PLAN, release_id=OTHER)
    assert codes(others=[other, PLAN]) == ["other-deployment"]
    elsewhere = replace(other, environments=(replace(PLAN.environments[0], environment_id=OTHER),))
    assert codes(others=[elsewhere]) == []


def test_a_plan_lies_in_a_maintenance_window_when_there_is_one():
    maintenance = replace(FREEZE, kind=WindowKind.MAINTENANCE_WINDOW)
    assert codes(windows=[maintenance]) == []
    assert codes(windows=[replace(maintenance, ends_at=NOON + 2 * HOUR)]) == []
    assert codes(windows=[replace(maintenance, ends_at=NOON + HOUR)]) == ["outside-maintenance-window"]
    assert codes(windows=[replace(maintenance, starts_at=NOON - HOUR, ends_at=NOON)]) == []


def test_conflicts_are_recorded_when_they_differ():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    plan.compare(MIA, conflicts=())
    plan.compare(MIA, conflicts=())
    found = conflicts_of(PLAN, (FREEZE,), (), NOON)
    plan.compare(MIA, conflicts=found)
    plan.compare(MIA, conflicts=found)
    plan.compare(MIA, conflicts=())
    assert event_names(plan) == ["Planned", "ConflictsCleared", "ConflictsFound", "ConflictsCleared"]


def test_a_waived_conflict_counts_as_waived_by_name_while_the_plan_stays():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    found = conflicts_of(PLAN, (FREEZE,), (), NOON)
    plan.compare(MIA, conflicts=found)
    ids = (found[0].conflict_id,)
    assert not list(plan.unmet_for_waiver(MIA, ids))
    assert plan.next(MIA)[0].possible
    assert not plan.waive(MIA, plan_digest="d0", conflict_ids=ids, authorization_id=GRANT, by=("ada",))
    assert plan.waive(MIA, plan_digest="d1", conflict_ids=ids, authorization_id=GRANT, by=("ada",))
    assert plan.pending_events[-1].conflicts[0].waived_by == ("ada",)
    assert codes_of(plan.unmet_for_waiver(MIA, ids)) == ["no-such-conflict"]
    plan.compare(MIA, conflicts=found)
    assert plan.conflicts[0].waived_by == ("ada",)
    plan.replan(MIA, plan=replace(PLAN, plan_digest="d2"))
    plan.compare(MIA, conflicts=found)
    assert plan.conflicts[0].waived_by == ()


def test_only_conflicts_there_are_can_be_waived():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    for ids in ((), ("nothing",)):
        assert codes_of(plan.unmet_for_waiver(TOM, ids)) == ["not-entitled", "no-such-conflict"]


def test_an_ended_plan_counts_no_more_until_it_is_taken_up_again():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    plan.end(MIA, reason="deployed")
    plan.end(MIA, reason="deployed")
    plan.compare(MIA, conflicts=())
    assert event_names(plan) == ["Planned", "Ended"]
    plan.resume(MIA)
    plan.replan(MIA, plan=PLAN)
    assert event_names(plan) == ["Planned", "Ended", "Replanned"]
    assert replayed(plan).plan == PLAN


def a_meeting():
    return CabMeeting.convene(MIA, meeting_id=OTHER, starts_at=NOON, ends_at=NOON + HOUR, agenda=(GRANT,))


def test_a_meeting_is_convened_held_and_minuted():
    meeting = a_meeting()
    meeting.set_agenda(MIA, agenda=())
    meeting.hold(MIA, attendee_ids=("ada",), minutes="All agreed.")
    assert replayed(meeting).minutes == "All agreed."
    with refused("not-convened"):
        meeting.call_off(MIA)
    assert not any(c.possible for c in meeting.next(MIA))


def test_a_meeting_without_time_or_entitlement_is_refused():
    with refused("not-entitled", "meeting-without-time"):
        CabMeeting.convene(TOM, meeting_id=OTHER, starts_at=NOON, ends_at=NOON, agenda=())
    with refused("not-entitled"):
        a_meeting().call_off(TOM)
    meeting = a_meeting()
    meeting.call_off(MIA)
    assert meeting.state is MeetingState.CALLED_OFF


def test_a_meeting_is_not_held_before_it_starts():
    with refused("not-started"):
        a_meeting().hold(an_act("mia", roles=("change_manager",), at=NOON - HOUR), attendee_ids=(), minutes="")


def test_a_hold_forbids_asking_for_a_waiver():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    plan.compare(MIA, conflicts=conflicts_of(PLAN, (FREEZE,), (), NOON))
    ids = tuple(conflict.conflict_id for conflict in plan.conflicts)
    assert codes_of(plan.unmet_for_waiver(MIA, ids, ("Release 7",))) == ["on-hold"]


def test_a_conflict_whose_waiver_is_revoked_stands_again():
    plan = SchedulePlan.note(MIA, plan=PLAN)
    plan.compare(MIA, conflicts=conflicts_of(PLAN, (FREEZE,), (), NOON))
    ids = tuple(conflict.conflict_id for conflict in plan.conflicts)
    assert plan.waive(MIA, plan_digest="d1", conflict_ids=ids, authorization_id=GRANT, by=("ada",))
    plan.take_back_waiver(MIA, plan_digest="d0", conflict_ids=ids)
    assert plan.conflicts[0].waived_by == ("ada",)
    for _ in range(2):
        plan.take_back_waiver(MIA, plan_digest="d1", conflict_ids=ids)
    assert plan.conflicts[0].waived_by == ()
    assert event_names(plan)[-3:] == ["Waived", "ConflictsFound", "ConflictsFound"]
    assert replayed(plan).conflicts == plan.conflicts
