"""Meetings of the CAB and the ECAB over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, HistoryAnswer, NextAnswer, Page, PathId, Strict, Subject, Text, filters
from pydantic import Field

from change_service.api.shapes import EXAMPLE_ID, LIST_MAX, Moment, Reader, Reason, Writer, example, from_row, shown
from change_service.domain import CabMeeting, MeetingState

States = Annotated[list[MeetingState] | None, Query(description="Only these states.")]
OfAgenda = Annotated[UUID | None, Query(description="Only meetings with this authorization on their agenda.")]
Ids = Annotated[list[UUID], Field(max_length=LIST_MAX)]

router = APIRouter(prefix="/v1", tags=["CAB meetings"])


class ConveneMeeting(Strict):
    """A meeting of the CAB, or of the ECAB."""

    model_config = example(
        starts_at="2030-01-07T09:00:00Z",
        ends_at="2030-01-07T10:00:00Z",
        emergency=False,
        agenda=[EXAMPLE_ID],
        reason="the weekly meeting",
    )

    starts_at: Moment
    ends_at: Moment
    emergency: bool = False
    agenda: Ids = []
    reason: Text


class SetAgenda(Strict):
    """The authorizations that a meeting talks about."""

    model_config = example(agenda=[EXAMPLE_ID], reason="one more request came in")

    agenda: Ids
    reason: Text


class RecordMinutes(Strict):
    """Who attended and what was said."""

    model_config = example(attendee_ids=["0192d3a0-subject"], minutes="No objections.", reason="the meeting was held")

    attendee_ids: Annotated[list[Subject], Field(max_length=LIST_MAX)]
    minutes: Text
    reason: Text


class MeetingAnswer(Answer):
    """A meeting of the CAB or of the ECAB."""

    id: UUID
    state: MeetingState
    starts_at: str
    ends_at: str
    emergency: bool
    agenda: list[UUID]
    attendee_ids: list[str]
    minutes: str


def present_meeting(meeting: CabMeeting) -> MeetingAnswer:
    """Present a meeting."""
    return shown(
        MeetingAnswer,
        id=meeting.id,
        state=meeting.state,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        emergency=meeting.emergency,
        agenda=meeting.agenda,
        attendee_ids=meeting.attendee_ids,
        minutes=meeting.minutes,
    )


@router.post(
    "/cab-meetings",
    operation_id="cab_meetings_convene",
    summary="Convene the CAB",
    status_code=201,
    response_model=MeetingAnswer,
)
async def convene_meeting(body: ConveneMeeting, call: Writer) -> Response:
    """Convene a meeting; decisions are the votes on the authorizations of its agenda."""
    return await call.command(
        lambda use_cases: use_cases.convene_meeting(
            call.act(body.reason),
            meeting_id=call.new_id(),
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            emergency=body.emergency,
            agenda=tuple(body.agenda),
        ),
        present=present_meeting,
        status=201,
        location=lambda meeting: f"/v1/cab-meetings/{meeting.id}",
    )


@router.get(
    "/cab-meetings", operation_id="cab_meetings_list", summary="List meetings", response_model=Page[MeetingAnswer]
)
def list_meetings(call: Reader, state: States = None, authorization_id: OfAgenda = None) -> Response:
    """List meetings of the CAB and the ECAB, the earliest first."""
    where = filters(state=state, agenda=authorization_id)
    return call.page("cab_meetings", where, order_by="starts_at", present=from_row(MeetingAnswer))


@router.get(
    "/cab-meetings/{meeting_id}",
    operation_id="cab_meetings_get",
    summary="Show a meeting",
    response_model=MeetingAnswer,
)
async def get_meeting(meeting_id: PathId, call: Reader) -> Response:
    """Show a meeting with its agenda and minutes."""
    return await call.show(CabMeeting, meeting_id, present_meeting)


@router.get(
    "/cab-meetings/{meeting_id}/next",
    operation_id="cab_meetings_next",
    summary="What can be done next",
    response_model=NextAnswer,
)
def next_of_meeting(meeting_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a meeting, by whom, and why not."""
    return call.next(CabMeeting, meeting_id)


@router.get(
    "/cab-meetings/{meeting_id}/history",
    operation_id="cab_meetings_history",
    summary="The events of a meeting",
    response_model=HistoryAnswer,
)
def history_of_meeting(meeting_id: PathId, call: Reader) -> Response:
    """Return the events of a meeting in order."""
    return call.history(CabMeeting, meeting_id)


@router.put(
    "/cab-meetings/{meeting_id}/agenda",
    operation_id="cab_meetings_set_agenda",
    summary="Set the agenda",
    response_model=MeetingAnswer,
)
async def set_agenda(meeting_id: PathId, body: SetAgenda, call: Writer) -> Response:
    """Replace the agenda of a meeting that was not held yet."""
    return await call.command(
        lambda use_cases: use_cases.set_agenda(call.act(body.reason), meeting_id=meeting_id, agenda=tuple(body.agenda)),
        present=present_meeting,
        if_match=True,
    )


@router.post(
    "/cab-meetings/{meeting_id}/minutes",
    operation_id="cab_meetings_hold",
    summary="Record that a meeting was held",
    response_model=MeetingAnswer,
)
async def hold_meeting(meeting_id: PathId, body: RecordMinutes, call: Writer) -> Response:
    """Record who attended and what was said."""
    return await call.command(
        lambda use_cases: use_cases.hold_meeting(
            call.act(body.reason),
            meeting_id=meeting_id,
            attendee_ids=tuple(body.attendee_ids),
            minutes=body.minutes,
        ),
        present=present_meeting,
    )


@router.post(
    "/cab-meetings/{meeting_id}/cancellation",
    operation_id="cab_meetings_call_off",
    summary="Call a meeting off",
    response_model=MeetingAnswer,
)
async def call_off_meeting(meeting_id: PathId, body: Reason, call: Writer) -> Response:
    """Call a meeting off."""
    return await call.command(
        lambda use_cases: use_cases.call_off_meeting(call.act(body.reason), meeting_id=meeting_id),
        present=present_meeting,
    )
