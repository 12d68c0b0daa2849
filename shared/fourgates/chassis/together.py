"""What several messages do, waiting to be stored in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import Envelope
from fourgates.chassis.store import Parked
from fourgates.chassis.work import Units, Work

# So much is stored at once; a message alone may do more.
AGGREGATES_MAX = 500


@dataclass(frozen=True)
class Taken:
    """A message that was taken in its turn, and the name under which the position of its shard is saved."""

    message: Message
    envelope: Envelope
    name: str


class Together:
    """The effects of messages that were taken one after the other, as long as none decides by those of another."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._taken: list[Taken] = []
        self._works: list[Work] = []
        self._touched: set[UUID] = set()

    @property
    def has_effects(self) -> bool:
        """Whether anything waits to be stored but positions."""
        return bool(self._works)

    @property
    def is_full(self) -> bool:
        """Whether no more should wait."""
        return len(self._touched) >= AGGREGATES_MAX

    def concern(self, work: Work) -> bool:
        """Tell whether a unit of work may have decided by what waits here, and was not stored when it looked."""
        return bool(self._works) and (work.looked or not self._touched.isdisjoint(work.asked))

    def pass_over(self, taken: Taken) -> None:
        """Keep that a message came and has no effect."""
        self._taken.append(taken)

    def join(self, taken: Taken, work: Work) -> None:
        """Keep what a message does."""
        self._taken.append(taken)
        if work.staged:
            self._works.append(work)
            self._touched.update(aggregate.id for aggregate in work.staged)

    def whole(self) -> Work:
        """Return one unit of work that does all that waits."""
        whole = self._units.open()
        for work in self._works:
            whole.save(*work.staged)
        return whole

    def clear(self) -> Sequence[Taken]:
        """Let go of everything, and return the messages that were taken."""
        taken, self._taken = self._taken, []
        self._works = []
        self._touched = set()
        return taken


def to_park(message: Message, source: str, reason: str, at: datetime) -> Parked:
    """Return a message as it is parked."""
    return Parked(
        source=source,
        key=message.key,
        message_id=message.headers.get("ce_id", ""),
        headers=message.headers,
        body=message.body,
        reason=reason,
        parked_at=at,
    )
