"""What a service does about its own log and about time: reactions in their own transactions, and slow effects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from fourgates.chassis.aggregate import Act
from fourgates.chassis.clock import Clock
from fourgates.chassis.store import AlreadyHandled, Conflict, EventStore, Recorded
from fourgates.chassis.work import Units, Work

log = structlog.get_logger()

UseCases = Any
CarryOut = Callable[[Callable[[Any], object]], None]

BATCH = 200
RACES_MAX = 20


@dataclass(frozen=True)
class Effect:
    """Slow work that an event begins. `run(event, act, carry_out)` is safe to repeat; each result is a use case."""

    name: str
    on: type[Any]
    run: Callable[[Any, Act, CarryOut], None]


class OwnLog:
    """Runs reactions to the service's own events, each in one transaction with its position."""

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

    def step(self) -> bool:
        """Handle one batch; tell whether there was one."""
        batch = self._store.log(self._store.position_of("own"), BATCH)
        for recorded in batch:
            if type(recorded.event) in self._own:
                self._react(recorded)
        if batch and self._store.position_of("own") < batch[-1].position:
            self._store.append((), positions={"own": batch[-1].position})
        return bool(batch)

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._store.wait_beyond(self._store.position_of("own"), timeout_s)

    def close(self) -> None:
        """Nothing is held."""

    def _react(self, recorded: Recorded) -> None:
        react = self._own[type(recorded.event)]
        act = act_after(self._service, recorded, self._clock)
        positions = {"own": recorded.position}
        for _ in range(RACES_MAX):
            work = self._units.open()
            try:
                react(self._use_cases(work), act, recorded.event)
                self._units.commit(work, positions=positions)
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
        self._saved_as = f"effect/{effect.name}"

    def step(self) -> bool:
        """Run the effect of one batch of the log; tell whether there was any log left."""
        batch = self._store.log(self._store.position_of(self._saved_as), BATCH)
        for recorded in batch:
            if isinstance(recorded.event, self._effect.on):
                self._effect.run(recorded.event, act_after(self._service, recorded, self._clock), self._carry_out)
                self._store.append((), positions={self._saved_as: recorded.position})
        if batch and self._store.position_of(self._saved_as) < batch[-1].position:
            self._store.append((), positions={self._saved_as: batch[-1].position})
        return bool(batch)

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._store.wait_beyond(self._store.position_of(self._saved_as), timeout_s)

    def close(self) -> None:
        """Nothing is held."""

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
