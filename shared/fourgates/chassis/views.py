"""Read models: rows that follow the log with a saved position, and are made again from it beside those that answer."""

from __future__ import annotations

import hashlib
import inspect
import sqlite3
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from fourgates.chassis.rows import Row, Rows, View, column_of, iso, name_of, read_row
from fourgates.chassis.store import EventStore, Recorded, UnreadableEvent
from fourgates.chassis.store.files import usable_file

__all__ = ["Filter", "Row", "Rows", "View", "Views", "iso"]

Filter = str | int | float | bool | Sequence[str]

BATCH = 500
# While rows are made again, whoever asks waits for one batch at most, so this one is small.
BATCH_BESIDE = 100
ROUNDS_BESIDE = 5
# Statements that stay prepared: some six for each view, twice that while rows are made again, and what is asked.
STATEMENTS = 256
# Another one makes all rows again.
LAYOUT = 2


class _Generation:
    """The tables that one reading of the log fills, and how far it has come."""

    def __init__(self, connection: sqlite3.Connection, number: int, views: Iterable[View]) -> None:
        self.number = number
        self._connection = connection
        self._rows = {view.name: Rows(connection, _table(number, view), view) for view in views}
        self._handlers: dict[type[Any], list[tuple[Rows, Callable[[Rows, Any], None]]]] = {}
        for view in views:
            for event_class, project in view.on.items():
                self._handlers.setdefault(event_class, []).append((self._rows[view.name], project))
        self._stopped = {UUID(aggregate_id): position for aggregate_id, position in self.unread().items()}

    @property
    def position(self) -> int:
        """The position up to which it has read the log."""
        found = self._connection.execute("SELECT position FROM generations WHERE number = ?", (self.number,))
        return int(found.fetchone()[0])

    def rows(self, view: str) -> Rows:
        """Return the rows of a view."""
        return self._rows[view]

    def unread(self) -> dict[str, int]:
        """Return the aggregates that have stopped, each at an event that could not be read, by their ids."""
        found = self._connection.execute("SELECT id, position FROM stopped WHERE number = ?", (self.number,))
        return dict(found.fetchall())

    def project(self, batch: Sequence[Recorded]) -> int:
        """Let a batch of the log take effect in one transaction; return the position that was reached.

        The rows stay as they are for aggregates that have stopped: half of what happened would be a wrong row.
        """
        position = batch[-1].position
        stopped = {**self._stopped, **_unreadable(batch, self._handlers)}
        try:
            with self._connection:
                self._connection.execute("BEGIN")
                for aggregate_id in stopped.keys() - self._stopped.keys():
                    statement = "INSERT INTO stopped VALUES (?, ?, ?)"
                    self._connection.execute(statement, (self.number, str(aggregate_id), stopped[aggregate_id]))
                self._project([r for r in batch if r.position < stopped.get(r.originator_id, r.position + 1)])
                statement = "UPDATE generations SET position = ? WHERE number = ?"
                self._connection.execute(statement, (position, self.number))
        finally:
            for rows in self._rows.values():
                rows.forget()
        self._stopped = stopped
        return position

    def _project(self, batch: Sequence[Recorded]) -> None:
        """Let events change the rows. Most rows have the id of the aggregate that they show."""
        effects = [
            (rows, project, recorded)
            for recorded in batch
            for rows, project in self._handlers.get(recorded.event_class or object, ())
        ]
        likely: dict[Rows, set[str]] = {}
        for rows, _, recorded in effects:
            likely.setdefault(rows, set()).add(str(recorded.originator_id))
        for rows, keys in likely.items():
            rows.read(keys)
        for rows, project, recorded in effects:
            project(rows, recorded.event)
        for rows in likely:
            rows.write()


