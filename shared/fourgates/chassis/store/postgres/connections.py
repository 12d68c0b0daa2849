"""Connections to PostgreSQL: pooled, with a limit on every wait, and replaced when the server comes back."""

from __future__ import annotations

import hashlib
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import psycopg
import psycopg_pool
from eventsourcing import persistence
from eventsourcing.persistence import DataError, InterfaceError, InternalError, OperationalError, PersistenceError
from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Literal

from fourgates.chassis.store.interface import StoreUnavailable

RV = TypeVar("RV")
_REST_S = 0.1
# The class of errors of what is larger than the server can hold.
_TOO_LARGE = "54"
# Where the server reads and writes its files. What it says from there is about the disk, whatever the code.
_FILES = "md.c"


class Unreachable(StoreUnavailable):
    """There is no connection to the database."""


@dataclass(frozen=True)
class Limits:
    """How long each thing is waited for, and how many connections there are."""

    connect_s: int = 3
    pool_max: int = 10
    # A wait for a free connection, and how many may wait.
    pool_wait_s: float = 3.0
    pool_waiting_max: int = 200
    # A wait for the writers before this one; a statement; an answer of any kind, should the server stand still.
    lock_s: float = 5.0
    statement_s: float = 8.0
    answer_s: float = 10.0
    # An append whose connection broke is looked for, and tried again, for so long.
    append_s: float = 10.0


class TimedConnection(psycopg.Connection[DictRow]):
    """A connection that waits for no answer longer than its limit."""

    answer_s = Limits.answer_s

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for an answer. Raises `OperationalError`, and closes the connection, when none comes in time."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        until = monotonic() + self.answer_s
        try:
            return super().wait(gen, interval, self.answer_s)
        except psycopg.OperationalError as error:
            # The driver's own error of a wait that is over is private; the time tells it as well.
            if error.sqlstate is None and monotonic() >= until:
                self.close()
                raise psycopg.OperationalError(f"no answer within {self.answer_s} s") from error
            raise


class _Pool(ConnectionPool[psycopg.Connection[DictRow]]):
    """A pool that gives out no connection that the server has closed meanwhile."""

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[DictRow]:
        """Return a connection. Raises `PoolTimeout` when there is none in time."""
        until = monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                conn = super().getconn(max(until - monotonic(), 0.001))
            except psycopg_pool.PoolTimeout:
                self._forget_the_gone()
                raise
            if not _hung_up(conn):
                return conn
            conn.close()
            self.putconn(conn)

    def _forget_the_gone(self) -> None:
        """Let go of those who no longer wait: the pool counts them, and with too many looks for no connection."""
        with self._lock:
            self._waiting = deque(waiting for waiting in self._waiting if waiting.error is None)


