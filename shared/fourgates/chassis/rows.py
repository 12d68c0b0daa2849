"""The rows of a read model: each a body, with the fields that are looked for beside it, in columns of their own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

Row = dict[str, Any]

NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
# So many rows are written by one statement. Few sizes, so that each statement is prepared once.
WRITTEN_TOGETHER = (64, 8, 1)
_ISO_CHARS = len("2026-01-05T12:00:00.000000Z")
_encode = msgspec.json.Encoder().encode
read_row: Callable[[bytes], Row] = msgspec.json.Decoder(dict[str, Any]).decode


def iso(at: datetime) -> str:
    """Return a time as rows keep it: UTC, microseconds, sortable as text."""
    text: str = msgspec.to_builtins(at if at.tzinfo is UTC else at.astimezone(UTC))
    return text if len(text) == _ISO_CHARS else f"{text[:-1]}.000000Z"


@dataclass(frozen=True)
class View:
    """One read model: its name, the row fields that can be filtered and ordered by, and what each event does to it.

    A field that is one of `lists` holds a list of strings, and a filter matches any of them. Projections are pure.
    A view is `kept` that decisions ask all the time and that changes seldom: what it answers is kept in memory.
    """

    name: str
    fields: tuple[str, ...]
    on: Mapping[type[Any], Callable[[Rows, Any], None]]
    lists: tuple[str, ...] = ()
    kept: bool = False


class Rows:
    """The rows of one view, as a projection sees them.

    What a batch of events is likely to need is read by one statement, and what it leaves is written by few: each
    statement lets another thread have the interpreter, which then has to be won back.
    """

    def __init__(self, connection: sqlite3.Connection, table: str, view: View) -> None:
        self._connection = connection
        self._table = table
        self._view = view
        columns = ["key", "body", *(column_of(view, field) for field in view.fields)]
        changed = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
        row = f"({', '.join('?' * len(columns))})"
        self._puts = {
            count: f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"
            f" ON CONFLICT (key) DO UPDATE SET {changed}"
            for count in WRITTEN_TOGETHER
        }
        self._lists = [number for number, name in enumerate(view.fields) if name in view.lists]
        # The bodies of rows that this batch has looked at or changed, None where there is no row.
        self._known: dict[str, bytes | None] = {}
        self._unwritten: dict[str, tuple[Any, ...]] = {}
        # The last place before this batch, and how many rows it has added.
        self._last: int | None = None
        self._added = 0

    def read(self, keys: Collection[str]) -> None:
        """Read the rows that a batch is likely to ask for."""
        self._known = dict.fromkeys(keys)
        statement = f"SELECT key, body FROM {self._table} WHERE key IN (SELECT value FROM json_each(?))"
        self._known.update(self._connection.execute(statement, (_encode(list(keys)).decode(),)))

    def get(self, key: str) -> Row | None:
        """Return a row as the batch has left it, or None."""
        body = self._body(key)
        return None if body is None else read_row(body)

    def stored(self, key: str) -> Row | None:
        """Return a row as it is stored, or None."""
        body = self._stored_body(key)
        return None if body is None else read_row(body)

    def put(self, key: str, row: Row) -> None:
        """Put a row under its key, until the batch is written. Raises `TypeError` where a list should be."""
        if "key" in row:
            row = {name: value for name, value in row.items() if name != "key"}
        body = _encode(row)
        values = [*map(row.get, self._view.fields)]
        for number in self._lists:
            values[number] = _list_of(row, self._view.fields[number])
        self._added += self._body(key) is None
        self._known[key] = body
        self._unwritten[key] = (key, body, *values)

    def delete(self, key: str) -> None:
        """Delete a row, if it is there."""
        self._known[key] = None
        self._unwritten.pop(key, None)
        self._connection.execute(f"DELETE FROM {self._table} WHERE key = ?", (key,))

    def count(self) -> int:
        """Return how many rows were ever put into a view whose rows are never deleted."""
        if self._last is None:
            found = self._connection.execute(f"SELECT COALESCE(MAX(place), 0) FROM {self._table}").fetchone()
            self._last = int(found[0])
        return self._last + self._added

    def write(self) -> None:
        """Write what a batch has put, in the order in which it was first put.

        Raises `TypeError` for a list where none should be, and for whatever is neither text nor a number.
        """
        rows = list(self._unwritten.values())
        for count, statement in self._puts.items():
            while len(rows) >= count:
                together = rows[:count]
                del rows[:count]
                try:
                    self._connection.execute(statement, [value for row in together for value in row])
                except sqlite3.ProgrammingError as error:
                    msg = f"{self._view.name} has a field that should be one of its lists, or holds what no column can"
                    raise TypeError(f"{msg}: see {', '.join(row[0] for row in together)}") from error

    def forget(self) -> None:
        """Forget the batch: it is written, or will not be."""
        self._known, self._unwritten = {}, {}
        self._last, self._added = None, 0

    def _body(self, key: str) -> bytes | None:
        if key not in self._known:
            self._known[key] = self._stored_body(key)
        return self._known[key]

    def _stored_body(self, key: str) -> bytes | None:
        found = self._connection.execute(f"SELECT body FROM {self._table} WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]


def column_of(view: View, field: str) -> str:
    """Return the column of a field. Raises `KeyError` for a field that the view does not declare."""
    if field not in view.fields:
        raise KeyError(field)
    return f"of_{name_of(field)}"


def _list_of(row: Row, field: str) -> str:
    """Return a list as its column keeps it. Raises `TypeError` when it is none."""
    found = row.get(field)
    if not isinstance(found, (list, tuple, type(None))):
        msg = f"{field} should hold a list"
        raise TypeError(msg)
    return _encode(found or []).decode()


def name_of(text: str) -> str:
    """Return a name as it is. Raises `ValueError` for what is no name of a view or a field."""
    if not NAME.match(text):
        msg = f"{text!r} is no name for a view or a field"
        raise ValueError(msg)
    return text
