"""What PostgreSQL adds: who may do what, several processes on one log, and who leads."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from fourgates.chassis.leadership import Led
from fourgates.chassis.store import EventMapper, EventStore
from fourgates.chassis.store.postgres import PostgresLeadership, create_tables, open_postgres_recorder
from psycopg.conninfo import conninfo_to_dict


@contextmanager
def opened(place, *, owner=True):
    recorder = open_postgres_recorder(
        place.service_url, schema=place.schema, owner_url=place.owner_url if owner else None
    )
    with closing(EventStore(recorder, EventMapper())) as store:
        yield store


@contextmanager
def leading(place):
    with closing(PostgresLeadership(place.service_url, schema=place.schema, look_s=0)) as leadership:
        yield leadership


def eventually(told) -> bool:
    until = time.monotonic() + 10
    while not told():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {}.stored_events SET topic = 'x'",
        "DELETE FROM {}.stored_events",
        "TRUNCATE {}.stored_events",
        "ALTER TABLE {}.stored_events DISABLE TRIGGER append_only",
        "DROP TABLE {}.stored_events",
        "CREATE TABLE {}.mine (x int)",
        "DELETE FROM {}.parked",
        "SELECT setval('{}.stored_events_notification_id_seq', 1)",
    ],
)
def test_the_role_of_a_service_may_not_change_the_log(place, thrown, statement):
    with opened(place) as store:
        store.append(thrown().collect_events())
    with psycopg.connect(place.service_url) as conn, pytest.raises(psycopg.Error):
        conn.execute(statement.format(place.schema))


def test_not_even_the_owner_changes_the_log_by_mistake(place, thrown):
    with opened(place) as store:
        store.append(thrown().collect_events())
    for statement in ("UPDATE {} SET topic = 'x'", "DELETE FROM {}", "TRUNCATE {}"):
        with psycopg.connect(place.owner_url) as conn, pytest.raises(psycopg.Error, match="append-only"):
            conn.execute(statement.format(f"{place.schema}.stored_events"))


def test_a_service_runs_without_the_owner_on_tables_that_were_made_for_it(place, thrown):
    create_tables(place.owner_url, place.schema, conninfo_to_dict(place.service_url)["user"])
    with opened(place, owner=False) as store:
        assert store.append(thrown().collect_events()) == [1]


def test_replicas_that_start_at_once_make_the_tables_once(place, thrown):
    appended: list[int] = []

    def start() -> None:
        with opened(place) as store:
            appended.extend(store.append(thrown().collect_events()))

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(appended) == [1, 2, 3, 4, 5, 6]


def test_services_in_one_database_do_not_see_each_other(postgres_url, place, thrown):
    neighbour = replace(place, schema=f"{place.schema}_2")
    with opened(place) as store, opened(neighbour) as other:
        store.append(thrown().collect_events(), positions={"p": 3})
        assert (other.head(), other.position_of("p")) == (0, 0)
    with psycopg.connect(place.owner_url) as conn:
        conn.execute(f"DROP SCHEMA {neighbour.schema} CASCADE")


def test_the_library_s_own_recorder_reads_and_appends_to_the_same_tables(place, thrown):
    given = conninfo_to_dict(place.owner_url)
    names = {"host": given["host"], "port": given["port"], "user": given["user"], "password": given["password"]}
    with opened(place) as store:
        ball = thrown()
        store.append(ball.collect_events(), positions={"p": 3})
        stock = PostgresProcessRecorder(PostgresDatastore(given["dbname"], **names, schema=place.schema))
        stock.create_table()
        assert [e.originator_id for e in stock.select_events(ball.id)] == [ball.id]
        assert stock.max_tracking_id("p") == 3
        copied = store._recorder.select_events(ball.id)[0]
        stock.insert_events([StoredEvent(uuid4(), 1, copied.topic, copied.state)])
        stock.datastore.close()
        assert [r.position for r in store.log(0, 10)] == [1, 2]


def test_a_follower_is_woken_by_another_process_s_append(place, thrown):
    with opened(place) as follower, opened(place) as writer:
        assert not follower.wait_beyond(0, 0.3)
        told: list[tuple[bool, float]] = []

        def wait() -> None:
            begun = time.monotonic()
            told.append((follower.wait_beyond(0, 20), time.monotonic() - begun))

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.3)
        writer.append(thrown().collect_events())
        waiting.join()
    assert told[0][0]
    assert told[0][1] < 10


def test_a_follower_listens_again_after_its_connection_broke(place, thrown):
    with opened(place) as follower, opened(place) as writer:
        assert not follower.wait_beyond(0, 0.3)
        with psycopg.connect(place.owner_url, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
                (f"fourgates {place.schema}",),
            )
        waiting = threading.Thread(target=follower.wait_beyond, args=(0, 20))
        waiting.start()
        time.sleep(0.5)
        begun = time.monotonic()
        writer.append(thrown().collect_events())
        waiting.join()
        assert time.monotonic() - begun < 10


def test_one_of_two_replicas_leads_and_the_other_takes_over(place):
    with leading(place) as one, leading(place) as other:
        assert one.hold()
        assert not other.hold()
        assert one.hold()
        one.close()
        assert eventually(other.hold)
        assert not one.hold()


def test_who_loses_the_connection_loses_the_lead(place):
    with leading(place) as one, leading(place) as other:
        assert one.hold()
        with psycopg.connect(place.owner_url, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid IN"
                " (SELECT pid FROM pg_stat_activity WHERE application_name = %s)",
                (f"fourgates {place.schema}",),
            )
        assert eventually(other.hold)
        assert not one.hold()


class Counting:
    name = "counting"

    def __init__(self) -> None:
        self.steps = self.closes = 0

    def step(self) -> bool:
        self.steps += 1
        return True

    def wait(self, timeout_s: float) -> None:
        raise AssertionError

    def close(self) -> None:
        self.closes += 1


def test_a_led_worker_rests_while_another_leads_and_forgets_what_it_had_in_memory(place):
    with leading(place) as one, leading(place) as other:
        mine, theirs = Counting(), Counting()
        led, standing_by = Led(mine, one), Led(theirs, other)
        assert led.step()
        assert not standing_by.step()
        standing_by.wait(0.01)
        one.close()
        assert not led.step()
        assert eventually(standing_by.step)
        assert (mine.steps, mine.closes, theirs.closes) == (1, 1, 0)
