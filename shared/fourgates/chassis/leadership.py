"""Of several replicas of a service one leads: it alone publishes, reacts to the log and the clock, and runs effects."""

from __future__ import annotations

import threading
from typing import Protocol

from fourgates.chassis.followers import Ticker
from fourgates.chassis.workers import Worker


class Leadership(Protocol):
    """Who leads. At times nobody does; for a moment two may believe so, and then saved positions tell them apart."""

    def hold(self) -> bool:
        """Tell whether this process leads, and try to become the leader when nobody does."""
        ...

    def close(self) -> None:
        """Let another lead."""
        ...


class Led:
    """A worker that works only while its process leads."""

    def __init__(self, worker: Worker, leadership: Leadership) -> None:
        self.name = worker.name
        self._worker = worker
        self._leadership = leadership
        self._leads = False
        self._woken = threading.Event()

    def step(self) -> int:
        """Do a piece of work if this process leads."""
        led, self._leads = self._leads, self._leadership.hold()
        if self._leads:
            return self._worker.step()
        if led:
            # Another goes on from what is saved: what is in memory here is of no use any more.
            self._worker.close()
        return 0

    def wait(self, timeout_s: float) -> None:
        """Wait for work, or for the next look at who leads."""
        if self._leads:
            self._worker.wait(timeout_s)
        else:
            self._woken.wait(timeout_s)

    def wake(self) -> None:
        """End the wait: the thread is to stop."""
        self._woken.set()
        if isinstance(self._worker, Ticker):
            self._worker.wake()

    def close(self) -> None:
        """Let go of what the worker holds."""
        self._worker.close()
