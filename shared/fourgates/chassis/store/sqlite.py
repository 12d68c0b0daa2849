"""The library's SQLite recorder with an explicit position, positions of readers, replies and parked messages."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from sqlite3 import Row
from uuid import UUID

from eventsourcing import persistence
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    StoredEvent,
    Tracking,
)
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteProcessRecorder,
)

from fourgates.chassis.store.batching import Append, GroupCommit, QueueLimits, refuse
from fourgates.chassis.store.interface import SETTLED, Parked, Reply
from fourgates.chassis.store.positions import After
from fourgates.chassis.store.stored import StoredRow, notification, stored_event
from fourgates.chassis.store.texts import escaped, unescaped

_MEMORY = itertools.count()
# Greater than any version and any position.
_NO_END = 2**63 - 1
# The errors of a disk, a lock or a file, which concern everyone in a batch.
_OF_THE_DATABASE = {sqlite3.OperationalError, sqlite3.InternalError, sqlite3.DatabaseError}

# The implicit rowid of the stock table may be renumbered by VACUUM, so the position is a column of its own.
_EVENTS = """CREATE TABLE IF NOT EXISTS {table} (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    UNIQUE (originator_id, originator_version))"""
_APPEND_ONLY = """CREATE TRIGGER IF NOT EXISTS {table}_never_{verb} BEFORE {verb} ON {table}
    BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END"""
_REPLIES = """CREATE TABLE IF NOT EXISTS replies (
    scope TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL,
    body BLOB NOT NULL, kept_at TEXT NOT NULL, expires_at TEXT NOT NULL) WITHOUT ROWID"""
_PARKED = """CREATE TABLE IF NOT EXISTS parked (
    place INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, key TEXT NOT NULL, message_id TEXT NOT NULL,
    headers TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL, parked_at TEXT NOT NULL)"""
_WAITING = f"NOT EXISTS (SELECT 1 FROM tracking AS t WHERE t.application_name = '{SETTLED}' || parked.place)"


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        conn = super()._create_connection()
        # What is acknowledged is on disk, whatever the default of this build of SQLite.
        conn.cursor().execute("PRAGMA synchronous = FULL")
        return conn


class _Datastore(SQLiteDatastore):
    def __init__(self, name: str, lock_timeout_s: int) -> None:
        super().__init__(name)
        self.pool = _Pool(db_name=name, lock_timeout=lock_timeout_s)


class FourgatesSQLiteRecorder(GroupCommit, SQLiteProcessRecorder):
    """Stores by group commit: one transaction for the events, positions, replies and parked messages of many."""

    # The file belongs to one process.
    shared = False

    def __init__(
        self,
        datastore: SQLiteDatastore,
        *,
        events_table_name: str = "stored_events",
        queue: QueueLimits | None = None,
    ) -> None:
        super().__init__(
            datastore,
            events_table_name=events_table_name,
            writes_to=datastore.pool.db_name,
            limits=queue or QueueLimits(),
        )
        self.insert_events_statement = (
            f"INSERT INTO {events_table_name} (originator_id, originator_version, topic, state) VALUES (?,?,?,?)"
        )
        self.select_max_notification_id_statement = f"SELECT MAX(position) FROM {events_table_name}"

    def construct_create_table_statements(self) -> list[str]:
        """Return the tables, and the triggers that keep the log as it is."""
        tracking = [s for s in super().construct_create_table_statements() if "tracking" in s]
        table = self.events_table_name
        triggers = [_APPEND_ONLY.format(table=table, verb=verb) for verb in ("UPDATE", "DELETE")]
        expiry = "CREATE INDEX IF NOT EXISTS replies_by_expiry ON replies (expires_at)"
        keys = "CREATE INDEX IF NOT EXISTS parked_by_key ON parked (source, key)"
        return [_EVENTS.format(table=table), *triggers, *tracking, _REPLIES, expiry, _PARKED, keys]

    def write(self, batch: list[Append]) -> None:
        """Store a batch in one transaction, and answer every append in it."""
        outcomes: list[Sequence[int] | Exception] = []
        try:
            with self.datastore.transaction(commit=True) as cursor:
                # The write lock is taken first, so that the order of positions is the order of commits.
                cursor.execute("UPDATE tracking SET notification_id = notification_id WHERE 0")
                outcomes.extend(self._store(cursor, append) for append in batch)
        except (InterfaceError, OperationalError) as error:
            refuse(batch, error)
            return
        for append, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                append.answer.set_exception(outcome)
            else:
                append.answer.set_result(outcome)

    def _store(self, cursor: SQLiteCursor, append: Append) -> Sequence[int] | Exception:
        """Store one append and return its positions, or why it cannot be stored: then it leaves nothing behind."""
        one_row = len(append.events) == 1 and not (append.positions or append.reply or append.parked)
        if not one_row:
            # A statement that fails undoes itself; more than one need this.
            cursor.execute("SAVEPOINT one")
        try:
            stored = self._insert(cursor, append)
        except Exception as error:
            if type(error) in _OF_THE_DATABASE:
                raise
            if not one_row:
                cursor.execute("ROLLBACK TO one")
                cursor.execute("RELEASE one")
            return _translated(error)
        if not one_row:
            cursor.execute("RELEASE one")
        return stored

    def _insert(self, cursor: SQLiteCursor, append: Append) -> Sequence[int]:
        stored = self._insert_events(cursor, append.events) or ()
        for name, position in append.positions.items():
            if isinstance(position, After):
                self._check_nothing_between(cursor, name, position)
            self._insert_tracking(cursor, Tracking(name, int(position)))
        if append.reply is not None:
            self._insert_reply(cursor, append.reply)
        if append.parked is not None:
            self._insert_parked(cursor, append.parked)
        return stored

    def _check_nothing_between(self, cursor: SQLiteCursor, name: str, position: After) -> None:
        cursor.execute("SELECT notification_id FROM tracking WHERE application_name = ?", (name,))
        row = cursor.fetchone()
        if row is not None and row[0] > position.before:
            raise IntegrityError(f"{name} is at {row[0]} already, not at {position.before}")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one aggregate in order."""
        found = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
        statement = (
            f"SELECT originator_version, topic, state FROM {self.events_table_name} WHERE originator_id = ?"
            f" AND originator_version > ? AND originator_version <= ?"
            f" ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT ?"
        )
        values = (found.hex, -1 if gt is None else gt, _NO_END if lte is None else lte, -1 if limit is None else limit)
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, values)
            return [stored_event(found, version, topic, state) for version, topic, state in cursor.fetchall()]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events of the log in order, between two positions and of some topics if given."""
        conditions = ["position >= ?" if inclusive_of_start else "position > ?"]
        values: list[int | str] = [start or 0]
        if stop is not None:
            conditions.append("position <= ?")
            values.append(stop)
        if topics:
            conditions.append(f"topic IN ({','.join('?' * len(topics))})")
            values.extend(topics)
        statement = (
            "SELECT position, originator_id, originator_version, topic, state"
            f" FROM {self.events_table_name} WHERE {' AND '.join(conditions)} ORDER BY position LIMIT ?"
        )
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(statement, (*values, limit))
            return [
                notification(position, UUID(originator_id), version, topic, state)
                for position, originator_id, version, topic, state in cursor.fetchall()
            ]

    async def select_on_loop(self, originator_id: UUID) -> Sequence[StoredRow] | None:
        """Return None: a file is read by a thread."""
        return None

    def select_moved(self, after: int, limit: int) -> Sequence[tuple[int, UUID, int, str]]:
        """Return nothing: no other process appends."""
        return ()

    def _insert_reply(self, cursor: SQLiteCursor, reply: Reply) -> None:
        # Expired replies go whenever a new one comes, so the table is bounded by the traffic of one expiry.
        cursor.execute("DELETE FROM replies WHERE expires_at <= ?", (_text(reply.kept_at),))
        cursor.execute(
            "INSERT INTO replies VALUES (?,?,?,?,?,?,?)",
            (
                reply.scope,
                reply.fingerprint,
                reply.status,
                json.dumps(dict(reply.headers)),
                reply.body,
                _text(reply.kept_at),
                _text(reply.expires_at),
            ),
        )

    def _insert_parked(self, cursor: SQLiteCursor, parked: Parked) -> None:
        cursor.execute(
            "INSERT INTO parked (source, key, message_id, headers, body, reason, parked_at) VALUES (?,?,?,?,?,?,?)",
            (
                escaped(parked.source),
                escaped(parked.key),
                escaped(parked.message_id),
                json.dumps(dict(parked.headers)),
                parked.body,
                escaped(parked.reason),
                _text(parked.parked_at),
            ),
        )

    def find_reply(self, scope: str, now: datetime) -> Reply | None:
        """Return the reply that was kept for a request, unless it has expired."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT * FROM replies WHERE scope = ? AND expires_at > ?", (scope, _text(now)))
            row = cursor.fetchone()
        if row is None:
            return None
        return Reply(
            scope=row["scope"],
            fingerprint=row["fingerprint"],
            status=row["status"],
            headers=json.loads(row["headers"]),
            body=row["body"],
            kept_at=datetime.fromisoformat(row["kept_at"]),
            expires_at=datetime.fromisoformat(row["expires_at"]),
        )

    def is_parked(self, source: str, key: str) -> bool:
        """Tell whether a message of this aggregate is parked and waits."""
        return bool(self._select_parked("source = ? AND key = ? AND", escaped(source), escaped(key), limit=1))

    def list_parked(
        self, limit: int, after: int = 0, *, source: str | None = None, key: str | None = None, settled: bool = False
    ) -> Sequence[Parked]:
        """Return waiting messages behind a place, in the order in which they were parked; with `settled` all messages.

        A source and a key choose.
        """
        chosen = {"source": source, "key": key}
        values = {column: escaped(text) for column, text in chosen.items() if text is not None}
        condition = "".join(f"{column} = ? AND " for column in values)
        waiting = "TRUE" if settled else _WAITING
        rows = self._select_parked(f"place > ? AND {condition}", after, *values.values(), limit=limit, waiting=waiting)
        return [_parked(row) for row in rows]

    def find_parked(self, place: int) -> Parked | None:
        """Return a parked message, whether it waits or was settled."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT * FROM parked WHERE place = ?", (place,))
            row = cursor.fetchone()
        return None if row is None else _parked(row)

    def first_parked(self, source: str, key: str) -> Parked | None:
        """Return the first waiting message of an aggregate."""
        rows = self._select_parked("source = ? AND key = ? AND", escaped(source), escaped(key), limit=1)
        return _parked(rows[0]) if rows else None

    def count_parked(self) -> int:
        """Return how many messages wait."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM parked WHERE {_WAITING}")
            return int(cursor.fetchone()[0])

    def _select_parked(self, condition: str, *values: str | int, limit: int, waiting: str = _WAITING) -> list[Row]:
        with self.datastore.transaction(commit=False) as cursor:
            statement = f"SELECT * FROM parked WHERE {condition} {waiting} ORDER BY place LIMIT ?"
            cursor.execute(statement, (*values, limit))
            return list(cursor.fetchall())

    def listen(self, wake: Callable[[], None]) -> None:
        """Do nothing: one process writes to the file, and it wakes its own followers."""

    def close(self) -> None:
        """Store what waits, and close all connections."""
        self.drain()
        self.datastore.close()


def open_sqlite_recorder(
    path: Path | None, *, lock_timeout_s: int = 10, queue: QueueLimits | None = None
) -> FourgatesSQLiteRecorder:
    """Open a recorder on a file, or in memory when no path is given, and create what is missing."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    name = f"file:{path}" if path is not None else f"file:memory-{next(_MEMORY)}?mode=memory&cache=shared"
    recorder = FourgatesSQLiteRecorder(_Datastore(name, lock_timeout_s), queue=queue)
    recorder.create_table()
    return recorder


def _translated(error: Exception) -> Exception:
    """Return the library's own word for an error of the driver."""
    if not isinstance(error, sqlite3.Error):
        return error
    made: Exception = getattr(persistence, type(error).__name__)(str(error))
    made.__cause__ = error
    return made


def _parked(row: Row) -> Parked:
    return Parked(
        source=unescaped(row["source"]),
        key=unescaped(row["key"]),
        message_id=unescaped(row["message_id"]),
        headers=json.loads(row["headers"]),
        body=row["body"],
        reason=unescaped(row["reason"]),
        parked_at=datetime.fromisoformat(row["parked_at"]),
        place=row["place"],
    )


def _text(at: datetime) -> str:
    return at.isoformat()
