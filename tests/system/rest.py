"""Waiting until everything that was stored was published, heard and followed, by looking into the databases."""

from __future__ import annotations

import importlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
from fourgates.chassis.bus.envelope import source_of
from fourgates_cli.walkthrough.narrator import Narrator
from psycopg.sql import SQL, Identifier

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
REST_S = 60.0
# Whom each service listens to.
LISTENS = {
    name: {contract.TYPE.split(".")[2] for contract in importlib.import_module(f"{name}_service.reactions").HEARD}
    for name in SERVICES
}

# Of each service: the head of its log, and every position that it saved.
Positions = Mapping[str, tuple[int, Mapping[str, int]]]
Look = Callable[[], Positions]


def into_files(data: Path) -> Look:
    """Return how to look into the files of an embedded set."""

    def look() -> Positions:
        found = {}
        for name in SERVICES:
            with closing(sqlite3.connect(f"file:{data / name / 'events.sqlite'}?mode=ro", uri=True)) as conn:
                (head,) = conn.execute("SELECT max(rowid) FROM stored_events").fetchone()
                found[name] = (head or 0, dict(conn.execute("SELECT * FROM tracking").fetchall()))
        return found

    return look


class IntoDatabase:
    """Look into the schemas of a PostgreSQL database, as somebody who may read them all, over one connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._conn: psycopg.Connection | None = None

    def __call__(self) -> Positions:
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self._url, connect_timeout=5, autocommit=True)
        found = {}
        for name in SERVICES:
            tracking = SQL("SELECT * FROM {}").format(Identifier(name, "notification_tracking"))
            events = SQL("SELECT max(notification_id) FROM {}").format(Identifier(name, "stored_events"))
            head = self._conn.execute(events).fetchone()
            found[name] = ((head and head[0]) or 0, dict(self._conn.execute(tracking).fetchall()))
        return found

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()


def come_to_rest(look: Look, *, effects: bool = True, timeout_s: float = REST_S) -> None:
    """Wait until nothing is behind, what is carried out included unless `effects` is false."""
    until = time.monotonic() + timeout_s
    while behind := _behind_now(look, effects=effects):
        assert time.monotonic() < until, behind[:5]
        time.sleep(0.02)


class RestingNarrator(Narrator):
    """A narrator who goes on only when all have heard of what was told.

    Services hear each other in no common order, so two walks are told alike only if each step begins from rest.
    """

    def __init__(self, tell: Callable[[str], None], look: Look, *, timeout_s: float = REST_S) -> None:
        super().__init__(tell)
        self._rest = partial(come_to_rest, look, effects=False, timeout_s=timeout_s)

    def step(self, text: str) -> None:
        self._rest()
        super().step(text)

    def proved(self, text: str, *, kind: str = "fact") -> None:
        self._rest()
        super().proved(text, kind=kind)


def _behind_now(look: Look, *, effects: bool) -> list[str]:
    try:
        return list(_behind(look(), effects=effects))
    except psycopg.OperationalError as error:
        return [f"the database is away: {error}"]


def _behind(positions: Positions, *, effects: bool) -> Iterator[str]:
    for name, (head, saved) in positions.items():
        followers = ["relay", "own", *(one for one in saved if effects and one.startswith("effect/"))]
        yield from (f"{name} {one}" for one in followers if saved.get(one, 0) < head)
        for source in LISTENS[name]:
            for sent, position in positions[source][1].items():
                shard = sent.removeprefix("relay/")
                if shard != sent and saved.get(f"{source_of(source)}/{shard}", 0) < position:
                    yield f"{name} hears {source}/{shard}"
