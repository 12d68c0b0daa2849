"""The rows of a read model: each a body, with the fields that are looked for beside it, in columns of their own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

Row = dict[str, Any]

NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
_encode = msgspec.json.Encoder().encode
read_row: Callable[[bytes], Row] = msgspec.json.Decoder(dict[str, Any]).decode


def iso(at: datetime) -> str:
    """Return a time as rows keep it: UTC, microseconds, sortable as text."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class View:
    """One read model: its name, the row fields that can be filtered and ordered by, and what each event does to it.

    A field that is one of `lists` holds a list of strings, and a filter matches any of them. Projections are pure.
    """

    name: str
    fields: tuple[str, ...]
    on: Mapping[type[Any], Callable[[Rows, Any], None]]
    lists: tuple[str, ...] = ()


class Rows:
    """The rows of one view, as a projection sees them."""

    def __init__(self, connection: sqlite3.Connection, table: str, view: View) -> None:
        self._connection = connection
        self._table = table
        self._view = view
        columns = ["key", "body", *(column_of(view, field) for field in view.fields)]
        changed = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
        self._put = (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            f" ON CONFLICT (key) DO UPDATE SET {changed}"
        )
        self._get = f"SELECT body FROM {table} WHERE key = ?"

    def get(self, key: str) -> Row | None:
        """Return a row, or None."""
        found = self._connection.execute(self._get, (key,)).fetchone()
        return None if found is None else read_row(found[0])

    def put(self, key: str, row: Row) -> None:
        """Write a row under its key. Raises `TypeError` for a list in a field that holds none, and the other way."""
        body = _encode({name: value for name, value in row.items() if name != "key"})
        lists = self._view.lists
        values = [_list_of(row, name) if name in lists else row.get(name) for name in self._view.fields]
        try:
            self._connection.execute(self._put, (key, body, *values))
        except sqlite3.ProgrammingError as error:
            msg = f"{self._view.name} has a field that should be one of its lists, or holds what no column can"
            raise TypeError(msg) from error

    def delete(self, key: str) -> None:
        """Delete a row, if it is there."""
        self._connection.execute(f"DELETE FROM {self._table} WHERE key = ?", (key,))

    def count(self) -> int:
        """Return how many rows were ever put into a view whose rows are never deleted."""
        return int(self._connection.execute(f"SELECT COALESCE(MAX(place), 0) FROM {self._table}").fetchone()[0])


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
