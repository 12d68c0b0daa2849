"""One walk-through while everything fails that can fail, and what failed.

Two replicas of each service; processes are killed with -9, at best while they have a write to answer, and started again
as an orchestrator would; Kafka is away for a while; PostgreSQL is restarted.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import Self

from fourgates.chassis.testing.proxy import Proxy

from tests.system.processes import HOST, Process, RealParts

# The failures are spread over the writes from here to there; the walk-through has a few more.
FIRST_WRITE, LAST_WRITE = 20, 400
# Kills go round these services; a service that gets no write for so long gives its place to another.
KILLED = ("release", "deploy", "change", "review", "dml")
TURN_WRITES = 40
# A kill comes so long after its write at most; more than half of all writes take longer.
KILL_WITHIN_S = 0.012


@dataclass(frozen=True)
class Plan:
    """What is to fail, at places that follow from the seed."""

    kills: int
    kafka_away_s: float
    restart_postgres: bool
    seed: int


@dataclass(frozen=True)
class _Due:
    """Something that fails at the first write from a number on to a process of a service, or of any."""

    write: int
    fail: Callable[[Process, threading.Event], None]
    service: str = ""


@dataclass
class Report:
    """What failed."""

    kills: int = 0
    on_an_unanswered_write: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    kafka_away_s: float = 0.0
    postgres_restarts: int = 0
    writes: int = 0

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {times}" for name, times in sorted(self.killed.items()))
        return (
            f"{self.kills} kills with -9, {self.on_an_unanswered_write} of them on an unanswered write ({killed}); "
            f"Kafka away for {self.kafka_away_s:.0f} s; PostgreSQL restarted {self.postgres_restarts} times; "
            f"{self.writes} writes"
        )


class Failures:
    """Lets things fail at planned writes. It sits before every process, so it knows which write has no answer yet.

    As a context it waits at the end until all that was stopped runs again.
    """

    def __init__(self, plan: Plan) -> None:
        self.report = Report()
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._due = self._spread()
        self._lock = threading.Lock()
        self._unanswered: dict[tuple[str, int], threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._open = ExitStack()
        self._parts: RealParts | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()
        self._open.close()

    def strike(self, parts: RealParts) -> None:
        """Begin: from now on writes are counted."""
        self._parts = parts

    def end(self) -> None:
        """Let nothing more fail, and wait until what was stopped runs again."""
        with self._lock:
            self._due.clear()
        for thread in self._threads:
            thread.join(self._plan.kafka_away_s + 60)

    def reached_by(self, process: Process) -> int:
        """Stand before a process; return the port at which it is reached."""

        def tell(number: int, client: bool, data: bytes) -> None:
            self._hear((process.name, number), process, client=client, data=data)

        return self._open.enter_context(Proxy(HOST, process.port, tell=tell)).port

    def _spread(self) -> list[_Due]:
        writes = self._random.sample(range(FIRST_WRITE, LAST_WRITE), self._plan.kills + 2)
        due = [_Due(write, self._kill, service) for write, service in zip(writes[2:], cycle(KILLED), strict=False)]
        if self._plan.kafka_away_s:
            due.append(_Due(writes[0], self._take_kafka_away))
        if self._plan.restart_postgres:
            due.append(_Due(writes[1], self._restart_postgres))
        return sorted(due, key=lambda one: one.write)

    def _next_due(self, process: Process) -> _Due | None:
        for one in self._due:
            late = self.report.writes - one.write
            if late >= TURN_WRITES or (late >= 0 and process.name.startswith(one.service)):
                self._due.remove(one)
                return one
        return None

    def _hear(self, place: tuple[str, int], process: Process, *, client: bool, data: bytes) -> None:
        # Under the lock of the kill: what has passed here was answered before, or is not answered at all.
        with self._lock:
            if not client:
                answered = self._unanswered.pop(place, None)
                if answered is not None:
                    answered.set()
            elif self._parts is not None and data.startswith((b"POST ", b"PUT ")):
                self.report.writes += 1
                due = self._next_due(process)
                answered = self._unanswered[place] = threading.Event()
                if due is not None:
                    self._threads.append(threading.Thread(target=due.fail, args=(process, answered), daemon=True))
                    self._threads[-1].start()

    def _kill(self, process: Process, answered: threading.Event) -> None:
        answered.wait(self._random.uniform(0, KILL_WITHIN_S))
        with self._lock:
            self.report.kills += 1
            self.report.killed[process.name] += 1
            self.report.on_an_unanswered_write += not answered.is_set()
            process.kill()
        process.start()

    def _take_kafka_away(self, _process: Process, _answered: threading.Event) -> None:
        kafka = self._parts.kafka if self._parts is not None else None
        assert kafka is not None
        kafka.kill()
        began = time.monotonic()
        threading.Event().wait(self._plan.kafka_away_s)
        self.report.kafka_away_s = time.monotonic() - began
        kafka.start()

    def _restart_postgres(self, _process: Process, _answered: threading.Event) -> None:
        postgres = self._parts.postgres if self._parts is not None else None
        assert postgres is not None
        postgres.stop()
        postgres.start()
        self.report.postgres_restarts += 1
