"""The list of releases, with what it can be filtered by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fourgates.chassis.views import Row, Rows, View, Views, iso

from release_service.domain import Release, ReleaseState


def _added(rows: Rows, event: Any) -> None:
    sequence = rows.count() + 1
    rows.put(
        str(event.originator_id),
        {
            "sequence": sequence,
            "number": f"REL-{1000 + sequence}",
            "service_id": str(event.service_id),
            "service_name": event.service.name,
            "kind": event.kind.value,
            "version": event.version,
            "reason": event.reason,
            "state": ReleaseState.REQUESTED.value,
            "emergency": event.emergency,
            "on_hold": False,
            "change_ids": [str(change.change_id) for change in event.changes],
            "predecessor_id": str(event.predecessor_id) if event.predecessor_id else None,
            "outcome": None,
            "requested_by": event.act.person,
            "opened_at": iso(event.act.at),
            "items": [],
            "debts": {},
            "owes": False,
            "due_at": "",
        },
    )


def _projecting(change: Callable[[Row, Any], None]) -> Callable[[Rows, Any], None]:
    def project(rows: Rows, event: Any) -> None:
        row = rows.get(str(event.originator_id))
        if row is not None:
            change(row, event)
            rows.put(str(event.originator_id), row)

    return project


def _enter(state: ReleaseState) -> Callable[[Rows, Any], None]:
    return _projecting(lambda row, _: row.update(state=state.value))


def _built(row: Row, event: Any) -> None:
    row["items"] = sorted({*row["items"], *(item.key for item in event.candidates)})


def _incurred(row: Row, event: Any) -> None:
    row["debts"] |= {debt.code.value: iso(debt.due_at) for debt in event.debts}
    _owe(row)


def _paid(row: Row, event: Any) -> None:
    row["debts"].pop(event.code.value, None)
    _owe(row)


def _owe(row: Row) -> None:
    row["owes"] = bool(row["debts"])
    row["due_at"] = min(row["debts"].values(), default="")


def _ended(row: Row, state: ReleaseState, outcome: str | None) -> None:
    row.update(state=state.value, outcome=outcome, owes=False)


S = ReleaseState
RELEASES = View(
    name="releases",
    fields=(
        "sequence",
        "number",
        "service_id",
        "kind",
        "state",
        "emergency",
        "on_hold",
        "change_ids",
        "predecessor_id",
        "items",
        "owes",
        "due_at",
    ),
    on={
        Release.Opened: _added,
        Release.ChangesCarried: _projecting(
            lambda row, event: row.update(change_ids=[str(change.change_id) for change in event.changes])
        ),
        Release.PlanWritten: _projecting(lambda row, event: row.update(version=event.version)),
        Release.PlanningEntered: _enter(S.PLANNING),
        Release.BuildAndTestEntered: _enter(S.BUILD_AND_TEST),
        Release.CheckInEntered: _enter(S.CHECK_IN),
        Release.DeploymentEntered: _enter(S.DEPLOYMENT),
        Release.ReviewEntered: _enter(S.REVIEW),
        Release.WentBack: _projecting(lambda row, event: row.update(state=event.to_phase.value, version=event.version)),
        Release.BuildRecorded: _projecting(_built),
        Release.PutOnHold: _projecting(lambda row, _: row.update(on_hold=True)),
        Release.TakenOffHold: _projecting(lambda row, _: row.update(on_hold=False)),
        Release.DebtsIncurred: _projecting(_incurred),
        Release.DebtSettled: _projecting(_paid),
        Release.DebtFailed: _projecting(_paid),
        Release.Closed: _projecting(lambda row, event: _ended(row, S.CLOSED, event.outcome.value)),
        Release.Cancelled: _projecting(lambda row, _: _ended(row, S.CANCELLED, None)),
    },
    lists=("change_ids", "items"),
)

VIEWS: tuple[View, ...] = (RELEASES,)


def number_of(views: Views, release_id: UUID) -> str | None:
    """Return the number by which people call a release; it has none before it is saved."""
    row = views.get("releases", str(release_id))
    return None if row is None else str(row["number"])
