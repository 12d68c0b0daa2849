"""Prints durable appends a second of our recorders and of the library's own, on the same tables, in the same run."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from eventsourcing.sqlite import SQLiteDatastore, SQLiteProcessRecorder
from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing.postgres import a_place, given_postgres, running_postgres
from psycopg.conninfo import conninfo_to_dict

WRITERS = tuple(int(n) for n in os.environ.get("BENCH_WRITERS", "1 8 32 128").split())
# Each pair is measured in turns, so that both see the same neighbours; the middle of the rounds counts.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
STATE = (
    b'{"act":{"by":"rita","at":"2027-02-03T12:00:00Z","why":"bench","roles":["requester"]},"title":"'
    + b"x" * 100
    + b'"}'
)


@dataclass(frozen=True)
class Load:
    """What one load gave: appends that were stored, and how long each took."""

    rate: float
    spans: Sequence[float]

    def percentile(self, share: float) -> float:
        return self.spans[int(len(self.spans) * share)]


def an_event(originator_id: UUID | None = None, version: int = 1) -> StoredEvent:
    return StoredEvent(originator_id or uuid4(), version, "toy.BallThrown", STATE)


def threads(recorder: Any, writers: int) -> Load:
    """Let threads append one event to a new aggregate each, again and again."""
    return _measure(lambda _: recorder.insert_events([an_event()]), writers)


def contenders(recorder: Any, writers: int) -> Load:
    """Let half of the threads contend for one aggregate. Whoever loses is answered too, and decides again."""
    hot, versions = uuid4(), itertools.count(1)
    version = [next(versions)]

    def append(number: int) -> None:
        if number % 2:
            recorder.insert_events([an_event()])
            return
        with suppress(IntegrityError):
            recorder.insert_events([an_event(hot, version[0])])
            version[0] = next(versions)

    return _measure(append, writers)


def _measure(append: Callable[[int], object], writers: int) -> Load:
    done = threading.Event()
    spans: list[list[float]] = [[] for _ in range(writers)]

    def write(number: int) -> None:
        while not done.is_set():
            began = time.perf_counter()
            append(number)
            spans[number].append(time.perf_counter() - began)

    running = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    began = time.perf_counter()
    for thread in running:
        thread.start()
    time.sleep(SECONDS)
    done.set()
    for thread in running:
        thread.join()
    every = sorted(itertools.chain(*spans))
    return Load(len(every) / (time.perf_counter() - began), every)


async def _answered(answer: Answer) -> None:
    loop, here, came = asyncio.get_running_loop(), threading.get_ident(), asyncio.Event()

    def arrive(_: Answer) -> None:
        if threading.get_ident() == here:
            came.set()
        else:
            loop.call_soon_threadsafe(came.set)

    answer.add_done_callback(arrive)
    await came.wait()
    answer.result(0)


def coroutines(recorder: Any, writers: int) -> Load:
    """Let coroutines of one thread append, each waiting for its own answer."""

    async def write(spans: list[float], until: float) -> None:
        while time.perf_counter() < until:
            began = time.perf_counter()
            await _answered(recorder.submit_on_loop([an_event()], reply=None))
            spans.append(time.perf_counter() - began)

    async def all_of_them() -> list[float]:
        spans: list[float] = []
        until = time.perf_counter() + SECONDS
        await asyncio.gather(*[write(spans, until) for _ in range(writers)])
        return spans

    began = time.perf_counter()
    spans = sorted(asyncio.run(all_of_them()))
    return Load(len(spans) / (time.perf_counter() - began), spans)


@contextmanager
def postgres() -> Iterator[tuple[Any, Any]]:
    """Give the library's recorder and ours on the same tables."""
    given = given_postgres()
    with (
        nullcontext() if given else running_postgres() as server,
        a_place(given or server.url) as place,
        closing(open_postgres_recorder(place.owner_url, schema=place.schema)) as ours,
    ):
        ours.max_notification_id()
        parts = conninfo_to_dict(place.owner_url)
        names = {name: parts[name] for name in ("host", "port", "user", "password")}
        # As the library's own factory opens it by default.
        datastore = PostgresDatastore(parts["dbname"], **names, schema=place.schema, pool_size=5, max_overflow=10)
        stock = PostgresProcessRecorder(datastore)
        stock.create_table()
        yield stock, ours
        datastore.close()


@contextmanager
def sqlite() -> Iterator[tuple[Any, Any]]:
    """Give the library's recorder and ours, each on a file of its own: their tables differ."""
    with tempfile.TemporaryDirectory() as folder, closing(open_sqlite_recorder(Path(folder, "ours.sqlite"))) as ours:
        stock = SQLiteProcessRecorder(SQLiteDatastore(f"file:{Path(folder, 'stock.sqlite')}"))
        stock.create_table()
        yield stock, ours
        stock.datastore.close()


def compared(name: str, stock: Any, ours: Any) -> None:
    """Print what the recorders of one database give."""
    found: dict[str, list[list[Load]]] = {}
    for writers in WRITERS:
        rounds: dict[str, list[Load]] = {}
        for _ in range(ROUNDS):
            rounds.setdefault("stock", []).append(threads(stock, writers))
            rounds.setdefault("ours", []).append(threads(ours, writers))
            rounds.setdefault("ours, coroutines", []).append(coroutines(ours, writers))
            rounds.setdefault("ours, half of them contending", []).append(contenders(ours, writers))
        for kind, loads in rounds.items():
            found.setdefault(kind, []).append(loads)
    for kind, columns in found.items():
        _row(f"{name}, {kind}", [f"{_rate(loads):.0f}" for loads in columns])
        _row("p50 / p99 in ms", [_percentiles(loads) for loads in columns])
    ratios = [_rate(ours) / _rate(stock) for stock, ours in zip(found["stock"], found["ours"], strict=True)]
    _row(f"**{name}, ours against stock**", [f"**{ratio:.1f}**" for ratio in ratios])


def _rate(loads: list[Load]) -> float:
    return statistics.median(load.rate for load in loads)


def _percentiles(loads: list[Load]) -> str:
    middle = [statistics.median(load.percentile(share) for load in loads) * 1000 for share in (0.5, 0.99)]
    return f"{middle[0]:.1f} / {middle[1]:.1f}"


def _row(name: str, cells: list[str]) -> None:
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure both databases."""
    _row("appends a second", [f"{writers} writers" for writers in WRITERS])
    print(f"|---|{'---|' * len(WRITERS)}")
    for name, database in (("PostgreSQL", postgres), ("SQLite", sqlite)):
        with database() as (stock, ours):
            compared(name, stock, ours)


if __name__ == "__main__":
    main()
