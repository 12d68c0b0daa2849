"""What every store must do. The suite runs on each implementation."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import (
    AlreadyHandled,
    Conflict,
    EventMapper,
    EventStore,
    Parked,
    Reply,
    open_sqlite_recorder,
)
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.toys import Ball

IDS = CountedIds(7)


@pytest.fixture(params=["sqlite-file", "sqlite-memory"])
def recorder(request, tmp_path):
    opened = open_sqlite_recorder(tmp_path / "events.sqlite" if request.param == "sqlite-file" else None)
    yield opened
    opened.close()


@pytest.fixture
def store(recorder):
    return EventStore(recorder, EventMapper())


def thrown(colour: str = "red") -> Ball:
    return Ball.throw(an_act(), ball_id=IDS.new(), colour=colour)


def test_what_was_appended_is_loaded_again(store):
    ball = thrown()
    ball.bounce(an_act(), height=3)
    store.append(ball.collect_events())
    assert store.load(ball.id) == ball
    assert store.load(ball.id, version=1).heights == ()
    assert store.load(UUID(int=1)) is None


def test_the_log_is_read_in_the_order_of_commits_and_in_batches(store):
    balls = [thrown(str(n)) for n in range(5)]
    for ball in balls:
        store.append(ball.collect_events())
    first = store.log(0, 3)
    rest = store.log(first[-1].position, 3)
    assert [r.event.colour for r in [*first, *rest]] == ["0", "1", "2", "3", "4"]
    assert store.head() == rest[-1].position


def test_the_second_of_two_writers_of_one_version_gets_a_conflict(store):
    ball = thrown()
    store.append(ball.collect_events())
    mine, theirs = store.load(ball.id), store.load(ball.id)
    mine.bounce(an_act(), height=1)
    theirs.bounce(an_act(), height=2)
    store.append(mine.collect_events())
    with pytest.raises(Conflict):
        store.append(theirs.collect_events())
    assert store.load(ball.id).heights == (1,)


def test_one_of_many_contenders_wins_and_each_acknowledged_append_is_there_once(store):
    ball = thrown()
    store.append(ball.collect_events())
    won: list[int] = []

    def contend(height: int) -> None:
        mine = store.load(ball.id, version=1)
        mine.bounce(an_act(), height=height)
        try:
            store.append(mine.collect_events())
        except Conflict:
            return
        won.append(height)

    threads = [threading.Thread(target=contend, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(store.load(ball.id).heights) == won
    assert len(won) == 1


def test_a_position_is_saved_with_the_events_and_taken_only_once(store):
    ball, other = thrown(), thrown()
    store.append(ball.collect_events(), positions={"/source/3": 7})
    assert store.position_of("/source/3") == 7
    assert store.position_of("/source/4") == 0
    with pytest.raises(AlreadyHandled):
        store.append(other.collect_events(), positions={"/source/3": 7})
    assert store.load(other.id) is None, "the events of a repeated message must not be kept"


def test_one_bad_append_leaves_nothing_of_itself(store):
    ball = thrown()
    store.append(ball.collect_events())
    other, clash = thrown(), store.load(ball.id, version=1)
    clash.bounce(an_act(), height=1)
    events = clash.collect_events()
    store.append(events)
    with pytest.raises(Conflict):
        store.append([*other.collect_events(), *events], positions={"p": 1})
    assert store.load(other.id) is None
    assert store.position_of("p") == 0


def test_a_reply_is_found_until_it_expires_and_kept_once(store):
    reply = Reply("me POST /balls k", "f", 201, {"etag": '"1"'}, b"{}", NOON, NOON + timedelta(hours=1))
    store.append(thrown().collect_events(), reply=reply)
    assert store.find_reply(reply.scope, NOON) == reply
    assert store.find_reply(reply.scope, NOON + timedelta(hours=2)) is None
    with pytest.raises(Conflict):
        store.append((), reply=reply)


def test_a_parked_message_is_listed_and_its_aggregate_is_known(store):
    parked = Parked("/source", "key", "m-1", {"a": "b"}, b"x", "why", NOON)
    store.append((), positions={"/source/1": 1}, parked=parked)
    assert list(store.list_parked()) == [parked]
    assert store.is_parked("/source", "key")
    assert not store.is_parked("/source", "other")


def test_the_log_can_neither_be_edited_nor_deleted(store, recorder):
    store.append(thrown().collect_events())
    for statement in ("UPDATE stored_events SET topic = 'x'", "DELETE FROM stored_events"):
        with pytest.raises(Exception, match="append-only"), recorder.datastore.transaction(commit=True) as cursor:
            cursor.execute(statement)
    assert store.head() == 1


def test_a_row_that_cannot_be_read_is_named_and_others_still_load(store, recorder):
    good, bad = thrown(), IDS.new()
    store.append(good.collect_events())
    recorder.append([StoredEvent(bad, 1, "toy.BallThrown", b'{"colour": 3}')], positions={}, reply=None, parked=None)
    with pytest.raises(MapperDeserialisationError, match=str(bad)):
        store.load(bad)
    assert store.load(good.id) == good


def test_a_waiting_follower_is_woken_by_an_append(store):
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(store.wait_beyond(0, 10)))
    waiting.start()
    store.append(thrown().collect_events())
    waiting.join(10)
    assert woken == [True]


def test_a_follower_beside_writers_misses_nothing_and_sees_the_order_of_commits(store):
    writers, each = 8, 20
    done = threading.Event()
    seen: list[int] = []

    def write() -> None:
        for _ in range(each):
            store.append(thrown().collect_events())

    def follow() -> None:
        position = 0
        while True:
            last_round = done.is_set()
            batch = store.log(position, 50)
            seen.extend(r.position for r in batch)
            position = seen[-1] if seen else 0
            if last_round and not batch:
                return

    threads = [threading.Thread(target=write) for _ in range(writers)]
    follower = threading.Thread(target=follow)
    for thread in [*threads, follower]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    follower.join()
    assert seen == sorted(set(seen))
    assert len(seen) == writers * each


def test_what_was_acknowledged_is_there_after_reopening(tmp_path):
    first = EventStore(open_sqlite_recorder(tmp_path / "events.sqlite"), EventMapper())
    ball = thrown()
    first.append(ball.collect_events(), positions={"p": 4})
    first.close()
    second = EventStore(open_sqlite_recorder(tmp_path / "events.sqlite"), EventMapper())
    assert second.load(ball.id) == ball
    assert second.position_of("p") == 4
    second.close()
