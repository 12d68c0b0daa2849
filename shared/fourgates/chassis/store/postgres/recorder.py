"""The library's PostgreSQL recorder: events, positions, replies and parked messages, stored by group commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.batching import Append, GroupCommit, QueueLimits
from fourgates.chassis.store.interface import SETTLED, Parked, Reply
from fourgates.chassis.store.postgres.appends import Appends, reply_of
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, lock_key
from fourgates.chassis.store.postgres.listener import Listener
from fourgates.chassis.store.postgres.loop_connection import OfEachLoop
from fourgates.chassis.store.postgres.loop_reader import LoopReader
from fourgates.chassis.store.postgres.loop_writer import LoopWriter
from fourgates.chassis.store.postgres.reading import Reading
from fourgates.chassis.store.postgres.tables import more_tables
from fourgates.chassis.store.stored import StoredRow
from fourgates.chassis.store.texts import escaped, unescaped

_PARKED = "source, key, message_id, headers, body, reason, parked_at"
_WAITING = f"NOT EXISTS (SELECT FROM {{tracking}} AS t WHERE t.application_name = '{SETTLED}' || p.place)"
_STATEMENTS = {
    "moved": "SELECT notification_id, originator_id, originator_version, topic FROM {schema}.{events}"
    " WHERE notification_id > %s ORDER BY notification_id LIMIT %s",
    "reply": "SELECT * FROM {schema}.replies WHERE scope = %s",
    "parked": f"SELECT 1 FROM {{schema}}.parked AS p WHERE source = %s AND key = %s AND {_WAITING} LIMIT 1",
    "list": f"SELECT place, {_PARKED} FROM {{schema}}.parked AS p WHERE place > %(after)s"
    f" AND (%(settled)s OR {_WAITING})"
    " AND source = coalesce(%(source)s::text, source) AND key = coalesce(%(key)s::text, key)"
    " ORDER BY place LIMIT %(limit)s",
    "letter": f"SELECT place, {_PARKED} FROM {{schema}}.parked WHERE place = %s",
    "first": f"SELECT place, {_PARKED} FROM {{schema}}.parked AS p WHERE source = %s AND key = %s AND {_WAITING}"
    " ORDER BY place LIMIT 1",
    "count": f"SELECT count(*) AS waiting FROM {{schema}}.parked AS p WHERE {_WAITING}",
}


class FourgatesPostgresRecorder(GroupCommit, Reading):
    """Stores by group commit, with one answer to each append, also when the connection breaks.

    The tables stay those of the library, and its own recorder can still use them.
    """

    shared = True

    def __init__(
        self,
        datastore: FourgatesPostgresDatastore,
        *,
        events_table_name: str = "stored_events",
        tracking_table_name: str = "notification_tracking",
        queue: QueueLimits | None = None,
    ) -> None:
        super().__init__(
            datastore,
            events_table_name=events_table_name,
            tracking_table_name=tracking_table_name,
            writes_to=datastore.schema,
            limits=queue or QueueLimits(wait_s=datastore.limits.append_s),
        )
        # Several services may share a database, and a channel belongs to all of it.
        self.channel_name = f"{datastore.schema}.{events_table_name}"
        self.check_identifier_length(self.channel_name)
        # The library locks the table, for which one must be allowed to change it. This lock is held to the end of the
        # transaction as well, so the order of positions is the order of commits; and a writer that locks the table
        # keeps our inserts out.
        key = lock_key("append", datastore.schema, events_table_name)
        self.lock_table_statements = [SQL("SELECT pg_advisory_xact_lock({})").format(Literal(key))]
        # The library's function inserts without a lock, and readers of the log would miss events (decision 0004).
        del self.sql_create_statements[self.create_insert_function_statement_index]
        self.sql_create_statements.extend(
            more_tables(datastore.schema, events_table_name, tracking_table_name, channel=self.channel_name, key=key)
        )
        names = {
            "schema": Identifier(datastore.schema),
            "events": Identifier(events_table_name),
            "tracking": Identifier(datastore.schema, tracking_table_name),
        }
        self._sql: dict[str, Composed] = {name: SQL(text).format(**names) for name, text in _STATEMENTS.items()}
        self._appends = Appends(datastore, events=events_table_name, tracking=tracking_table_name)
        self._loop_writers = OfEachLoop(lambda loop: LoopWriter(loop, datastore, self._writer))
        self._loop_readers = OfEachLoop(lambda loop: LoopReader(loop, datastore, events_table_name))
        self._listener: Listener | None = None

    def submit_on_loop(self, stored_events: Sequence[StoredEvent], *, reply: Reply | None) -> Answer:
        """Append from an event loop, without waiting, as `submit` does. Raises `QueueFull` and `StoreUnavailable`."""
        return self._loop_writers.here().submit(self._append_of(stored_events, {}, reply, None))

    async def select_on_loop(self, originator_id: UUID) -> Sequence[StoredRow] | None:
        """Return the events of one aggregate in order, or None when a thread must read them."""
        return await self._loop_readers.here().read(originator_id)

    def drain(self) -> None:
        """Take no more appends, and store those that wait."""
        self._loop_writers.close()
        self._loop_readers.close()
        super().drain()

    def write(self, batch: list[Append]) -> None:
        """Store a batch in one transaction, and answer every append in it."""
        self._appends.write(batch)

    def select_moved(self, after: int, limit: int) -> Sequence[tuple[int, UUID, int, str]]:
        """Return position, aggregate, version and topic of events of the log in order."""
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(self._sql["moved"], (after, limit)).fetchall()

    def find_reply(self, scope: str, now: datetime) -> Reply | None:
        """Return the reply that was kept for a request, unless it has expired."""
        with self.datastore.get_connection() as conn:
            row = conn.execute(self._sql["reply"], (scope,)).fetchone()
        found = reply_of(row) if row is not None else None
        return found if found is not None and found.expires_at > now else None

    def is_parked(self, source: str, key: str) -> bool:
        """Tell whether a message of this aggregate is parked and waits."""
        with self.datastore.get_connection() as conn:
            return conn.execute(self._sql["parked"], (escaped(source), escaped(key))).fetchone() is not None

    def list_parked(
        self, limit: int, after: int = 0, *, source: str | None = None, key: str | None = None, settled: bool = False
    ) -> Sequence[Parked]:
        """Return waiting messages behind a place, in the order in which they were parked; with `settled` all messages.

        A source and a key choose.
        """
        chosen = {name: None if text is None else escaped(text) for name, text in (("source", source), ("key", key))}
        asked = {"limit": limit, "after": after, "settled": settled, **chosen}
        with self.datastore.get_connection() as conn:
            return [_parked(row) for row in conn.execute(self._sql["list"], asked)]

    def find_parked(self, place: int) -> Parked | None:
        """Return a parked message, whether it waits or was settled."""
        return self._one_parked("letter", place)

    def first_parked(self, source: str, key: str) -> Parked | None:
        """Return the first waiting message of an aggregate."""
        return self._one_parked("first", escaped(source), escaped(key))

    def count_parked(self) -> int:
        """Return how many messages wait."""
        with self.datastore.get_connection() as conn:
            [row] = conn.execute(self._sql["count"])
        return int(row["waiting"])

    def _one_parked(self, statement: str, *values: str | int) -> Parked | None:
        with self.datastore.get_connection() as conn:
            row = conn.execute(self._sql[statement], values).fetchone()
        return None if row is None else _parked(row)

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever someone has appended, in this process or another, as far as the server can tell.

        A connection that breaks loses what is told meanwhile, so whoever waits must look now and then as well.
        """
        if self._listener is None:
            self._listener = Listener(self.datastore.connect, self.channel_name, wake)
            self._listener.start()

    def close(self) -> None:
        """Store what waits, and close all connections."""
        self.drain()
        self._appends.close()
        if self._listener is not None:
            self._listener.stop()
        self.datastore.close()


def _parked(row: DictRow) -> Parked:
    return Parked(
        source=unescaped(row["source"]),
        key=unescaped(row["key"]),
        message_id=unescaped(row["message_id"]),
        headers=json.loads(row["headers"]),
        body=bytes(row["body"]),
        reason=unescaped(row["reason"]),
        parked_at=row["parked_at"].astimezone(UTC),
        place=row["place"],
    )
