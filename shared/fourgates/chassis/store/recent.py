"""The last events of the log, for those who follow it: as one of them has read them, or as they were appended here."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

# More than comes between two ticks of the clock, at which read models are looked at.
COUNT_MAX = 10_000
BYTES_MAX = 8_388_608


class Placed(Protocol):
    """Something with its place in the log."""

    @property
    def position(self) -> int:
        """Where it is."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        ...


P = TypeVar("P", bound=Placed)


class Recent(Generic[P]):
    """A stretch of the log without a hole, bounded in count and bytes. Any thread may call."""

    def __init__(self, *, count_max: int = COUNT_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        # The position behind which the stretch begins.
        self._after = 0
        self._found: list[P] = []
        self._places: list[int] = []
        self._bytes = 0

    def behind(self, after: int, limit: int) -> list[P]:
        """Return what follows a position, at most so much; nothing when that is not known here."""
        with self._lock:
            if after < self._after:
                return []
            first = bisect_right(self._places, after)
            return self._found[first : first + limit]

    def add(self, after: int, read: Sequence[P]) -> None:
        """Keep what was read behind a position."""
        with self._lock:
            if after < self._after:
                # Whoever is far behind reads for itself: the others are where the log grows.
                return
            last = self._places[-1] if self._places else self._after
            if after > last:
                self._after, self._found, self._places, self._bytes = after, [], [], 0
                last = after
            for one in read:
                if one.position > last:
                    self._keep(one)
            self._shorten()

    def extend(self, appended: Sequence[P]) -> None:
        """Keep what was just appended, if it follows what is kept: nothing can stand between two positions in a row.

        Else somebody else was in between, and whoever follows reads it from the log.
        """
        with self._lock:
            last = self._places[-1] if self._places else self._after
            for one in appended:
                if one.position != last + 1:
                    break
                last = one.position
                self._keep(one)
            self._shorten()

    def _keep(self, one: P) -> None:
        self._found.append(one)
        self._places.append(one.position)
        self._bytes += one.size

    def _shorten(self) -> None:
        """Drop the oldest when there is too much: a quarter at once, for each time moves all that stays."""
        if self._bytes <= self._bytes_max and len(self._found) <= self._count_max:
            return
        gone = 0
        while self._bytes > self._bytes_max * 3 // 4 or len(self._found) - gone > self._count_max * 3 // 4:
            self._bytes -= self._found[gone].size
            gone += 1
        self._after = self._places[gone - 1]
        del self._found[:gone], self._places[:gone]
