"""Stores what is appended on an event loop from that loop itself: no thread is woken, or waits for the interpreter."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from contextlib import suppress
from typing import NamedTuple

import structlog
from psycopg import Error, OperationalError
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.batching import Append, GroupWriter, Waiting
from fourgates.chassis.store.postgres.appends import apart, arguments, calling, tell
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, TimedConnection

log = structlog.get_logger()

_NAME = b"append"
# A connection that broke, or was not to be had, is tried again after so long; meanwhile the thread stores.
_PAUSE_S = 0.5


class _Sent(NamedTuple):
    part: list[Append]
    later: list[Append]
    at: float


class LoopWriter:
    """Sends one batch at a time over a connection of its own; the next one fills meanwhile.

    It knows the way on which everything goes well. Whatever else happens, the thread that stores for all others takes
    over: what was sent, to look whether it was stored, and what waits. This one goes on with another connection.

    All but `close` is called on the loop.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, datastore: FourgatesPostgresDatastore, group: GroupWriter
    ) -> None:
        # The loop is told of this, and whoever looks for the writer of a loop must not keep it alive.
        self._of = weakref.ref(loop)
        self._thread = threading.get_ident()
        self._datastore = datastore
        self._group = group
        self._waiting = Waiting(group.limits)
        self._sent: _Sent | None = None
        self._results: list[PGresult] = []
        self._conn: TimedConnection | None = None
        # The loop watches a descriptor of its own: the driver closes the other one whenever the server hangs up.
        self._socket = -1
        self._connecting = False
        self._again_at = 0.0
        self._called = False
        self._watching = False
        self._unsent = False
        self._closed = False

    def is_of(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether this is the writer of a loop."""
        return self._of() is loop

    @property
    def is_over(self) -> bool:
        """Whether the loop is closed or gone."""
        loop = self._of()
        return loop is None or loop.is_closed()

    def submit(self, append: Append) -> Answer:
        """Store an append; return where its answer will be. Raises `QueueFull` and `StoreUnavailable`."""
        if self._conn is None:
            self._connect_soon()
            return self._group.submit(append)
        self._waiting.put(append)
        if self._sent is None and not self._called:
            self._called = True
            # Not at once: others whose requests came together with this one append in the same turn of the loop.
            self._loop.call_soon(self._send)
        return append.answer

    def close(self) -> None:
        """Store nothing any more; the thread takes over what is left. Any thread may call."""
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
            over.wait(self._group.limits.drain_s)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self._of()
        if loop is None:
            raise RuntimeError("the loop is gone")
        return loop

    # The connection.

    def _connect_soon(self) -> None:
        if self._connecting or self._closed or self._loop.time() < self._again_at:
            return
        thread = threading.Thread(target=self._connect, name=f"connect {self._datastore.schema}", daemon=True)
        with suppress(RuntimeError):  # There is no thread to be had; the next append asks again.
            thread.start()
            self._connecting = True

    def _connect(self) -> None:
        conn: TimedConnection | None = None
        try:
            conn = _prepared(self._datastore)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread stores meanwhile
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

    # A batch.

    def _send(self) -> None:
        self._called = False
        if self._conn is None or self._sent is not None or not self._waiting:
            return
        part, later = apart(self._waiting.next_batch())
        self._sent = _Sent(part, later, self._loop.time())
        try:
            given = [None if value is None else str(value).encode() for value in arguments(part, later)]
            self._conn.pgconn.send_query_prepared(_NAME, given)
            self._flush()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._lose(error)
        self._watch()

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
                    self._answer()
                    return
                self._results.append(result)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._lose(error)

    def _answer(self) -> None:
        sent, self._sent = self._sent, None
        results, self._results = self._results, []
        if sent is None:
            return
        # First of all, so that the server works while everybody is told.
        self._send()
        if [result.status for result in results] != [ExecStatus.TUPLES_OK]:
            self._hand_over(sent)
            return
        stored, late = (_numbers(results[0].get_value(0, column)) for column in range(2))
        tell(sent.part, sent.later, stored, late)
        left = [append for append in sent.later if not append.is_answered]
        if left:
            self._group.take_over(left)

    def _hand_over(self, sent: _Sent) -> None:
        """Let the thread look what was stored of what was sent, and tell each why it was not."""
        given = [append for append in (*sent.part, *sent.later) if not append.is_answered]
        for append in given:
            append.unclear = True
        self._group.take_over(given)

    # What goes wrong.

    def _watch(self) -> None:
        """See to it that somebody looks whether the answer comes in time."""
        if not self._watching and self._sent is not None:
            self._watching = True
            limit = self._datastore.limits.answer_s
            self._loop.call_later(max(self._sent.at + limit - self._loop.time(), 0.0), self._look)

    def _look(self) -> None:
        self._watching = False
        limit = self._datastore.limits.answer_s
        if self._sent is not None and self._loop.time() >= self._sent.at + limit:
            self._lose(OperationalError(f"no answer within {limit} s"))
        self._watch()

    def _lose(self, error: Exception) -> None:
        """Let go of the connection; the thread takes over."""
        _log("the loop lost its connection", self._datastore.schema, error)
        self._again_at = self._loop.time() + _PAUSE_S
        self._let_go()

    def _close(self) -> None:
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        conn, self._conn = self._conn, None
        sent, self._sent = self._sent, None
        self._results = []
        if conn is not None:
            loop = self._of()
            if loop is not None and not loop.is_closed():
                loop.remove_reader(self._socket)
                loop.remove_writer(self._socket)
            self._unsent = False
            conn.close()
            os.close(self._socket)
        waiting = self._waiting.take_all()
        if waiting:
            self._group.take_over(waiting)
        if sent is not None:
            self._hand_over(sent)


class LoopWriters:
    """The writer of each event loop on which somebody appends."""

    def __init__(self, datastore: FourgatesPostgresDatastore, group: GroupWriter) -> None:
        self._datastore = datastore
        self._group = group
        self._lock = threading.Lock()
        self._writers: list[LoopWriter] = []

    def here(self) -> LoopWriter:
        """Return the writer of the loop that runs here. Raises `RuntimeError` where none runs."""
        loop = asyncio.get_running_loop()
        for writer in self._writers:
            if writer.is_of(loop):
                return writer
        made = LoopWriter(loop, self._datastore, self._group)
        with self._lock:
            over = [writer for writer in self._writers if writer.is_over]
            self._writers = [writer for writer in self._writers if not writer.is_over] + [made]
        for writer in over:
            writer.close()
        return made

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            writers = list(self._writers)
        for writer in writers:
            writer.close()


def _prepared(datastore: FourgatesPostgresDatastore) -> TimedConnection:
    """Return a connection that knows the statement. Raises what the driver and the library raise."""
    datastore.prepare_once()
    conn = datastore.connect()
    prepared = conn.pgconn.prepare(_NAME, calling(datastore.schema, "${}").as_bytes(conn))
    if prepared.status != ExecStatus.COMMAND_OK:
        conn.close()
        raise OperationalError(prepared.get_error_message())
    return conn


def _numbers(array: bytes | None) -> list[int]:
    """Return the numbers of an array as the server writes it."""
    return [int(number) for number in array[1:-1].split(b",")] if array and array != b"{}" else []


def _log(what: str, schema: str, error: Exception) -> None:
    with suppress(Exception):  # A log on a full disk must not spoil what can still be stored.
        log.warning(what, schema=schema, error=type(error).__name__)
