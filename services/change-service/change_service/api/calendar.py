"""Calendar windows, the change schedule and the CAB over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import (
    Answer,
    HistoryAnswer,
    NextAnswer,
    Page,
    PathId,
    Strict,
    Text,
    filters,
)
from pydantic import Field

from change_service.api.shapes import LIST_MAX, Moment, Reader, Reason, Writer, example, from_row, shown
from change_service.domain import (
    CalendarWindow,
    SchedulePlan,
    Window,
    WindowKind,
    id_of_plan,
)

Kinds = Annotated[list[WindowKind] | None, Query(description="Only these kinds of window.")]
Entries = Annotated[
    list[Literal["deployment", "freeze", "maintenance_window"]] | None, Query(description="Only these kinds of entry.")
]
OfEnvironment = Annotated[UUID | None, Query(description="Only what names this environment.")]
OfService = Annotated[UUID | None, Query(description="Only what names this service.")]
OfRelease = Annotated[UUID | None, Query(description="Only the plan of this release.")]
Active = Annotated[bool | None, Query(description="Only what counts, or only what was lifted or is over.")]
Ids = Annotated[list[UUID], Field(max_length=LIST_MAX)]

router = APIRouter(prefix="/v1", tags=["calendar"])


class SetWindow(Strict):
    """A half-open window: its start is in it, its end is not. Without environments or services it is for all."""

    model_config = example(
        kind="freeze",
        starts_at="2029-12-20T00:00:00Z",
        ends_at="2030-01-02T00:00:00Z",
        environment_ids=[],
        service_ids=[],
        reason="the year is closed in peace",
    )

    kind: WindowKind
    starts_at: Moment
    ends_at: Moment
    environment_ids: Ids = []
    service_ids: Ids = []
    reason: Text


class WindowAnswer(Answer):
    """A freeze or a maintenance window."""

    id: UUID
    kind: WindowKind
    starts_at: str
    ends_at: str
    environment_ids: list[UUID]
    service_ids: list[UUID]
    reason: str
    active: bool


class ConflictAnswer(Answer):
    """One conflict of a plan with the change schedule, and who waived it."""

    conflict_id: str
    code: str
    detail: str
    environment_id: UUID
    waived_by: list[str]


class ScheduleRow(Answer):
    """One entry of the change schedule: a planned deployment, a freeze or a maintenance window."""

    id: UUID
    kind: Literal["deployment", "freeze", "maintenance_window"]
    starts_at: str
    ends_at: str
    environment_ids: list[UUID]
    service_ids: list[UUID]
    release_id: UUID | None
    plan_digest: str | None
    conflicts: list[ConflictAnswer]
    reason: str
    active: bool


class PlannedEnvironmentAnswer(Answer):
    """One environment of a plan, with its window."""

    environment_id: UUID
    window_start: str
    window_end: str


class PlanAnswer(Answer):
    """The deployment plan of a release in the change schedule."""

    id: UUID
    release_id: UUID
    service_id: UUID
    plan_digest: str
    environments: list[PlannedEnvironmentAnswer]
    emergency: bool
    conflicts: list[ConflictAnswer]
    active: bool


def present_window(placed: CalendarWindow) -> WindowAnswer:
    """Present a window."""
    window = placed.window
    return shown(
        WindowAnswer,
        id=placed.id,
        kind=window.kind,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        environment_ids=window.environment_ids,
        service_ids=window.service_ids,
        reason=placed.reason,
        active=not placed.lifted,
    )


def present_plan(noted: SchedulePlan) -> PlanAnswer:
    """Present a deployment plan."""
    plan = noted.plan
    return shown(
        PlanAnswer,
        id=noted.id,
        release_id=plan.release_id,
        service_id=plan.service_id,
        plan_digest=plan.plan_digest,
        environments=plan.environments,
        emergency=plan.emergency,
        conflicts=noted.conflicts,
        active=not noted.ended,
    )


@router.post(
    "/calendar-windows",
    operation_id="calendar_windows_set",
    summary="Set a freeze or a maintenance window",
    status_code=201,
    response_model=WindowAnswer,
)
async def set_window(body: SetWindow, call: Writer) -> Response:
    """Put a freeze or a maintenance window into the change schedule; every plan is compared with it."""

    def window() -> Window:
        return Window(
            window_id=call.new_id(),
            kind=body.kind,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            environment_ids=tuple(body.environment_ids),
            service_ids=tuple(body.service_ids),
        )

    return await call.command(
        lambda use_cases: use_cases.set_window(call.act(body.reason), window=window()),
        present=present_window,
        status=201,
        location=lambda placed: f"/v1/calendar-windows/{placed.id}",
    )


@router.get(
    "/calendar-windows",
    operation_id="calendar_windows_list",
    summary="List windows",
    response_model=Page[WindowAnswer],
)
def list_windows(
    call: Reader,
    *,
    kind: Kinds = None,
    environment_id: OfEnvironment = None,
    service_id: OfService = None,
    active: Active = None,
) -> Response:
    """List freezes and maintenance windows, the earliest first."""
    where = filters(
        kind=kind or list(WindowKind), environment_ids=environment_id, service_ids=service_id, active=active
    )
    return call.page("schedule", where, order_by="starts_at", present=from_row(WindowAnswer))


@router.get(
    "/calendar-windows/{window_id}",
    operation_id="calendar_windows_get",
    summary="Show a window",
    response_model=WindowAnswer,
)
async def get_window(window_id: PathId, call: Reader) -> Response:
    """Show a freeze or a maintenance window."""
    return await call.show(CalendarWindow, window_id, present_window)


@router.get(
    "/calendar-windows/{window_id}/next",
    operation_id="calendar_windows_next",
    summary="What can be done next",
    response_model=NextAnswer,
)
def next_of_window(window_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a window, by whom, and why not."""
    return call.next(CalendarWindow, window_id)


