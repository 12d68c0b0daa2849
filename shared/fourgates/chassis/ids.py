"""Where new ids come from: UUIDv7 in a running service, counted ones in a test."""

from __future__ import annotations

import threading
from typing import Protocol
from uuid import UUID, SafeUUID

from uuid_utils import uuid7

_new = object.__new__
_set = object.__setattr__


class Ids(Protocol):
    """Makes ids."""

    def new(self) -> UUID:
        """Return an id that was never returned before."""
        ...


class TimeOrderedIds:
    """UUIDv7: unique everywhere, and sorted by time."""

    def new(self) -> UUID:
        """Return a new UUIDv7."""
        made = _new(UUID)
        # An id cannot be changed, and its own constructor takes three times as long for the same.
        _set(made, "int", uuid7().int)
        _set(made, "is_safe", SafeUUID.unknown)
        return made


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
