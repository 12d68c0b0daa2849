"""Prints what commands and reads over HTTP cost on PostgreSQL, one service in one process, against the no-op."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
from fourgates.chassis.http.client import HttpClient, HttpFailed
from fourgates.chassis.store.postgres import create_tables
from fourgates_cli.people import ensure_people, people_file
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from bench.load import Load, request_bytes, run
from bench.parts import postgres

CONNECTIONS = tuple(int(n) for n in os.environ.get("BENCH_CONNECTIONS", "1 32 128").split())
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
# Everything takes turns, so that all see the same neighbours; the middle of the rounds counts.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
REQUESTS_MAX = 100_000
EVENTS = 100
READ = 20
START_LIMIT_S = 60.0
HOST = "127.0.0.1"
JSON = {"content-type": "application/json"}
CHANGE = {
    "title": "Show the last scan of a parcel",
    "description": "Callers ask where their parcel was seen last.",
    "change_type": "normal",
    "risk": "low",
    "service_ids": [],
    "alters_service": False,
    "retrospective": False,
    "reason": "a third of all calls ask for it",
}
RAISED = json.dumps(CHANGE).encode()
REASON = json.dumps({"reason": "ready"}).encode()
NOTHING = json.dumps({"title": "a", "reason": "b"}).encode()
CLIENT = HttpClient(timeout_s=30)


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


def main() -> None:
    """Measure everything and print it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres())
        noop = Served(
            stack.enter_context(started(lambda port: ([sys.executable, "bench/noop.py", str(port)], {}), "/docs"))
        )
        stock = stack.enter_context(the_library(url))
        issuer = stack.enter_context(an_issuer(folder))
        ours = stack.enter_context(a_service(folder, url, issuer, {}))
        print(f"| {ROUNDS} rounds of {SECONDS:g} s | {' | '.join(f'{c} conn.' for c in CONNECTIONS)} |")
        print(f"|---|{'---|' * len(CONNECTIONS)}")
        print_table([measured(connections, noop, stock, ours) for connections in CONNECTIONS])
        forgetful = stack.enter_context(a_service(folder, url, issuer, {"FOURGATES_CHANGE_AGGREGATES_KEPT_MAX": "0"}))
        print_reads(noop, ours, forgetful)


Rows = dict[str, list[Load]]


def measured(connections: int, noop: Served, stock: Served, ours: Served) -> Rows:
    """Measure commands with so many connections."""
    rows: Rows = {}
    for _ in range(ROUNDS):
        found = {"no-op": noop.load(connections, lambda _: noop.ask("POST", "/noop", NOTHING))}
        for name, served in (("the library", stock), ("ours", ours)):
            found |= raised_and_submitted(name, served, connections)
        for row, load in found.items():
            rows.setdefault(row, []).append(load)
    return rows


def raised_and_submitted(name: str, served: Served, connections: int) -> dict[str, Load]:
    """Raise changes, and submit each of them once."""
    ids: list[str] = []
    # Both answers begin with the id.
    raised = served.load(
        connections, lambda _: served.ask("POST", "/changes", RAISED), read=lambda body: ids.append(body[7:43].decode())
    )
    submitted = served.load(
        connections, lambda n: served.ask("POST", f"/changes/{ids[n]}/submission", REASON), most=len(ids)
    )
    return {f"{name}, raise": raised, f"{name}, submit": submitted}


def print_table(columns: list[Rows]) -> None:
    """Print what was measured with each number of connections."""

    def row(name: str, shown: Callable[[Rows], str]) -> None:
        print(f"| {name} | {' | '.join(shown(rows) for rows in columns)} |")

    row("no-op, requests a second", lambda rows: f"{statistics.median(load.rate for load in rows['no-op']):.0f}")
    row("no-op, CPU of the client", lambda rows: f"{rows['no-op'][0].client_cpu:.2f} core")
    for name in [name for name in columns[0] if name != "no-op"]:
        row(f"{name}, against the no-op", lambda rows, n=name: f"{ratio(rows[n], rows['no-op']):.3f}")  # type: ignore[misc]  # bound by its default
        row(f"{name}, p50 / p99 in ms", lambda rows, n=name: f"{middle(rows[n], 0.5)} / {middle(rows[n], 0.99)}")  # type: ignore[misc]  # the same
    row(
        "submit, ours against the library",
        lambda rows: f"{ratio(rows['ours, submit'], rows['the library, submit']):.1f}",
    )


