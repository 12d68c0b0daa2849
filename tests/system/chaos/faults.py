"""What can fail, struck on real parts, and lifted again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from fourgates.chassis.testing.postgres import PostgresServer
from fourgates.chassis.testing.proxy import Proxy
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.system.chaos.counting import Books
from tests.system.chaos.disk import FileLimit, Tmpfs
from tests.system.chaos.load import Load, UnderWay
from tests.system.chaos.plan import Round
from tests.system.processes import Process, RealParts

# How long it is waited for what a fault should bring about; it is lifted then in any case.
SEEN_WITHIN_S = 60.0
DROP_WITHIN_S = 60.0
# An append as it goes over the wire, and a request.
APPEND, POST = b"change.Drafted", b"POST /v1/changes"


@dataclass
class Struck:
    """What a fault did."""

    kills: int = 0
    # The one killed had something to answer, and never did: change-service and PostgreSQL a command, Kafka a fact that
    # was stored before, release-service the effect of one.
    on_an_unanswered_write: int = 0
    dropped: int = 0
    # What should have come about and did not.
    missed: str = ""
    lifted_at: float = 0.0


class Faults:
    """Lets one thing fail at a time, and work again."""

    def __init__(
        self, parts: RealParts, load: Load, books: Books, *, disk: Tmpfs | FileLimit, front: Proxy, database: Proxy
    ) -> None:
        assert parts.postgres is not None
        assert parts.kafka is not None
        self._books = books
        self._parts = parts
        self._postgres: PostgresServer = parts.postgres
        self._kafka = parts.kafka
        self._load = load
        self._disk = disk
        self._front = front
        self._database = database
        self._ways: dict[str, Callable[[Round, Struck], None]] = {
            "change": self._kill_service,
            "release": self._kill_listener,
            "postgres": self._kill_postgres,
            "kafka": self._kill_kafka,
            "database": self._drop_replies,
            "client": self._drop_replies,
            "disk": self._fill_disk,
            "pool": self._exhaust_pool,
            "connections": self._refuse_connections,
        }

    def strike(self, planned: Round) -> Struck:
        """Let it fail, and return when that is over; what was stopped is starting by then."""
        struck = Struck()
        self._ways[planned.way](planned, struck)
        struck.lifted_at = time.monotonic()
        return struck

    def _process(self, name: str) -> Process:
        return self._parts.services[name][0]

    def _kill_service(self, planned: Round, struck: Struck) -> None:
        process = self._process("change")
        watched = self._load.watch()
        process.kill()
        struck.kills = 1
        process.start()
        # Its connections are gone, so each write that it had in hand is answered by now, or never.
        self._settled(watched)
        struck.on_an_unanswered_write = int(watched.never_answered > 0)

    def _kill_listener(self, planned: Round, struck: Struck) -> None:
        process = self._process("release")
        submitted = self._books.submitted()
        process.kill()
        struck.kills = 1
        struck.on_an_unanswered_write = int(self._books.handled() < submitted)
        process.start()

    def _kill_postgres(self, planned: Round, struck: Struck) -> None:
        watched = self._load.watch()
        self._postgres.crash()
        struck.kills = 1
        # What change-service could not answer before the database was gone needed it.
        struck.on_an_unanswered_write = int(watched.never_answered + watched.answered_later < len(watched.numbers))
        self._wait(planned.away_s)
        self._postgres.start()

    def _kill_kafka(self, planned: Round, struck: Struck) -> None:
        stored = self._books.stored()
        self._kafka.kill()
        struck.kills = 1
        struck.on_an_unanswered_write = int(self._books.relayed() < stored)
        self._wait(planned.away_s)
        self._kafka.start()

    def _drop_replies(self, planned: Round, struck: Struck) -> None:
        """Let a request through and drop its reply, again and again."""
        proxy, word = (self._database, APPEND) if planned.way == "database" else (self._front, POST)
        until = time.monotonic() + DROP_WITHIN_S
        for _ in range(planned.dropped):
            before = proxy.broken
            proxy.break_once_at(word, answered=True)
            while proxy.broken == before and time.monotonic() < until:
                time.sleep(0.002)
            struck.dropped += proxy.broken - before
        struck.missed = "" if struck.dropped else "no reply was dropped"

    def _fill_disk(self, planned: Round, struck: Struck) -> None:
        self._disk.fill(self._postgres)
        try:
            self._until_refused(planned, struck)
        finally:
            self._disk.empty(self._postgres)

    def _exhaust_pool(self, planned: Round, struck: Struck) -> None:
        """Hold tables for so long that everyone who reads them keeps a connection, until there are no more."""
        with psycopg.connect(self._parts.owner_url) as conn:
            # In the order in which an append takes them, or one of both is ended as a deadlock.
            conn.execute("LOCK TABLE change.stored_events, change.replies IN ACCESS EXCLUSIVE MODE")
            self._until_refused(planned, struck)
            conn.rollback()

    def _refuse_connections(self, planned: Round, struck: Struck) -> None:
        """Let the server give the role of the service no connection, and take away those it has."""
        url = self._process("change").environment["FOURGATES_DATABASE_URL"]
        role = str(conninfo_to_dict(url)["user"])
        with psycopg.connect(self._parts.owner_url, autocommit=True) as conn, self._limited(conn, role):
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
            self._until_refused(planned, struck)

    @staticmethod
    @contextmanager
    def _limited(conn: psycopg.Connection, role: str):
        limit = SQL("ALTER ROLE {} CONNECTION LIMIT {}")
        conn.execute(limit.format(Identifier(role), SQL("0")))
        try:
            yield
        finally:
            conn.execute(limit.format(Identifier(role), SQL("-1")))

    def _until_refused(self, planned: Round, struck: Struck) -> None:
        """Wait until a write was refused with 503, and a while longer."""
        if not self._load.wait_for("refused", 1, since=self._load.now(), timeout_s=SEEN_WITHIN_S):
            struck.missed = "no write was refused"
        self._wait(planned.away_s)

    def _settled(self, watched: UnderWay) -> None:
        until = time.monotonic() + SEEN_WITHIN_S
        while watched.never_answered + watched.answered_later < len(watched.numbers) and time.monotonic() < until:
            time.sleep(0.002)

    @staticmethod
    def _wait(seconds: float) -> None:
        threading.Event().wait(seconds)
