"""What an event loop needs of aggregates it reads by itself, and has a thread read whatever it cannot."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError
from fourgates.chassis.store import EventMapper, EventStore, UnreadableEvent
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.store.postgres.connections import Limits
from fourgates.chassis.store.postgres.loop_reader import EVENTS_MAX, TOGETHER_MAX
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import Ball

from tests.integration.store.conftest import IDS
from tests.integration.store.test_loop_writer import WAIT_S, connecting_ended, on_each_loop, until


@pytest.fixture
def opened(place):
    """Opens stores on one schema."""
    with ExitStack() as stack:

        def opened(limits: Limits | None = None) -> EventStore:
            recorder = open_postgres_recorder(
                place.service_url, schema=place.schema, owner_url=place.owner_url, limits=limits
            )
            stack.callback(recorder.close)
            return EventStore(recorder, EventMapper())

        yield opened


@pytest.fixture
def store(opened):
    return opened()


def thrown(store, *heights: int) -> Ball:
    ball = Ball.throw(an_act(), ball_id=IDS.new(), colour="red")
    for height in heights:
        ball.bounce(an_act(), height=height)
    store.append(ball.collect_events())
    return ball


async def on_its_own(store):
    """Return the reader of this loop when it has its connection, and note what threads read from now on."""
    await store.load_on_loop(IDS.new())
    await connecting_ended()
    reader = store._recorder._loop_readers.here()
    assert reader._conn is not None
    in_threads = []
    load = store.load

    def noted(aggregate_id, **how):
        in_threads.append(aggregate_id)
        return load(aggregate_id, **how)

    store.load = noted
    return reader, in_threads


@contextmanager
def nothing_can_be_read(place):
    with psycopg.connect(place.owner_url) as conn:
        conn.execute(f'LOCK TABLE "{place.schema}".stored_events IN ACCESS EXCLUSIVE MODE')
        yield conn
        conn.rollback()


async def stand_still(place, reader) -> None:
    """Wait until the server has what the reader asked, and waits for the lock."""
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        asked = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
        await until(lambda: conn.execute(asked, (reader._conn.info.backend_pid,)).fetchone() is not None)


async def read(store, *balls: Ball):
    async with asyncio.timeout(WAIT_S):
        return await asyncio.gather(*(store.load_on_loop(ball.id) for ball in balls))


@on_each_loop
async def test_each_gets_its_own_as_a_thread_would_read_it(store):
    balls = [thrown(store, *range(number, 1, -1)) for number in range(1, 2 * TOGETHER_MAX)]
    _, in_threads = await on_its_own(store)
    nobody = IDS.new()
    asked = [store.load_on_loop(ball.id) for ball in balls] + [store.load_on_loop(nobody)]
    *found, none = await asyncio.gather(*asked)
    assert [(ball.id, ball.version, ball.heights) for ball in found] == [
        (ball.id, ball.version, ball.heights) for ball in balls
    ]
    assert none is None
    assert in_threads == []


@on_each_loop
async def test_the_same_is_read_for_each_who_asks(store):
    ball = thrown(store, 9, 8)
    await on_its_own(store)
    first, second = await read(store, ball, ball)
    assert first is not second
    assert first.heights == second.heights == (9, 8)


@on_each_loop
async def test_what_is_too_long_is_read_by_a_thread_and_what_comes_before_it_is_not(store):
    short, long, behind = thrown(store, 9), thrown(store, *[7] * EVENTS_MAX), thrown(store, 8)
    _, in_threads = await on_its_own(store)
    found = await read(store, short, long, behind)
    assert [len(ball.heights) for ball in found] == [1, EVENTS_MAX, 1]
    # Two threads, and none waits for the other.
    assert sorted(in_threads) == [long.id, behind.id]


@on_each_loop
async def test_just_as_long_as_may_be_is_read_whole(store):
    ball = thrown(store, *[7] * (EVENTS_MAX - 1))
    _, in_threads = await on_its_own(store)
    [found] = await read(store, ball)
    assert found.version == EVENTS_MAX
    assert in_threads == []


@on_each_loop
async def test_an_event_that_cannot_be_read_stops_its_aggregate_alone(store, place):
    good, bad = thrown(store, 9), thrown(store, 8)
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute(
            f'UPDATE "{place.schema}".stored_events SET state = %s WHERE originator_id = %s AND originator_version = 2',
            (b"{", bad.id),
        )
    await on_its_own(store)
    found = await asyncio.gather(store.load_on_loop(good.id), store.load_on_loop(bad.id), return_exceptions=True)
    assert found[0].heights == (9,)
    assert isinstance(found[1], UnreadableEvent)
    assert f"{bad.id}" in str(found[1])


@on_each_loop
async def test_when_the_connection_is_cut_threads_read_what_was_asked_and_what_waits(place, store):
    balls = [thrown(store, number) for number in range(1, TOGETHER_MAX + 5)]
    reader, in_threads = await on_its_own(store)
    with nothing_can_be_read(place):
        asked = asyncio.gather(*(store.load_on_loop(ball.id) for ball in balls))
        await stand_still(place, reader)
        with psycopg.connect(place.owner_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (reader._conn.info.backend_pid,))
        await until(lambda: reader._conn is None)
    assert [ball.heights for ball in await asked] == [ball.heights for ball in balls]
    assert sorted(in_threads) == sorted(ball.id for ball in balls)


@on_each_loop
async def test_an_answer_that_takes_too_long_is_read_by_a_thread(place, opened):
    store = opened(Limits(answer_s=0.3))
    ball = thrown(store, 9)
    reader, in_threads = await on_its_own(store)
    with nothing_can_be_read(place):
        asked = asyncio.ensure_future(store.load_on_loop(ball.id))
        await stand_still(place, reader)
        await until(lambda: reader._conn is None)
    assert (await asked).heights == (9,)
    assert in_threads == [ball.id]


@on_each_loop
async def test_whoever_goes_away_keeps_nobody_else_from_being_answered(place, store):
    balls = [thrown(store, 9), thrown(store, 8)]
    reader, in_threads = await on_its_own(store)
    with nothing_can_be_read(place):
        first, second = (asyncio.ensure_future(store.load_on_loop(ball.id)) for ball in balls)
        await stand_still(place, reader)
        first.cancel()
    assert (await second).heights == (8,)
    assert first.cancelled()
    assert in_threads == []


@on_each_loop
async def test_a_refusal_of_the_server_is_not_taken_for_nothing(place, store):
    ball = thrown(store, 9)
    _, in_threads = await on_its_own(store)
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        conn.execute(f'ALTER TABLE "{place.schema}".stored_events RENAME TO elsewhere')
        with pytest.raises(PersistenceError):
            await store.load_on_loop(ball.id)
        conn.execute(f'ALTER TABLE "{place.schema}".elsewhere RENAME TO stored_events')
    assert in_threads == [ball.id]
    assert (await store.load_on_loop(ball.id)).heights == (9,)


@on_each_loop
async def test_at_the_end_nobody_waits(place, store):
    ball = thrown(store, 9)
    reader, in_threads = await on_its_own(store)
    with nothing_can_be_read(place):
        asked = asyncio.ensure_future(store.load_on_loop(ball.id))
        await stand_still(place, reader)
        store._recorder._loop_readers.close()
    assert (await asked).heights == (9,)
    assert in_threads == [ball.id]
