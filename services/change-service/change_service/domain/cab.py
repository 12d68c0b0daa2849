"""Meetings of the change advisory board: an agenda of authorizations, who attended, and the minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, event, refuse_any

from change_service.domain.values import CHANGE_AUTHORITY, CHANGE_MANAGER, unmet_entitlement

CONVENERS = (CHANGE_MANAGER, CHANGE_AUTHORITY)


class MeetingState(StrEnum):
    """The states of a meeting."""

    CONVENED = "convened"
    HELD = "held"
    CALLED_OFF = "called_off"


class CabMeeting(Aggregate):
    """A meeting of the CAB or of the ECAB. It advises; decisions are the votes on the authorizations."""

    TOPIC = "change.CabMeeting"

    class Convened(Aggregate.Created):
        """A meeting of the change advisory board was convened."""

        starts_at: datetime
        ends_at: datetime
        emergency: bool
        agenda: tuple[UUID, ...]

    class AgendaSet(Aggregate.Event):
        """The agenda of a meeting is now this."""

        agenda: tuple[UUID, ...]

    class Held(Aggregate.Event):
        """A meeting was held; its minutes are kept."""

        attendee_ids: tuple[str, ...]
        minutes: str

    class CalledOff(Aggregate.Event):
        """A meeting was called off."""

    @classmethod
    def convene(
        cls,
        act: Act,
        *,
        meeting_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        agenda: tuple[UUID, ...],
        emergency: bool = False,
    ) -> CabMeeting:
        """Convene a meeting. Refused without entitlement, or when it does not end after it starts."""
        unmet = unmet_entitlement(act, CONVENERS, "Convening the CAB")
        refuse_any((*unmet, *_unmet_span(starts_at, ends_at)))
        return cls(id=meeting_id, act=act, starts_at=starts_at, ends_at=ends_at, emergency=emergency, agenda=agenda)

    def set_agenda(self, act: Act, *, agenda: tuple[UUID, ...]) -> None:
        refuse_any(self.unmet_while_convened(act))
        self._agenda_set(act=act, agenda=agenda)

    def hold(self, act: Act, *, attendee_ids: tuple[str, ...], minutes: str) -> None:
        """Record that the meeting was held. Refused before it starts."""
        refuse_any((*self.unmet_while_convened(act), *self._unmet_start(act)))
        self._held(act=act, attendee_ids=attendee_ids, minutes=minutes)

    def call_off(self, act: Act) -> None:
        refuse_any(self.unmet_while_convened(act))
        self._called_off(act=act)

    def unmet_while_convened(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, CONVENERS, "Running the CAB")
        if self.state is not MeetingState.CONVENED:
            yield Unmet(
                "not-convened",
                f"This meeting is {self.state}.",
                source="state",
                remedy="convene another one: POST /change/v1/cab-meetings",
            )

    def _unmet_start(self, act: Act) -> Iterator[Unmet]:
        if act.at < self.starts_at:
            yield Unmet(
                "not-started",
                f"The meeting starts at {self.starts_at.isoformat()}.",
                source="starts_at",
                remedy="wait for its start, or call it off",
            )

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        convened = tuple(self.unmet_while_convened(act))
        return (
            NextCommand("set_agenda", CONVENERS, convened),
            NextCommand("hold", CONVENERS, (*convened, *self._unmet_start(act))),
            NextCommand("call_off", CONVENERS, convened),
        )

    @event(Convened)
    def __init__(
        self, id: UUID, act: Act, starts_at: datetime, ends_at: datetime, agenda: tuple[UUID, ...], *, emergency: bool
    ) -> None:
        self.starts_at = starts_at
        self.ends_at = ends_at
        self.emergency = emergency
        self.agenda = agenda
        self.state = MeetingState.CONVENED
        self.attendee_ids: tuple[str, ...] = ()
        self.minutes = ""

    @event(AgendaSet)
    def _agenda_set(self, act: Act, agenda: tuple[UUID, ...]) -> None:
        self.agenda = agenda

    @event(Held)
    def _held(self, act: Act, attendee_ids: tuple[str, ...], minutes: str) -> None:
        self.attendee_ids = attendee_ids
        self.minutes = minutes
        self.state = MeetingState.HELD

    @event(CalledOff)
    def _called_off(self, act: Act) -> None:
        self.state = MeetingState.CALLED_OFF


def _unmet_span(starts_at: datetime, ends_at: datetime) -> Iterator[Unmet]:
    if ends_at <= starts_at:
        yield Unmet(
            "meeting-without-time", "A meeting ends after it starts.", source="ends_at", remedy="give a later end"
        )
