"""What the store needs of a database, and the words that both speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import InterfaceError, Notification, OperationalError, StoredEvent

from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.stored import StoredRow


class Conflict(Exception):
    """Someone else appended to the same aggregate first: load again and decide again."""


class AlreadyHandled(Exception):
    """The position was saved before: this message, or this tick, has taken effect already."""


class StoreUnavailable(Exception):
    """The database cannot be asked now. An append that it cut short has been stored wholly or not at all."""


# Our word for it, and the library's for a connection that broke or a database that stayed locked.
STORE_AWAY = (StoreUnavailable, InterfaceError, OperationalError)


@dataclass(frozen=True)
class Reply:
    """The first answer to a request with an idempotency key, kept until it expires."""

    scope: str
    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    kept_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Parked:
    """A message that could not be handled, kept with the reason. It waits until a person decides."""

    source: str
    key: str
    message_id: str
    headers: Mapping[str, str]
    body: bytes
    reason: str
    parked_at: datetime
    # Given by the database; places grow in the order of parking, and none is used twice.
    place: int = field(default=0, compare=False)


# A parked message is settled by saving this position, named after its place: in the transaction of what settles it,
# once, and without changing what was parked.
SETTLED = "dead-letter/"


def settling(place: int) -> dict[str, int]:
    """Return the position that settles a parked message."""
    return {f"{SETTLED}{place}": 1}


class Recorder(Protocol):
    """What the store needs of a database. SQLite and PostgreSQL fulfil it and pass the same tests."""

    # Whether other processes may append to the same log.
    shared: bool

    def submit(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        positions: Mapping[str, int],
        reply: Reply | None,
        parked: Parked | None,
    ) -> Answer:
        """Append all in one transaction, without waiting; who was first is told by an `IntegrityError`."""
        ...

    def submit_on_loop(self, stored_events: Sequence[StoredEvent], *, reply: Reply | None) -> Answer:
        """Append as `submit` does, called on an event loop: where the driver can, that loop stores it by itself."""
        ...

    def select_events(
        self, originator_id: UUID, *, gt: int | None = None, lte: int | None = None
    ) -> Sequence[StoredEvent]:
        """Return the events of one aggregate in order."""
        ...

    async def select_on_loop(self, originator_id: UUID) -> Sequence[StoredRow] | None:
        """Return the events of one aggregate in order, read by the loop itself, or None."""
        ...

    def select_notifications(
        self, start: int | None, limit: int, *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        """Return events of the log in order."""
        ...

    def select_moved(self, after: int, limit: int) -> Sequence[tuple[int, UUID, int, str]]:
        """Return position, aggregate, version and topic of what others may have appended, in the order of the log."""
        ...

    def max_notification_id(self) -> int | None:
        """Return the last position of the log."""
        ...

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return a saved position."""
        ...

    def find_reply(self, scope: str, now: datetime) -> Reply | None:
        """Return the reply that was kept for a request, unless it has expired."""
        ...

    def is_parked(self, source: str, key: str) -> bool:
        """Tell whether a message of this aggregate is parked and waits."""
        ...

    def list_parked(
        self, limit: int, after: int = 0, *, source: str | None = None, key: str | None = None, settled: bool = False
    ) -> Sequence[Parked]:
        """Return waiting messages behind a place, in the order in which they were parked; with `settled` all messages.

        A source and a key choose.
        """
        ...

    def find_parked(self, place: int) -> Parked | None:
        """Return a parked message, whether it waits or was settled."""
        ...

    def first_parked(self, source: str, key: str) -> Parked | None:
        """Return the first waiting message of an aggregate."""
        ...

    def count_parked(self) -> int:
        """Return how many messages wait."""
        ...

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` from now on whenever another process may have appended, if the database tells."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
