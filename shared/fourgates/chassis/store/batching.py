"""Group commit: what callers append at the same time is stored together by one writer, and answered one by one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import structlog
from eventsourcing.persistence import StoredEvent, Tracking

from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.interface import Parked, Reply, StoreUnavailable

log = structlog.get_logger()

MEBIBYTE = 1_048_576


class QueueFull(StoreUnavailable):
    """More is waiting to be stored than may wait: nothing of this was stored, and a moment later there is room."""


class WriterDied(StoreUnavailable):
    """The writer ended while it had this in hand: it has been stored wholly or not at all."""


@dataclass(frozen=True)
class QueueLimits:
    """How much may wait, how much is stored at once, and how long anything waits."""

    waiting_max: int = 16_384
    waiting_bytes_max: int = 64 * MEBIBYTE
    # Events and bytes in one transaction; a single append may be larger.
    batch_max: int = 1_024
    batch_bytes_max: int = 8 * MEBIBYTE
    # An append that waited so long is not tried any more.
    wait_s: float = 10.0
    # What waits at the end is stored, if it takes no longer than this.
    drain_s: float = 15.0
    # A thread with nothing to do for so long ends; the next append starts another.
    rest_s: float = 5.0


@dataclass(slots=True, eq=False)
class Append:
    """What one caller appends, wholly or not at all, and the answer that is waited for."""

    events: Sequence[StoredEvent]
    positions: Mapping[str, int]
    reply: Reply | None
    parked: Parked | None
    # When nobody waits any more.
    until: float
    size: int
    bytes: int
    answer: Answer = field(default_factory=Answer)
    # It was sent and no answer came: look whether it is stored.
    unclear: bool = False

    def __str__(self) -> str:
        """Name what it is about."""
        events = ", ".join(f"{event.originator_id} version {event.originator_version}" for event in self.events)
        positions = ", ".join(f"{name} at {position}" for name, position in self.positions.items())
        return "; ".join(part for part in (events, positions, self.reply.scope if self.reply else "") if part)

    @property
    def is_answered(self) -> bool:
        """Whether the caller has been told."""
        return self.answer.done()


Write = Callable[[list[Append]], None]


class Waiting:
    """Appends that wait for a writer, in order, bounded in number and bytes. One alone always fits."""

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._queue: deque[Append] = deque()
        self._size = 0
        self._bytes = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def put(self, append: Append) -> None:
        """Let an append wait. Raises `QueueFull`."""
        if self._queue and (
            self._size + append.size > self._limits.waiting_max
            or self._bytes + append.bytes > self._limits.waiting_bytes_max
        ):
            raise QueueFull(f"{self._size} events are waiting to be stored")
        self._queue.append(append)
        self._count(append, 1)

    def put_first(self, appends: Sequence[Append]) -> None:
        """Let appends come before all others. They have waited already, so no limit keeps them out."""
        self._queue.extendleft(reversed(appends))
        for append in appends:
            self._count(append, 1)

    def next_batch(self) -> list[Append]:
        """Take what is stored next, up to the limits of a batch."""
        taken: list[Append] = []
        size = amount = 0
        while self._queue:
            append = self._queue[0]
            size += append.size
            amount += append.bytes
            if taken and (size > self._limits.batch_max or amount > self._limits.batch_bytes_max):
                break
            taken.append(self._queue.popleft())
            self._count(append, -1)
        return taken

    def take_all(self) -> list[Append]:
        """Take everything."""
        taken = list(self._queue)
        self._queue.clear()
        self._size = self._bytes = 0
        return taken

    def _count(self, append: Append, sign: int) -> None:
        self._size += sign * append.size
        self._bytes += sign * append.bytes


class GroupWriter:
    """A bounded queue and one thread that stores what waits in it: no lingering, the next batch fills meanwhile.

    `write` stores a batch and answers every append in it; what it may store of others when one of them cannot be
    stored is its business. The thread is started by an append, and again if it should ever die.
    """

    def __init__(self, name: str, write: Write, limits: QueueLimits) -> None:
        self._name = name
        self._write = write
        self.limits = limits
        self._changed = threading.Condition()
        self._waiting = Waiting(limits)
        self._idle = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._in_hand: list[Append] = []

    def submit(self, append: Append) -> Answer:
        """Queue an append and return where its answer will be. Never waits. Raises `QueueFull`."""
        with self._changed:
            self._be_there()
            self._waiting.put(append)
            self._wake()
        return append.answer

    def take_over(self, appends: Sequence[Append]) -> None:
        """Store first what another writer had in hand, and answer it. Never waits."""
        with self._changed:
            try:
                self._be_there()
            except StoreUnavailable as error:
                refuse(appends, error)
                return
            self._waiting.put_first(appends)
            self._wake()

    def close(self) -> None:
        """Take nothing more, store what waits, and end the thread."""
        until = monotonic() + self.limits.drain_s
        with self._changed:
            self._closed = True
            self._changed.notify()
        while (thread := self._thread) is not None and monotonic() < until:
            thread.join(until - monotonic())
        with self._changed:
            left = self._waiting.take_all()
        refuse(left, StoreUnavailable("the store was closed before this could be stored"))

    def _be_there(self) -> None:
        """See to it that there is a thread. Raises `StoreUnavailable`."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._thread is None:
            self._start()

    def _wake(self) -> None:
        if self._idle:
            self._idle = False
            self._changed.notify()

    def _start(self) -> None:
        """Start the thread. Raises `StoreUnavailable` when the machine has none to give."""
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise StoreUnavailable(str(error)) from error
        self._thread = thread

    def _run(self) -> None:
        try:
            while self._take():
                if self._in_hand:
                    self._write(self._in_hand)
                self._in_hand = []
                # Lets those who were just answered bring what they have next, so that it comes into this batch.
                sleep(0)
        except BaseException as error:  # Whatever it is, nobody may wait for ever.  # noqa: BLE001
            self._died(error)

    def _take(self) -> bool:
        """Take what waits, up to the limits of a batch; tell whether there was anything in good time."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._idle = True
                self._changed.wait(self.limits.rest_s)
                self._idle = False
            if not self._waiting:
                self._thread = None
                return False
            self._in_hand = self._waiting.next_batch()
        now = monotonic()
        # What was sent before may be stored, however late it is: that must be looked for.
        late = {append for append in self._in_hand if append.until < now and not append.unclear}
        if late:
            self._in_hand = [append for append in self._in_hand if append not in late]
            for append in late:
                _fail(append, StoreUnavailable("the store was too long away: nothing of this was stored"))
        return True

    def _died(self, error: BaseException) -> None:
        """Tell everyone whose append was in hand, and let another thread go on with those that wait."""
        in_hand, self._in_hand = self._in_hand, []
        for append in in_hand:
            _fail(append, WriterDied(f"{type(error).__name__} ended the writer"))
        with self._changed:
            self._thread = None
            if self._waiting:
                self._start_or_refuse()
        # Last, and whatever becomes of it: a log on a full disk must not keep anyone waiting.
        with suppress(Exception):
            log.error("the writer died", writer=self._name, exc_info=error)

    def _start_or_refuse(self) -> None:
        try:
            self._start()
        except StoreUnavailable as error:
            refuse(self._waiting.take_all(), error)


def refuse(batch: Iterable[Append], error: Exception) -> None:
    """Tell everyone who has no answer yet, each with an error of their own: threads raise them at the same time."""
    for append in batch:
        made = StoreUnavailable(str(error))
        made.__cause__ = error
        _fail(append, made)


def _fail(append: Append, error: Exception) -> None:
    """Answer with an error, unless there is an answer already."""
    with suppress(InvalidStateError):
        append.answer.set_exception(error)


class GroupCommit(ABC):
    """The writing side of a recorder: everything it stores goes through one writer."""

    def __init__(self, *args: Any, writes_to: str, limits: QueueLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._writer = GroupWriter(f"write {writes_to}", self.write, limits)

    @abstractmethod
    def write(self, batch: list[Append]) -> None:
        """Store a batch in one transaction, and answer every append in it."""

    def submit(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        positions: Mapping[str, int],
        reply: Reply | None,
        parked: Parked | None,
    ) -> Answer:
        """Append without waiting; the answer is what `append` returns or raises.

        Raises `QueueFull`.
        """
        append = self._append_of(stored_events, positions, reply, parked)
        if not (stored_events or positions or reply or parked):
            append.answer.set_result(())
            return append.answer
        return self._writer.submit(append)

    def submit_on_loop(self, stored_events: Sequence[StoredEvent], *, reply: Reply | None) -> Answer:
        """Append from an event loop, without waiting, as `submit` does. Raises `QueueFull`."""
        return self.submit(stored_events, positions={}, reply=reply, parked=None)

    def _append_of(
        self,
        stored_events: Sequence[StoredEvent],
        positions: Mapping[str, int],
        reply: Reply | None,
        parked: Parked | None,
    ) -> Append:
        size = max(len(stored_events), len(positions), 1)
        amount = sum([len(event.state) for event in stored_events]) + (len(reply.body) if reply else 0)
        until = monotonic() + self._writer.limits.wait_s
        return Append(stored_events, positions, reply, parked, until, size, amount)

    def append(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        positions: Mapping[str, int],
        reply: Reply | None,
        parked: Parked | None,
    ) -> Sequence[int]:
        """Insert all in one transaction, together with what others append at the same time.

        Raises `IntegrityError` on a version or a position that is taken, `StoreUnavailable` when the database cannot be
        asked now or too much is waiting for it.
        """
        return self.submit(stored_events, positions=positions, reply=reply, parked=parked).result()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Insert events as the library does, by an append."""
        tracking: Tracking | None = kwargs.get("tracking")
        positions = {} if tracking is None else {tracking.application_name: tracking.notification_id}
        return self.append(stored_events, positions=positions, reply=None, parked=None)

    def drain(self) -> None:
        """Take no more appends, and store those that wait."""
        self._writer.close()
