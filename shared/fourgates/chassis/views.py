"""Read models: rows that follow the log with a saved position, and can be dropped and rebuilt from it at any time."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fourgates.chassis.store import EventStore

Row = dict[str, Any]
Filter = str | int | float | bool | Sequence[str]

BATCH = 500
NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")


def iso(at: datetime) -> str:
    """Return a time as rows keep it: UTC, microseconds, sortable as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class View:
    """One read model: its name, the row fields that can be filtered and ordered by, and what each event does to it.

    A row field may hold a list of strings; a filter then matches any of them. Projections are pure.
    """

    name: str
    fields: tuple[str, ...]
    on: Mapping[type[Any], Callable[[Rows, Any], None]]


class Rows:
    """The rows of one view, as a projection sees them."""

    def __init__(self, connection: sqlite3.Connection, view: View) -> None:
        self._connection = connection
        self._table = _table(view)

    def get(self, key: str) -> Row | None:
        """Return a row, or None."""
        found = self._connection.execute(f"SELECT body FROM {self._table} WHERE key = ?", (key,)).fetchone()
        return None if found is None else json.loads(found[0])

    def put(self, key: str, row: Row) -> None:
        """Write a row under its key."""
        body = json.dumps({k: v for k, v in row.items() if k != "key"}, allow_nan=False)
        self._connection.execute(
            f"INSERT INTO {self._table} (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            (key, body),
        )

    def delete(self, key: str) -> None:
        """Delete a row, if it is there."""
        self._connection.execute(f"DELETE FROM {self._table} WHERE key = ?", (key,))

    def count(self) -> int:
        """Return how many rows were ever put into a view whose rows are never deleted."""
        return int(self._connection.execute(f"SELECT COALESCE(MAX(place), 0) FROM {self._table}").fetchone()[0])


class Views:
    """All read models of one service, in one SQLite file, or in memory without a path."""

    def __init__(self, store: EventStore, views: Sequence[View], path: Path | None = None) -> None:
        self._store = store
        self._views = {view.name: view for view in views}
        self._lock = threading.RLock()
        self._connection = _connect(path)
        self._prepare()
        self._handlers: dict[type[Any], list[tuple[Rows, Callable[[Rows, Any], None]]]] = {}
        for view in views:
            rows = Rows(self._connection, view)
            for event_class, project in view.on.items():
                self._handlers.setdefault(event_class, []).append((rows, project))

    def get(self, view: str, key: str) -> Row | None:
        """Return a row with its key, caught up to the log, or None."""
        with self._lock:
            self.catch_up()
            row = Rows(self._connection, self._views[view]).get(key)
        return None if row is None else {"key": key, **row}

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
        order = "key" if order_by == "key" else _extract(_known(chosen, order_by))
        way, beyond = ("DESC", "<") if descending else ("ASC", ">")
        if after is not None:
            condition.append(f"key {beyond} ?" if order_by == "key" else f"({order}, key) {beyond} (?, ?)")
            values.extend(after)
        where_clause = f"WHERE {' AND '.join(condition)}" if condition else ""
        ordering = f"key {way}" if order_by == "key" else f"{order} {way}, key {way}"
        statement = f"SELECT key, body FROM {_table(chosen)} {where_clause} ORDER BY {ordering} LIMIT ?"
        with self._lock:
            self.catch_up()
            found = self._connection.execute(statement, (*values, limit)).fetchall()
        return [{"key": key, **json.loads(body)} for key, body in found]

    def catch_up(self) -> int:
        """Follow the log to its head in batches; return the position that was reached."""
        with self._lock:
            position = self._position()
            if position >= self._store.head():
                return position
            while batch := self._store.log(position, BATCH):
                with self._connection:
                    self._connection.execute("BEGIN")
                    for recorded in batch:
                        for rows, project in self._handlers.get(type(recorded.event), ()):
                            project(rows, recorded.event)
                    position = batch[-1].position
                    self._connection.execute("UPDATE progress SET position = ?", (position,))
            return position

    def rebuild(self) -> int:
        """Drop every row and follow the log again from its beginning; return the position that was reached."""
        with self._lock:
            self._create_anew(_fingerprint(self._views.values()))
            return self.catch_up()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _position(self) -> int:
        return int(self._connection.execute("SELECT position FROM progress").fetchone()[0])

    def _prepare(self) -> None:
        """Create the tables; when the views' code is not what filled them, begin again from nothing."""
        self._connection.execute("CREATE TABLE IF NOT EXISTS progress (position INTEGER, made_by TEXT)")
        row = self._connection.execute("SELECT made_by FROM progress").fetchone()
        made_by = _fingerprint(self._views.values())
        if row is None or row[0] != made_by:
            self._create_anew(made_by)

    def _create_anew(self, made_by: str) -> None:
        tables = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        with self._connection:
            self._connection.execute("BEGIN")
            for (name,) in tables:
                if name.startswith("view_"):
                    self._connection.execute(f"DROP TABLE {name}")
            for view in self._views.values():
                table = _table(view)
                self._connection.execute(
                    f"CREATE TABLE {table} (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL)"
                )
                for field in view.fields:
                    index = f"CREATE INDEX {table}_{_name(field)} ON {table} ({_extract(field)}, key)"
                    self._connection.execute(index)
            self._connection.execute("DELETE FROM progress")
            self._connection.execute("INSERT INTO progress VALUES (0, ?)", (made_by,))


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    # Rows can always be made again from the log, so they need no flush of their own.
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _fingerprint(views: Any) -> str:
    """Return what changes whenever the code of a projection changes."""
    text = [
        (v.name, v.fields, [(str(cls), inspect.getsource(project)) for cls, project in v.on.items()]) for v in views
    ]
    return hashlib.sha256(repr(text).encode()).hexdigest()


def _conditions(view: View, where: Mapping[str, Filter]) -> tuple[list[str], list[Any]]:
    condition: list[str] = []
    values: list[Any] = []
    for field, wanted in where.items():
        members = list(wanted) if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
        if field == "key":
            condition.append(f"key IN ({','.join('?' * len(members))})")
        else:
            marks = ",".join("?" * len(members))
            source = f"json_each({_table(view)}.body, '$.{_known(view, field)}')"
            condition.append(f"EXISTS (SELECT 1 FROM {source} WHERE value IN ({marks}))")
        values.extend(members)
    return condition, values


def _known(view: View, field: str) -> str:
    if field not in view.fields:
        raise KeyError(field)
    return _name(field)


def _name(text: str) -> str:
    if not NAME.match(text):
        msg = f"{text!r} is no name for a view or a field"
        raise ValueError(msg)
    return text


def _table(view: View) -> str:
    return f"view_{_name(view.name)}"


def _extract(field: str) -> str:
    return f"json_extract(body, '$.{_name(field)}')"
