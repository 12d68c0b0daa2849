"""The library's PostgreSQL recorder with one transaction for events, positions, a reply and a parked message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
import structlog
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError, StoredEvent, Tracking
from eventsourcing.postgres import PostgresProcessRecorder
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composed, Identifier, Literal

from fourgates.chassis.store.events import Parked, Reply, StoreUnavailable
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, lock_key
from fourgates.chassis.store.postgres.listener import Listener
from fourgates.chassis.store.postgres.tables import more_tables
from fourgates.chassis.store.texts import escaped, unescaped

log = structlog.get_logger()

_RETRY_S = 0.1
_REPLY = "scope, fingerprint, status, headers, body, kept_at, expires_at"
_PARKED = "source, key, message_id, headers, body, reason, parked_at"
_STATEMENTS = {
    "insert": "INSERT INTO {events} (originator_id, originator_version, topic, state)"
    " SELECT o, v, t, s FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[])"
    " WITH ORDINALITY AS given (o, v, t, s, place) ORDER BY place RETURNING notification_id",
    "find": "SELECT notification_id, originator_id, originator_version, topic, state FROM {events}"
    " WHERE (originator_id, originator_version) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))",
    "save": "INSERT INTO {tracking} AS saved SELECT * FROM unnest(%s::text[], %s::bigint[])"
    " ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id"
    " WHERE saved.notification_id < excluded.notification_id RETURNING application_name",
    "saved": "SELECT application_name, notification_id FROM {tracking} WHERE application_name = ANY(%s)",
    "expire": "DELETE FROM {schema}.replies WHERE expires_at <= %s",
    "keep": f"INSERT INTO {{schema}}.replies ({_REPLY}) VALUES (%s, %s, %s, %s, %s, %s, %s)",
    "reply": f"SELECT {_REPLY} FROM {{schema}}.replies WHERE scope = %s",
    "park": f"INSERT INTO {{schema}}.parked ({_PARKED}) VALUES (%s, %s, %s, %s, %s, %s, %s)",
    "parked": "SELECT 1 FROM {schema}.parked WHERE source = %s AND key = %s LIMIT 1",
    "list": f"SELECT {_PARKED} FROM {{schema}}.parked ORDER BY place LIMIT %s",
    "same": "SELECT 1 FROM {schema}.parked WHERE (source, key, message_id, body, parked_at) = (%s, %s, %s, %s, %s)",
    "notify": "NOTIFY {channel}",
}


@dataclass(frozen=True)
class _Batch:
    """What one append stores."""

    events: Sequence[StoredEvent]
    positions: Mapping[str, int] = field(default_factory=dict)
    reply: Reply | None = None
    parked: Parked | None = None


class FourgatesPostgresRecorder(PostgresProcessRecorder):
    """One transaction for all that an append stores, and one answer to it, also when the connection breaks.

    The tables stay those of the library, and its own recorder can still use them.
    """

    datastore: FourgatesPostgresDatastore

    def __init__(
        self,
        datastore: FourgatesPostgresDatastore,
        *,
        events_table_name: str = "stored_events",
        tracking_table_name: str = "notification_tracking",
    ) -> None:
        super().__init__(datastore, events_table_name=events_table_name, tracking_table_name=tracking_table_name)
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
            "events": Identifier(datastore.schema, events_table_name),
            "tracking": Identifier(datastore.schema, tracking_table_name),
            "channel": Identifier(self.channel_name),
        }
        self._sql: dict[str, Composed] = {name: SQL(text).format(**names) for name, text in _STATEMENTS.items()}
        self._listener: Listener | None = None

    def append(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        positions: Mapping[str, int],
        reply: Reply | None,
        parked: Parked | None,
    ) -> Sequence[int]:
        """Insert all in one transaction.

        Raises `IntegrityError` on a version or a position that is taken, `StoreUnavailable` when the server cannot be
        asked now. When the connection broke, it looks whether all was stored before it tries again.
        """
        batch = _Batch(stored_events, positions, reply, parked)
        until = monotonic() + self.datastore.limits.append_s
        again = False
        while True:
            try:
                return self._append(batch, again=again)
            except StoreUnavailable:
                if not again or monotonic() >= until:
                    raise
            except (OperationalError, InterfaceError) as error:
                again = True
                if monotonic() >= until:
                    raise StoreUnavailable(str(error)) from error
                log.warning("the connection broke in an append", schema=self.datastore.schema)
            sleep(_RETRY_S)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Insert events as the library does, by an append."""
        tracking: Tracking | None = kwargs.get("tracking")
        positions = {} if tracking is None else {tracking.application_name: tracking.notification_id}
        return self.append(stored_events, positions=positions, reply=None, parked=None)

    def find_reply(self, scope: str, now: datetime) -> Reply | None:
        """Return the reply that was kept for a request, unless it has expired."""
        with self.datastore.get_connection() as conn:
            found = self._reply(conn, scope)
        return found if found is not None and found.expires_at > now else None

    def is_parked(self, source: str, key: str) -> bool:
        """Tell whether a message of this aggregate is parked."""
        with self.datastore.get_connection() as conn:
            return conn.execute(self._sql["parked"], (escaped(source), escaped(key))).fetchone() is not None

    def list_parked(self, limit: int) -> Sequence[Parked]:
        """Return parked messages in the order in which they were parked."""
        with self.datastore.get_connection() as conn:
            rows = conn.execute(self._sql["list"], (limit,)).fetchall()
        return [
            Parked(
                source=unescaped(row["source"]),
                key=unescaped(row["key"]),
                message_id=unescaped(row["message_id"]),
                headers=json.loads(row["headers"]),
                body=bytes(row["body"]),
                reason=unescaped(row["reason"]),
                parked_at=row["parked_at"].astimezone(UTC),
            )
            for row in rows
        ]

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever someone has appended, in this process or another, as far as the server can tell.

        A connection that breaks loses what is told meanwhile, so whoever waits must look now and then as well.
        """
        if self._listener is None:
            self._listener = Listener(self.datastore.connect, self.channel_name, wake)
            self._listener.start()

    def close(self) -> None:
        """Close all connections."""
        if self._listener is not None:
            self._listener.stop()
        self.datastore.close()

    def _append(self, batch: _Batch, *, again: bool) -> Sequence[int]:
        with self.datastore.get_connection() as conn, conn.transaction():
            if again:
                # A lost transaction holds the lock until it has ended, whichever way.
                self._lock_table(conn.cursor())
                before = self._stored_before(conn, batch)
                if before is not None:
                    return before
            with conn.pipeline():
                self._lock_table(conn.cursor())
                inserted = self._insert(conn, batch.events) if batch.events else None
                names, positions = list(batch.positions), list(batch.positions.values())
                saved = conn.execute(self._sql["save"], (names, positions)) if names else None
                if batch.reply is not None:
                    # Expired replies go whenever a new one comes, so the table is bounded by the traffic of one expiry.
                    conn.execute(self._sql["expire"], (batch.reply.kept_at,))
                    conn.execute(self._sql["keep"], _reply_row(batch.reply))
                if batch.parked is not None:
                    conn.execute(self._sql["park"], _parked_row(batch.parked))
            if saved is not None and len(saved.fetchall()) < len(names):
                raise IntegrityError(f"one of these positions was saved before: {dict(batch.positions)}")
            return [row["notification_id"] for row in inserted.fetchall()] if inserted is not None else ()

    def _insert(self, conn: psycopg.Connection[DictRow], events: Sequence[StoredEvent]) -> psycopg.Cursor[DictRow]:
        conn.execute(self._sql["notify"])
        ids, versions = _keys(events)
        rows = (ids, versions, [e.topic for e in events], [e.state for e in events])
        return conn.execute(self._sql["insert"], rows)

    def _stored_before(self, conn: psycopg.Connection[DictRow], batch: _Batch) -> Sequence[int] | None:
        """Return the positions of exactly these events when all of the batch is stored, else None."""
        rows = conn.execute(self._sql["find"], _keys(batch.events)).fetchall() if batch.events else []
        found = {(row["originator_id"], row["originator_version"]): row for row in rows}
        for event in batch.events:
            row = found.get((event.originator_id, event.originator_version))
            if row is None or (row["topic"], bytes(row["state"])) != (event.topic, bytes(event.state)):
                return None
        if not self._rest_stored_before(conn, batch):
            return None
        return [found[e.originator_id, e.originator_version]["notification_id"] for e in batch.events]

    def _rest_stored_before(self, conn: psycopg.Connection[DictRow], batch: _Batch) -> bool:
        rows = conn.execute(self._sql["saved"], (list(batch.positions),)).fetchall()
        saved = {row["application_name"]: row["notification_id"] for row in rows}
        if any(saved.get(name, -1) < position for name, position in batch.positions.items()):
            return False
        if batch.reply is not None and self._reply(conn, batch.reply.scope) != batch.reply:
            return False
        if batch.parked is None:
            # With nothing but positions, a greater one was saved by someone else.
            return bool(batch.events or batch.reply) or saved == dict(batch.positions)
        p = batch.parked
        same = (escaped(p.source), escaped(p.key), escaped(p.message_id), p.body, p.parked_at)
        return conn.execute(self._sql["same"], same).fetchone() is not None

    def _reply(self, conn: psycopg.Connection[DictRow], scope: str) -> Reply | None:
        row = conn.execute(self._sql["reply"], (scope,)).fetchone()
        if row is None:
            return None
        return Reply(
            scope=row["scope"],
            fingerprint=row["fingerprint"],
            status=row["status"],
            headers=json.loads(row["headers"]),
            body=bytes(row["body"]),
            kept_at=row["kept_at"].astimezone(UTC),
            expires_at=row["expires_at"].astimezone(UTC),
        )


def _keys(events: Sequence[StoredEvent]) -> tuple[list[UUID | str], list[int]]:
    return [e.originator_id for e in events], [e.originator_version for e in events]


def _reply_row(reply: Reply) -> tuple[Any, ...]:
    headers = json.dumps(dict(reply.headers))
    return (reply.scope, reply.fingerprint, reply.status, headers, reply.body, reply.kept_at, reply.expires_at)


def _parked_row(parked: Parked) -> tuple[Any, ...]:
    return (
        escaped(parked.source),
        escaped(parked.key),
        escaped(parked.message_id),
        json.dumps(dict(parked.headers)),
        parked.body,
        escaped(parked.reason),
        parked.parked_at,
    )
