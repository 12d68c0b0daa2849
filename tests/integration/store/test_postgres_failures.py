"""PostgreSQL goes away in mid-append, for a moment or for long: one answer, nothing twice, back without a restart."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta

import httpx
import psycopg
import pytest
from fastapi import APIRouter
from fourgates.chassis.http import create_api
from fourgates.chassis.store import (
    STORE_AWAY,
    AlreadyHandled,
    Conflict,
    EventMapper,
    EventStore,
    Parked,
    Reply,
    StoreUnavailable,
)
from fourgates.chassis.store.postgres import Limits, create_tables, open_postgres_recorder
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.messages import eventually
from fourgates.chassis.testing.proxy import Proxy
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# What goes over the wire when a batch is stored: until it is answered, nobody can know whether it was.
CALL = b"append_together"
QUICK = Limits(
    pool_wait_s=1.0,
    lock_s=1.0,
    statement_s=1.0,
    answer_s=1.5,
    append_s=4.0,
    connect_s=2,
    pool_max=4,
    pool_waiting_max=4,
)


@contextmanager
def opened(url, place, limits=QUICK):
    recorder = open_postgres_recorder(url, schema=place.schema, owner_url=place.owner_url, limits=limits)
    with closing(EventStore(recorder, EventMapper())) as store:
        yield store


def through(proxy):
    return {"host": "127.0.0.1", "port": proxy.port, "sslmode": "disable", "gssencmode": "disable"}


def back(store) -> None:
    """Wait until the store answers again; a connection that is being tried may have to be given up first."""
    until = time.monotonic() + 10
    while True:
        try:
            store.head()
        except STORE_AWAY:
            assert time.monotonic() < until
        else:
            return


@pytest.fixture
def proxied(place):
    given = conninfo_to_dict(place.service_url)
    with Proxy(given["host"], int(given["port"])) as proxy:
        # In the clear, so that the proxy can read.
        url = make_conninfo(place.service_url, **through(proxy))
        with opened(url, place) as store:
            store.head()
            yield proxy, store


@pytest.mark.parametrize("answered", [True, False], ids=["reply-lost", "commit-lost"])
def test_an_append_whose_commit_is_cut_has_one_answer_and_is_stored_once(proxied, thrown, answered):
    proxy, store = proxied
    ball = thrown()
    reply = Reply("scope", "f", 201, {"etag": '"1"'}, b"{}", NOON, NOON + timedelta(hours=1))
    parked = Parked("/source", "key", "m-1", {}, b"x", "why", NOON)
    proxy.break_once_at(CALL, answered=answered)
    appended = store.append(ball.collect_events(), positions={"p": 7}, reply=reply, parked=parked)
    assert proxy.broken == 1
    assert [r.position for r in store.log(0, 10)] == appended
    assert (store.load(ball.id), store.position_of("p")) == (ball, 7)
    assert store.find_reply("scope", NOON) == reply
    assert list(store.list_parked()) == [parked]


@pytest.mark.parametrize("answered", [True, False], ids=["reply-lost", "commit-lost"])
def test_positions_alone_are_saved_once_too(proxied, answered):
    proxy, store = proxied
    proxy.break_once_at(CALL, answered=answered)
    store.append((), positions={"relay": 5, "relay/1": 4})
    assert proxy.broken == 1
    assert (store.position_of("relay"), store.position_of("relay/1")) == (5, 4)
    with pytest.raises(AlreadyHandled):
        store.append((), positions={"relay": 5})


def test_whoever_lost_a_race_is_told_so_also_when_the_connection_broke(proxied, place, thrown):
    proxy, store = proxied
    ball = thrown()
    store.append(ball.collect_events())
    mine, theirs = store.load(ball.id), store.load(ball.id)
    mine.bounce(an_act(), height=1)
    theirs.bounce(an_act(), height=2)
    store.append(theirs.collect_events())
    proxy.break_once_at(CALL, answered=True)
    with pytest.raises(Conflict):
        store.append(mine.collect_events())
    assert proxy.broken == 1
    assert store.load(ball.id) == theirs


def test_a_server_that_falls_silent_is_given_up_and_found_again(proxied, thrown):
    proxy, store = proxied
    proxy.fall_silent(silent=True)
    begun = time.monotonic()
    with pytest.raises(STORE_AWAY):
        store.append(thrown().collect_events())
    assert time.monotonic() - begun < 15
    proxy.fall_silent(silent=False)
    back(store)
    appended = store.append(thrown().collect_events())
    assert [r.position for r in store.log(0, 10)] == appended


def test_no_server_at_all_is_unavailable_and_it_is_found_when_it_comes(proxied, thrown):
    proxy, store = proxied
    proxy.refuse(refusing=True)
    for ask in (store.head, lambda: store.append(thrown().collect_events())):
        with pytest.raises(StoreUnavailable):
            ask()
    proxy.refuse(refusing=False)
    back(store)
    assert len(store.append(thrown().collect_events())) == 1


def test_a_store_can_be_opened_before_its_server(place, thrown):
    given = conninfo_to_dict(place.service_url)
    with Proxy(given["host"], int(given["port"])) as proxy:
        proxy.refuse(refusing=True)
        url = make_conninfo(place.service_url, **through(proxy))
        with opened(url, place) as store:
            with pytest.raises(StoreUnavailable):
                store.head()
            proxy.refuse(refusing=False)
            back(store)
            assert store.append(thrown().collect_events()) == [1]


async def test_over_http_a_store_that_is_away_is_503_with_a_time_to_try_again(proxied):
    proxy, store = proxied
    router = APIRouter()
    router.get("/head", operation_id="head")(lambda: {"head": store.head()})
    api = create_api("toy", "Toy", "Toy.")
    api.include_router(router)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://toy")
    proxy.refuse(refusing=True)
    away = await client.get("/head")
    assert (away.status_code, away.headers["retry-after"]) == (503, "2")
    assert away.headers["content-type"] == "application/problem+json"
    proxy.refuse(refusing=False)
    back(store)
    assert (await client.get("/head")).json() == {"head": 0}


def test_an_exhausted_pool_keeps_readers_waiting_for_a_while_and_nobody_from_appending(place, thrown):
    with opened(place.service_url, place) as store:
        pool = store._recorder.datastore.pool
        store.head()
        taken = [pool.getconn() for _ in range(QUICK.pool_max)]
        with pytest.raises(StoreUnavailable):
            store.head()
        appended = store.append(thrown().collect_events())
        for conn in taken:
            pool.putconn(conn)
        assert [store.head()] == appended


def test_readers_that_gave_up_waiting_do_not_keep_the_pool_from_finding_the_server_again(proxied):
    proxy, store = proxied
    proxy.refuse(refusing=True)
    for _ in range(QUICK.pool_waiting_max + 1):
        with pytest.raises(StoreUnavailable):
            store.head()
    proxy.refuse(refusing=False)
    back(store)


def test_a_writer_whose_connection_is_ended_while_it_waits_for_the_lock_tries_again(place, thrown):
    with opened(place.service_url, place, Limits()) as store, psycopg.connect(place.owner_url) as other:
        store.head()
        other.execute(store._recorder._appends._sql["lock"])
        answers: list = []
        writing = threading.Thread(target=lambda: answers.extend(store.append(thrown().collect_events())))
        writing.start()
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND wait_event = 'advisory'"
        role = conninfo_to_dict(place.service_url)["user"]
        until = time.monotonic() + 10
        while other.execute(ended, (role,)).fetchone() is None:
            # The view is a picture of the moment when the transaction first looked.
            other.execute("SELECT pg_stat_clear_snapshot()")
            assert time.monotonic() < until
        other.rollback()
        writing.join(20)
        assert [r.position for r in store.log(0, 10)] == answers


def test_a_writer_that_holds_the_lock_too_long_makes_others_unavailable_not_stuck(place, thrown):
    with opened(place.service_url, place) as store:
        store.head()
        recorder = store._recorder
        with recorder.datastore.transaction(commit=True) as cursor:
            recorder._lock_table(cursor)
            with pytest.raises(StoreUnavailable):
                store.append(thrown().collect_events())
        assert len(store.append(thrown().collect_events())) == 1


def test_a_connection_that_cannot_be_used_as_it_should_be_is_not_left_open(place):
    held = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
    role = conninfo_to_dict(place.service_url)["user"]
    datastore = FourgatesPostgresDatastore(place.service_url, schema=place.schema, limits=Limits(lock_s=-1))
    with closing(datastore), pytest.raises(psycopg.errors.InvalidParameterValue) as failed:
        datastore.connect()
    # What failed keeps the connection from being collected, which would end it too.
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        assert eventually(lambda: conn.execute(held, (role,)).fetchone() == (0,)), failed


def test_a_wrong_url_is_told_at_once(place):
    with pytest.raises(ValueError, match="no connection URL"):
        open_postgres_recorder("postgresql://[", schema="x")


def test_a_server_that_was_stopped_is_unavailable_and_answers_again_after_its_start(stoppable, thrown):
    server, place = stoppable
    with opened(place.service_url, place) as store:
        ball = thrown()
        store.append(ball.collect_events())
        server.stop()
        begun = time.monotonic()
        for ask in (store.head, lambda: store.append(thrown().collect_events())):
            with pytest.raises(STORE_AWAY):
                ask()
        assert time.monotonic() - begun < 20
        server.start()
        back(store)
        assert store.load(ball.id) == ball
        assert len(store.append(thrown().collect_events())) == 1


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice_when_the_server_is_killed(stoppable, thrown):
    server, place = stoppable
    create_tables(place.owner_url, place.schema, conninfo_to_dict(place.service_url)["user"])
    acknowledged: list = []
    unclear: set = set()
    done = threading.Event()

    def write(store) -> None:
        while not done.is_set():
            ball = thrown()
            try:
                store.append(ball.collect_events())
            except STORE_AWAY:
                unclear.add(ball.id)
                time.sleep(0.02)
            else:
                acknowledged.append(ball.id)

    with opened(place.service_url, place, Limits(append_s=10.0, pool_wait_s=2.0)) as store:
        threads = [threading.Thread(target=write, args=(store,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.5)
            server.crash()
            server.start()
        time.sleep(0.5)
        done.set()
        for thread in threads:
            thread.join()
        stored = [r.event.originator_id for r in store.log(0, 1_000_000)]
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored) <= set(acknowledged) | unclear
    assert len(acknowledged) > 20
