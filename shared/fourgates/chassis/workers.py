"""What runs beside the requests: steps that a supervised thread repeats, and that a test can drive by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

import structlog

log = structlog.get_logger()

# What one step takes of a log at most.
BATCH = 500
# Whoever found work goes on at the next multiple of this, and what comes meanwhile is worked on together. After a rest
# work begins at once.
GATHER_S = 0.01
# Under a load that gives so much to a step, the next comes later: each takes the interpreter from those who answer.
MUCH = 20
GATHER_MUCH_S = 0.1


class Worker(Protocol):
    """Something that has work now and then."""

    name: str

    def step(self) -> int:
        """Do a bounded piece of work; return how much it was, 0 when there was none. True is enough to say."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be work, at most for the timeout."""
        ...

    def close(self) -> None:
        """Let go of what a thread holds."""
        ...


class Supervised:
    """A thread that repeats a worker's steps, and goes on after an error with a growing pause.

    Under a load that never rests, a step for each commit would cost more than the work itself: `gather_s` bounds how
    often there is one, and `gather_much_s` where there was much to do. Who left something for the next step goes on.
    """

    def __init__(
        self,
        worker: Worker,
        wake: Callable[[], None],
        *,
        idle_s: float = 0.5,
        gather_s: float = GATHER_S,
        gather_much_s: float = GATHER_MUCH_S,
        back_off_max_s: float = 3.0,
    ) -> None:
        self._worker = worker
        self._wake = wake
        self._idle_s = idle_s
        self._gather_s = gather_s
        self._gather_much_s = gather_much_s
        self._back_off_max_s = back_off_max_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=worker.name, daemon=True)
        self.failing: str | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def name(self) -> str:
        """The name of the worker."""
        return self._worker.name

    def ask_to_stop(self) -> None:
        """Let the thread end after the step that it is in."""
        self._stopping.set()
        self._wake()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end, at most for the timeout."""
        self._thread.join(timeout_s)

    def _gather(self, began: float, done: int) -> None:
        """Pause until the next of the moments at which all workers go on: then one of them reads the log for all.

        A step that took longer found enough to do.
        """
        pause_s = self._gather_s if done < MUCH else self._gather_much_s
        now = monotonic()
        if done < BATCH and now - began < pause_s:
            self._stopping.wait(pause_s - now % pause_s)

    def _run(self) -> None:
        pause_s = 0.05
        while not self._stopping.is_set():
            began = monotonic()
            try:
                if done := self._worker.step():
                    pause_s = 0.05
                    self._gather(began, done)
                elif not self._stopping.is_set():
                    self._worker.wait(self._idle_s)
                self.failing = None
            except Exception as error:
                self.failing = type(error).__name__
                log.exception("worker failed", worker=self._worker.name, pause_s=pause_s)
                self._stopping.wait(pause_s)
                pause_s = min(pause_s * 2, self._back_off_max_s)
        self._worker.close()


def settle(workers: Sequence[Worker], *, rounds_max: int = 1000) -> None:
    """Step all workers until none has work left. Raises `RuntimeError` when they never come to rest."""
    for _ in range(rounds_max):
        worked = [worker.step() for worker in workers]
        if not any(worked):
            return
    msg = f"not at rest after {rounds_max} rounds: {[w.name for w in workers]}"
    raise RuntimeError(msg)
