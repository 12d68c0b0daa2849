"""What is appended on an event loop is stored by that loop, and by the thread whenever anything goes wrong."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psycopg
import pytest
import uvloop
from eventsourcing.persistence import IntegrityError, StoredEvent
from fourgates.chassis.store import EventMapper, EventStore, QueueLimits, Reply, StoreUnavailable
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.batching import QueueFull
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.store.postgres.connections import Limits, lock_key
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.toys import Ball

from tests.integration.store.conftest import IDS

WAIT_S = 60


def on_each_loop(test):
    """Run a test on the loop of the standard library, and on the one that services run on."""

    def runs(run, **fixtures) -> None:
        run(asyncio.wait_for(test(**fixtures), WAIT_S))

    wanted = [inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY), *inspect.signature(test).parameters.values()]
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in wanted]
    runs.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]  # what fixtures are found by
    return pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])(runs)


@pytest.fixture
def opened(place):
    """Opens recorders on one schema."""
    with ExitStack() as stack:

        def opened(*, limits: Limits | None = None, queue: QueueLimits | None = None):
            recorder = open_postgres_recorder(
                place.service_url, schema=place.schema, owner_url=place.owner_url, limits=limits, queue=queue
            )
            stack.callback(recorder.close)
            return recorder

        yield opened


@pytest.fixture
def recorder(opened):
    return opened()


def an_event(version: int = 1, originator_id=None, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(originator_id or IDS.new(), version, "toys.BallThrown", state)


def put(recorder, *events: StoredEvent, reply: Reply | None = None) -> Answer:
    return recorder.submit_on_loop(list(events), reply=reply)


async def come(answer: Answer) -> Sequence[int]:
    """Wait for an answer without keeping the loop from giving it."""
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()
    answer.add_done_callback(lambda _: loop.call_soon_threadsafe(arrived.set))
    async with asyncio.timeout(WAIT_S):
        await arrived.wait()
    return answer.result(0)


async def until(condition) -> None:
    """Let the loop go on until something holds."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on this very loop, or in a server
            await asyncio.sleep(0)


async def connecting_ended() -> None:
    """Wait until whoever was connecting has told the loop of it."""
    for thread in threading.enumerate():
        if thread.name.startswith("connect "):
            await asyncio.to_thread(thread.join, WAIT_S)
    await asyncio.sleep(0)


async def on_its_own(recorder):
    """Return the writer of this loop when it has its connection."""
    await come(put(recorder, an_event()))
    await connecting_ended()
    writer = recorder._loop_writers.here()
    assert writer._conn is not None
    return writer


@contextmanager
def nothing_can_be_appended(place) -> Iterator[psycopg.Connection]:
    """Hold the lock of all who append."""
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (lock_key("append", place.schema, "stored_events"),))
        yield conn


