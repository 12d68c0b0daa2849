"""The real parts that a bench runs on: those it was told to use, or some of its own for as long as it lasts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path

from fourgates.chassis.store import EventMapper, EventStore
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing.kafka import given_kafka, running_kafka
from fourgates.chassis.testing.postgres import a_place, given_postgres, running_postgres


@contextmanager
def postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL."""
    given = given_postgres()
    with nullcontext() if given else running_postgres() as server:
        yield given or server.url


@contextmanager
def kafka() -> Iterator[str]:
    """Give the address of a Kafka."""
    given = given_kafka()
    with (
        tempfile.TemporaryDirectory() as folder,
        nullcontext() if given else running_kafka(Path(folder, "k")) as server,
    ):
        yield given or server.bootstrap


@contextmanager
def opened(url: str, count: int) -> Iterator[list[EventStore]]:
    """Open so many stores in PostgreSQL, each with a schema of its own."""
    with ExitStack() as stack:
        stores = []
        for _ in range(count):
            place = stack.enter_context(a_place(url))
            recorder = open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url)
            stores.append(stack.enter_context(closing(EventStore(recorder, EventMapper()))))
        yield stores
