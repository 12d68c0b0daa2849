"""Prints what commands and reads over HTTP cost on PostgreSQL, one service in one process, against the no-op."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
from fourgates.chassis.store.postgres import create_tables
from fourgates.chassis.testing.ports import HOST
from fourgates_cli.people import ensure_people, people_file
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from bench.load import Load
from bench.parts import postgres
from bench.servers import CLIENT, JSON, SECONDS, Served, started, the_no_op

CONNECTIONS = tuple(int(n) for n in os.environ.get("BENCH_CONNECTIONS", "1 32 128").split())
# The middle of the rounds counts.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
EVENTS = 100
READ = 20
VOTES = 200
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
# Who requests, who assesses, who votes.
PEOPLE = ("rita", "mona", "cora")
RAISED = json.dumps(CHANGE).encode()
REASON = json.dumps({"reason": "ready"}).encode()
ASSESSED = json.dumps({"risk": "low", "findings": "nobody else is touched", "reason": "assessed"}).encode()
APPROVED = {"vote": "approve", "meaning": "I have read it and answer for it", "reason": "good"}


def main() -> None:
    """Measure everything and print it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres())
        noop = stack.enter_context(the_no_op())
        stock = stack.enter_context(the_library(url))
        issuer = stack.enter_context(an_issuer(folder))
        ours = stack.enter_context(a_service(folder, url, issuer, {}))
        others = {"the library": stock, "ours": ours}
        print_table([measured(connections, noop, others) for connections in CONNECTIONS])
        forgetful = stack.enter_context(a_service(folder, url, issuer, {"FOURGATES_CHANGE_AGGREGATES_KEPT_MAX": "0"}))
        print_reads(noop, ours, forgetful)
        print_votes(noop, *(replace(ours, headers=bearing(token_of(folder, issuer, name))) for name in PEOPLE))


Rows = dict[str, list[Load]]


def measured(connections: int, noop: Served, others: Mapping[str, Served]) -> Rows:
    """Measure commands with so many connections; all take turns, each right after its own measure of the no-op."""
    rows: Rows = {}
    for _ in range(ROUNDS):
        for name, served in others.items():
            found = {no_op_of(name): noop.nothing(connections), **raised_and_submitted(name, served, connections)}
            for row, load in found.items():
                rows.setdefault(row, []).append(load)
    return rows


def no_op_of(name: str) -> str:
    """Return the row of the no-op with which a row, or a service, is compared."""
    return f"no-op before {name.partition(',')[0]}"


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
    print(f"| {ROUNDS} rounds of {SECONDS:g} s | {' | '.join(f'{c} conn.' for c in CONNECTIONS)} |")
    print(f"|---|{'---|' * len(CONNECTIONS)}")

    def row(name: str, shown: Callable[[Rows], str]) -> None:
        print(f"| {name} | {' | '.join(shown(rows) for rows in columns)} |")

    commands = [name for name in columns[0] if not name.startswith("no-op")]
    row("no-op, requests a second", lambda rows: f"{statistics.median(load.rate for load in nothing(rows)):.0f}")
    row("no-op, CPU of the client", lambda rows: f"{nothing(rows)[0].client_cpu:.2f} core")
    for name in commands:
        row(f"{name}, against the no-op", partial(against_no_op, name))
        row(f"{name}, p50 / p99 in ms", partial(percentiles, name))
    if "the library, submit" in columns[0]:
        row("submit, ours against the library", against_the_library)


def nothing(rows: Rows) -> list[Load]:
    """Return all loads of the no-op."""
    return [load for name, loads in rows.items() if name.startswith("no-op") for load in loads]


def against_no_op(name: str, rows: Rows) -> str:
    """Return a row's rate as a part of the no-op's."""
    return f"{ratio(rows[name], rows[no_op_of(name)]):.3f}"