class Views:
    """All read models of one service, in one SQLite file, or in memory without a path.

    Whoever asks while the file cannot be used, as on a full disk, is told `StoreUnavailable`.

    One generation of tables answers. Another may be filled beside it, and takes its place in one transaction when it
    has come as far.
    """

    def __init__(self, store: EventStore, views: Sequence[View], path: Path | None = None) -> None:
        self._store = store
        self._views = {view.name: view for view in views}
        self._made_by = _fingerprint(views)
        self._lock = threading.RLock()
        self._rebuilding = threading.Lock()
        self._connection = _connect(path)
        self._current, self._complete = self._open()
        # Held by the one who looks at the log, and not while rows are read. Looks that were begun, and the last of them
        # that has ended.
        self._looking = threading.Lock()
        self._begun = 0
        self._ended = 0
        self._asking = threading.local()

    @property
    def kept(self) -> Sequence[View]:
        """The views whose answers are kept in memory."""
        return [view for view in self._views.values() if view.kept]

    @usable_file()
    def get(self, view: str, key: str) -> Row | None:
        """Return a row with its key, caught up to the log, or None."""
        self._look(self._asked())
        with self._lock:
            row = self._current.rows(view).stored(key)
        return None if row is None else {"key": key, **row}

    @usable_file()
    def find(
        self,
        view: str,
        where: Mapping[str, Filter] | None = None,
        *,
        order_by: str = "key",
        descending: bool = False,
        limit: int = 1000,
        after: tuple[Any, ...] | None = None,
    ) -> list[Row]:
        """Return at most `limit` rows that fulfil every filter, each with its key, caught up to the log.

        A sequence as a filter means any of its members. `after` continues behind a row: its (order value, key),
        or (key,) when ordered by key. Raises `KeyError` for a field that the view does not declare.
        """
        chosen = self._views[view]
        condition, values = _conditions(chosen, where or {})
        order = "key" if order_by == "key" else column_of(chosen, order_by)
        way, beyond = ("DESC", "<") if descending else ("ASC", ">")
        if after is not None:
            condition.append(f"key {beyond} ?" if order_by == "key" else f"({order}, key) {beyond} (?, ?)")
            values.extend(after)
        where_clause = f"WHERE {' AND '.join(condition)}" if condition else ""
        ordering = f"key {way}" if order_by == "key" else f"{order} {way}, key {way}"
        self._look(self._asked())
        with self._lock:
            table = _table(self._current.number, chosen)
            statement = f"SELECT key, body FROM {table} AS asked {where_clause} ORDER BY {ordering} LIMIT ?"
            found = self._connection.execute(statement, (*values, limit)).fetchall()
        return [{"key": key, **read_row(body)} for key, body in found]

    @usable_file()
    def catch_up(self) -> int:
        """Follow the log to its head in batches; return the position that was reached."""
        self._look(self._asked())
        with self._lock:
            return self._current.position

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Let one look at the log, begun in here or later, do for all that this thread asks until the block ends.

        So a decision that asks much is made on rows as they were after it began, and pays for one look.
        """
        self._asking.since = self._begun
        try:
            yield
        finally:
            del self._asking.since

    @usable_file()
    def rebuild(self) -> int:
        """Make every row again from the log, beside those that answer meanwhile; return the position that was reached.

        Those who ask wait for a batch at most. When this fails, everything stays as it was.
        """
        with self._rebuilding:
            with self._lock:
                made = self._begin()
            try:
                return self._fill(made)
            except BaseException:
                # A file that cannot be written now, or is closed, is cleaned when it is opened the next time.
                with self._lock, suppress(sqlite3.Error):
                    self._drop(made.number)
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _asked(self) -> int:
        """Return the look behind which the one must begin that is good enough for who asks now."""
        since: int = getattr(self._asking, "since", self._begun)
        return since

    def _look(self, asked: int) -> None:
        """Follow the log, unless somebody did who began after this was asked for: many wait for the same look."""
        if self._ended > asked:
            return
        with self._looking:
            if self._ended > asked:
                return
            self._begun += 1
            # Not with the rows locked: those who have had their look must not wait for the database.
            head = self._store.head()
            with self._lock:
                self._follow(self._current, head)
                if not self._complete:
                    self._let_answer(self._current)
            self._ended = self._begun

    def _fill(self, made: _Generation) -> int:
        position = 0
        # What came meanwhile becomes less with each round. Whoever writes without a pause must not keep this going.
        for _ in range(ROUNDS_BESIDE):
            head = self._store.head()
            while position < head and (batch := self._store.log(position, BATCH_BESIDE)):
                with self._lock:
                    position = made.project(batch)
        with self._lock:
            # What is left is little, and nobody asks before the new rows know as much as the old ones.
            position = self._follow(made, self._store.head())
            self._let_answer(made)
            self._current = made
            return position

    def _follow(self, generation: _Generation, head: int) -> int:
        position = generation.position
        while position < head and (batch := self._store.following(position, BATCH)):
            position = generation.project(batch)
        return position

    @usable_file()
    def _open(self) -> tuple[_Generation, bool]:
        """Return the generation that this code made, or begins to make, and whether it answers already.

        What other code made stays until the new rows are complete: if that code runs again before, it goes on with it.
        """
        # A file of an older layout holds only rows, which are made again.
        for name in [*self._tables("view_"), *self._tables("progress")]:
            self._connection.execute(f"DROP TABLE {name}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS generations"
            " (number INTEGER PRIMARY KEY AUTOINCREMENT, made_by TEXT, position INTEGER, answers INTEGER)"
        )
        self._connection.execute("CREATE TABLE IF NOT EXISTS stopped (number INTEGER, id TEXT, position INTEGER)")
        found = self._connection.execute(
            "SELECT number, made_by, answers FROM generations ORDER BY answers DESC, number DESC"
        ).fetchall()
        mine = [
            (number, bool(answers))
            for number, made_by, answers in found
            if made_by == self._made_by and not self._can_be_mended(number)
        ][:1]
        for number, _, answers in found:
            if not answers and number not in dict(mine):
                self._drop(number)
        for number, answers in mine:
            return _Generation(self._connection, number, self._views.values()), answers
        return self._begin(), False

    def _can_be_mended(self, number: int) -> bool:
        """Tell whether an event that could not be read when these rows were made can be read now."""
        found = self._connection.execute("SELECT position FROM stopped WHERE number = ?", (number,)).fetchall()
        return any(
            recorded.position == position and not isinstance(recorded.event, UnreadableEvent)
            for (position,) in found
            for recorded in self._store.log(position - 1, 1)
        )

    def _begin(self) -> _Generation:
        """Make the empty tables of another generation."""
        with self._connection:
            self._connection.execute("BEGIN")
            added = self._connection.execute("INSERT INTO generations VALUES (NULL, ?, 0, 0)", (self._made_by,))
            number = int(added.lastrowid or 0)
            for view in self._views.values():
                table = _table(number, view)
                columns = "".join(f", {column_of(view, field)}" for field in view.fields)
                self._connection.execute(
                    f"CREATE TABLE {table}"
                    f" (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body BLOB NOT NULL{columns})"
                )
                for field in view.fields:
                    # A list is looked into, row by row.
                    if field not in view.lists:
                        index = f"CREATE INDEX {table}_{name_of(field)} ON {table} ({column_of(view, field)}, key)"
                        self._connection.execute(index)
        return _Generation(self._connection, number, self._views.values())

    def _let_answer(self, generation: _Generation) -> None:
        """Let a generation answer from now on, and drop all others."""
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("UPDATE generations SET answers = (number = ?)", (generation.number,))
            others = self._connection.execute("SELECT number FROM generations WHERE answers = 0").fetchall()
            for (number,) in others:
                self._drop_tables(number)
        self._complete = True

    def _drop(self, number: int) -> None:
        with self._connection:
            self._connection.execute("BEGIN")
            self._drop_tables(number)

    def _drop_tables(self, number: int) -> None:
        for name in self._tables(f"rows_{number}_"):
            self._connection.execute(f"DROP TABLE {name}")
        self._connection.execute("DELETE FROM generations WHERE number = ?", (number,))
        self._connection.execute("DELETE FROM stopped WHERE number = ?", (number,))

    def _tables(self, prefix: str) -> list[str]:
        found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [name for (name,) in found if name.startswith(prefix)]


def _unreadable(batch: Sequence[Recorded], classes: Container[type[Any]]) -> dict[UUID, int]:
    """Return the first position at which each aggregate cannot be read, of what may be an event of these classes."""
    found = [(r.originator_id, r.position) for r in batch if r.may_be(classes) and isinstance(r.event, UnreadableEvent)]
    return dict(reversed(found))


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10, cached_statements=STATEMENTS
    )
    connection.execute("PRAGMA journal_mode=WAL")
    # Rows can always be made again from the log, so they need no flush of their own.
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _fingerprint(views: Any) -> str:
    """Return what changes whenever the code of a projection changes."""
    text = [
        (v.name, v.fields, v.lists, [(str(cls), inspect.getsource(project)) for cls, project in v.on.items()])
        for v in views
    ]
    return hashlib.sha256(repr((LAYOUT, text)).encode()).hexdigest()


def _conditions(view: View, where: Mapping[str, Filter]) -> tuple[list[str], list[Any]]:
    condition: list[str] = []
    values: list[Any] = []
    for field, wanted in where.items():
        members = list(wanted) if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
        column = "key" if field == "key" else column_of(view, field)
        # Many go as one value: so there is one statement for all, and no bound on their number. One is found in order.
        inside = "= ?" if len(members) == 1 else "IN (SELECT value FROM json_each(?))"
        if field in view.lists:
            condition.append(f"EXISTS (SELECT 1 FROM json_each(asked.{column}) WHERE value {inside})")
        else:
            condition.append(f"{column} {inside}")
        values.append(members[0] if len(members) == 1 else msgspec.json.encode(members).decode())
    return condition, values


def _table(number: int, view: View) -> str:
    return f"rows_{number}_{name_of(view.name)}"
