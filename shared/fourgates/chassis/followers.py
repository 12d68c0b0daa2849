"""What a service does about its own log and about time: reactions in their own transactions, and slow effects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from fourgates.chassis.aggregate import Act
from fourgates.chassis.clock import Clock
from fourgates.chassis.store import AlreadyHandled, Conflict, EventStore, EventTooLarge, Recorded, UnreadableEvent
from fourgates.chassis.store.positions import After
from fourgates.chassis.together import Together
from fourgates.chassis.work import Units, Work
from fourgates.chassis.workers import BATCH

log = structlog.get_logger()

UseCases = Any
CarryOut = Callable[[Callable[[Any], object]], None]

# Positions that may be passed by before that is saved.
PASSED_MAX = 2_000
RACES_MAX = 20
# What is wrong with one aggregate, and the same however often it is tried.
STOPPING = (UnreadableEvent, EventTooLarge)


@dataclass(frozen=True)
class Effect:
    """Slow work that an event begins. `run(event, act, carry_out)` is safe to repeat; each result is a use case."""

    name: str
    on: type[Any]
    run: Callable[[Any, Act, CarryOut], None]


class _Reading:
    """How far a follower has come in the log, of which each part takes effect once.

    What is done is saved together with its effect. What was passed by has none, so that it is saved only now and then,
    and when there is no more: the next process passes by it again.

    When something about an aggregate cannot be read or kept, everything later about it waits, and the others go on.
    What is saved then stays before the first that waits, and what was done behind it is saved one by one. So nothing
    is lost: the next process begins there again.
    """

    def __init__(
        self,
        store: EventStore,
        saved_as: str,
        concerns: tuple[type[Any], ...],
        store_all: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._saved_as = saved_as
        self._concerns = concerns
        # Stores what was done so far: before something is made to wait, for that saves a position.
        self._store_all = store_all
        self._read: int | None = None
        self._saved = 0
        self._waiting: set[UUID] = set()

    @property
    def position(self) -> int:
        """The position behind which to read on."""
        if self._read is None:
            self._read = self._saved = self._store.position_of(self._saved_as)
        return self._read

    def batch(self) -> list[Recorded]:
        """Return what follows; when nothing does, how far it has come is saved."""
        found = self._store.following(self.position, BATCH)
        if not found and not self._waiting:
            self._save(self.position)
        return found

    def is_due(self, recorded: Recorded) -> bool:
        """Tell whether this concerns the follower, can be done, and was not done."""
        if recorded.event_class is not None and not issubclass(recorded.event_class, self._concerns):
            return False
        happened = recorded.event
        if isinstance(happened, UnreadableEvent):
            if happened.event_class is None or issubclass(happened.event_class, self._concerns):
                self.stop(recorded, happened)
            return False
        if not isinstance(happened, self._concerns) or happened.originator_id in self._waiting:
            return False
        if self._waiting and self._store.position_of(self._saved_as) >= recorded.position:
            # It was done before something had to wait, here or by another process: then that is all that tells.
            return False
        return not self._store.position_of(f"{self._saved_as}/{recorded.position}")

    def done(self, recorded: Recorded, *, since: Mapping[str, int] | None = None) -> dict[str, int]:
        """Return what to save with the effect of an event, and with those that were done `since`.

        Of several, the last position alone would not tell that another process has done the first ones meanwhile.
        """
        saved = dict(since or {})
        if self._waiting:
            return {**saved, f"{self._saved_as}/{recorded.position}": 1}
        first = saved.get(self._saved_as)
        before = first.before if isinstance(first, After) else recorded.position - 1
        return {**saved, self._saved_as: After(recorded.position, before)}

    def stop(self, recorded: Recorded, error: Exception) -> None:
        """Let everything about the aggregate of an event wait from here on."""
        self._store_all()
        aggregate_id = recorded.originator_id
        self._store.stopped.note(aggregate_id, f"{self._saved_as} at {recorded.position}: {error}")
        if not self._waiting:
            self._save(recorded.position - 1)
        self._waiting.add(aggregate_id)

    def passed(self, batch: Sequence[Recorded]) -> None:
        """Go on behind a batch."""
        self._read = batch[-1].position
        if not self._waiting and self._read - self._saved >= PASSED_MAX:
            self._save(self._read)

    def close(self) -> None:
        """Begin again at what is saved: another may have gone on."""
        self._read = None
        self._waiting.clear()

    def _save(self, position: int) -> None:
        if self._saved < position and self._store.position_of(self._saved_as) < position:
            self._store.append((), positions={self._saved_as: position})
        self._saved = max(self._saved, position)


class OwnLog:
    """Runs reactions to the service's own events: some together, each in one transaction with its position."""

    def __init__(
        self,
        service: str,
        *,
        store: EventStore,
        units: Units,
        own: Mapping[type[Any], Callable[[UseCases, Act, Any], None]],
        use_cases: Callable[[Work], UseCases],
        clock: Clock,
    ) -> None:
        self.name = f"{service}-own-log"
        self._service = service
        self._store = store
        self._units = units
        self._own = own
        self._use_cases = use_cases
        self._clock = clock
        # Reactions that wait to be stored in one transaction, and the positions to be saved with them.
        self._together: Together[Recorded] = Together(units)
        self._done: dict[str, int] = {}
        self._reading = _Reading(store, "own", tuple(own), self._store_all)

    def step(self) -> int:
        """Handle one batch of the log; return how long it was."""
        batch = self._reading.batch()
        try:
            for recorded in batch:
                if self._reading.is_due(recorded):
                    self._handle(recorded)
            self._store_all()
        except BaseException:
            # Some of it may be done: begin again at what is saved.
            self._reading.close()
            raise
        finally:
            self._let_go()
        if batch:
            self._reading.passed(batch)
        return len(batch)

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._store.wait_beyond(self._reading.position, timeout_s)

    def close(self) -> None:
        """Begin again at what is saved."""
        self._reading.close()

    def _handle(self, recorded: Recorded) -> None:
        """Let a reaction wait with others. What is not as simple as that is stored alone, after them."""
        try:
            work = self._decided(recorded)
        except Exception:  # noqa: BLE001 - it is met again where nothing else is in hand
            work = None
        if work is not None and not self._together.concern(work):
            self._together.join(recorded, work)
            self._done = self._reading.done(recorded, since=self._done)
            if self._together.is_full:
                self._store_all()
            return
        self._store_all()
        # What could not be stored may have stopped its aggregate.
        if self._reading.is_due(recorded):
            self._handle_alone(recorded)

    def _store_all(self) -> None:
        """Store all reactions that wait in one transaction; when that cannot be, one by one."""
        if self._done:
            done, self._done = self._done, {}
            self._together.take_off(done)
            for recorded in self._together.land():
                if self._reading.is_due(recorded):
                    self._handle_alone(recorded)

    def _let_go(self) -> None:
        self._together.clear()
        self._done = {}

    def _handle_alone(self, recorded: Recorded) -> None:
        try:
            self._react(recorded)
        except STOPPING as error:
            self._reading.stop(recorded, error)

    def _decided(self, recorded: Recorded) -> Work:
        """Return what a reaction changes, and nothing of it is stored."""
        work = self._units.open()
        act = act_after(self._service, recorded, self._clock)
        self._own[type(recorded.event)](self._use_cases(work), act, recorded.event)
        return work

    def _react(self, recorded: Recorded) -> None:
        positions = self._reading.done(recorded)
        for _ in range(RACES_MAX):
            try:
                self._units.commit(self._decided(recorded), positions=positions)
            except Conflict:
                continue
            except AlreadyHandled:
                return
            return
        msg = f"lost {RACES_MAX} races for {recorded.position}"
        raise Conflict(msg)


