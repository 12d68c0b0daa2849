"""Read models of the change schedule and of the meetings of the CAB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fourgates.chassis.views import Row, Rows, View, Views

from change_service.domain import (
    CabMeeting,
    CalendarWindow,
    Plan,
    PlannedEnvironment,
    SchedulePlan,
    Window,
    WindowKind,
)
from change_service.views.plain import plain

DEPLOYMENT = "deployment"


def _write(rows: Rows, key: Any, **fields: Any) -> None:
    row = rows.get(str(key))
    if row is not None:
        rows.put(str(key), {**row, **fields})


def _set(rows: Rows, happened: CalendarWindow.Set) -> None:
    window = plain(happened.window)
    fields = {**window, "reason": happened.act.why, "active": True, "release_id": None, "conflicts": []}
    rows.put(str(happened.originator_id), {**fields, "environments": [], "plan_digest": None})


def _lifted(rows: Rows, happened: CalendarWindow.Lifted) -> None:
    _write(rows, happened.originator_id, active=False)


def _planned(rows: Rows, happened: SchedulePlan.Planned | SchedulePlan.Replanned) -> None:
    plan = happened.plan
    starts = [rung.window_start for rung in plan.environments] or [happened.act.at]
    ends = [rung.window_end for rung in plan.environments] or [happened.act.at]
    rows.put(
        str(happened.originator_id),
        {
            "kind": DEPLOYMENT,
            "starts_at": plain(min(starts)),
            "ends_at": plain(max(ends)),
            "environment_ids": [str(rung.environment_id) for rung in plan.environments],
            "service_ids": [str(plan.service_id)],
            "release_id": str(plan.release_id),
            "plan_digest": plan.plan_digest,
            "environments": plain(plan.environments),
            "emergency": plan.emergency,
            "reason": "",
            "conflicts": [],
            "active": True,
        },
    )


def _found(rows: Rows, happened: SchedulePlan.ConflictsFound) -> None:
    _write(rows, happened.originator_id, conflicts=plain(happened.conflicts))


def _cleared(rows: Rows, happened: SchedulePlan.ConflictsCleared) -> None:
    _write(rows, happened.originator_id, conflicts=[])


def _plan_ended(rows: Rows, happened: SchedulePlan.Ended) -> None:
    _write(rows, happened.originator_id, active=False)


SCHEDULE = View(
    "schedule",
    ("kind", "starts_at", "ends_at", "environment_ids", "service_ids", "release_id", "active"),
    {
        CalendarWindow.Set: _set,
        CalendarWindow.Lifted: _lifted,
        SchedulePlan.Planned: _planned,
        SchedulePlan.Replanned: _planned,
        SchedulePlan.ConflictsFound: _found,
        SchedulePlan.ConflictsCleared: _cleared,
        SchedulePlan.Ended: _plan_ended,
    },
    lists=("environment_ids", "service_ids"),
)


def active_windows(views: Views, limit: int) -> tuple[Window, ...]:
    """Return the freezes and maintenance windows that are not lifted, those that end last first."""
    kinds = [kind.value for kind in WindowKind]
    rows = views.find("schedule", {"kind": kinds, "active": True}, order_by="ends_at", descending=True, limit=limit)
    return tuple(_window(row) for row in rows)


def active_plans(views: Views, environment_ids: Sequence[UUID], limit: int) -> tuple[Plan, ...]:
    """Return the plans that count and touch one of the environments."""
    there = [str(one) for one in environment_ids]
    rows = views.find("schedule", {"kind": DEPLOYMENT, "active": True, "environment_ids": there}, limit=limit)
    return tuple(_plan(row) for row in rows)


def all_active_plans(views: Views, limit: int) -> tuple[Plan, ...]:
    """Return every plan that counts."""
    return tuple(_plan(row) for row in views.find("schedule", {"kind": DEPLOYMENT, "active": True}, limit=limit))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _ids(texts: list[str]) -> tuple[UUID, ...]:
    return tuple(UUID(text) for text in texts)


def _window(row: Row) -> Window:
    return Window(
        window_id=UUID(row["key"]),
        kind=WindowKind(row["kind"]),
        starts_at=_at(row["starts_at"]),
        ends_at=_at(row["ends_at"]),
        environment_ids=_ids(row["environment_ids"]),
        service_ids=_ids(row["service_ids"]),
    )


def _plan(row: Row) -> Plan:
    environments = tuple(
        PlannedEnvironment(UUID(e["environment_id"]), _at(e["window_start"]), _at(e["window_end"]))
        for e in row["environments"]
    )
    return Plan(
        UUID(row["release_id"]), UUID(row["service_ids"][0]), row["plan_digest"], environments, row["emergency"]
    )


def _convened(rows: Rows, happened: CabMeeting.Convened) -> None:
    rows.put(
        str(happened.originator_id),
        {
            "state": "convened",
            "starts_at": plain(happened.starts_at),
            "ends_at": plain(happened.ends_at),
            "emergency": happened.emergency,
            "agenda": plain(happened.agenda),
            "attendee_ids": [],
            "minutes": "",
        },
    )


def _agenda_set(rows: Rows, happened: CabMeeting.AgendaSet) -> None:
    _write(rows, happened.originator_id, agenda=plain(happened.agenda))


def _held(rows: Rows, happened: CabMeeting.Held) -> None:
    attendees = list(happened.attendee_ids)
    _write(rows, happened.originator_id, state="held", attendee_ids=attendees, minutes=happened.minutes)


def _called_off(rows: Rows, happened: CabMeeting.CalledOff) -> None:
    _write(rows, happened.originator_id, state="called_off")


CAB_MEETINGS = View(
    "cab_meetings",
    ("state", "starts_at", "emergency", "agenda"),
    {
        CabMeeting.Convened: _convened,
        CabMeeting.AgendaSet: _agenda_set,
        CabMeeting.Held: _held,
        CabMeeting.CalledOff: _called_off,
    },
    lists=("agenda",),
)
