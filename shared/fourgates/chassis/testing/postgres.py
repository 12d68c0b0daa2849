"""A real PostgreSQL for tests, without a container: the server's own programs, a folder of its own, a free port.

`FOURGATES_TEST_POSTGRES` names a server to use instead, by the URL of a role that may create schemas and roles; tests
that stop or kill a server start one of their own anyway.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from fourgates.chassis.testing.lacking import Lacking
from fourgates.chassis.testing.ports import HOST, HeldPort

MAJOR_MIN = 14
START_S = 60
INSTALL = f"PostgreSQL {MAJOR_MIN} or later (apt install postgresql), or set FOURGATES_TEST_POSTGRES"

PLACES = (Path("/usr/lib/postgresql"), Path("/usr/local/lib/postgresql"), Path("/opt/homebrew/opt"))

# Durable as in earnest, and with room for many connections of many tests.
_SETTINGS = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = '{folder}'
max_connections = 300
shared_buffers = 64MB
fsync = on
synchronous_commit = on
max_wal_size = 256MB
logging_collector = off
"""


class PostgresServer:
    """One PostgreSQL in a folder of its own: it can be stopped, killed and started again on the same data."""

    def __init__(self) -> None:
        self._programs = _programs()
        # Root may not run a server; and the folder of a test may be closed to the user who runs it instead.
        self._user = _unprivileged_user()
        self._folder = Path(tempfile.mkdtemp(prefix="fourgates-postgres-"))
        password = uuid4().hex
        self._port = HeldPort()
        secret = self._folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self._user is not None:
            for path in (self._folder, secret):
                shutil.chown(path, self._user)
        self._run("initdb", "-D", self._data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", str(secret), "-N")
        settings = _SETTINGS.format(host=HOST, port=self._port.number, folder=self._folder)
        with Path(self._data, "postgresql.conf").open("a") as file:
            file.write(settings)
        self.url = f"postgresql://owner:{password}@{HOST}:{self._port.number}/postgres"

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `RuntimeError` with its last words."""
        log = self._folder / "postgres.log"
        self._run("pg_ctl", "-D", self._data, "-l", str(log), "-w", "-t", str(START_S), "start")

    def stop(self) -> None:
        """Let the server end in order, without waiting for its clients."""
        self._run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "-t", str(START_S), "stop")

    def kill(self) -> None:
        """End the server at once, with nothing written that was not written yet."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "-t", str(START_S), "stop")

    def crash(self) -> None:
        """End every process of the server as kill -9 does, and wait until they are gone; as `kill` without a /proc."""
        if not Path("/proc/self").exists():
            self.kill()
            return
        for pid in (processes := self.processes()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + START_S
        while any(_parent(pid) is not None for pid in processes):
            if time.monotonic() > until:
                raise RuntimeError("PostgreSQL does not end")
            time.sleep(0.01)
        # Where nobody collects the dead, the next start would take them for living.
        for lock in (Path(self._data, "postmaster.pid"), self._folder / f".s.PGSQL.{self._port.number}.lock"):
            lock.unlink(missing_ok=True)

    def processes(self) -> list[int]:
        """Return the processes of the server, the first one first; none when it does not run. Needs Linux."""
        if not self.runs:
            return []
        first = int(Path(self._data, "postmaster.pid").read_text().split("\n", 1)[0])
        if _parent(first) is None:
            return []
        others = [int(place.name) for place in Path("/proc").glob("[0-9]*")]
        return [first, *(pid for pid in others if _parent(pid) == first)]

    @property
    def as_user(self) -> dict[str, Any]:
        """What makes a subprocess run as the user who runs the server."""
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}

    @property
    def runs(self) -> bool:
        """Whether the server was started and not ended since."""
        return Path(self._data, "postmaster.pid").exists()

    def remove(self) -> None:
        """End the server if it runs, and delete its folder."""
        if self.runs:
            self.kill()
        self._port.close()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        # Not a pipe: the server inherits it, and reading it would wait for the server's end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [str(self._programs / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=2 * START_S,
                cwd=self._folder,
                **self.as_user,
            )
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program}: {said.read().decode(errors='replace')[-2000:]}")


@dataclass(frozen=True)
class Place:
    """A schema for one test, the owner of it, and a role as a service has it, who may not create anything."""

    schema: str
    owner_url: str
    service_url: str


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL for the length of a block. Raises `Lacking` when this machine has not what it takes."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def given_postgres() -> str | None:
    """Return the URL of the PostgreSQL that tests were told to use, if they were."""
    return os.environ.get("FOURGATES_TEST_POSTGRES") or None


@contextmanager
def a_place(url: str) -> Iterator[Place]:
    """Give a schema that is not made yet, and a role beside its owner; both are gone after the block."""
    name = f"test_{uuid4().hex[:12]}"
    role, password = f"{name}_service", uuid4().hex
    names = {"schema": Identifier(name), "role": Identifier(role), "password": Literal(password)}
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SQL("CREATE ROLE {role} LOGIN PASSWORD {password}").format(**names))
    try:
        yield Place(name, url, make_conninfo(url, user=role, password=password))
    finally:
        with psycopg.connect(url, autocommit=True) as conn:
            # Whoever is still connected would keep the role from going.
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
            conn.execute(SQL("DROP SCHEMA IF EXISTS {schema} CASCADE").format(**names))
            conn.execute(SQL("DROP OWNED BY {role}").format(**names))
            conn.execute(SQL("DROP ROLE {role}").format(**names))


def _parent(pid: int) -> int | None:
    """Return the parent of a process of a PostgreSQL; None for another, or for one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.match(r"\d+ \(postgres\) ([^ZX]) (\d+)", stat)
    return int(found[2]) if found else None


def _programs() -> Path:
    """Return the folder of the newest server programs. Raises `Lacking`."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for places in PLACES:
        folders.extend(pg_ctl.parent for pg_ctl in places.glob("*/bin/pg_ctl"))
    found = {_major(folder): folder for folder in folders if (folder / "initdb").exists()}
    if not found:
        raise Lacking("PostgreSQL", "its server programs are not here", INSTALL)
    newest = max(found)
    if newest < MAJOR_MIN:
        raise Lacking("PostgreSQL", f"version {newest} is too old", INSTALL)
    return found[newest]


def _major(folder: Path) -> int:
    said = subprocess.run(
        [str(folder / "pg_ctl"), "--version"], check=True, capture_output=True, text=True, timeout=START_S
    ).stdout
    return int("".join(c for c in said.split()[-1].partition(".")[0] if c.isdecimal()) or 0)


def _unprivileged_user() -> str | None:
    """Return the user to run the server as, None for the present one."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise Lacking("PostgreSQL", "root may not run it, and there is no user postgres or nobody", INSTALL)
