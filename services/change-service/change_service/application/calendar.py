"""Use cases about calendar windows and meetings of the CAB."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act

from change_service.application.base import UseCaseBase
from change_service.domain import CabMeeting, CalendarWindow, Window


class CalendarCases(UseCaseBase):
    """The calendar that change management keeps."""

    def set_window(self, act: Act, *, window: Window) -> CalendarWindow:
        placed = CalendarWindow.set(act, window=window)
        self._work.save(placed)
        return placed

    def lift_window(self, act: Act, *, window_id: UUID) -> CalendarWindow:
        window = self._work.get(CalendarWindow, window_id)
        window.lift(act)
        self._work.save(window)
        return window

    def convene_meeting(
        self,
        act: Act,
        *,
        meeting_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        emergency: bool,
        agenda: tuple[UUID, ...],
    ) -> CabMeeting:
        meeting = CabMeeting.convene(
            act, meeting_id=meeting_id, starts_at=starts_at, ends_at=ends_at, agenda=agenda, emergency=emergency
        )
        self._work.save(meeting)
        return meeting

    def set_agenda(self, act: Act, *, meeting_id: UUID, agenda: tuple[UUID, ...]) -> CabMeeting:
        meeting = self._work.get(CabMeeting, meeting_id)
        meeting.set_agenda(act, agenda=agenda)
        self._work.save(meeting)
        return meeting

    def hold_meeting(self, act: Act, *, meeting_id: UUID, attendee_ids: tuple[str, ...], minutes: str) -> CabMeeting:
        meeting = self._work.get(CabMeeting, meeting_id)
        meeting.hold(act, attendee_ids=attendee_ids, minutes=minutes)
        self._work.save(meeting)
        return meeting

    def call_off_meeting(self, act: Act, *, meeting_id: UUID) -> CabMeeting:
        meeting = self._work.get(CabMeeting, meeting_id)
        meeting.call_off(act)
        self._work.save(meeting)
        return meeting
