"""Who leads among the replicas of a service: the one whose connection holds an advisory lock."""

from __future__ import annotations

import threading
from time import monotonic

import psycopg
import structlog

from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, TimedConnection, lock_key

log = structlog.get_logger()


class PostgresLeadership:
    """Leads as long as one connection of its own lives; the server gives the lock to another when it breaks.

    Between two looks at the connection a lost one goes unnoticed, so that for `look_s` two may believe that they lead:
    what they do must be guarded by saved positions, as it is.
    """

    def __init__(self, url: str, *, schema: str, look_s: float = 0.5) -> None:
        # The pool of this datastore is never opened: the lock lives in one connection.
        self._datastore = FourgatesPostgresDatastore(url, schema=schema)
        self._key = lock_key("lead", schema)
        self._look_s = look_s
        self._lock = threading.Lock()
        self._conn: TimedConnection | None = None
        self._leads = False
        self._looked_at = float("-inf")
        self._closed = False

    def hold(self) -> bool:
        """Tell whether this process leads, and try to become the leader when nobody does."""
        with self._lock:
            if monotonic() - self._looked_at >= self._look_s:
                self._look()
                self._looked_at = monotonic()
            return self._leads

    def close(self) -> None:
        """Let another lead, for good."""
        with self._lock:
            self._closed = True
            self._let_go()

    def _look(self) -> None:
        if self._closed:
            return
        try:
            self._conn = self._conn or self._datastore.connect()
            statement = "SELECT true AS mine" if self._leads else "SELECT pg_try_advisory_lock(%s) AS mine"
            row = self._conn.execute(statement, None if self._leads else (self._key,)).fetchone()
        except psycopg.Error as error:
            log.warning("nobody leads here", schema=self._datastore.schema, error=type(error).__name__)
            self._let_go()
            return
        mine = row is not None and bool(row["mine"])
        if mine and not self._leads:
            log.info("leads", schema=self._datastore.schema)
        self._leads = mine

    def _let_go(self) -> None:
        self._leads = False
        if self._conn is not None:
            self._conn.close()
        self._conn = None