class EffectRunner:
    """Runs one effect after the other, in the order of the log, at least once."""

    def __init__(
        self,
        service: str,
        effect: Effect,
        *,
        store: EventStore,
        units: Units,
        use_cases: Callable[[Work], UseCases],
        clock: Clock,
    ) -> None:
        self.name = f"{service}-{effect.name}"
        self._service = service
        self._effect = effect
        self._store = store
        self._units = units
        self._use_cases = use_cases
        self._clock = clock
        self._reading = _Reading(store, f"effect/{effect.name}", (effect.on,))

    def step(self) -> int:
        """Run the effect of one batch of the log; return how long it was."""
        batch = self._reading.batch()
        for recorded in batch:
            if self._reading.is_due(recorded):
                try:
                    self._effect.run(recorded.event, act_after(self._service, recorded, self._clock), self._carry_out)
                except STOPPING as error:
                    self._reading.stop(recorded, error)
                else:
                    # Another process that took itself for the leader ran it, too: that is what safe to repeat is for.
                    with suppress(AlreadyHandled):
                        self._store.append((), positions=self._reading.done(recorded))
        if batch:
            self._reading.passed(batch)
        return len(batch)

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._store.wait_beyond(self._reading.position, timeout_s)

    def close(self) -> None:
        """Begin again at what is saved."""
        self._reading.close()

    def _carry_out(self, use_case: Callable[[Any], object]) -> None:
        for _ in range(RACES_MAX):
            work = self._units.open()
            try:
                use_case(self._use_cases(work))
                self._units.commit(work)
            except Conflict:
                continue
            return
        msg = f"lost {RACES_MAX} races in {self.name}"
        raise Conflict(msg)


class Ticker:
    """Lets time pass: each tick runs what may be due, each in its own transaction."""

    def __init__(
        self,
        service: str,
        *,
        units: Units,
        due: Sequence[Callable[[UseCases, Act], None]],
        use_cases: Callable[[Work], UseCases],
        clock: Clock,
        tick_s: float,
    ) -> None:
        self.name = f"{service}-ticker"
        self._service = service
        self._units = units
        self._due = due
        self._use_cases = use_cases
        self._clock = clock
        self._tick_s = tick_s
        self._woken = threading.Event()

    def step(self) -> bool:
        """Run what is due once. Never says that there is more: the next tick comes by itself."""
        now = self._clock.now()
        for run in self._due:
            act = Act(
                by=f"{self._service}-service",
                at=now,
                why="its time came",
                cause_id=f"{self._service}-clock",
                correlation_id=f"{self._service}-clock",
                machine=True,
            )
            work = self._units.open()
            try:
                run(self._use_cases(work), act)
                self._units.commit(work)
            except Conflict:
                log.info("lost a race; the next tick tries again", service=self._service)
            except STOPPING as error:
                # It would be so at each tick, and the others that are due have nothing to do with it.
                log.warning("what is due waits", service=self._service, reason=str(error))
        return False

    def wait(self, timeout_s: float) -> None:
        """Wait for the next tick."""
        self._woken.wait(self._tick_s)

    def wake(self) -> None:
        """End the wait for the next tick: the thread is to stop."""
        self._woken.set()

    def close(self) -> None:
        """Nothing is held."""


def act_after(service: str, recorded: Recorded, clock: Clock) -> Act:
    """Return the act of a service that reacts to its own event, on behalf of whoever caused it."""
    return Act(
        by=f"{service}-service",
        at=clock.now(),
        why=f"after {type(recorded.event).TOPIC}",
        cause_id=f"{service}-{recorded.position}",
        correlation_id=recorded.event.act.correlation_id,
        on_behalf_of=recorded.event.act.person,
        machine=True,
    )