@router.get(
    "/calendar-windows/{window_id}/history",
    operation_id="calendar_windows_history",
    summary="The events of a window",
    response_model=HistoryAnswer,
)
def history_of_window(window_id: PathId, call: Reader) -> Response:
    """Return the events of a window in order."""
    return call.history(CalendarWindow, window_id)


@router.post(
    "/calendar-windows/{window_id}/lifting",
    operation_id="calendar_windows_lift",
    summary="Lift a window",
    response_model=WindowAnswer,
)
async def lift_window(window_id: PathId, body: Reason, call: Writer) -> Response:
    """Lift a freeze or a maintenance window; every plan is compared anew."""
    return await call.command(
        lambda use_cases: use_cases.lift_window(call.act(body.reason), window_id=window_id), present=present_window
    )


@router.get(
    "/schedule", operation_id="schedule_list", summary="Show the change schedule", response_model=Page[ScheduleRow]
)
def list_schedule(
    call: Reader,
    *,
    kind: Entries = None,
    environment_id: OfEnvironment = None,
    service_id: OfService = None,
    release_id: OfRelease = None,
    active: Active = None,
) -> Response:
    """Show planned deployments, freezes and maintenance windows, the earliest first."""
    where = filters(
        kind=kind, environment_ids=environment_id, service_ids=service_id, release_id=release_id, active=active
    )
    return call.page("schedule", where, order_by="starts_at", present=from_row(ScheduleRow))


@router.get(
    "/schedule/{release_id}",
    operation_id="schedule_get",
    summary="Show the deployment plan of a release",
    response_model=PlanAnswer,
)
async def get_plan(release_id: PathId, call: Reader) -> Response:
    """Show the deployment plan of a release with its conflicts."""
    return await call.show(SchedulePlan, id_of_plan(release_id), present_plan)


@router.get(
    "/schedule/{release_id}/next",
    operation_id="schedule_next",
    summary="What can be done next",
    response_model=NextAnswer,
)
def next_of_plan(release_id: PathId, call: Reader) -> Response:
    """Say whether conflicts of a plan can be put to an authority, by whom, and why not."""
    return call.next(SchedulePlan, id_of_plan(release_id))


@router.get(
    "/schedule/{release_id}/history",
    operation_id="schedule_history",
    summary="The events of a deployment plan",
    response_model=HistoryAnswer,
)
def history_of_plan(release_id: PathId, call: Reader) -> Response:
    """Return what happened to the plan of a release, with every conflict and waiver, in order."""
    return call.history(SchedulePlan, id_of_plan(release_id))
