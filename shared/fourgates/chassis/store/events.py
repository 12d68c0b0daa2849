"""The narrow interface of the store: load an aggregate, append in one transaction, follow the log, keep positions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, cast
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent

from fourgates.chassis.aggregate import Aggregate
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.interface import AlreadyHandled, Conflict, Parked, Recorder, Reply
from fourgates.chassis.store.mapper import EventMapper
from fourgates.chassis.store.recent import Recent
from fourgates.chassis.store.stored import StoredRow
from fourgates.chassis.store.unreadable import Stopped, UnreadableEvent, check_sizes

# A notice may get lost with the connection that brings it, so whoever waits long looks by itself as well.
LOOK_AGAIN_S = 1.0
# Threads that load at once for event loops. More of them would only take the interpreter from each other.
LOADING_MAX = 2


class Recorded:
    """One event of the log and its place in it. Positions grow in the order of commits and may have gaps.

    The class of the event is None where nobody here knows it.
    """

    # Thousands are kept of what was appended here: with slots each gives the collector of cycles one object, not five.
    __slots__ = ("_event", "event_class", "originator_id", "position", "size")

    def __init__(
        self, position: int, originator_id: UUID, event_class: type[Any] | None, event: Any, size: int = 0
    ) -> None:
        self.position = position
        # Bytes of its state as it is stored.
        self.size = size
        self.originator_id = originator_id
        self.event_class = event_class
        self._event = event

    @property
    def event(self) -> Any:
        """The event, or in its place an `UnreadableEvent`."""
        return self._event

    def may_be(self, classes: Container[type[Any]]) -> bool:
        """Tell whether this is, or for all that is known may be, of one of these classes."""
        return self.event_class is None or self.event_class in classes


class _Stored(Recorded):
    """One that is read when it is asked for: most followers pass by most events."""

    __slots__ = ("_read", "_stored")

    def __init__(self, stored: Notification, event_class: type[Any] | None, read: Callable[[StoredEvent], Any]) -> None:
        super().__init__(int(stored.id), cast("UUID", stored.originator_id), event_class, None, len(stored.state))
        self._stored = stored
        self._read = read

    @property
    def event(self) -> Any:
        """The event, or in its place an `UnreadableEvent`."""
        # Two threads may read it at the same time, and get equal ones.
        if self._event is None:
            self._event = self._read(self._stored)
        return self._event


class EventStore:
    """One service's store."""

    def __init__(self, recorder: Recorder, mapper: EventMapper) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._appended = threading.Condition()
        self._waking = threading.Condition()
        self._changes = 0
        self._wakes = 0
        self._savings_awaited = 0
        # A position that the log is known to have reached.
        self._reached = 0
        self._listening = False
        self._recent: Recent[Recorded] = Recent()
        # Held while one follower reads for all who come to the same place meanwhile.
        self._following = threading.Lock()
        self._loading = CapacityLimiter(LOADING_MAX)
        self.stopped = Stopped()
        self._told: list[Callable[[Sequence[Any]], None]] = []

    def tell(self, hear: Callable[[Sequence[Any]], None]) -> None:
        """Let somebody hear of all events that are or may be appended here by threads, before their caller does."""
        self._told.append(hear)

    @property
    def shared(self) -> bool:
        """Whether other processes may append to the same log."""
        return self._recorder.shared

    def load(self, aggregate_id: UUID, *, version: int | None = None) -> Aggregate | None:
        """Return an aggregate folded from its events, up to a version if given, or None when it has none.

        Raises `UnreadableEvent`.
        """
        read = self._recorder.select_events(aggregate_id, lte=version)
        return self._folded(aggregate_id, ((e.originator_version, e.topic, e.state) for e in read))

    async def load_on_loop(self, aggregate_id: UUID) -> Aggregate | None:
        """Return an aggregate as `load` does, without keeping the event loop. Raises `UnreadableEvent`."""
        read = await self._recorder.select_on_loop(aggregate_id)
        if read is None:
            return await to_thread.run_sync(self.load, aggregate_id, limiter=self._loading)
        return self._folded(aggregate_id, read)

    def _folded(self, aggregate_id: UUID, rows: Iterable[StoredRow]) -> Aggregate | None:
        try:
            return cast("Aggregate | None", self._mapper.folded(aggregate_id, rows))
        except UnreadableEvent as unreadable:
            self.stopped.note(aggregate_id, str(unreadable))
            raise

    def events_of(self, aggregate_id: UUID) -> list[Any]:
        """Return the events of one aggregate in order. Raises `UnreadableEvent`."""
        read = [self._read(stored) for stored in self._recorder.select_events(aggregate_id)]
        for one in read:
            if isinstance(one, UnreadableEvent):
                raise one
        return read

    def append(
        self,
        events: Sequence[Any],
        *,
        positions: Mapping[str, int] | None = None,
        reply: Reply | None = None,
        parked: Parked | None = None,
    ) -> Sequence[int]:
        """Append events, saved positions, a reply and a parked message in one durable transaction.

        Raises `Conflict` when an aggregate moved on, `AlreadyHandled` when a position was saved before,
        `StoreUnavailable` when the database cannot be asked now, `EventTooLarge`.
        """
        wanted = positions or {}
        stored = [self._mapper.to_stored_event(e) for e in events]
        check_sizes(stored)
        try:
            answer = self._recorder.submit(stored, positions=wanted, reply=reply, parked=parked)
            answer.add_done_callback(partial(self._keep_recent, events, stored))
            appended = answer.result()
        except IntegrityError as error:
            if any(self.position_of(name) >= position for name, position in wanted.items()):
                raise AlreadyHandled(str(error)) from error
            raise Conflict(str(error)) from error
        except BaseException:
            # It may be stored all the same.
            self._hear(events)
            raise
        self._hear(events)
        if appended or (wanted and self._savings_awaited):
            self.notice(appended[-1] if appended else 0)
        return appended

    def submit(self, events: Sequence[Any], *, reply: Reply | None = None) -> Answer:
        """Append as `append` does, but on an event loop, and without waiting. Raises `StoreUnavailable`.

        `appended` reads the answer; whoever was answered tells those who wait for the log, by `notice`.
        """
        stored = [self._mapper.to_stored_event(e) for e in events]
        check_sizes(stored)
        answer = self._recorder.submit_on_loop(stored, reply=reply)
        answer.add_done_callback(partial(self._keep_recent, events, stored))
        return answer

    def appended(self, answer: Answer) -> Sequence[int]:
        """Return the positions of what was submitted and is answered. Raises what `append` raises."""
        try:
            return answer.result(0)
        except IntegrityError as error:
            raise Conflict(str(error)) from error

    def moved_since(self, after: int, limit: int) -> list[tuple[int, UUID, int, type[Any] | None]]:
        """Return position, aggregate, version and class of what others may have appended, in the order of the log.

        The class is None where nobody here knows it.
        """
        found = self._recorder.select_moved(after, limit)
        return [(position, id_, version, self._mapper.class_of(topic)) for position, id_, version, topic in found]

    def begin_append(self, events: Sequence[Any], *, positions: Mapping[str, int]) -> Callable[[], None]:
        """Begin to append events and positions; what is returned waits for the answer, and raises as `append` does."""
        stored = [self._mapper.to_stored_event(e) for e in events]
        check_sizes(stored)
        answer = self._recorder.submit(stored, positions=positions, reply=None, parked=None)
        # Not when it is waited for: whoever began may never come to that.
        answer.add_done_callback(partial(self._keep_recent, events, stored))
        answer.add_done_callback(lambda done: self._hear_unless_lost(done, events))

        def wait() -> None:
            try:
                answer.result()
            except IntegrityError as error:
                raise Conflict(str(error)) from error
            # Whoever waits may go on before all are called who are to be.
            self._hear(events)
            self.notice()

        return wait

    def _keep_recent(self, events: Sequence[Any], stored: Sequence[StoredEvent], done: Answer) -> None:
        """Keep what was appended for those who follow, who then need not read it."""
        if done.exception() is None:
            self._recent.extend(
                [
                    Recorded(position, event.originator_id, type(event), event, len(one.state))
                    for position, event, one in zip(done.result(), events, stored, strict=True)
                ]
            )

    def _hear(self, events: Sequence[Any]) -> None:
        for hear in self._told:
            hear(events)

    def _hear_unless_lost(self, done: Answer, events: Sequence[Any]) -> None:
        if not isinstance(done.exception(), IntegrityError):
            self._hear(events)

    def log(self, after: int, limit: int) -> list[Recorded]:
        """Return at most `limit` events of the log after a position, in order; one that cannot be read says so."""
        found = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [self._recorded(n) for n in found]

    def following(self, after: int, limit: int) -> list[Recorded]:
        """Return some of the next events of the log, for one of several followers; none only where there are none.

        What one of them has read is there for the others, and there may be more behind it.
        """
        known = self._recent.behind(after, limit)
        if known:
            return known
        with self._following:
            known = self._recent.behind(after, limit)
            if not known:
                known = self.log(after, limit)
                self._recent.add(after, known)
        return known

    def log_of(self, after: int, limit: int, wanted: Callable[[UUID], bool]) -> tuple[list[Recorded], int | None]:
        """Return, of the next `limit` events of the log, those of wanted aggregates, and where to go on, or None."""
        found = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        kept = [n for n in found if wanted(cast("UUID", n.originator_id))]
        return [self._recorded(n) for n in kept], int(found[-1].id) if len(found) == limit else None

    def _recorded(self, stored: Notification) -> Recorded:
        return _Stored(stored, self._mapper.class_of(stored.topic), self._read)

    def head(self) -> int:
        """Return the last position of the log, 0 when it is empty."""
        return self._recorder.max_notification_id() or 0

    def wait_beyond(self, position: int, timeout_s: float) -> bool:
        """Wait until the log goes beyond a position, or the time is over; tell which."""
        return self._wait(lambda: self._reached > position or self.head() > position, timeout_s)

    def wait_until_saved(self, name: str, position: int, timeout_s: float) -> bool:
        """Wait until at least this position is saved under a name, or the time is over; tell which.

        What another process saves is told with the events that it appends, and looked for now and then.
        """
        until = monotonic() + timeout_s
        with self._appended:
            self._savings_awaited += 1
        try:
            while not self._wait(lambda: self.position_of(name) >= position, min(until - monotonic(), LOOK_AGAIN_S)):
                if monotonic() >= until:
                    return False
            return True
        finally:
            with self._appended:
                self._savings_awaited -= 1

    def _wait(self, reached: Callable[[], bool], timeout_s: float) -> bool:
        until = monotonic() + timeout_s
        with self._appended:
            wakes = self._wakes
            if not self._listening:
                self._listening = True
                self._recorder.listen(self.notice)
        while True:
            changes = self._changes
            # Not with the lock held: whoever appends must not wait for the database of someone who waits.
            if reached():
                return True
            with self._appended:
                if self._changes == changes:
                    self._appended.wait(until - monotonic())
                if self._wakes > wakes or monotonic() >= until:
                    break
        return reached()

    def rest(self, timeout_s: float) -> None:
        """Wait until the time is over, or everyone is woken."""
        until = monotonic() + timeout_s
        with self._waking:
            wakes = self._wakes
            while self._wakes == wakes and (left := until - monotonic()) > 0:
                self._waking.wait(left)

    def wake(self) -> None:
        """Wake everyone who waits, so that they can stop."""
        with self._appended, self._waking:
            self._wakes += 1
            self._waking.notify_all()
        self.notice()

    def notice(self, position: int = 0) -> None:
        """Let everyone who waits look at the log again, which has reached this position, if it is told."""
        with self._appended:
            self._changes += 1
            self._reached = max(self._reached, position)
            self._appended.notify_all()

    def position_of(self, name: str) -> int:
        """Return a saved position, 0 when there is none."""
        return self._recorder.max_tracking_id(name) or 0

    def find_reply(self, scope: str, now: datetime) -> Reply | None:
        """Return the reply kept for a request, unless it has expired."""
        return self._recorder.find_reply(scope, now)

    def is_parked(self, source: str, key: str) -> bool:
        """Tell whether messages of this aggregate are parked and wait."""
        return self._recorder.is_parked(source, key)

    def list_parked(
        self,
        limit: int = 100,
        after: int = 0,
        *,
        source: str | None = None,
        key: str | None = None,
        settled: bool = False,
    ) -> Sequence[Parked]:
        """Return waiting messages behind a place, oldest first; with `settled` all. A source and a key choose."""
        return self._recorder.list_parked(limit, after, source=source, key=key, settled=settled)

    def find_parked(self, place: int) -> Parked | None:
        """Return a parked message, whether it waits or was settled."""
        return self._recorder.find_parked(place)

    def first_parked(self, source: str, key: str) -> Parked | None:
        """Return the first waiting message of an aggregate."""
        return self._recorder.first_parked(source, key)

    def count_parked(self) -> int:
        """Return how many messages wait."""
        return self._recorder.count_parked()

    def _read(self, stored: StoredEvent) -> Any:
        """Return the event, or in its place why it cannot be read."""
        try:
            return self._mapper.to_domain_event(stored)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row, the others are read
            unreadable = self._mapper.unreadable(stored, error)
            self.stopped.note(unreadable.originator_id, str(unreadable))
            return unreadable

    def close(self) -> None:
        """Close the store."""
        self._recorder.close()
