"""What was refused: an append-only record beside the events, readable by auditors."""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from fourgates.chassis.http.shapes import Answer
from fourgates.chassis.store.files import usable_file
from fourgates.chassis.views import iso

TEXT_MAX = 1000
_TABLE = """CREATE TABLE IF NOT EXISTS refusals (
    place INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at TEXT NOT NULL, principal TEXT NOT NULL,
    path TEXT NOT NULL, rule TEXT NOT NULL, detail TEXT NOT NULL)"""
_APPEND_ONLY = """CREATE TRIGGER IF NOT EXISTS refusals_never_{verb} BEFORE {verb} ON refusals
    BEGIN SELECT RAISE(ABORT, 'the security log is append-only'); END"""


class SecurityLogItem(Answer):
    """One thing that was refused."""

    place: int
    kind: str
    at: str
    principal: str
    path: str
    rule: str
    detail: str


COLUMNS = tuple(SecurityLogItem.model_fields)


class SecurityLog(Protocol):
    """Keeps what was refused."""

    def record(self, *, kind: str, at: datetime, principal: str, path: str, rule: str, detail: str) -> None:
        """Keep one refusal."""
        ...

    def find(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` records behind a place, oldest first."""
        ...


class LimitedSecurityLog(ABC):
    """What every log does, wherever it keeps its records.

    A flood of refusals cannot fill the disk: beyond `per_minute_max` records they are only counted, and the count is
    recorded with the first refusal of a later minute.
    """

    def __init__(self, per_minute_max: int) -> None:
        self._lock = threading.Lock()
        self._max = per_minute_max
        self._minute: datetime | None = None
        self._count = 0
        self._left_out = 0

    def record(self, *, kind: str, at: datetime, principal: str, path: str, rule: str, detail: str) -> None:
        """Keep one refusal, or count it when there were too many in this minute."""
        with self._lock:
            for row in self._admitted((kind, iso(at), principal, path, rule, detail), at):
                self._insert([_storable(text) for text in row])

    def find(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` records behind a place, oldest first."""
        with self._lock:
            rows = self._select(after, limit)
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    @abstractmethod
    def close(self) -> None:
        """Let go of the file or the connections."""

    @abstractmethod
    def _insert(self, row: Sequence[str]) -> None:
        """Keep one record: its columns without the place."""

    @abstractmethod
    def _select(self, after: int, limit: int) -> Sequence[Sequence[Any]]:
        """Return records with all their columns."""

    def _admitted(self, row: tuple[str, ...], at: datetime) -> Iterator[tuple[str, ...]]:
        if self._minute is None or not timedelta() <= at - self._minute < timedelta(minutes=1):
            if self._left_out:
                yield ("left-out", iso(at), "", "", "", f"{self._left_out} more refusals were not recorded")
            self._minute, self._count, self._left_out = at, 0, 0
        if self._count < self._max:
            self._count += 1
            yield row
        else:
            self._left_out += 1


class SQLiteSecurityLog(LimitedSecurityLog):
    """The log in one SQLite file, or in memory without a path."""

    def __init__(self, path: Path | None = None, *, per_minute_max: int = 600) -> None:
        super().__init__(per_minute_max)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(_TABLE)
        for verb in ("UPDATE", "DELETE"):
            self._connection.execute(_APPEND_ONLY.format(verb=verb))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _insert(self, row: Sequence[str]) -> None:
        statement = "INSERT INTO refusals (kind, at, principal, path, rule, detail) VALUES (?,?,?,?,?,?)"
        with usable_file():
            self._connection.execute(statement, row)

    def _select(self, after: int, limit: int) -> Sequence[Sequence[Any]]:
        statement = f"SELECT {', '.join(COLUMNS)} FROM refusals WHERE place > ? ORDER BY place LIMIT ?"
        return self._connection.execute(statement, (after, limit)).fetchall()


def _storable(text: str) -> str:
    return text[:TEXT_MAX].encode("utf-8", "replace").decode()
