"""What cannot be kept or read: events that are too large, rows that are corrupt, and the aggregates that wait."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from eventsourcing.persistence import StoredEvent

log = structlog.get_logger()

# The largest encoded event that is stored.
EVENT_BYTES_MAX = 1_048_576
STOPPED_TOLD_MAX = 100


class EventTooLarge(Exception):
    """An event is larger than any that is stored; nothing of its transaction was stored."""

    def __init__(self, topic: str, size: int) -> None:
        self.topic = topic
        self.size = size
        super().__init__(f"{topic} would take {size} bytes, and an event may take {EVENT_BYTES_MAX}")


class UnreadableEvent(Exception):
    """A stored event cannot be read, so that nothing is known of its aggregate from there on. Says which and why.

    In the log it stands in the place of the event.
    """

    def __init__(self, stored: StoredEvent, event_class: type | None, why: str) -> None:
        self.topic = stored.topic
        self.originator_id: UUID = stored.originator_id  # type: ignore[assignment]  # all of our ids are UUIDs
        self.originator_version = stored.originator_version
        # What it would be, where at least that is known.
        self.event_class = event_class
        self.why = why
        super().__init__(
            f"the stored event {self.topic}, version {self.originator_version} of {self.originator_id}, "
            f"cannot be read: {why}"
        )


def check_sizes(stored_events: Sequence[StoredEvent]) -> None:
    """Raise `EventTooLarge` for an event that may not be stored."""
    for stored in stored_events:
        if len(stored.state) > EVENT_BYTES_MAX:
            raise EventTooLarge(stored.topic, len(stored.state))


class Stopped:
    """The aggregates of which something waits until a person has seen to it, and why. Shared by threads."""

    def __init__(self) -> None:
        self._why: dict[UUID, str] = {}

    def note(self, aggregate_id: UUID, why: str) -> None:
        """Remember, and say once, why an aggregate waits."""
        if aggregate_id not in self._why and len(self._why) < STOPPED_TOLD_MAX:
            self._why[aggregate_id] = why
            log.error("an aggregate is stopped", aggregate=str(aggregate_id), reason=why)

    def told(self) -> str | None:
        """Return the first one with its reason, and how many there are; None when there is none."""
        why = list(self._why.values())
        return f"{len(why)} stopped: {why[0]}" if why else None
