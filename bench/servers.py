"""Servers that a bench runs and loads, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from fourgates.chassis.http_client import HttpClient, HttpFailed
from fourgates.chassis.testing.ports import HOST, HeldPort

from bench.load import Load, request_bytes, run

SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
REQUESTS_MAX = 100_000
START_LIMIT_S = 60.0
STOP_S = 30.0
JSON = {"content-type": "application/json"}
NOTHING = json.dumps({"title": "a", "reason": "b"}).encode()
CLIENT = HttpClient(timeout_s=30)

# What is run on a port, and what it is told by its environment.
Command = Callable[[int], tuple[list[str], dict[str, str]]]


@dataclass(frozen=True)
class Served:
    """A server that runs, and how it is asked."""

    port: int
    prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    def load(
        self,
        connections: int,
        make: Callable[[int], bytes],
        *,
        most: int = REQUESTS_MAX,
        read: Callable[[bytes], object] = lambda _: None,
    ) -> Load:
        """Ask it for as long as a load lasts. Raises `SystemExit` when it refuses anything."""
        load = run(self.port, connections, SECONDS, make, requests_max=most, read=read)
        if load.failures:
            raise SystemExit(f"{load.failures} of {load.requests} requests failed")
        return load

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return a request."""
        return request_bytes(method, f"{self.prefix}{path}", body, dict(self.headers))

    def told(self, method: str, path: str, body: object, more: Mapping[str, str] | None = None) -> dict[str, object]:
        """Ask once, and return the body of the answer."""
        url = f"http://{HOST}:{self.port}{self.prefix}{path}"
        answer = CLIENT.request(method, url, headers={**self.headers, **(more or {})}, json=body)
        if not 200 <= answer.status_code < 300:
            raise SystemExit(f"{method} {path} gave {answer.status_code}: {answer.text}")
        told: dict[str, object] = answer.json()
        return told

    def nothing(self, connections: int) -> Load:
        """Ask the no-op."""
        return self.load(connections, lambda _: self.ask("POST", "/noop", NOTHING))


@contextmanager
def the_no_op() -> Iterator[Served]:
    """Run the ceiling."""
    with started(lambda port: ([sys.executable, "bench/noop.py", str(port)], {}), "/docs") as (port, _):
        yield Served(port)


@contextmanager
def started(command: Command, path: str) -> Iterator[tuple[int, int]]:
    """Run a server on a free port until the block ends; give the port and the id of the process.

    Raises `SystemExit` when it does not start.
    """
    with closing(HeldPort()) as held:
        port = held.number
        arguments, told = command(port)
        process = subprocess.Popen(arguments, env={**os.environ, **told}, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + START_LIMIT_S
            while not _answers(f"http://{HOST}:{port}{path}"):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{' '.join(arguments[:3])} did not start")
                time.sleep(0.05)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(STOP_S)


def _answers(url: str) -> bool:
    try:
        return CLIENT.request("GET", url, timeout_s=1).status_code == 200
    except HttpFailed:
        return False
