"""Reads aggregates for an event loop from that loop itself: whatever is asked for together, by one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.sql import SQL, Identifier

from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore
from fourgates.chassis.store.postgres.loop_connection import LoopConnection
from fourgates.chassis.store.stored import StoredRow

# Aggregates that are read together, and events of all of them: the loop does nothing else while it takes them.
TOGETHER_MAX = 16
EVENTS_MAX = 2_000
# As many as there are connections by default; whoever comes then has a thread read.
WAITING_MAX = 1_000
# In the order in which they were asked for, and each in its own. The index gives both.
_EVENTS_OF = """SELECT w.number::integer, e.originator_version, e.topic, e.state
    FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, number) CROSS JOIN LATERAL (
        SELECT originator_version, topic, state FROM {events}
        WHERE originator_id = w.id ORDER BY originator_version LIMIT $2::integer) AS e
    ORDER BY w.number, e.originator_version LIMIT $2::integer"""

Read = Sequence[StoredRow] | None
_number = itemgetter(0)


class LoopReader(LoopConnection):
    """Sends one question at a time; what is asked meanwhile is in the next one.

    Whoever cannot be answered from here is told None, and has a thread read.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, datastore: FourgatesPostgresDatastore, events: str) -> None:
        statement = SQL(_EVENTS_OF).format(events=Identifier(datastore.schema, events))
        super().__init__(loop, datastore, statement, results=Format.BINARY)
        self._waiting: list[tuple[UUID, asyncio.Future[Read]]] = []
        self._asked: list[tuple[UUID, asyncio.Future[Read]]] = []

    async def read(self, aggregate_id: UUID) -> Read:
        """Return the events of an aggregate in order, or None when they cannot be read from here now."""
        if not self._is_open() or len(self._waiting) >= WAITING_MAX:
            return None
        answer: asyncio.Future[Read] = self._loop.create_future()
        self._waiting.append((aggregate_id, answer))
        self._send_soon()
        return await answer

    def _send_next(self) -> None:
        if self._is_free and self._waiting:
            self._asked, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            ids = [aggregate_id.hex for aggregate_id, _ in self._asked]
            self._send(lambda: ("{" + ",".join(ids) + "}", EVENTS_MAX + 1))

    def _answered(self, results: Sequence[PGresult]) -> None:
        asked, self._asked = self._asked, []
        # First of all, so that the server works while everybody is told.
        self._send_next()
        try:
            self._tell(asked, results)
        finally:
            _refuse(asked)

    def _lost(self) -> None:
        left = self._asked + self._waiting
        self._asked, self._waiting = [], []
        _refuse(left)

    def _tell(self, asked: Sequence[tuple[UUID, asyncio.Future[Read]]], results: Sequence[PGresult]) -> None:
        if [result.status for result in results] != [ExecStatus.TUPLES_OK]:
            return
        reading = Transformer(self._conn)
        reading.set_pgresult(results[0])
        rows = reading.load_rows(0, results[0].ntuples, tuple)
        found = {number: list(group) for number, group in groupby(rows, _number)}
        # Of the last one there may be more.
        whole = len(asked) if len(rows) <= EVENTS_MAX else rows[-1][0] - 1
        for number, (_, answer) in enumerate(asked[:whole], start=1):
            if not answer.done():
                answer.set_result([row[1:] for row in found.get(number, ())])


def _refuse(asked: Sequence[tuple[UUID, asyncio.Future[Read]]]) -> None:
    """Tell those who were not answered, and still wait, that a thread must read."""
    for _, answer in asked:
        if not answer.done():
            answer.set_result(None)
