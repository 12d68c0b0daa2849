"""The change schedule: freezes, maintenance windows, deployment plans, and the conflicts between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, derived_id, digest_of, event, refuse_any

from change_service.domain.values import CHANGE_AUTHORITY, CHANGE_MANAGER, RELEASE_MANAGER, overlaps, unmet_entitlement

KEEPERS_OF_THE_CALENDAR = (CHANGE_MANAGER, CHANGE_AUTHORITY)
ASK_FOR_WAIVERS = (RELEASE_MANAGER, CHANGE_MANAGER)


class WindowKind(StrEnum):
    """What a window of the calendar means."""

    FREEZE = "freeze"
    MAINTENANCE_WINDOW = "maintenance_window"


@dataclass(frozen=True)
class Window:
    """A half-open span of time: start included, end not. Without environments or services it is for all of them."""

    window_id: UUID
    kind: WindowKind
    starts_at: datetime
    ends_at: datetime
    environment_ids: tuple[UUID, ...] = ()
    service_ids: tuple[UUID, ...] = ()

    def concerns(self, environment_id: UUID, service_id: UUID) -> bool:
        """Return whether the window is about a service in an environment."""
        there = not self.environment_ids or environment_id in self.environment_ids
        return there and (not self.service_ids or service_id in self.service_ids)


class CalendarWindow(Aggregate):
    """A freeze or a maintenance window."""

    TOPIC = "change.CalendarWindow"

    class Set(Aggregate.Created):
        """A freeze or a maintenance window was put into the change schedule."""

        window: Window

    class Lifted(Aggregate.Event):
        """A freeze or a maintenance window was lifted."""

    @classmethod
    def set(cls, act: Act, *, window: Window) -> CalendarWindow:
        """Set a window. Refused without entitlement, or when it does not end after it starts and after now."""
        unmet = (*unmet_entitlement(act, KEEPERS_OF_THE_CALENDAR, "Setting a window"), *_unmet_span(act, window))
        refuse_any(unmet)
        return cls(id=window.window_id, act=act, window=window)

    def lift(self, act: Act) -> None:
        refuse_any(self.unmet_for_lift(act))
        self._lifted(act=act)

    def unmet_for_lift(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_THE_CALENDAR, "Lifting a window")
        if self.lifted:
            yield Unmet("already-lifted", "This window is lifted.", source="lifted", remedy="nothing needs to be done")

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        return (NextCommand("lift", KEEPERS_OF_THE_CALENDAR, tuple(self.unmet_for_lift(act))),)

    @event(Set)
    def __init__(self, id: UUID, act: Act, window: Window) -> None:
        self.window = window
        self.reason = act.why
        self.lifted = False

    @event(Lifted)
    def _lifted(self, act: Act) -> None:
        self.lifted = True


def _unmet_span(act: Act, window: Window) -> Iterator[Unmet]:
    if window.ends_at <= max(window.starts_at, act.at):
        yield Unmet(
            "window-without-time",
            "A window ends after it starts, and not in the past.",
            source="ends_at",
            remedy="give a later end",
        )


@dataclass(frozen=True)
class PlannedEnvironment:
    """One environment of a deployment plan, with its half-open window."""

    environment_id: UUID
    window_start: datetime
    window_end: datetime


@dataclass(frozen=True)
class Plan:
    """The deployment plan of a release, as far as the change schedule needs it."""

    release_id: UUID
    service_id: UUID
    plan_digest: str
    environments: tuple[PlannedEnvironment, ...]
    emergency: bool = False


@dataclass(frozen=True)
class ScheduleConflict:
    """One conflict of a plan with the change schedule; `waived_by` names the people who waived it.

    `window_id` is the freeze, when the conflict is with one; conflicts that were stored before do not tell it.
    """

    conflict_id: str
    code: str
    detail: str
    environment_id: UUID
    waived_by: tuple[str, ...] = ()
    window_id: UUID | None = None


def id_of_plan(release_id: UUID) -> UUID:
    """Return the id of the schedule plan of a release."""
    return derived_id(release_id, "schedule-plan")


def conflicts_of(
    plan: Plan, windows: tuple[Window, ...], others: tuple[Plan, ...], at: datetime
) -> tuple[ScheduleConflict, ...]:
    """Return every conflict of a plan: with freezes, with other plans, and with the maintenance windows there are."""
    found: list[ScheduleConflict] = []
    for rung in plan.environments:
        concerning = [w for w in windows if w.concerns(rung.environment_id, plan.service_id)]
        found.extend(_with_freezes(rung, concerning))
        found.extend(_with_plans(rung, [o for o in others if o.release_id != plan.release_id]))
        found.extend(_outside_maintenance(rung, [w for w in concerning if w.ends_at > at]))
    return tuple(sorted(found, key=lambda conflict: conflict.conflict_id))


def _with_freezes(rung: PlannedEnvironment, windows: list[Window]) -> Iterator[ScheduleConflict]:
    for window in windows:
        crossing = overlaps(rung.window_start, rung.window_end, window.starts_at, window.ends_at)
        if window.kind is WindowKind.FREEZE and crossing:
            span = f"from {window.starts_at.isoformat()} to {window.ends_at.isoformat()}"
            detail = f"Freeze {window.window_id} is in force {span}."
            yield replace(_conflict("freeze", detail, rung, window.window_id), window_id=window.window_id)


def _with_plans(rung: PlannedEnvironment, others: list[Plan]) -> Iterator[ScheduleConflict]:
    for other in others:
        for theirs in other.environments:
            same = theirs.environment_id == rung.environment_id
            if same and overlaps(rung.window_start, rung.window_end, theirs.window_start, theirs.window_end):
                detail = f"Release {other.release_id} is planned for the same environment at the same time."
                yield _conflict("other-deployment", detail, rung, other.release_id)


def _outside_maintenance(rung: PlannedEnvironment, windows: list[Window]) -> Iterator[ScheduleConflict]:
    maintenance = [w for w in windows if w.kind is WindowKind.MAINTENANCE_WINDOW]
    inside = any(w.starts_at <= rung.window_start and rung.window_end <= w.ends_at for w in maintenance)
    if maintenance and not inside:
        detail = "The window of the plan lies outside every maintenance window."
        yield _conflict("outside-maintenance-window", detail, rung, rung.environment_id)


def _conflict(code: str, detail: str, rung: PlannedEnvironment, other_id: UUID) -> ScheduleConflict:
    identity = digest_of((code, rung, other_id))[:16]
    return ScheduleConflict(identity, code, detail, rung.environment_id)


class SchedulePlan(Aggregate):
    """The deployment plan of one release in the change schedule, with its conflicts."""

    TOPIC = "change.SchedulePlan"

    class Planned(Aggregate.Created):
        """A deployment plan was heard."""

        plan: Plan
        source_id: str

    class Replanned(Aggregate.Event):
        """Another deployment plan took the place of the former one, or a former one counts again."""

        plan: Plan
        source_id: str

    class ConflictsFound(Aggregate.Event):
        """The plan conflicts with freezes, with other plans or with the maintenance windows; all are listed."""

        plan_digest: str
        conflicts: tuple[ScheduleConflict, ...]

    class ConflictsCleared(Aggregate.Event):
        """The plan is free of conflicts."""

        plan_digest: str

    class Waived(Aggregate.Event):
        """An authority waived conflicts by name; this shows in every report for ever."""

        conflict_ids: tuple[str, ...]
        authorization_id: UUID
        waived_by: tuple[str, ...]

    class Ended(Aggregate.Event):
        """The plan does not count any more: it was carried out, given up, or gone back on."""

        reason: str
        source_id: str

    @classmethod
    def note(cls, act: Act, *, plan: Plan) -> SchedulePlan:
        """Take up the first plan of a release."""
        return cls(id=id_of_plan(plan.release_id), act=act, plan=plan, source_id=act.cause_id)

    def replan(self, act: Act, *, plan: Plan) -> None:
        if self.ended or plan != self.plan:
            self._replanned(act=act, plan=plan, source_id=act.cause_id)

    def resume(self, act: Act) -> None:
        """Let the former plan count again."""
        self.replan(act, plan=self.plan)

    def end(self, act: Act, *, reason: str) -> None:
        if not self.ended:
            self._ended(act=act, reason=reason, source_id=act.cause_id)

    def compare(self, act: Act, *, conflicts: tuple[ScheduleConflict, ...]) -> None:
        """Record the conflicts of the plan when they differ from those that were last recorded for it."""
        waived = {conflict.conflict_id: conflict.waived_by for conflict in self.conflicts if conflict.waived_by}
        now = tuple(replace(c, waived_by=waived.get(c.conflict_id, ())) for c in conflicts)
        if self.ended or (self.compared and now == self.conflicts):
            return
        if now:
            self._conflicts_found(act=act, plan_digest=self.plan.plan_digest, conflicts=now)
        else:
            self._conflicts_cleared(act=act, plan_digest=self.plan.plan_digest)

    def waive(
        self, act: Act, *, plan_digest: str, conflict_ids: tuple[str, ...], authorization_id: UUID, by: tuple[str, ...]
    ) -> bool:
        """Waive conflicts by name; returns False when the plan is another one by now."""
        open_ids = {conflict.conflict_id for conflict in self.conflicts} & set(conflict_ids)
        if self.ended or plan_digest != self.plan.plan_digest or not open_ids:
            return False
        self._waived(act=act, conflict_ids=conflict_ids, authorization_id=authorization_id, waived_by=by)
        self._conflicts_found(act=act, plan_digest=self.plan.plan_digest, conflicts=self.conflicts)
        return True

    def take_back_waiver(self, act: Act, *, plan_digest: str, conflict_ids: tuple[str, ...]) -> None:
        """Let conflicts stand again whose waiver was revoked."""
        now = tuple(replace(c, waived_by=()) if c.conflict_id in conflict_ids else c for c in self.conflicts)
        if not self.ended and plan_digest == self.plan.plan_digest and now != self.conflicts:
            self._conflicts_found(act=act, plan_digest=self.plan.plan_digest, conflicts=now)

    def unmet_for_waiver(self, act: Act, conflict_ids: tuple[str, ...], holds: tuple[str, ...] = ()) -> Iterator[Unmet]:
        """Name everything that keeps a waiver of these conflicts from being requested; `holds` is what is on hold."""
        yield from unmet_entitlement(act, ASK_FOR_WAIVERS, "Asking for a waiver")
        for hold in holds:
            yield Unmet("on-hold", f"{hold} is on hold.", source="on_hold", remedy=f"take {hold} off hold")
        waivable = {conflict.conflict_id for conflict in self.conflicts if not conflict.waived_by}
        if not conflict_ids or set(conflict_ids) - waivable or self.ended:
            yield Unmet(
                "no-such-conflict",
                f"The plan has no conflict to waive with the ids {', '.join(conflict_ids)}.",
                source="conflicts",
                remedy="name conflicts of GET /change/v1/schedule",
            )

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        waivable = tuple(c.conflict_id for c in self.conflicts if not c.waived_by)
        return (NextCommand("request_waiver", ASK_FOR_WAIVERS, tuple(self.unmet_for_waiver(act, waivable))),)

    @event(Planned)
    def __init__(self, id: UUID, act: Act, plan: Plan, source_id: str) -> None:
        self._take(plan)

    @event(Replanned)
    def _replanned(self, act: Act, plan: Plan, source_id: str) -> None:
        self._take(plan)

    def _take(self, plan: Plan) -> None:
        self.plan = plan
        self.conflicts: tuple[ScheduleConflict, ...] = ()
        self.compared = False
        self.ended = False

    @event(ConflictsFound)
    def _conflicts_found(self, act: Act, plan_digest: str, conflicts: tuple[ScheduleConflict, ...]) -> None:
        self.conflicts = conflicts
        self.compared = True

    @event(ConflictsCleared)
    def _conflicts_cleared(self, act: Act, plan_digest: str) -> None:
        self.conflicts = ()
        self.compared = True

    @event(Waived)
    def _waived(
        self, act: Act, conflict_ids: tuple[str, ...], authorization_id: UUID, waived_by: tuple[str, ...]
    ) -> None:
        self.conflicts = tuple(
            replace(c, waived_by=waived_by) if c.conflict_id in conflict_ids else c for c in self.conflicts
        )

    @event(Ended)
    def _ended(self, act: Act, reason: str, source_id: str) -> None:
        self.ended = True
