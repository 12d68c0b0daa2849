"""One unit of work: what a use case loads and stages, and how the edge commits all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from fourgates.chassis.aggregate import Aggregate
from fourgates.chassis.bus.envelope import Envelope
from fourgates.chassis.store import AlreadyHandled, Conflict, EventStore, Parked, Reply, settling
from fourgates.chassis.views import Views

__all__ = ["AlreadyHandled", "Conflict", "NotFound", "Units", "Work"]

A = TypeVar("A", bound=Aggregate)


class NotFound(Exception):
    """There is no aggregate of that kind with that id."""

    def __init__(self, kind: str, aggregate_id: UUID) -> None:
        self.kind = kind
        self.id = aggregate_id
        super().__init__(f"there is no {kind} {aggregate_id}")


class Loads(Protocol):
    """Where aggregates come from."""

    def load(self, aggregate_id: UUID) -> Aggregate | None:
        """Return an aggregate, or None."""
        ...


class Work:
    """What one use case sees: aggregates by id, read models, and a place to stage what it changed."""

    def __init__(self, store: Loads, views: Views) -> None:
        self._store = store
        self._loaded: dict[UUID, Aggregate] = {}
        self._staged: dict[UUID, Aggregate] = {}
        self._views = views
        # What it may have decided by: aggregates that were asked for, and whether it looked at the read models.
        self.asked: set[UUID] = set()
        self.looked = False
        # The envelope of the message that this unit of work answers, if it answers one.
        self.heard: Envelope | None = None
        # The place of the parked message that this unit of work settles, if it settles one.
        self.settles: int | None = None
        # What the commit appended: whose event, and its position in the log.
        self.reached: Sequence[tuple[UUID, int]] = ()

    @property
    def views(self) -> Views:
        """The read models."""
        self.looked = True
        return self._views

    @property
    def staged(self) -> Collection[Aggregate]:
        """What was staged, in the order of staging."""
        return self._staged.values()

    def get(self, cls: type[A], aggregate_id: UUID) -> A:
        """Return an aggregate. Raises `NotFound`."""
        found = self.find(cls, aggregate_id)
        if found is None:
            raise NotFound(cls.__name__, aggregate_id)
        return found

    def find(self, cls: type[A], aggregate_id: UUID) -> A | None:
        """Return an aggregate, or None. The same object is returned when it is asked for twice."""
        self.asked.add(aggregate_id)
        aggregate = self._loaded.get(aggregate_id) or self._store.load(aggregate_id)
        if not isinstance(aggregate, cls):
            return None
        self._loaded[aggregate_id] = aggregate
        return aggregate

    def save(self, *aggregates: Aggregate) -> None:
        """Stage aggregates; the edge commits all that was staged in one transaction."""
        for aggregate in aggregates:
            self.asked.add(aggregate.id)
            self._loaded[aggregate.id] = aggregate
            self._staged[aggregate.id] = aggregate

    def pending(self) -> list[Any]:
        """Take the events of everything staged, in the order of staging."""
        return [happened for aggregate in self._staged.values() for happened in aggregate.collect_events()]


class Units:
    """Opens units of work on one service's store, and commits them."""

    def __init__(self, store: EventStore, views: Views) -> None:
        self._store = store
        self._views = views

    def open(self) -> Work:
        """Begin a unit of work."""
        return Work(self._store, self._views)

    def commit(
        self,
        work: Work,
        *,
        positions: Mapping[str, int] | None = None,
        reply: Reply | None = None,
        parked: Parked | None = None,
    ) -> Sequence[int]:
        """Commit what was staged, with positions, a reply and a parked message, in one durable transaction.

        Raises `Conflict` when someone else was first, `AlreadyHandled` when a position was saved before.
        """
        events = work.pending()
        saved = dict(positions or {})
        if work.settles is not None:
            saved |= settling(work.settles)
        if not (events or saved or reply or parked):
            return ()
        try:
            appended = self._store.append(events, positions=saved, reply=reply, parked=parked)
        except AlreadyHandled as error:
            if work.settles is None:
                raise
            raise Conflict(str(error)) from error
        work.reached = tuple(zip((happened.originator_id for happened in events), appended, strict=True))
        return appended

    def begin_commit(self, work: Work, *, positions: Mapping[str, int]) -> Callable[[], None]:
        """Begin to commit what was staged; what is returned waits for the end of it, and raises as `commit` does."""
        return self._store.begin_append(work.pending(), positions=positions)

    def head(self) -> int:
        """Return the last position of the log."""
        return self._store.head()

    def wait_beyond(self, position: int, timeout_s: float) -> bool:
        """Wait until the log goes beyond a position, or the time is over; tell which."""
        return self._store.wait_beyond(position, timeout_s)

    def events_of(self, aggregate_id: UUID) -> list[Any]:
        """Return the events of one aggregate in order."""
        return self._store.events_of(aggregate_id)

    def find_reply(self, scope: str, now: datetime) -> Reply | None:
        """Return the reply kept for a request, unless it has expired."""
        return self._store.find_reply(scope, now)

    def keep(self, reply: Reply) -> None:
        """Keep the answer to a request that changed nothing. Raises `Conflict` when one is kept already."""
        self._store.append((), reply=reply)
