"""Stores what is appended on an event loop from that loop itself, and leaves to the thread whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.batching import Append, GroupWriter, Waiting
from fourgates.chassis.store.postgres.appends import apart, arguments, calling, tell
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore
from fourgates.chassis.store.postgres.loop_connection import LoopConnection

_Sent = tuple[list[Append], list[Append]]


class LoopWriter(LoopConnection):
    """Sends one batch at a time; the next one fills meanwhile.

    Where anything goes wrong, the thread that stores for all others takes over: what was sent, to look whether it was
    stored, and what waits.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, datastore: FourgatesPostgresDatastore, group: GroupWriter
    ) -> None:
        super().__init__(loop, datastore, calling(datastore.schema, "${}"))
        self._group = group
        self._waiting = Waiting(group.limits)
        self._sent: _Sent | None = None

    def submit(self, append: Append) -> Answer:
        """Store an append; return where its answer will be. Raises `QueueFull` and `StoreUnavailable`."""
        if not self._is_open():
            return self._group.submit(append)
        self._waiting.put(append)
        self._send_soon()
        return append.answer

    def _send_next(self) -> None:
        if self._is_free and self._waiting:
            self._sent = apart(self._waiting.next_batch())
            self._send(partial(arguments, *self._sent))

    def _answered(self, results: Sequence[PGresult]) -> None:
        sent, self._sent = self._sent, None
        # First of all, so that the server works while everybody is told.
        self._send_next()
        if sent is not None:
            clear = False
            try:
                clear = self._tell(sent, results)
            finally:
                self._hand_over(sent, unclear=not clear)

    def _tell(self, sent: _Sent, results: Sequence[PGresult]) -> bool:
        """Answer those of whom the server said what became of them; tell whether it said so of all that it stored."""
        if [result.status for result in results] != [ExecStatus.TUPLES_OK]:
            return False
        tell(*sent, *(_numbers(results[0].get_value(0, column)) for column in range(2)))
        return True

    def _lost(self) -> None:
        sent, self._sent = self._sent, None
        waiting = self._waiting.take_all()
        if waiting:
            self._group.take_over(waiting)
        if sent is not None:
            self._hand_over(sent, unclear=True)

    def _hand_over(self, sent: _Sent, *, unclear: bool) -> None:
        """Let the thread go on with those who have no answer: where it is unclear, it looks first what was stored."""
        left = [append for part in sent for append in part if not append.is_answered]
        for append in left:
            append.unclear = unclear
        if left:
            self._group.take_over(left)


def _numbers(array: bytes | None) -> list[int]:
    """Return the numbers of an array as the server writes it."""
    return [int(number) for number in array[1:-1].split(b",")] if array and array != b"{}" else []
