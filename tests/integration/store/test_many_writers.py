"""Many writers at once: nobody who follows the log misses anything, one of many contenders wins, nothing is twice."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import QueueLimits, open_sqlite_recorder
from fourgates.chassis.store.batching import Append
from fourgates.chassis.store.postgres import Limits, open_postgres_recorder
from fourgates.chassis.testing.proxy import Proxy
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# `make follow EVENTS=200000` is the long form.
EVENTS = int(os.environ.get("FOURGATES_FOLLOW_EVENTS", "4000"))
WRITERS = 64
STOCK_WRITERS = 2
IDS = CountedIds(17)
# The order in which things happen in this process.
CLOCK = itertools.count()


def an_event(originator_id: UUID | None = None, version: int = 1, state: bytes = b"state") -> StoredEvent:
    return StoredEvent(originator_id or IDS.new(), version, "toy.BallThrown", state)


def run_all(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def stock_recorder(place):
    """The library's own recorder on the same tables."""
    given = conninfo_to_dict(place.owner_url)
    names = {name: given[name] for name in ("host", "port", "user", "password")}
    recorder = PostgresProcessRecorder(PostgresDatastore(given["dbname"], **names, schema=place.schema))
    recorder.create_table()
    yield recorder
    recorder.datastore.close()


class Writers:
    """Append at random, and remember what was acknowledged and when."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        # For each position: before its append was sent, and after it was acknowledged.
        self.acknowledged: dict[int, tuple[int, int, UUID]] = {}
        self.rolled_back = 0

    def write_to(self, recorder, seed: int) -> None:
        chance = random.Random(seed)
        taken = an_event()
        self._append(recorder, [taken])
        while len(self.acknowledged) < self.wanted:
            events = [an_event() for _ in range(chance.choice((1, 1, 1, 2, 5)))]
            spoil = chance.random()
            if spoil < 0.1:
                self._refused(recorder, [*events, taken])
            elif spoil < 0.15:
                # Takes numbers of the log, and leaves nothing there.
                self._refused(recorder, [*events, events[0]])
            else:
                self._append(recorder, events)

    def _append(self, recorder, events) -> None:
        began = next(CLOCK)
        positions = recorder.insert_events(events)
        ended = next(CLOCK)
        for position, event in zip(positions, events, strict=True):
            self.acknowledged[position] = (began, ended, event.originator_id)

    def _refused(self, recorder, events) -> None:
        with pytest.raises(IntegrityError):
            recorder.insert_events(events)
        self.rolled_back += 1


def follow(recorder, done: threading.Event, seen: list) -> None:
    while True:
        last_round = done.is_set()
        found = recorder.select_notifications(seen[-1].id if seen else None, 500, inclusive_of_start=False)
        seen.extend(found)
        if last_round and not found:
            return


@pytest.fixture(params=["sqlite", "postgres"])
def recorders(request, tmp_path):
    """What the writers write to; the last is for who follows. On PostgreSQL two of ours, and the library's own."""
    if request.param == "sqlite":
        with closing(open_sqlite_recorder(tmp_path / "events.sqlite")) as recorder:
            yield [recorder] * WRITERS, recorder
        return
    place = request.getfixturevalue("place")
    ours = [open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url) for _ in range(2)]
    ours[0].max_notification_id()
    with stock_recorder(place) as stock:
        yield [*[ours[n % 2] for n in range(WRITERS - STOCK_WRITERS)], *[stock] * STOCK_WRITERS], ours[1]
    for recorder in ours:
        recorder.close()


@pytest.mark.timeout(60 + EVENTS / 100)
def test_a_follower_beside_64_writers_with_rollbacks_sees_what_is_stored_in_the_order_of_commits(recorders):
    written_to, followed = recorders
    writers, done, seen = Writers(EVENTS), threading.Event(), []
    follower = threading.Thread(target=follow, args=(followed, done, seen))
    follower.start()
    run_all(*[lambda r=recorder, n=n: writers.write_to(r, n) for n, recorder in enumerate(written_to)])
    done.set()
    follower.join()
    stored = [(n.id, n.originator_id) for n in followed.select_notifications(None, 10 * EVENTS)]
    assert [(n.id, n.originator_id) for n in seen] == stored
    assert {position: given[2] for position, given in writers.acknowledged.items()} == dict(stored)
    assert len({originator_id for _, originator_id in stored}) == len(stored)
    assert writers.rolled_back > EVENTS / 50
    # Whatever was acknowledged before another append was sent has a smaller position.
    latest_began = -1
    for position, _ in stored:
        began, ended, _ = writers.acknowledged[position]
        assert ended > latest_began, f"position {position} was given before one of an append that came later"
        latest_began = max(latest_began, began)