def print_reads(noop: Served, ours: Served, forgetful: Served) -> None:
    """Print what it costs to show a change of many events, with and without aggregates in memory."""
    cells: Rows = {"no-op": [], "in memory": [], "read each time": []}
    shown = {served.port: changes_of_many_events(served) for served in (ours, forgetful)}
    for _ in range(ROUNDS):
        cells["no-op"].append(noop.load(32, lambda _: noop.ask("POST", "/noop", NOTHING)))
        for name, served in (("in memory", ours), ("read each time", forgetful)):
            ids = shown[served.port]
            cells[name].append(
                served.load(32, lambda n, s=served, i=ids: s.ask("GET", f"/changes/{i[n % len(i)]}"))  # type: ignore[misc]  # bound by its defaults
            )
    for name in ("in memory", "read each time"):
        against = ratio(cells[name], cells["no-op"])
        print(f"show a change of {EVENTS} events, {name}, 32 conn., against the no-op: {against:.3f}")


def changes_of_many_events(served: Served) -> list[str]:
    """Rewrite changes until they have many events; return their ids."""
    ids = []
    whatever = {"If-Match": "*"}
    for _ in range(READ):
        change = served.told("POST", "/changes", CHANGE)
        for number in range(EVENTS - 1):
            content = {**CHANGE, "description": f"{CHANGE['description']} {number}"}
            served.told("PUT", f"/changes/{change['id']}/content", content, whatever)
        ids.append(str(change["id"]))
    return ids


def ratio(loads: list[Load], to: list[Load]) -> float:
    """Return the middle of the ratios of the rounds."""
    return statistics.median(one.rate / other.rate for one, other in zip(loads, to, strict=True))


def middle(loads: list[Load], share: float) -> str:
    """Return the middle of a percentile over the rounds, in ms."""
    return f"{statistics.median(load.percentile(share) for load in loads) * 1000:.1f}"


@contextmanager
def the_library(url: str) -> Iterator[Served]:
    """Run the event library as it comes, on a database of its own."""
    name = f"bench_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    own = make_conninfo(url, dbname=name)
    try:
        with started(lambda port: ([sys.executable, "bench/stock.py", str(port), own], {}), "/docs") as port:
            yield Served(port)
    finally:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def an_issuer(folder: Path) -> Iterator[str]:
    """Run the issuer; give its URL."""
    ensure_people(folder)

    def command(port: int) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "fourgates.chassis.identity.process"], {
            "FOURGATES_ISSUER_URL": f"http://{HOST}:{port}",
            "FOURGATES_ISSUER_PEOPLE_FILE": str(people_file(folder)),
            "FOURGATES_ISSUER_KEY_FILE": str(folder / "signing-key.json"),
            "FOURGATES_ISSUER_LOG_LEVEL": "warning",
            "FOURGATES_PORT": str(port),
        }

    with started(command, "/jwks") as port:
        yield f"http://{HOST}:{port}"


@contextmanager
def a_service(folder: Path, url: str, issuer: str, more: dict[str, str]) -> Iterator[Served]:
    """Run change-service in a process on a schema of its own, with a bus that nobody else hears."""
    schema = f"bench_{uuid4().hex[:12]}"
    create_tables(url, schema, None)

    def command(port: int) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "fourgates.chassis.process", "change"], {
            "FOURGATES_ISSUER_URL": issuer,
            "FOURGATES_JWKS_URL": f"{issuer}/jwks",
            "FOURGATES_TOKEN_URL": f"{issuer}/token",
            "FOURGATES_DATA_FOLDER": str(folder / schema),
            "FOURGATES_CHANGE_PEOPLE_FILE": str(people_file(folder)),
            "FOURGATES_DATABASE_URL": url,
            "FOURGATES_DATABASE_SCHEMA": schema,
            "FOURGATES_BUS": "in_process",
            "FOURGATES_LOG_LEVEL": "warning",
            "FOURGATES_PUBLIC_URL": f"http://{HOST}:{port}",
            "FOURGATES_PORT": str(port),
            **more,
        }

    form = {"grant_type": "password", "username": "rita", "password": ensure_people(folder).of("rita")}
    with started(command, "/readyz") as port:
        token = CLIENT.request("POST", f"{issuer}/token", form=form).json()["access_token"]
        yield Served(port, "/v1", {**JSON, "authorization": f"Bearer {token}"})


@contextmanager
def started(command: Callable[[int], tuple[list[str], dict[str, str]]], path: str) -> Iterator[int]:
    """Run a server on a free port until the block ends. Raises `SystemExit` when it does not start."""
    with socket.create_server((HOST, 0)) as held:
        port = int(held.getsockname()[1])
    arguments, told = command(port)
    process = subprocess.Popen(arguments, env={**os.environ, **told}, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_LIMIT_S
        while not _answers(f"http://{HOST}:{port}{path}"):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{' '.join(arguments[:3])} did not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return CLIENT.request("GET", url, timeout_s=1).status_code == 200
    except HttpFailed:
        return False


if __name__ == "__main__":
    main()
