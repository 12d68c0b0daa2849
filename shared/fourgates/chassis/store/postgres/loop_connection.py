"""A connection that an event loop uses by itself: no thread is woken for it, or waits for the interpreter."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from psycopg import Error, OperationalError
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.sql import Composed

from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, TimedConnection

log = structlog.get_logger()

_NAME = b"the_one"
# A connection that broke, or was not to be had, is tried again after so long; meanwhile threads do the work.
_PAUSE_S = 0.5
# A loop that has gone on without a word is not waited for when everything ends.
_CLOSE_S = 5.0


class LoopConnection(ABC):
    """One connection of one event loop for one statement, which is sent again only when it was answered.

    It knows the way on which everything goes well. When anything else happens, it lets go of the connection and tells
    its subclass, by `_lost`, to have threads do what was begun. Then it opens another one.

    All but `close` is called on the loop.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        datastore: FourgatesPostgresDatastore,
        statement: Composed,
        *,
        results: Format = Format.TEXT,
    ) -> None:
        # The loop is told of this, and whoever looks for what belongs to a loop must not keep it alive.
        self._of = weakref.ref(loop)
        self._thread = threading.get_ident()
        self._datastore = datastore
        self._statement = statement
        self._format = results
        self._results: list[PGresult] = []
        self._conn: TimedConnection | None = None
        # The loop watches a descriptor of its own: the driver closes the other one whenever the server hangs up.
        self._socket = -1
        self._sent_at: float | None = None
        self._unsent = False
        self._called = False
        self._watching = False
        self._connecting = False
        self._again_at = 0.0
        self._closed = False

    def is_of(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether this belongs to a loop."""
        return self._of() is loop

    @property
    def is_over(self) -> bool:
        """Whether the loop is closed or gone."""
        loop = self._of()
        return loop is None or loop.is_closed()

    def close(self) -> None:
        """Send nothing any more; threads do what is left. Any thread may call."""
        loop = self._of()
        if loop is None or not loop.is_running() or threading.get_ident() == self._thread:
            self._close()
            return
        over = threading.Event()

        def close() -> None:
            self._close()
            over.set()

        with suppress(RuntimeError):  # The loop was closed meanwhile.
            loop.call_soon_threadsafe(close)
            over.wait(_CLOSE_S)

    @abstractmethod
    def _send_next(self) -> None:
        """Send what waits, if anything does and something can be sent."""

    @abstractmethod
    def _answered(self, results: Sequence[PGresult]) -> None:
        """Hear all results of what was sent."""

    @abstractmethod
    def _lost(self) -> None:
        """Hear that there is no connection any more, and no answer to what was sent."""

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self._of()
        if loop is None:
            raise RuntimeError("the loop is gone")
        return loop

    @property
    def _is_free(self) -> bool:
        """Whether something can be sent."""
        return self._conn is not None and self._sent_at is None

    def _is_open(self) -> bool:
        """Tell whether there is a connection; if not, open one, and until then there is none."""
        if self._conn is None and not (self._connecting or self._closed or self._loop.time() < self._again_at):
            thread = threading.Thread(target=self._connect, name=f"connect {self._datastore.schema}", daemon=True)
            with suppress(RuntimeError):  # There is no thread to be had; whoever asks next tries again.
                thread.start()
                self._connecting = True
        return self._conn is not None

    def _send_soon(self) -> None:
        """Send in the next turn of the loop: others whose requests came together with this one ask in the same turn."""
        if self._sent_at is None and not self._called:
            self._called = True
            self._loop.call_soon(self._send_now)

    def _send_now(self) -> None:
        self._called = False
        self._send_next()

    def _send(self, make: Callable[[], Sequence[object]]) -> None:
        """Send the statement with the values that are made; only where something can be sent."""
        self._sent_at = self._loop.time()
        try:
            assert self._conn is not None  # noqa: S101 - whoever sends has looked
            given = [None if value is None else str(value).encode() for value in make()]
            self._conn.pgconn.send_query_prepared(_NAME, given, result_format=self._format)
            self._flush()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._lose(error)
        self._watch()

    def _connect(self) -> None:
        conn: TimedConnection | None = None
        try:
            conn = _prepared(self._datastore, self._statement)
        except Exception as error:  # noqa: BLE001 - whatever it is, threads do the work meanwhile
            _log("the loop has no connection", self._datastore.schema, error)
        loop = self._of()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._connected, conn)
                return
        except RuntimeError:
            log.debug("the loop is closed", schema=self._datastore.schema)
        if conn is not None:
            conn.close()

    def _connected(self, conn: TimedConnection | None) -> None:
        self._connecting = False
        if conn is None:
            self._again_at = self._loop.time() + _PAUSE_S
        elif self._closed:
            conn.close()
        else:
            conn.pgconn.nonblocking = 1
            self._conn, self._socket = conn, os.dup(conn.fileno())
            self._loop.add_reader(self._socket, self._readable)

    def _flush(self) -> None:
        """Give the server what it takes; the rest when it takes more."""
        if self._conn is None:
            return
        unsent = bool(self._conn.pgconn.flush())
        if unsent and not self._unsent:
            self._loop.add_writer(self._socket, self._writable)
        elif self._unsent and not unsent:
            self._loop.remove_writer(self._socket)
        self._unsent = unsent

    def _writable(self) -> None:
        try:
            self._flush()
        except Error as error:
            self._lose(error)

    def _readable(self) -> None:
        if self._conn is None:
            return
        pgconn = self._conn.pgconn
        try:
            pgconn.consume_input()
            if self._unsent:
                self._flush()
            # The first result is no commit yet. Only the end of all results is.
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    self._end()
                    return
                self._results.append(result)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._lose(error)

    def _end(self) -> None:
        results, self._results = self._results, []
        if self._sent_at is not None:
            self._sent_at = None
            self._answered(results)

    def _watch(self) -> None:
        """See to it that somebody looks whether the answer comes in time."""
        if not self._watching and self._sent_at is not None:
            self._watching = True
            limit = self._datastore.limits.answer_s
            self._loop.call_later(max(self._sent_at + limit - self._loop.time(), 0.0), self._look)

    def _look(self) -> None:
        self._watching = False
        limit = self._datastore.limits.answer_s
        if self._sent_at is not None and self._loop.time() >= self._sent_at + limit:
            self._lose(OperationalError(f"no answer within {limit} s"))
        self._watch()

    def _lose(self, error: Exception) -> None:
        _log("the loop lost its connection", self._datastore.schema, error)
        self._again_at = self._loop.time() + _PAUSE_S
        self._let_go()

    def _close(self) -> None:
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        conn, self._conn = self._conn, None
        self._results, self._sent_at = [], None
        if conn is not None:
            loop = self._of()
            if loop is not None and not loop.is_closed():
                loop.remove_reader(self._socket)
                loop.remove_writer(self._socket)
            self._unsent = False
            conn.close()
            os.close(self._socket)
        self._lost()


C = TypeVar("C", bound=LoopConnection)


class OfEachLoop(Generic[C]):
    """What belongs to each event loop, made when it is first asked for there."""

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], C]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[C] = []

    def here(self) -> C:
        """Return that of the loop that runs here. Raises `RuntimeError` where none runs."""
        loop = asyncio.get_running_loop()
        for one in self._made:
            if one.is_of(loop):
                return one
        made = self._make(loop)
        with self._lock:
            over = [one for one in self._made if one.is_over]
            self._made = [one for one in self._made if not one.is_over] + [made]
        for one in over:
            one.close()
        return made

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            made = list(self._made)
        for one in made:
            one.close()


def _prepared(datastore: FourgatesPostgresDatastore, statement: Composed) -> TimedConnection:
    """Return a connection that knows a statement. Raises what the driver and the library raise."""
    datastore.prepare_once()
    conn = datastore.connect()
    prepared = conn.pgconn.prepare(_NAME, statement.as_bytes(conn))
    if prepared.status != ExecStatus.COMMAND_OK:
        conn.close()
        raise OperationalError(prepared.get_error_message())
    return conn


def _log(what: str, schema: str, error: Exception) -> None:
    with suppress(Exception):  # A log on a full disk must not spoil what can still be done.
        log.warning(what, schema=schema, error=type(error).__name__)
