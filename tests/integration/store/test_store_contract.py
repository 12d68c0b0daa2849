"""What every store must do. The suite runs on each implementation."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from fourgates.chassis.store import (
    AlreadyHandled,
    Conflict,
    EventMapper,
    EventStore,
    Parked,
    Reply,
    UnreadableEvent,
    settling,
)
from fourgates.chassis.store.positions import After
from fourgates.chassis.testing import NOON, an_act

POSTGRES = ["postgres", "postgres-one-role"]


def run_all(*works) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_was_appended_is_loaded_again(store, thrown):
    ball = thrown()
    ball.bounce(an_act(), height=3)
    store.append(ball.collect_events())
    assert store.load(ball.id) == ball
    assert store.load(ball.id, version=1).heights == ()
    assert store.load(UUID(int=1)) is None


def test_the_log_is_read_in_the_order_of_commits_and_in_batches(store, thrown):
    balls = [thrown(str(n)) for n in range(5)]
    for ball in balls:
        store.append(ball.collect_events())
    first = store.log(0, 3)
    rest = store.log(first[-1].position, 3)
    assert [r.event.colour for r in [*first, *rest]] == ["0", "1", "2", "3", "4"]
    assert store.head() == rest[-1].position


def test_the_second_of_two_writers_of_one_version_gets_a_conflict(store, thrown):
    ball = thrown()
    store.append(ball.collect_events())
    mine, theirs = store.load(ball.id), store.load(ball.id)
    mine.bounce(an_act(), height=1)
    theirs.bounce(an_act(), height=2)
    store.append(mine.collect_events())
    with pytest.raises(Conflict):
        store.append(theirs.collect_events())
    assert store.load(ball.id).heights == (1,)


def test_one_of_many_contenders_wins_and_each_acknowledged_append_is_there_once(store, thrown):
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

    run_all(*(partial(contend, n) for n in range(64)))
    assert list(store.load(ball.id).heights) == won
    assert len(won) == 1


def test_a_position_is_saved_with_the_events_and_taken_only_once(store, thrown):
    ball, other = thrown(), thrown()
    store.append(ball.collect_events(), positions={"/source/3": 7})
    assert store.position_of("/source/3") == 7
    assert store.position_of("/source/4") == 0
    with pytest.raises(AlreadyHandled):
        store.append(other.collect_events(), positions={"/source/3": 7})
    assert store.load(other.id) is None, "the events of a repeated message must not be kept"


def test_one_bad_append_leaves_nothing_of_itself(store, thrown):
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


def test_a_reply_is_found_until_it_expires_and_kept_once(store, thrown):
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


def test_a_settled_message_waits_no_more_and_is_kept_as_it_came(store, thrown):
    odd = "\0 \ud800"
    for n in range(4):
        key = odd if n % 2 else "key"
        store.append((), parked=Parked("/source", key, f"m-{n}", {"n": str(n)}, b"x", "why", NOON))
    first, second, third, fourth = (parked.place for parked in store.list_parked())
    assert store.first_parked("/source", odd).message_id == "m-1"
    store.append(thrown().collect_events(), positions=settling(second))
    assert [parked.place for parked in store.list_parked()] == [first, third, fourth]
    assert [parked.place for parked in store.list_parked(1, first)] == [third]
    assert store.count_parked() == 3
    assert store.first_parked("/source", odd).place == fourth
    assert store.is_parked("/source", odd)
    store.append((), positions=settling(fourth))
    assert store.first_parked("/source", odd) is None
    assert not store.is_parked("/source", odd)
    assert store.is_parked("/source", "key")
    assert store.find_parked(fourth) == Parked("/source", odd, "m-3", {"n": "3"}, b"x", "why", NOON)
    assert store.find_parked(fourth + 1) is None


def test_parked_messages_are_chosen_by_source_and_key_whether_they_wait_or_not(store):
    odd = "'; \0 \ud800"
    for source, key in (("/a", "x"), ("/a", odd), ("/b", "x"), ("/a", "x")):
        store.append((), parked=Parked(source, key, "m", {}, b"x", "why", NOON))
    all_of_them = [parked.place for parked in store.list_parked()]
    first, second, third, fourth = all_of_them
    store.append((), positions=settling(first))

    def places(**chosen):
        return [parked.place for parked in store.list_parked(**chosen)]

    assert places(settled=True) == all_of_them
    assert places(source="/a") == [second, fourth]
    assert places(source="/a", settled=True) == [first, second, fourth]
    assert places(key="x") == [third, fourth]
    assert places(source="/a", key="x", settled=True, limit=1, after=first) == [fourth]
    assert places(source="/a", key=odd) == [second]
    assert places(source="", key="x") == []


def test_a_message_is_settled_once_with_what_settles_it(store, thrown):
    store.append((), parked=Parked("/source", "key", "m", {}, b"x", "why", NOON))
    [parked] = store.list_parked()
    won: list[UUID] = []

    def settle() -> None:
        ball = thrown()
        try:
            store.append(ball.collect_events(), positions=settling(parked.place))
        except AlreadyHandled:
            return
        won.append(ball.id)

    run_all(*[settle] * 16)
    assert [recorded.event.originator_id for recorded in store.log(0, 100)] == won
    assert len(won) == 1


def test_the_log_can_neither_be_edited_nor_deleted(store, recorder, thrown):
    store.append(thrown().collect_events())
    schema = getattr(recorder.datastore, "schema", None)
    table = f"{schema}.stored_events" if schema else "stored_events"
    statements = [f"UPDATE {table} SET topic = 'x'", f"DELETE FROM {table}", *([f"TRUNCATE {table}"] if schema else [])]
    for statement in statements:
        with (
            pytest.raises(Exception, match=r"append-only|permission denied"),
            recorder.datastore.transaction(commit=True) as cursor,
        ):
            cursor.execute(statement)
    assert store.head() == 1


def test_a_row_that_cannot_be_read_is_named_and_others_still_load(store, recorder, thrown):
    good, bad = thrown(), uuid4()
    store.append(good.collect_events())
    recorder.append([StoredEvent(bad, 1, "toy.BallThrown", b'{"colour": 3}')], positions={}, reply=None, parked=None)
    with pytest.raises(UnreadableEvent, match=str(bad)):
        store.load(bad)
    assert store.load(good.id) == good


def test_a_waiting_follower_is_woken_by_an_append(store, thrown):
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(store.wait_beyond(0, 10)))
    waiting.start()
    store.append(thrown().collect_events())
    waiting.join(10)
    assert woken == [True]


@pytest.mark.parametrize("way", ["log", "following"])
def test_a_follower_beside_writers_misses_nothing_and_sees_the_order_of_commits(store, thrown, way):
    writers, each = 16, 12
    read = getattr(store, way)
    taken = thrown()
    store.append(taken.collect_events())
    first = store.log(0, 1)[0].event
    done = threading.Event()
    acknowledged: list[int] = []
    seen: list[int] = []

    def write() -> None:
        for n in range(each):
            events = thrown().collect_events()
            if n % 3 == 2:
                # Takes numbers of the log, and leaves nothing there.
                with pytest.raises(Conflict):
                    store.append([*events, first])
            else:
                acknowledged.extend(store.append(events))

    def follow() -> None:
        position = 1
        while True:
            last_round = done.is_set()
            batch = read(position, 50)
            seen.extend(r.position for r in batch)
            position = seen[-1] if seen else 1
            if last_round and not batch:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    run_all(*[write] * writers)
    done.set()
    follower.join()
    assert seen == sorted(acknowledged)
    assert len(seen) == writers * each * 2 // 3


@pytest.mark.parametrize("open_recorder", ["sqlite-file", *POSTGRES], indirect=True)
def test_what_was_acknowledged_is_there_after_reopening(open_recorder, thrown):
    first = EventStore(open_recorder(), EventMapper())
    ball = thrown()
    first.append(ball.collect_events(), positions={"p": 4})
    first.close()
    second = EventStore(open_recorder(), EventMapper())
    assert second.load(ball.id) == ball
    assert second.position_of("p") == 4
    second.close()


def test_a_position_that_was_reached_from_another_is_saved_only_while_nothing_lies_between(store, thrown):
    store.append((), positions={"p": 4})
    store.append(thrown().collect_events(), positions={"p": After(7, 4), "q": After(3, 0)})
    with pytest.raises(Conflict):
        store.append(thrown().collect_events(), positions={"p": After(9, 6)})
    with pytest.raises(AlreadyHandled):
        store.append(thrown().collect_events(), positions={"p": After(6, 4)})
    assert (store.position_of("p"), store.position_of("q"), len(store.log(0, 10))) == (7, 3, 1)


def test_many_positions_are_saved_together_or_not_at_all(store):
    many = {f"relay/{n}": n + 1 for n in range(64)}
    store.append((), positions=many)
    assert [store.position_of(name) for name in many] == list(many.values())
    with pytest.raises(AlreadyHandled):
        store.append((), positions={"relay/0": 9, "relay/5": 6})
    assert store.position_of("relay/0") == 1


def test_a_parked_message_of_any_stranger_is_kept_as_it_came(store):
    odd = '\0 \ud800 " \\ ü'
    parked = Parked(odd, odd, odd, {odd: odd}, b"\0\xff", odd, NOON)
    store.append((), parked=parked)
    assert list(store.list_parked()) == [parked]
    assert store.is_parked(odd, odd)


def test_who_follows_is_given_what_was_appended_as_it_would_be_read(store, thrown):
    ball = thrown()
    ball.bounce(an_act(), height=2)
    store.append(ball.collect_events())
    read, given = store.log(0, 10), store.following(0, 10)
    assert [(r.position, r.originator_id, r.event_class, r.size, r.event) for r in given] == [
        (r.position, r.originator_id, r.event_class, r.size, r.event) for r in read
    ]


@pytest.mark.parametrize("open_recorder", POSTGRES, indirect=True)
def test_who_follows_sees_what_another_appended_in_between(open_recorder, thrown):
    one, other = (EventStore(open_recorder(), EventMapper()) for _ in range(2))
    for appending in (one, other, one, one, other):
        appending.append(thrown().collect_events())
    seen: list[int] = []
    for _ in range(5):
        seen += [r.position for r in one.following(seen[-1] if seen else 0, 2)]
    assert seen == [r.position for r in one.log(0, 10)]
    one.close()
    other.close()


@pytest.mark.parametrize("open_recorder", POSTGRES, indirect=True)
def test_two_stores_on_one_database_see_each_other(open_recorder, thrown):
    one, other = (EventStore(open_recorder(), EventMapper()) for _ in range(2))
    ball = thrown()
    one.append(ball.collect_events(), positions={"p": 1})
    assert other.load(ball.id) == ball
    with pytest.raises(AlreadyHandled):
        other.append(thrown().collect_events(), positions={"p": 1})
    one.close()
    other.close()
