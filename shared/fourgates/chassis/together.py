"""What several messages or events of the own log bring about, waiting to be stored in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import Envelope
from fourgates.chassis.store import STORE_AWAY, Parked
from fourgates.chassis.work import Units, Work

log = structlog.get_logger()

T = TypeVar("T")

# So much is stored at once; one alone may do more.
AGGREGATES_MAX = 150


@dataclass(slots=True)
class Taken:
    """A message that was taken in its turn, and the name under which the position of its shard is saved."""

    message: Message
    envelope: Envelope
    name: str


@dataclass(frozen=True)
class Flight(Generic[T]):
    """What is being stored: what was taken, the aggregates, and what waits for the answer."""

    taken: Sequence[T]
    touched: frozenset[UUID]
    wait: Callable[[], None]


class Together(Generic[T]):
    """The effects of what was taken one after the other, as long as none decides by those of another."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._taken: list[T] = []
        self._works: list[Work] = []
        self._touched: set[UUID] = set()
        self._flight: Flight[T] | None = None

    @property
    def is_flying(self) -> bool:
        """Whether something is being stored."""
        return self._flight is not None

    @property
    def has_effects(self) -> bool:
        """Whether anything waits to be stored but positions."""
        return bool(self._works)

    @property
    def is_in_hand(self) -> bool:
        """Whether anything was taken and is not known to be stored."""
        return self._flight is not None or bool(self._taken)

    @property
    def is_full(self) -> bool:
        """Whether no more should wait."""
        return len(self._touched) >= AGGREGATES_MAX

    def concern(self, work: Work) -> bool:
        """Tell whether a unit of work may have decided by what waits here, and was not stored when it looked."""
        if self._flight is not None and (work.looked or not self._flight.touched.isdisjoint(work.asked)):
            return True
        return bool(self._works) and (work.looked or not self._touched.isdisjoint(work.asked))

    def take_off(self, positions: Mapping[str, int]) -> None:
        """Begin to store all that waits; nothing else must be flying. Raises `StoreUnavailable`."""
        whole = self._units.open()
        for work in self._works:
            whole.save(*work.staged)
        try:
            wait = self._units.begin_commit(whole, positions=positions)
        except STORE_AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - it is told where all the others are
            wait = partial(_fail, error)
        self._flight = Flight(self._taken, frozenset(self._touched), wait)
        self._taken, self._works, self._touched = [], [], set()

    def land(self) -> Sequence[T]:
        """Wait until what flies is stored. When that cannot be, return all that must be handled again.

        Raises `StoreUnavailable`, or the library's word for it.
        """
        flight, self._flight = self._flight, None
        if flight is None:
            return ()
        try:
            flight.wait()
        except STORE_AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whoever is to blame for it, each is told alone
            log.info("handling one by one", reason=type(error).__name__)
            return [*flight.taken, *self.clear()]
        return ()

    def pass_over(self, taken: T) -> None:
        """Keep that something came and has no effect."""
        self._taken.append(taken)

    def join(self, taken: T, work: Work) -> None:
        """Keep what came and what it does."""
        self._taken.append(taken)
        if work.staged:
            self._works.append(work)
            self._touched.update(aggregate.id for aggregate in work.staged)

    def clear(self) -> Sequence[T]:
        """Let go of everything, and return what was taken and does not fly."""
        taken, self._taken = self._taken, []
        self._works, self._touched = [], set()
        self._flight = None
        return taken


def _fail(error: Exception) -> None:
    raise error


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
