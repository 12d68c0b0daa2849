"""Where new ids come from: UUIDv7 in a running service, counted ones in a test."""

from __future__ import annotations

import threading
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7


class Ids(Protocol):
    """Makes ids."""

    def new(self) -> UUID:
        """Return an id that was never returned before."""
        ...


class TimeOrderedIds:
    """UUIDv7: unique everywhere, and sorted by time."""

    def new(self) -> UUID:
        """Return a new UUIDv7."""
        return uuid7()


class CountedIds:
    """Ids in a known order, so that two runs of a test or of a simulation make the same ones."""

    def __init__(self, seed: int = 0) -> None:
        self._next = (seed << 64) + 1
        self._lock = threading.Lock()

    def new(self) -> UUID:
        """Return the next id, in the shape of a UUIDv7."""
        with self._lock:
            number = self._next
            self._next += 1
        return UUID(int=(number & ~(0xF << 76) & ~(0x3 << 62)) | (0x7 << 76) | (0x2 << 62))
