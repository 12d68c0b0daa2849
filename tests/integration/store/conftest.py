"""One PostgreSQL for the tests of a process, a schema of its own for each test, and the stores on all databases."""

from __future__ import annotations

from contextlib import closing

import pytest
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import EventMapper, EventStore, QueueLimits, open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.lacking import named_when_lacking
from fourgates.chassis.testing.postgres import a_place, given_postgres, running_postgres
from fourgates.chassis.testing.toys import Ball

from tests.integration.store.playing import on_postgres, opened

IDS = CountedIds(7)


@pytest.fixture(scope="session")
def own_postgres():
    with named_when_lacking(), running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(request):
    return given_postgres() or request.getfixturevalue("own_postgres").url


@pytest.fixture
def place(postgres_url):
    with a_place(postgres_url) as made:
        yield made


@pytest.fixture
def stoppable(own_postgres):
    """A server that a test may stop and kill, with a schema on it."""
    with a_place(own_postgres.url) as made:
        yield own_postgres, made
        if not own_postgres.runs:
            own_postgres.start()


@pytest.fixture(params=["sqlite", "postgres"])
def counted(request, tmp_path):
    """A store on each database that counts what is loaded."""
    with closing(opened(request, tmp_path)) as made:
        yield made


@pytest.fixture
def replicas(place):
    """Two stores of two processes on one log."""
    made = [on_postgres(place) for _ in range(2)]
    yield made
    for store in made:
        store.close()


@pytest.fixture(params=["alone", "together"])
def queue(request):
    """Limits under which each append is a transaction of its own, and those under which many share one."""
    return QueueLimits(batch_max=1) if request.param == "alone" else QueueLimits()


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "postgres", "postgres-one-role"])
def open_recorder(request, tmp_path, queue):
    """Opens a recorder on the same database whenever it is called, unless it is in memory."""
    if request.param.startswith("sqlite"):
        path = tmp_path / "events.sqlite" if request.param == "sqlite-file" else None
        return lambda: open_sqlite_recorder(path, queue=queue)
    place = request.getfixturevalue("place")
    if request.param == "postgres-one-role":
        return lambda: open_postgres_recorder(place.owner_url, schema=place.schema, queue=queue)
    return lambda: open_postgres_recorder(
        place.service_url, schema=place.schema, owner_url=place.owner_url, queue=queue
    )


@pytest.fixture
def recorder(open_recorder):
    opened = open_recorder()
    yield opened
    opened.close()


@pytest.fixture
def store(recorder):
    return EventStore(recorder, EventMapper())


@pytest.fixture
def thrown():
    return lambda colour="red": Ball.throw(an_act(), ball_id=IDS.new(), colour=colour)
