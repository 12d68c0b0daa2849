"""The SQLite recorder that stores by group commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from eventsourcing import persistence
from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteCursor

from fourgates.chassis.store.batching import Append, GroupCommit
from fourgates.chassis.store.sqlite import FourgatesSQLiteRecorder


class GroupCommitSQLiteRecorder(GroupCommit, FourgatesSQLiteRecorder):
    """Stores what callers append at the same time in one transaction."""

    def writes_to(self) -> str:
        """Return the name of the database."""
        return self.datastore.pool.db_name

    def write(self, batch: list[Append]) -> None:
        """Store a batch in one transaction, and answer every append in it."""
        outcomes: list[Sequence[int] | Exception] = []
        try:
            with self.datastore.transaction(commit=True) as cursor:
                # The write lock is taken first, so that the order of positions is the order of commits.
                cursor.execute("UPDATE tracking SET notification_id = notification_id WHERE 0")
                outcomes.extend(self._store_alone(cursor, append) for append in batch)
        except Exception as error:  # noqa: BLE001  # nothing was stored, and everyone is told why
            for append in batch:
                made = type(error)(*error.args)
                made.__cause__ = error
                append.answer.set_exception(made)
            return
        for append, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                append.answer.set_exception(outcome)
            else:
                append.answer.set_result(outcome)

    def _store_alone(self, cursor: SQLiteCursor, append: Append) -> Sequence[int] | Exception:
        """Store one append; what cannot be stored leaves nothing behind, and the others stay."""
        cursor.execute("SAVEPOINT one")
        try:
            stored = self._insert_events(cursor, append.events) or ()
            for name, position in append.positions.items():
                self._insert_tracking(cursor, Tracking(name, position))
            if append.reply is not None:
                self._insert_reply(cursor, append.reply)
            if append.parked is not None:
                self._insert_parked(cursor, append.parked)
        except Exception as error:
            if _concerns_all(error):
                raise
            cursor.execute("ROLLBACK TO one")
            cursor.execute("RELEASE one")
            return _translated(error)
        cursor.execute("RELEASE one")
        return stored


def _concerns_all(error: Exception) -> bool:
    """Tell the errors of a disk or a file from those of one append."""
    return type(error) in {sqlite3.OperationalError, sqlite3.InternalError, sqlite3.DatabaseError}


def _translated(error: Exception) -> Exception:
    """Return the library's own word for an error of the driver."""
    if isinstance(error, sqlite3.Error):
        made: Exception = getattr(persistence, type(error).__name__)(str(error))
        made.__cause__ = error
        return made
    return error
