"""Prints durable appends a second of the recorders against the library's own on the same table, in one run."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from eventsourcing.sqlite import SQLiteDatastore, SQLiteProcessRecorder
from fourgates.chassis.store.grouped_sqlite import GroupCommitSQLiteRecorder
from fourgates.chassis.store.postgres import FourgatesPostgresRecorder, create_tables
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore
from fourgates.chassis.store.postgres.group import GroupCommitPostgresRecorder
from fourgates.chassis.testing.postgres import a_place, given_postgres, running_postgres
from psycopg.conninfo import conninfo_to_dict

WRITERS = tuple(int(n) for n in os.environ.get("BENCH_WRITERS", "1 8 32 128").split())
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
ACT = b'{"by":"rita","at":"2027-02-03T12:00:00Z","why":"bench","roles":["requester"]}'
STATE = b'{"act":' + ACT + b',"title":"' + b"x" * 120 + b'"}'
Insert = Callable[[list[StoredEvent]], object]


@dataclass(frozen=True)
class Rate:
    """What one load gave."""

    rate: float
    p50_ms: float
    p99_ms: float


def measure(insert: Insert, writers: int) -> Rate:
    """Let threads append one event each, again and again."""
    done = threading.Event()
    spans: list[list[float]] = [[] for _ in range(writers)]

    def write(mine: list[float]) -> None:
        while not done.is_set():
            event = [StoredEvent(uuid4(), 1, "toy.BallThrown", STATE)]
            began = time.perf_counter()
            insert(event)
            mine.append(time.perf_counter() - began)

    threads = [threading.Thread(target=write, args=(mine,)) for mine in spans]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    done.set()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    every = sorted(span for mine in spans for span in mine)
    return Rate(len(every) / took, every[len(every) // 2] * 1000, every[int(len(every) * 0.99)] * 1000)


@contextmanager
def postgres() -> Iterator[dict[str, Insert]]:
    with running_server() as url, a_place(url) as place:
        given = conninfo_to_dict(place.owner_url)
        create_tables(place.owner_url, place.schema)
        own = {name: given[name] for name in ("host", "port", "user", "password")}
        stock = PostgresProcessRecorder(
            PostgresDatastore(given["dbname"], **own, schema=place.schema, pool_size=5, max_overflow=10)
        )
        stock.create_table()
        alone = FourgatesPostgresRecorder(FourgatesPostgresDatastore(place.owner_url, schema=place.schema))
        group = GroupCommitPostgresRecorder(FourgatesPostgresDatastore(place.owner_url, schema=place.schema))
        yield {"stock": stock.insert_events, "alone": alone.insert_events, "group": group.insert_events}
        stock.datastore.close()
        alone.close()
        group.close()


@contextmanager
def running_server() -> Iterator[str]:
    given = given_postgres()
    if given:
        yield given
    else:
        with running_postgres() as server:
            yield server.url


@contextmanager
def sqlite() -> Iterator[dict[str, Insert]]:
    with tempfile.TemporaryDirectory() as folder:
        stock = SQLiteProcessRecorder(SQLiteDatastore(f"file:{Path(folder, 'stock.sqlite')}"))
        group = GroupCommitSQLiteRecorder(SQLiteDatastore(f"file:{Path(folder, 'group.sqlite')}"))
        for recorder in (stock, group):
            recorder.create_table()
        yield {"stock": stock.insert_events, "group": group.insert_events}
        stock.datastore.close()
        group.close()


def main() -> None:
    print(f"| appends a second | {' | '.join(f'{n} writers' for n in WRITERS)} |")
    print(f"|---|{'---|' * len(WRITERS)}")
    for name, database in (("PostgreSQL", postgres), ("SQLite", sqlite)):
        if name not in os.environ.get("BENCH_STORES", "PostgreSQL SQLite"):
            continue
        with database() as recorders:
            found = {kind: [measure(insert, writers) for writers in WRITERS] for kind, insert in recorders.items()}
        for kind, rates in found.items():
            cells = [f"{r.rate:.0f} ({r.p50_ms:.1f} / {r.p99_ms:.1f} ms)" for r in rates]
            print(f"| {name} {kind} | {' | '.join(cells)} |")
        ratios = [g.rate / s.rate for g, s in zip(found["group"], found["stock"], strict=True)]
        print(f"| {name} group / stock | {' | '.join(f'{ratio:.1f}' for ratio in ratios)} |")


if __name__ == "__main__":
    main()