class FourgatesPostgresDatastore(PostgresDatastore):
    """The library's datastore, opened by a URL. It needs no server before it is used.

    Raises `ValueError` when the URL cannot be read.
    """

    def __init__(
        self, url: str, *, schema: str, limits: Limits | None = None, prepare: Callable[[], None] | None = None
    ) -> None:
        self.limits = limits or Limits()
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # What the library says repeats the URL, and with it the password.
            raise ValueError("this is no connection URL of PostgreSQL") from None
        # The library wants the parts one by one, and makes a pool of its own that is never opened.
        super().__init__("", "", "", "", "", schema=schema)
        self.role = str(given["user"]) if given.get("user") else None
        self.connect_arguments: dict[str, Any] = {
            "connect_timeout": self.limits.connect_s,
            "application_name": f"fourgates {schema}",
            # A peer that is gone without a word is noticed in seconds, not hours.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": int(self.limits.answer_s * 1000),
            **given,
        }
        self.pool = _Pool(
            connection_class=TimedConnection,
            kwargs={**self.connect_arguments, "row_factory": dict_row},
            min_size=1,
            max_size=self.limits.pool_max,
            open=False,
            configure=self.after_connect_func(),
            timeout=self.limits.pool_wait_s,
            max_waiting=self.limits.pool_waiting_max,
            # Given up soon: the next one who asks begins anew, so that a server that is back is found at once.
            reconnect_timeout=0.5,
        )
        self._prepare = prepare
        self._preparing = threading.Lock()

    def connect(self) -> TimedConnection:
        """Return a connection outside the pool, each statement a transaction of its own."""
        conn = TimedConnection.connect(**self.connect_arguments, row_factory=dict_row)
        try:
            self.after_connect_func()(conn)
        except BaseException:
            conn.close()
            raise
        return conn

    def after_connect_func(self) -> Callable[[psycopg.Connection[Any]], None]:
        """Return what is done with each new connection."""
        limits = self.limits
        settings = {
            "lock_timeout": f"{int(limits.lock_s * 1000)}ms",
            "statement_timeout": f"{int(limits.statement_s * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{int(limits.answer_s * 1000)}ms",
            # So the server soon lets go of the locks of a client that is gone.
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        }
        statement = SQL("; ").join(SQL("SET {} = {}").format(SQL(n), Literal(v)) for n, v in settings.items())
        # What is acknowledged is on disk, whatever the server's own setting.
        durable = (
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )

        def after_connect(conn: psycopg.Connection[Any]) -> None:
            if isinstance(conn, TimedConnection):
                conn.answer_s = limits.answer_s
            conn.autocommit = True
            conn.execute(statement)
            conn.execute(durable)

        return after_connect

    def register_type_adapters(self) -> None:
        """Do nothing: our statements need no composite type, and so no server before the first use."""

    @contextmanager
    def get_connection(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Give a connection.

        A connection that broke raises the library's own errors; `StoreUnavailable` says that trying again at once
        will not help.
        """
        self.prepare_once()
        try:
            with super().get_connection() as conn:
                yield conn
        except (OperationalError, InternalError) as error:
            if _waits_for_better_times(error.__cause__):
                raise StoreUnavailable(str(error)) from error
            raise

    def prepare_once(self) -> None:
        """Do what comes before the first use."""
        if self._prepare is None:
            return
        with self._preparing:
            if self._prepare is not None:
                self._prepare()
                self._prepare = None


class OwnConnection:
    """One connection for one thread, kept from use to use, and replaced when it breaks."""

    def __init__(self, datastore: FourgatesPostgresDatastore) -> None:
        self._datastore = datastore
        self._conn: TimedConnection | None = None
        self._used_at = float("-inf")

    @contextmanager
    def use(self) -> Iterator[TimedConnection]:
        """Give the connection, with no transaction begun. What a block leaves unfinished is rolled back.

        Raises the library's own errors; `Unreachable` when there is no connection to be had, and nothing was done;
        `StoreUnavailable` when trying again at once will not help.
        """
        conn = self._connected()
        try:
            yield conn
        except psycopg.Error as error:
            translated = _translated(error)
            if _waits_for_better_times(error):
                # Another connection may reach another server.
                self.close()
                raise StoreUnavailable(str(error)) from translated
            if isinstance(translated, (OperationalError, InterfaceError)):
                self.close()
            raise translated from error
        finally:
            self._end_transaction(conn)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None

    def _connected(self) -> TimedConnection:
        # While it is in use all the time, its next use tells; and asking it each time costs a tenth of an append.
        rested = monotonic() - self._used_at > _REST_S
        self._used_at = monotonic()
        if self._conn is not None and (self._conn.closed or (rested and _hung_up(self._conn))):
            self.close()
        if self._conn is None:
            try:
                self._datastore.prepare_once()
                self._conn = self._datastore.connect()
            except (psycopg.Error, OperationalError, InterfaceError, StoreUnavailable) as error:
                raise Unreachable(str(error)) from error
        return self._conn

    def _end_transaction(self, conn: TimedConnection) -> None:
        if not conn.closed and conn.pgconn.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            try:
                conn.rollback()
            except psycopg.Error:
                self.close()


def lock_key(*names: str) -> int:
    """Return the key of an advisory lock."""
    return int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:8], "big", signed=True)


def _hung_up(conn: psycopg.Connection[DictRow]) -> bool:
    """Tell whether an idle connection has something to say: that it was closed."""
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _translated(error: psycopg.Error) -> PersistenceError:
    """Return the library's own word for an error of the driver."""
    if error.sqlstate is not None and error.sqlstate.startswith(_TOO_LARGE):
        # The driver counts it among the troubles of the server, but it is about what was sent.
        return DataError(str(error))
    known = (getattr(persistence, cls.__name__, None) for cls in type(error).__mro__)
    return next((cls for cls in known if cls is not None), PersistenceError)(str(error))


def _waits_for_better_times(cause: BaseException | None) -> bool:
    """Tell the errors of a server that answers, but cannot do it now, or of none at all, from a broken connection."""
    if isinstance(cause, (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed, psycopg_pool.TooManyRequests)):
        return True
    if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction):
        return True
    if isinstance(cause, psycopg.InternalError) and cause.diag.source_file == _FILES:
        return True
    if not isinstance(cause, psycopg.OperationalError):
        return False
    # No code at all: the connection broke. 57P: the server is shutting down. 08: a broken connection, in its words.
    return cause.sqlstate is not None and not cause.sqlstate.startswith(("57P", "08", _TOO_LARGE))
