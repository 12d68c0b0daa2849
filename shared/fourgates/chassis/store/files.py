"""Files of SQLite beside the log: one that cannot be used now, as on a full disk, is a store that is away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from fourgates.chassis.store.interface import StoreUnavailable

# The low byte of an error's code. Everything else is a mistake of ours.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


@contextmanager
def usable_file() -> Iterator[None]:
    """Raise `StoreUnavailable` where SQLite says that it cannot read or write a file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING:
            raise StoreUnavailable(str(error)) from error
        raise
