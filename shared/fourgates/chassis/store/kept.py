"""Aggregates kept in memory between commands: each has one owner at a time, and none is older than the log tells."""

from __future__ import annotations

import threading
from collections import OrderedDict
from uuid import UUID

from fourgates.chassis.aggregate import Aggregate

# So many versions are remembered for each aggregate that may be kept: longer than any load takes to come back.
REMEMBERED = 4


class Kept:
    """At most so many aggregates as they stood after their last event.

    Whoever decides takes an aggregate out and has it alone; it comes back after what was decided is stored, or not at
    all. Any thread may call.
    """

    def __init__(self, count_max: int) -> None:
        self.count_max = count_max
        self._lock = threading.Lock()
        # By the number of an id, which is looked up in a fifth of the time.
        self._aggregates: OrderedDict[int, Aggregate] = OrderedDict()
        # The last version of each that was stored or seen: nothing older is taken back.
        self._versions: OrderedDict[int, int] = OrderedDict()

    def take(self, aggregate_id: UUID) -> Aggregate | None:
        """Return an aggregate that nobody else has until it is put back, or None."""
        with self._lock:
            return self._aggregates.pop(aggregate_id.int, None)

    def put(self, aggregate: Aggregate) -> None:
        """Keep an aggregate as it is stored, unless a later version of it is known."""
        if not self.count_max:
            return
        key = aggregate.id.int
        with self._lock:
            if self._note(key, aggregate.version):
                self._aggregates[key] = aggregate
                self._aggregates.move_to_end(key)
                while len(self._aggregates) > self.count_max:
                    self._aggregates.popitem(last=False)

    def moved(self, aggregate_id: UUID, version: int) -> None:
        """Hear that an aggregate has reached a version: what is kept of it and is older goes."""
        if not self.count_max:
            return
        key = aggregate_id.int
        with self._lock:
            self._note(key, version)
            kept = self._aggregates.get(key)
            if kept is not None and kept.version < version:
                del self._aggregates[key]

    def _note(self, key: int, version: int) -> bool:
        """Remember the last version of an aggregate; tell whether this is it."""
        last = self._versions.get(key, 0)
        self._versions[key] = max(last, version)
        self._versions.move_to_end(key)
        while len(self._versions) > REMEMBERED * self.count_max:
            self._versions.popitem(last=False)
        return version >= last
