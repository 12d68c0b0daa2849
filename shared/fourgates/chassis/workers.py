"""What runs beside the requests: steps that a supervised thread repeats, and that a test can drive by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

log = structlog.get_logger()


class Worker(Protocol):
    """Something that has work now and then."""

    name: str

    def step(self) -> bool:
        """Do a bounded piece of work; tell whether there was any."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be work, at most for the timeout."""
        ...

    def close(self) -> None:
        """Let go of what a thread holds."""
        ...


class Supervised:
    """A thread that repeats a worker's steps, and goes on after an error with a growing pause."""

    def __init__(
        self, worker: Worker, wake: Callable[[], None], *, idle_s: float = 0.5, back_off_max_s: float = 3.0
    ) -> None:
        self._worker = worker
        self._wake = wake
        self._idle_s = idle_s
        self._back_off_max_s = back_off_max_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=worker.name, daemon=True)
        self.failing: str | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask the thread to end after its step, and wait for it."""
        self._stopping.set()
        self._wake()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = 0.05
        while not self._stopping.is_set():
            try:
                if self._worker.step():
                    pause_s = 0.05
                elif not self._stopping.is_set():
                    self._worker.wait(self._idle_s)
                self.failing = None
            except Exception as error:  # noqa: BLE001 - a worker must outlive whatever one step met
                self.failing = type(error).__name__
                log.exception("worker failed", worker=self._worker.name, pause_s=pause_s)
                self._stopping.wait(pause_s)
                pause_s = min(pause_s * 2, self._back_off_max_s)
        self._worker.close()


def settle(workers: Sequence[Worker], *, rounds_max: int = 1000) -> None:
    """Step all workers until none has work left. Raises `RuntimeError` when they never come to rest."""
    for _ in range(rounds_max):
        if not any([worker.step() for worker in workers]):
            return
    msg = f"not at rest after {rounds_max} rounds: {[w.name for w in workers]}"
    raise RuntimeError(msg)