def test_of_64_contenders_for_one_aggregate_one_wins_each_round(recorders):
    written_to, followed = recorders
    contended = IDS.new()
    won: list[bytes] = []
    rounds = 5
    start = threading.Barrier(WRITERS)

    def contend(recorder, number: int) -> None:
        for version in range(1, rounds + 1):
            mine = an_event(contended, version, f"{version} by {number}".encode())
            start.wait(60)
            try:
                recorder.insert_events([mine, an_event()])
            except IntegrityError:
                continue
            won.append(mine.state)

    run_all(*[lambda r=recorder, n=n: contend(r, n) for n, recorder in enumerate(written_to)])
    assert [event.state for event in followed.select_events(contended)] == sorted(won)
    assert [event.originator_version for event in followed.select_events(contended)] == list(range(1, rounds + 1))
    assert len(followed.select_notifications(None, 10_000)) == 2 * rounds, "losers left something"


def test_contenders_in_one_batch_cost_one_transaction_and_not_one_each(place):
    with closing(open_postgres_recorder(place.owner_url, schema=place.schema)) as recorder:
        recorder.max_notification_id()
        appends, calls = recorder._appends, []
        store = appends._store
        appends._store = lambda part, later: (calls.append((len(part), len(later))), store(part, later))

        def answers(*versions: int) -> list[bool]:
            """Write one batch, in which each has an event of its own as well; tell who was stored."""
            events = [(an_event(contended, version), an_event()) for version in versions]
            batch = [Append(pair, {}, None, None, time.monotonic() + 60, 2, 0) for pair in events]
            appends.write(batch)
            return [append.answer.exception() is None for append in batch]

        contended = IDS.new()
        assert answers(*[1] * 500) == [True] + [False] * 499
        assert answers(*[1] * 500) == [False] * 500
        assert answers(1, 2, 2, 3, 1, 3) == [False, True, False, True, False, False]
        assert calls == [(1, 499), (1, 499), (3, 3)]
        assert len(recorder.select_notifications(None, 100)) == 2 * 3


@pytest.fixture
def through_proxy(place):
    given = conninfo_to_dict(place.service_url)
    with Proxy(given["host"], int(given["port"])) as proxy:
        # In the clear, so that the proxy can read.
        there = {"host": "127.0.0.1", "port": proxy.port, "sslmode": "disable", "gssencmode": "disable"}
        recorder = open_postgres_recorder(
            make_conninfo(place.service_url, **there),
            schema=place.schema,
            owner_url=place.owner_url,
            limits=Limits(append_s=60.0),
            queue=QueueLimits(batch_max=20, wait_s=60.0),
        )
        with closing(recorder):
            recorder.max_notification_id()
            yield proxy, recorder


@pytest.mark.parametrize("answered", [True, False], ids=["reply-lost", "call-lost"])
def test_a_batch_whose_answer_is_lost_is_stored_once_and_everyone_is_answered(through_proxy, answered):
    proxy, recorder = through_proxy
    lost, late = [an_event() for _ in range(50)], an_event()
    recorder.insert_events([late])
    proxy.break_once_at(b"append_together", answered=answered)
    answers = [
        recorder.submit([event], positions={f"p/{number}": 1}, reply=None, parked=None)
        for number, event in enumerate([*lost, late])
    ]
    positions = [answer.result(30)[0] for answer in answers[:-1]]
    assert isinstance(answers[-1].exception(30), IntegrityError)
    assert proxy.broken == 1
    stored = recorder.select_notifications(None, 1000)
    assert [n.originator_id for n in stored] == [late.originator_id, *[event.originator_id for event in lost]]
    assert [n.id for n in stored[1:]] == positions


def test_while_connections_break_again_and_again_each_append_is_stored_once_where_it_was_acknowledged(through_proxy):
    proxy, recorder = through_proxy
    done = threading.Event()
    acknowledged: dict[int, UUID] = {}

    def write() -> None:
        while not done.is_set():
            event = an_event()
            [position] = recorder.insert_events([event])
            acknowledged[position] = event.originator_id

    def cut() -> None:
        for _ in range(15):
            before, until = len(acknowledged), time.monotonic() + 30
            # At any moment of an append.
            while len(acknowledged) < before + 40 and time.monotonic() < until:
                done.wait(0.001)
            proxy.cut()
        done.set()

    run_all(cut, *[write] * 16)
    stored = {n.id: n.originator_id for n in recorder.select_notifications(None, 1_000_000)}
    assert acknowledged == stored
    assert len(set(stored.values())) == len(stored) > 500
