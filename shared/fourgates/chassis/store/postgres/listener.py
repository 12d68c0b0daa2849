"""A thread that is told by PostgreSQL that someone has appended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

log = structlog.get_logger()

_LOOK_S = 0.25
_PROBE_S = 10.0
_PAUSE_S = 0.1
# Under a load that never rests, being woken for each commit would cost more than the work. What this process appends is
# told by whoever appends it, so only others are noticed later.
_GATHER_S = 0.01
_MUCH = 4
_GATHER_MUCH_S = 0.1
_PAUSE_MAX_S = 3.0


class Listener:
    """Listens on one channel, connects again when the connection breaks, and wakes once for each connection too."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection[dict[str, object]]], channel: str, wake: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._wake = wake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listen {channel}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        self._pause_s = _PAUSE_S
        while not self._stopping.is_set():
            try:
                with self._connect() as conn:
                    self._listen(conn)
            except psycopg.Error as error:
                log.warning("not listening", channel=self._channel, error=type(error).__name__, pause_s=self._pause_s)
                self._stopping.wait(self._pause_s)
                self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S)

    def _listen(self, conn: psycopg.Connection[dict[str, object]]) -> None:
        conn.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
        # What was appended before this moment was told to nobody.
        self._wake()
        self._pause_s = _PAUSE_S
        heard_at = monotonic()
        pause_s = _GATHER_S
        while not self._stopping.is_set():
            if list(conn.notifies(timeout=_LOOK_S, stop_after=1)):
                heard_at = monotonic()
                self._wake()
                self._stopping.wait(pause_s)
                # What came meanwhile wakes once, and whoever is woken looks for all of it.
                came = list(conn.notifies(timeout=0))
                if came:
                    self._wake()
                pause_s = _GATHER_S if len(came) < _MUCH else _GATHER_MUCH_S
            if monotonic() - heard_at > _PROBE_S:
                # A peer that is gone without a word says nothing either.
                conn.execute("SELECT 1")
                heard_at = monotonic()
