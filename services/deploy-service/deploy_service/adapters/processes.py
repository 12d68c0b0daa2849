"""Processes of nodes: started in a group of their own, known by pid and start time, ended within a limit."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.05
LOG_TAIL_CHARS = 400


@dataclass(frozen=True)
class Started:
    """A process that was started: its pid, and when, so that no other one with its pid is taken for it."""

    pid: int
    began: str
    port: int


class Processes:
    """Starts and ends processes that listen on one address of this machine."""

    def __init__(
        self, *, stop_wait_s: float, log_bytes_max: int, ports: tuple[int, int], host: str = "127.0.0.1"
    ) -> None:
        self._host = host
        self._stop_wait_s = stop_wait_s
        self._log_bytes_max = log_bytes_max
        self._ports = ports
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, module: str, *, folder: Path, work: Path, log: Path, port: int) -> Started:
        """Start a module that lies in a folder; it sees nothing but that folder and the standard library."""
        work.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > self._log_bytes_max:
            log.replace(log.with_suffix(".old"))
        command = [sys.executable, "-B", "-S", "-s", "-P", "-m", module, "--host", self._host, "--port", str(port)]
        environment = {
            "PATH": os.defpath,
            "HOME": str(work),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(folder),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[child.pid] = child
        return Started(child.pid, _began(child.pid) or "", port)

    def url_of(self, port: int) -> str:
        """Return the address of a process, for whoever wants to ask it."""
        return f"http://{self._host}:{port}"

    def alive(self, started: Started) -> bool:
        """Return whether exactly this process lives."""
        child = self._children.get(started.pid)
        if child is not None and child.poll() is not None:
            return False
        return bool(started.began) and _began(started.pid) == started.began

    def listens(self, started: Started, *, timeout_s: float) -> bool:
        """Wait until the process listens on its port; False when it ends before, or the time is over."""
        until = time.monotonic() + timeout_s
        while self.alive(started) and time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((self._host, started.port), timeout=1):
                return self.alive(started)
            time.sleep(POLL_S)
        return False

    def stop(self, started: Started) -> None:
        """End a process and its group: asked first, killed when it does not go."""
        for sign, wait_s in ((signal.SIGTERM, self._stop_wait_s), (signal.SIGKILL, self._stop_wait_s)):
            if not self.alive(started):
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, sign)
            self._await_end(started, wait_s)
        child = self._children.pop(started.pid, None)
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self._stop_wait_s)

    def _await_end(self, started: Started, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while self.alive(started) and time.monotonic() < until:
            time.sleep(POLL_S)

    def free_port(self, wanted: int | None) -> int:
        """Return the wanted port if it is free, else another one of the range, or any. Raises `OSError`."""
        first, last = self._ports
        candidates = range(first, last + 1) if first else (0,)
        for port in (*([wanted] if wanted else []), *candidates):
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self._host, port))
                return int(probe.getsockname()[1])
        raise OSError("no port of the range is free")


def tail_of(log: Path) -> str:
    """Return the last lines of a log, for a person who asks why."""
    try:
        return log.read_bytes()[-LOG_TAIL_CHARS:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _began(pid: int) -> str | None:
    """Return when a process began, as its system says it; None when it is gone or only waits to be reaped."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in {"Z", "X"} else fields[19]
    found = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    words = found.stdout.split(maxsplit=1)
    return None if len(words) < 2 or words[0].startswith("Z") else words[1].strip()  # noqa: PLR2004 - state and start
