"""The one clock that is passed in: the system's, or one that a test holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        return datetime.now(UTC)


class HeldClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._now = at

    def now(self) -> datetime:
        """Return the held time."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock by a span, which may be negative."""
        self._now += by

    def hold(self, at: datetime) -> None:
        """Hold the clock at a time."""
        self._now = at