async def stand_still(place, writer) -> None:
    """Wait until the server has what the writer sent, and waits for the lock."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        asked = "SELECT 1 FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted"
        await until(lambda: conn.execute(asked, (writer._conn.info.backend_pid,)).fetchone() is not None)


def in_threads(recorder) -> list[int]:
    """Return what the thread stores from now on: how much at a time."""
    batches: list[int] = []
    write = recorder._writer._write

    def noted(batch) -> None:
        batches.append(len(batch))
        write(batch)

    recorder._writer._write = noted
    return batches


def stored(recorder) -> list[StoredEvent]:
    return [*recorder.select_notifications(None, 1000)]


@on_each_loop
async def test_the_loop_stores_by_itself_and_all_that_came_together_at_once(recorder):
    await on_its_own(recorder)
    batches = in_threads(recorder)
    events = [an_event() for _ in range(50)]
    answers = [put(recorder, event) for event in events]
    first = await come(answers[0])
    assert [await come(answer) for answer in answers] == [[first[0] + n] for n in range(50)]
    assert [(n.originator_id, n.originator_version) for n in stored(recorder)][1:] == [
        (event.originator_id, 1) for event in events
    ]
    assert batches == []


@on_each_loop
async def test_the_events_of_one_append_are_stored_in_their_order(recorder):
    await on_its_own(recorder)
    ball = IDS.new()
    pair, single = put(recorder, an_event(1, ball), an_event(2, ball)), put(recorder, an_event())
    first, second = await come(pair)
    assert await come(single) == [second + 1]
    assert second == first + 1


@on_each_loop
async def test_whoever_comes_too_late_is_told_and_the_others_are_stored(recorder):
    await on_its_own(recorder)
    batches = in_threads(recorder)
    taken = an_event()
    await come(put(recorder, taken))
    late, fresh = put(recorder, an_event(1, taken.originator_id)), put(recorder, an_event())
    with pytest.raises(IntegrityError):
        await come(late)
    assert len(await come(fresh)) == 1
    assert batches == []


@on_each_loop
async def test_of_two_that_want_the_same_the_first_is_stored(recorder):
    await on_its_own(recorder)
    ball = IDS.new()
    first, second = put(recorder, an_event(1, ball)), put(recorder, an_event(1, ball))
    assert len(await come(first)) == 1
    with pytest.raises(IntegrityError):
        await come(second)


@on_each_loop
async def test_whoever_wanted_the_same_as_one_that_came_too_late_is_stored_after_all(recorder):
    await on_its_own(recorder)
    batches = in_threads(recorder)
    taken, wanted = an_event(), IDS.new()
    await come(put(recorder, taken))
    late = put(recorder, an_event(1, taken.originator_id), an_event(1, wanted))
    other = put(recorder, an_event(1, wanted))
    with pytest.raises(IntegrityError):
        await come(late)
    assert len(await come(other)) == 1
    assert batches == [1]


@on_each_loop
async def test_a_reply_is_kept_once_with_its_events(recorder):
    await on_its_own(recorder)
    reply = Reply("scope", "print", 201, {"etag": '"1"'}, b"{}", NOON, NOON + timedelta(hours=1))
    await come(put(recorder, an_event(), reply=reply))
    again = put(recorder, an_event(), reply=reply)
    with pytest.raises(IntegrityError):
        await come(again)
    assert recorder.find_reply("scope", NOON) == reply
    assert len(stored(recorder)) == 2


@on_each_loop
async def test_a_commit_that_fails_behind_the_first_result_is_no_success(place, recorder):
    await on_its_own(recorder)
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        name = f'"{place.schema}".refuse_at_commit'
        conn.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'data_exception'; END$$"
        )
        conn.execute(
            f'CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON "{place.schema}".stored_events'
            f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.topic = 'toys.Bad') EXECUTE FUNCTION {name}()"
        )
    bad, good = put(recorder, StoredEvent(IDS.new(), 1, "toys.Bad", b"{}")), put(recorder, an_event())
    with pytest.raises(Exception, match="not this one"):
        await come(bad)
    assert len(await come(good)) == 1
    assert "toys.Bad" not in {event.topic for event in stored(recorder)}


@on_each_loop
async def test_a_connection_that_is_cut_with_a_batch_on_its_way_loses_and_doubles_nothing(place, recorder):
    writer = await on_its_own(recorder)
    events = [an_event() for _ in range(20)]
    with nothing_can_be_appended(place) as other:
        answers = [put(recorder, event) for event in events]
        await stand_still(place, writer)
        behind = [put(recorder, an_event()) for _ in range(5)]
        other.execute("SELECT pg_terminate_backend(%s)", (writer._conn.info.backend_pid,))
    positions = [(await come(answer))[0] for answer in (*answers, *behind)]
    assert sorted(positions) == sorted(n.id for n in stored(recorder))[1:]
    assert len(set(positions)) == 25


@on_each_loop
async def test_what_was_stored_before_the_answer_was_lost_is_not_stored_again(recorder):
    writer = await on_its_own(recorder)
    batches = in_threads(recorder)
    answered = asyncio.Event()

    def lost() -> None:
        answered.set()
        raise psycopg.OperationalError("the answer is lost")

    writer._end = lost
    answer = put(recorder, an_event())
    async with asyncio.timeout(WAIT_S):
        await answered.wait()
    position = (await come(answer))[0]
    assert [n.id for n in stored(recorder)][1:] == [position]
    assert batches == [1]


@on_each_loop
async def test_an_answer_that_takes_too_long_is_looked_for_by_the_thread(place, opened):
    # And nobody would wait for it any more, had it not been sent.
    recorder = opened(limits=Limits(answer_s=0.2, append_s=0.1))
    writer = await on_its_own(recorder)
    batches = in_threads(recorder)
    with nothing_can_be_appended(place):
        answer = put(recorder, an_event())
        await stand_still(place, writer)
        lost = writer._conn
        await until(lambda: writer._conn is not lost)
    assert len(await come(answer)) == 1
    assert batches == [1]
    assert len(stored(recorder)) == 2


@on_each_loop
async def test_after_a_loss_the_loop_has_another_connection(place, recorder):
    writer = await on_its_own(recorder)
    lost = writer._conn
    with psycopg.connect(place.owner_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (lost.info.backend_pid,))
    await until(lambda: writer._conn is not lost)
    writer._again_at = 0.0
    assert (await on_its_own(recorder))._conn is not lost


@on_each_loop
async def test_more_than_the_socket_takes_at_once_is_stored(recorder):
    await on_its_own(recorder)
    batches = in_threads(recorder)
    ball = IDS.new()
    large = [an_event(version, ball, b"x" * 1_000_000) for version in range(1, 9)]
    assert len(await come(put(recorder, *large))) == 8
    assert [len(event.state) for event in recorder.select_events(ball)] == [1_000_000] * 8
    assert batches == []


@on_each_loop
async def test_what_waits_is_bounded(place, opened):
    recorder = opened(queue=QueueLimits(waiting_max=3))
    writer = await on_its_own(recorder)
    with nothing_can_be_appended(place):
        sent = put(recorder, an_event())
        await stand_still(place, writer)
        waiting = [put(recorder, an_event()) for _ in range(3)]
        with pytest.raises(QueueFull):
            put(recorder, an_event())
    assert [len(await come(answer)) for answer in (sent, *waiting)] == [1] * 4


@pytest.mark.parametrize("from_another_thread", [False, True])
@on_each_loop
async def test_at_the_end_what_is_on_its_way_is_answered_and_nothing_more_is_taken(
    place, recorder, from_another_thread
):
    writer = await on_its_own(recorder)
    with nothing_can_be_appended(place):
        sent = put(recorder, an_event())
        await stand_still(place, writer)
        waiting = put(recorder, an_event())
        if from_another_thread:
            await asyncio.to_thread(recorder._loop_writers.close)
        else:
            recorder._loop_writers.close()
    assert {len(await come(sent)), len(await come(waiting))} == {1}
    assert len(stored(recorder)) == 3
    recorder.drain()
    with pytest.raises(StoreUnavailable, match="closed"):
        put(recorder, an_event())


@on_each_loop
async def test_without_a_server_each_is_told_and_later_the_loop_stores_again(stoppable):
    server, place = stoppable
    recorder = open_postgres_recorder(
        place.service_url,
        schema=place.schema,
        owner_url=place.owner_url,
        limits=Limits(connect_s=2, pool_wait_s=0.2, append_s=0.2),
    )
    try:
        writer = await on_its_own(recorder)
        lost = writer._conn
        await asyncio.to_thread(server.kill)
        with pytest.raises(StoreUnavailable):
            await come(put(recorder, an_event()))
        assert writer._conn is None
        await asyncio.to_thread(server.start)
        writer._again_at = 0.0
        assert (await on_its_own(recorder))._conn is not lost
    finally:
        recorder.close()


def test_each_loop_stores_by_itself_and_those_that_are_over_are_let_go(recorder):
    connections = []

    async def once() -> None:
        writer = await on_its_own(recorder)
        await come(put(recorder, an_event()))
        assert writer is recorder._loop_writers.here()
        connections.append(writer._conn)

    for _ in range(3):
        asyncio.run(once())
    assert [conn.closed for conn in connections] == [True, True, False]
    assert len(stored(recorder)) == 6


@on_each_loop
async def test_what_a_loop_appends_is_handed_on_to_those_who_follow(recorder):
    await on_its_own(recorder)
    store = EventStore(recorder, EventMapper())
    await come(store.submit(Ball.throw(an_act(), ball_id=IDS.new(), colour="red").collect_events()))
    assert [recorded.event.colour for recorded in store.following(1, 10)] == ["red"]