def against_the_library(rows: Rows) -> str:
    """Return how much faster submitting is here, each against its own no-op: the machine changes in between."""
    ours, stock = (
        [load.rate / before.rate for load, before in zip(rows[name], rows[no_op_of(name)], strict=True)]
        for name in ("ours, submit", "the library, submit")
    )
    return f"{statistics.median(one / other for one, other in zip(ours, stock, strict=True)):.1f}"


def percentiles(name: str, rows: Rows) -> str:
    """Return how long the answers of a row took."""
    return f"{middle(rows[name], 0.5)} / {middle(rows[name], 0.99)}"


def print_reads(noop: Served, ours: Served, forgetful: Served) -> None:
    """Print what it costs to show a change of many events, with and without aggregates in memory."""
    cells: Rows = {"no-op": [], "in memory": [], "read each time": []}
    many, many_forgotten = changes_of_many_events(ours), changes_of_many_events(forgetful)
    for _ in range(ROUNDS):
        cells["no-op"].append(noop.nothing(32))
        cells["in memory"].append(shown(ours, many))
        cells["read each time"].append(shown(forgetful, many_forgotten))
    for name in ("in memory", "read each time"):
        against = ratio(cells[name], cells["no-op"])
        print(f"show a change of {EVENTS} events, {name}, 32 conn., against the no-op: {against:.3f}")


def shown(served: Served, ids: list[str]) -> Load:
    """Show changes, one after the other, again and again."""
    return served.load(32, lambda n: served.ask("GET", f"/changes/{ids[n % len(ids)]}"))


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


def print_votes(noop: Served, requester: Served, manager: Served, authority: Served) -> None:
    """Print what the vote costs that grants an authorization, with who may vote looked up and all that follows."""
    cells: Rows = {"no-op": [], "vote": []}
    for _ in range(ROUNDS):
        digests = authorizations_requested(requester, manager)
        votes = [
            authority.ask(
                "POST", f"/authorizations/{key}/votes", json.dumps({**APPROVED, "document_digest": it}).encode()
            )
            for key, it in digests.items()
        ]
        cells["no-op"].append(noop.nothing(32))
        cells["vote"].append(authority.load(32, votes.__getitem__, most=len(votes)))
    against = ratio(cells["vote"], cells["no-op"])
    print(f"vote on an authorization, 32 conn., against the no-op: {against:.3f}, p99 {middle(cells['vote'], 0.99)} ms")


def authorizations_requested(requester: Served, manager: Served) -> dict[str, str]:
    """Bring changes to where they are voted on; return the digest to vote on for each authorization."""
    ids: list[str] = []
    digests: dict[str, str] = {}

    def note(body: bytes) -> None:
        asked = json.loads(body)
        digests[asked["id"]] = asked["document_digest"]

    requester.load(
        32,
        lambda _: requester.ask("POST", "/changes", RAISED),
        most=VOTES,
        read=lambda body: ids.append(body[7:43].decode()),
    )
    for who, path, body in ((requester, "submission", REASON), (manager, "assessment", ASSESSED)):
        done = who.load(32, lambda n: who.ask("POST", f"/changes/{ids[n]}/{path}", body), most=len(ids))  # noqa: B023
        del ids[done.requests :]
    requester.load(
        32,
        lambda n: requester.ask("POST", f"/changes/{ids[n]}/authorization-requests", REASON),
        most=len(ids),
        read=note,
    )
    return digests


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
        with started(lambda port: ([sys.executable, "bench/stock.py", str(port), own], {}), "/docs") as (port, _):
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

    with started(command, "/jwks") as (port, _):
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

    with started(command, "/readyz") as (port, _):
        yield Served(port, "/v1", bearing(token_of(folder, issuer, "rita")))


def token_of(folder: Path, issuer: str, name: str) -> str:
    """Return a token for a person."""
    form = {"grant_type": "password", "username": name, "password": ensure_people(folder).of(name)}
    return str(CLIENT.request("POST", f"{issuer}/token", form=form).json()["access_token"])


def bearing(token: str) -> dict[str, str]:
    """Return the headers of whoever bears a token."""
    return {**JSON, "authorization": f"Bearer {token}"}


if __name__ == "__main__":
    main()
