"""A disk for the logs of a PostgreSQL that can be full: a small tmpfs, or else a limit on the size of files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from fourgates.chassis.testing.postgres import PostgresServer
from psycopg.sql import SQL, Identifier, Literal

MOUNT_S = 30.0
SPACE = "small"
# Room as long as the disk is not full, and what is left when it is.
SIZE_MB = 1024
LEFT_BYTES = 16_384
FILLS_MAX = 20
RESTART_S = 60.0


class Tmpfs:
    """A tmpfs of its own for the tables; it is full when it is mounted anew with the size of what it holds."""

    kind = "a tmpfs of its own for the logs"

    def __init__(self, place: Path) -> None:
        self._place = place

    def take(self, postgres: PostgresServer, url: str, schemas: Iterable[str]) -> None:
        """Let the logs be kept here."""
        folder = self._place / "space"
        folder.mkdir(exist_ok=True)
        if postgres.as_user:
            shutil.chown(folder, postgres.as_user["user"])
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(SQL("CREATE TABLESPACE {} LOCATION {}").format(Identifier(SPACE), Literal(str(folder))))
            for schema in schemas:
                where = (schema, "stored_events")
                names = {"table": Identifier(*where), "space": Identifier(SPACE)}
                conn.execute(SQL("ALTER TABLE {table} SET TABLESPACE {space}").format(**names))
                found = conn.execute("SELECT indexname FROM pg_indexes WHERE (schemaname, tablename) = (%s, %s)", where)
                for (index,) in found.fetchall():
                    names["index"] = Identifier(schema, index)
                    conn.execute(SQL("ALTER INDEX {index} SET TABLESPACE {space}").format(**names))

    def fill(self, _postgres: PostgresServer) -> None:
        # What it holds may have outgrown the size meanwhile, which is refused then.
        for left in reversed(range(FILLS_MAX)):
            of = os.statvfs(self._place)
            try:
                self._size(f"{(of.f_blocks - of.f_bfree) * of.f_frsize + LEFT_BYTES}")
            except subprocess.CalledProcessError:
                if not left:
                    raise
            else:
                return

    def empty(self, _postgres: PostgresServer) -> None:
        self._size(f"{SIZE_MB}m")

    def _size(self, size: str) -> None:
        command = ["mount", "-o", f"remount,size={size}", str(self._place)]
        subprocess.run(command, check=True, capture_output=True, timeout=MOUNT_S)


class FileLimit:
    """No file of the server may grow over a size that its log exceeds already, write-ahead log included.

    The server cannot bear the latter: it ends, as on a full disk, and is started again when there is room.
    """

    kind = "a limit on the size of the server's files"

    def take(self, postgres: PostgresServer, url: str, schemas: Iterable[str]) -> None:
        """Leave the logs where they are."""

    def fill(self, postgres: PostgresServer) -> None:
        for pid in postgres.processes():
            self._limit(postgres, pid, str(LEFT_BYTES))

    def empty(self, postgres: PostgresServer) -> None:
        for pid in postgres.processes():
            self._limit(postgres, pid, "unlimited")
        # It may have begun to end when it was given room.
        until = time.monotonic() + RESTART_S
        while not self._answers(postgres):
            if not postgres.processes():
                postgres.crash()
                postgres.start()
            if time.monotonic() > until:
                raise RuntimeError("PostgreSQL does not come back")
            time.sleep(0.05)

    @staticmethod
    def _limit(postgres: PostgresServer, pid: int, size: str) -> None:
        """Limit one process, as the user whose it is; it may have ended meanwhile."""
        command = ["prlimit", f"--pid={pid}", f"--fsize={size}:"]
        done = subprocess.run(command, check=False, capture_output=True, timeout=MOUNT_S, **postgres.as_user)
        if done.returncode and pid in postgres.processes():
            raise RuntimeError(f"prlimit: {done.stderr.decode(errors='replace')}")

    @staticmethod
    def _answers(postgres: PostgresServer) -> bool:
        try:
            with psycopg.connect(postgres.url, connect_timeout=5) as conn:
                return conn.execute("SELECT 1").fetchone() is not None
        except psycopg.OperationalError:
            return False


@contextmanager
def a_small_disk(*, mount: bool = True) -> Iterator[Tmpfs | FileLimit]:
    """Give a disk that can be full; it is gone after the block."""
    place = Path(tempfile.mkdtemp(prefix="fourgates-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0755", "tmpfs", str(place)]
    mounted = mount and shutil.which("mount") is not None
    mounted = mounted and not subprocess.run(command, check=False, capture_output=True, timeout=MOUNT_S).returncode
    try:
        yield Tmpfs(place) if mounted else FileLimit()
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True, capture_output=True, timeout=MOUNT_S)
        place.rmdir()
