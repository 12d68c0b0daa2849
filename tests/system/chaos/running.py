"""Rounds of load and faults on change-service and release-service, as processes on a PostgreSQL and a Kafka of their
own.

The servers run through all rounds, unless they are what fails. After each round nothing fails any more, everything must
have been handled, and the databases are counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from fourgates.chassis.bus.envelope import source_of
from fourgates.chassis.testing.proxy import Proxy
from fourgates_cli.login import log_in
from psycopg.conninfo import conninfo_to_dict

from tests.system.chaos.counting import Books, Found
from tests.system.chaos.disk import FileLimit, Tmpfs, a_small_disk
from tests.system.chaos.faults import Faults
from tests.system.chaos.load import Load, Told
from tests.system.chaos.plan import Round
from tests.system.chaos.report import Seen
from tests.system.processes import HOST, SERVICES, Process, RealParts

RUN = ("change", "release")
WHO = "rita"
# A token is used no longer than this; the issuer says an hour.
TOKEN_S = 1200.0
# Writes that must be acknowledged after a fault before a round ends, and how long they may take.
AFTER = 60
AGAIN_S = 180.0
STRIKE_WITHIN_S = 120.0


class ChaosParts(RealParts):
    """The two services, of which change-service reaches its database through a proxy that can drop replies."""

    def __init__(self, folder: Path, disk: Tmpfs | FileLimit) -> None:
        super().__init__(folder, own_servers=True, run=RUN)
        self._disk = disk
        self.database: Proxy | None = None

    def open(self) -> None:
        """Have PostgreSQL with its logs on the small disk, and Kafka; those that are not run have said nothing."""
        super().open()
        assert self.postgres is not None
        self._disk.take(self.postgres, self.owner_url, RUN)
        with psycopg.connect(self.owner_url, autocommit=True) as conn:
            for listener in RUN:
                for source in set(SERVICES) - set(RUN):
                    begun = (f"{source_of(source)}/begun",)
                    conn.execute(f"INSERT INTO {listener}.notification_tracking VALUES (%s, 1)", begun)

    def _service(self, name: str, url: str, number: int) -> Process:
        if name == "change":
            given = conninfo_to_dict(url)
            self.database = self._stack.enter_context(Proxy(str(given["host"]), int(str(given["port"]))))
            address = f"{given['user']}:{given['password']}@{HOST}:{self.database.port}/{given['dbname']}"
            # In the clear, so that the proxy can read.
            url = f"postgresql://{address}?sslmode=disable&gssencmode=disable"
        return super()._service(name, url, number)


@dataclass
class Chaos:
    """Everything that is up, and can be made to fail."""

    parts: RealParts
    load: Load
    faults: Faults
    books: Books
    disk: str

    def round(self, planned: Round) -> Seen:
        """Let one thing fail under load, then let it work, and count."""
        self.books.begin()
        before = self.load.now()
        self.load.begin(planned.number)
        self.load.wait_for("sent", planned.at_write, since=before, timeout_s=STRIKE_WITHIN_S)
        time.sleep(planned.after_s)
        struck = self.faults.strike(planned)
        self.load.go_on()
        lifted = self.load.now()
        self.load.wait_for("acknowledged", 1, since=lifted, timeout_s=AGAIN_S)
        again_s = time.monotonic() - struck.lifted_at
        self.load.wait_for("acknowledged", AFTER, since=lifted, timeout_s=AGAIN_S)
        self.load.end()
        settled_at = max(struck.lifted_at, self.load.last_acknowledged_at)
        self.parts.wait_until_ready()
        told = self.load.told
        converged = bool(self.load.wrong) or self.books.wait_until_handled(len(told.submitted))
        handled_s = time.monotonic() - settled_at
        wrong = [*self.load.wrong, *(() if converged else ("it has not come to rest",))]
        wrong += [f"{parked} messages parked" for parked in [self.books.parked()] if parked]
        self.load.wrong.clear()
        found = self.books.compare(told)
        return Seen(
            planned, self.load.now().since(before), struck, found, len(told.submitted), again_s, handled_s, wrong
        )

    def said(self) -> str:
        """Return the last words of every process."""
        return "\n\n".join(f"{process.name}:\n{process.said()}" for process in self.parts.processes)


@contextmanager
def chaos(folder: Path, *, mount: bool = True, rest_s: float = 0.0) -> Iterator[Chaos]:
    """Have everything up inside the block."""
    with a_small_disk(mount=mount) as disk, ChaosParts(folder, disk) as parts:
        assert parts.database is not None
        with Proxy(HOST, parts.services["change"][0].port) as front:
            load = Load(front.port, _Token(parts).get, rest_s=rest_s)
            books = Books(parts.owner_url)
            faults = Faults(parts, load, books, disk=disk, front=front, database=parts.database)
            yield Chaos(parts, load, faults, books, disk.kind)


def run(here: Chaos, planned: Sequence[Round], tell: Callable[[str], None]) -> tuple[list[Seen], Found]:
    """Run all rounds, or up to the first that shows a problem; count everything once more at the end."""
    seen: list[Seen] = []
    told = Told()
    for one in planned:
        seen.append(here.round(one))
        told.raised |= here.load.told.raised
        told.submitted |= here.load.told.submitted
        tell(str(seen[-1]))
        if seen[-1].problems:
            tell("\n".join([*seen[-1].problems[:20], here.said()]))
            break
    here.books.begin_at_the_beginning()
    return seen, here.books.compare(told)


class _Token:
    """The token of a person who may raise changes, a new one now and then."""

    def __init__(self, parts: RealParts) -> None:
        self._parts = parts
        self._token = ""
        self._at = float("-inf")

    def get(self) -> str:
        if time.monotonic() - self._at > TOKEN_S:
            self._token = log_in(self._parts.url, WHO, self._parts.secrets.of(WHO))
            self._at = time.monotonic()
        return self._token
