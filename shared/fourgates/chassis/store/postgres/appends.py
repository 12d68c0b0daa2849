"""Stores a batch of appends in PostgreSQL in one transaction, and answers each of them alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
import structlog
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError
from psycopg.rows import DictRow, TupleRow, tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from fourgates.chassis.store.batching import Append
from fourgates.chassis.store.events import Parked, Reply, StoreUnavailable
from fourgates.chassis.store.postgres.connections import (
    FourgatesPostgresDatastore,
    OwnConnection,
    Unreachable,
    lock_key,
)
from fourgates.chassis.store.texts import escaped

log = structlog.get_logger()

_RETRY_S = 0.1
# Aggregates whose last version is remembered, so that who comes late is not stored with the others only to spoil it.
_VERSIONS_MAX = 10_000
_AWAY = (StoreUnavailable, OperationalError, InterfaceError)
_REPLY = "scope, fingerprint, status, headers, body, kept_at, expires_at"
_PARKED = "source, key, message_id, headers, body, reason, parked_at"
_STATEMENTS = {
    "lock": "SELECT pg_advisory_xact_lock({key})",
    # After this nobody inserts before us, not even the library's own recorder, and what is found free stays free.
    "hold": "LOCK TABLE {events} IN ROW EXCLUSIVE MODE",
    "notify": "NOTIFY {channel}",
    "insert": "INSERT INTO {events} (originator_id, originator_version, topic, state)"
    " SELECT o, v, t, s FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[])"
    " WITH ORDINALITY AS given (o, v, t, s, place) ORDER BY place RETURNING notification_id",
    "save": "INSERT INTO {tracking} AS saved SELECT * FROM unnest(%s::text[], %s::bigint[])"
    " ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id"
    " WHERE saved.notification_id < excluded.notification_id RETURNING application_name",
    "expire": "DELETE FROM {schema}.replies WHERE expires_at <= %s",
    "keep": f"INSERT INTO {{schema}}.replies ({_REPLY}) SELECT * FROM"
    " unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::bytea[], %s::timestamptz[], %s::timestamptz[])",
    "park": f"INSERT INTO {{schema}}.parked ({_PARKED}) VALUES (%s, %s, %s, %s, %s, %s, %s)",
    "stored": "SELECT notification_id, originator_id, originator_version, topic, state FROM {events}"
    " WHERE (originator_id, originator_version) IN (SELECT * FROM unnest(%s::uuid[], %s::bigint[]))",
    "saved": "SELECT application_name, notification_id FROM {tracking} WHERE application_name = ANY(%s)",
    "kept": f"SELECT {_REPLY} FROM {{schema}}.replies WHERE scope = ANY(%s)",
    "parked": "SELECT 1 FROM {schema}.parked WHERE (source, key, message_id, body, parked_at) = (%s, %s, %s, %s, %s)",
}
Connection = psycopg.Connection[DictRow]


class Appends:
    """Writes batches. The lock is taken first, so the order of positions is the order of commits."""

    def __init__(self, datastore: FourgatesPostgresDatastore, *, events: str, tracking: str, channel: str) -> None:
        self._datastore = datastore
        self._connection = OwnConnection(datastore)
        names = {
            "schema": Identifier(datastore.schema),
            "events": Identifier(datastore.schema, events),
            "tracking": Identifier(datastore.schema, tracking),
            "channel": Identifier(channel),
            "key": Literal(lock_key("append", datastore.schema, events)),
        }
        self._sql: dict[str, Composed] = {name: SQL(text).format(**names) for name, text in _STATEMENTS.items()}
        self._versions: dict[UUID | str, int] = {}

    def write(self, batch: list[Append]) -> None:
        """Store a batch and answer every append in it.

        When the connection breaks, it looks what was stored before it tries again, as long as somebody waits.
        """
        until = max(append.until for append in batch)
        connected_until = monotonic() + self._datastore.limits.pool_wait_s
        while left := [append for append in batch if not append.is_answered]:
            try:
                self._settle(left)
            except _AWAY as error:
                limit = until if any(append.unclear for append in left) else connected_until
                clear_cut = isinstance(error, StoreUnavailable) and not isinstance(error, Unreachable)
                if monotonic() >= limit or (limit is connected_until and clear_cut):
                    _refuse(left, error)
                    return
                log.warning("an append is tried again", schema=self._datastore.schema, error=type(error).__name__)
                sleep(_RETRY_S)

    def close(self) -> None:
        """Close the connection. Nothing must be written any more."""
        self._connection.close()

    def _settle(self, batch: list[Append]) -> None:
        """Answer a batch, in as few transactions as it takes to tell those apart that cannot be stored."""
        parts = [(batch, False)]
        while parts:
            part, looking = parts.pop()
            part = [append for append in part if not append.is_answered]
            try:
                later = self._store(part, looking=looking)
            except _AWAY as error:
                if not isinstance(error, StoreUnavailable):
                    for append in part:
                        append.suspect = append.unclear = True
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, the others go on
                parts.extend(self._told_apart(part, error, looking=looking))
            else:
                if later:
                    parts.append((later, True))

    def _told_apart(self, part: list[Append], error: Exception, *, looking: bool) -> list[tuple[list[Append], bool]]:
        """Return the parts to try, so that what cannot be stored fails alone."""
        part = [append for append in part if not append.is_answered]
        if len(part) <= 1:
            for append in part:
                append.answer.set_exception(error)
            return []
        if not looking:
            return [(part, True)]
        half = len(part) // 2
        return [(part[half:], True), (part[:half], True)]

    def _store(self, part: list[Append], *, looking: bool) -> list[Append]:
        """Store in one transaction what can be; return what must come in a later one."""
        suspects = part if looking else [append for append in part if append.suspect or self._is_late(append)]
        with self._connection.use() as conn:
            if suspects:
                taken = self._look(conn, suspects)
                part = [append for append in part if append not in taken]
                if not part:
                    return []
            part, later = _apart(part)
            positions = self._insert(conn, part, begun=bool(suspects))
        self._answer(part, positions)
        return later

    def _insert(self, conn: Connection, part: list[Append], *, begun: bool) -> list[int]:
        events = [event for append in part for event in append.events]
        saving = {name: position for append in part for name, position in append.positions.items()}
        inserted: psycopg.Cursor[TupleRow] | None = None
        saved: psycopg.Cursor[DictRow] | None = None
        with conn.pipeline():
            if not begun:
                conn.execute("BEGIN")
                conn.execute(self._sql["lock"])
            if events:
                conn.execute(self._sql["notify"])
                rows = (
                    [e.originator_id for e in events],
                    [e.originator_version for e in events],
                    [e.topic for e in events],
                    [e.state for e in events],
                )
                inserted = conn.cursor(row_factory=tuple_row).execute(self._sql["insert"], rows)
            if saving:
                saved = conn.execute(self._sql["save"], (list(saving), list(saving.values())))
            self._keep(conn, part)
            if not saving:
                conn.execute("COMMIT")
        if saved is not None:
            if len(saved.fetchall()) < len(saving):
                raise IntegrityError(f"one of these positions was saved before: {saving}")
            conn.execute("COMMIT")
        return [row[0] for row in inserted.fetchall()] if inserted is not None else []

    def _keep(self, conn: Connection, part: list[Append]) -> None:
        replies = [append.reply for append in part if append.reply is not None]
        if replies:
            # Expired replies go whenever new ones come, so the table is bounded by the traffic of one expiry.
            conn.execute(self._sql["expire"], (max(reply.kept_at for reply in replies),))
            conn.execute(self._sql["keep"], [list(column) for column in zip(*map(_reply_row, replies), strict=True)])
        for append in part:
            if append.parked is not None:
                conn.execute(self._sql["park"], _parked_row(append.parked))

    def _answer(self, part: list[Append], positions: list[int]) -> None:
        start = 0
        versions = self._versions
        for append in part:
            end = start + len(append.events)
            for event in append.events:
                # The newest is the last to be forgotten.
                versions.pop(event.originator_id, None)
                versions[event.originator_id] = event.originator_version
            append.answer.set_result(positions[start:end])
            start = end
        while len(versions) > _VERSIONS_MAX:
            del versions[next(iter(versions))]

    def _is_late(self, append: Append) -> bool:
        return any(self._versions.get(e.originator_id, -1) >= e.originator_version for e in append.events)

    def _look(self, conn: Connection, suspects: list[Append]) -> set[Append]:
        """Begin, and answer those whose place is taken, or who are stored already; return them."""
        events = [event for append in suspects for event in append.events]
        names = [name for append in suspects for name in append.positions]
        scopes = [append.reply.scope for append in suspects if append.reply is not None]
        with conn.pipeline():
            conn.execute("BEGIN")
            # A transaction that was lost holds the lock until it has ended, whichever way.
            conn.execute(self._sql["lock"])
            conn.execute(self._sql["hold"])
            keys = ([e.originator_id for e in events], [e.originator_version for e in events])
            # Not prepared: a plan that was made for a small log would read all of a large one.
            stored = conn.execute(self._sql["stored"], keys, prepare=False)
            saved = conn.execute(self._sql["saved"], (names,), prepare=False)
            kept = conn.execute(self._sql["kept"], (scopes,), prepare=False)
        found = _Found(
            {(row["originator_id"], row["originator_version"]): row for row in stored.fetchall()},
            {row["application_name"]: row["notification_id"] for row in saved.fetchall()},
            {row["scope"]: reply_of(row) for row in kept.fetchall()},
        )
        taken: set[Append] = set()
        for append in suspects:
            if append.unclear and found.holds(append) and self._is_parked(conn, append):
                append.answer.set_result(found.positions_of(append))
            elif reason := found.against(append):
                append.answer.set_exception(IntegrityError(reason))
            else:
                continue
            taken.add(append)
        return taken

    def _is_parked(self, conn: Connection, append: Append) -> bool:
        """Tell whether what an append parked is there, if it parked anything."""
        parked = append.parked
        if parked is None:
            return True
        same = (escaped(parked.source), escaped(parked.key), escaped(parked.message_id), parked.body, parked.parked_at)
        return conn.execute(self._sql["parked"], same).fetchone() is not None


class _Found:
    """What the database holds of a batch."""

    def __init__(
        self, stored: dict[tuple[UUID | str, int], DictRow], saved: dict[str, int], kept: dict[str, Reply]
    ) -> None:
        self._stored = stored
        self._saved = saved
        self._kept = kept

    def positions_of(self, append: Append) -> list[int]:
        return [self._stored[e.originator_id, e.originator_version]["notification_id"] for e in append.events]

    def holds(self, append: Append) -> bool:
        """Tell whether exactly this is stored."""
        for event in append.events:
            row = self._stored.get((event.originator_id, event.originator_version))
            if row is None or (row["topic"], bytes(row["state"])) != (event.topic, bytes(event.state)):
                return False
        if any(self._saved.get(name, -1) < position for name, position in append.positions.items()):
            return False
        if append.reply is not None and self._kept.get(append.reply.scope) != append.reply:
            return False
        if append.events or append.reply or append.parked:
            return True
        # With nothing but positions, a greater one was saved by someone else.
        return all(self._saved.get(name) == position for name, position in append.positions.items())

    def against(self, append: Append) -> str | None:
        """Return what stands in the way of an append."""
        for event in append.events:
            if (event.originator_id, event.originator_version) in self._stored:
                return f"version {event.originator_version} of {event.originator_id} is taken"
        if any(self._saved.get(name, -1) >= position for name, position in append.positions.items()):
            return f"one of these positions was saved before: {dict(append.positions)}"
        if append.reply is not None:
            kept = self._kept.get(append.reply.scope)
            if kept is not None and kept.expires_at > append.reply.kept_at:
                return "a reply to this request is kept"
        return None


def _apart(part: list[Append]) -> tuple[list[Append], list[Append]]:
    """Return those that have nothing in common, and those that must wait to see how an earlier one fares."""
    taken: set[object] = set()
    first: list[Append] = []
    later: list[Append] = []
    for append in part:
        keys = _keys(append)
        # Twice the same in one append is a mistake of its own, and for the database to tell.
        if taken.isdisjoint(keys):
            first.append(append)
            taken.update(keys)
        else:
            later.append(append)
    return first, later


def _keys(append: Append) -> list[object]:
    keys: list[object] = [(event.originator_id, event.originator_version) for event in append.events]
    keys.extend(append.positions)
    if append.reply is not None:
        keys.append((append.reply.scope,))
    return keys


def _refuse(left: list[Append], error: Exception) -> None:
    """Tell everyone who has no answer yet, each with an error of their own: threads raise them at the same time."""
    for append in left:
        if not append.is_answered:
            made = StoreUnavailable(str(error))
            made.__cause__ = error
            append.answer.set_exception(made)


def reply_of(row: DictRow) -> Reply:
    """Return the reply of a row."""
    return Reply(
        scope=row["scope"],
        fingerprint=row["fingerprint"],
        status=row["status"],
        headers=json.loads(row["headers"]),
        body=bytes(row["body"]),
        kept_at=row["kept_at"].astimezone(UTC),
        expires_at=row["expires_at"].astimezone(UTC),
    )


def _reply_row(reply: Reply) -> Sequence[Any]:
    headers = json.dumps(dict(reply.headers))
    return (reply.scope, reply.fingerprint, reply.status, headers, reply.body, reply.kept_at, reply.expires_at)


def _parked_row(parked: Parked) -> Sequence[Any]:
    return (
        escaped(parked.source),
        escaped(parked.key),
        escaped(parked.message_id),
        json.dumps(dict(parked.headers)),
        parked.body,
        escaped(parked.reason),
        parked.parked_at,
    )
