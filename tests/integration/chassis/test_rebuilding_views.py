"""Read models made again: beside those that answer, swapped at once, and never seen half made."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from fourgates.chassis import views as module
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import BALLS, Ball
from fourgates.chassis.views import View, Views
from hypothesis import given, settings
from hypothesis import strategies as st

LONG_S = 60.0
IDS = CountedIds(6)


class Crash(BaseException):
    """The process ends here."""


class WatchedStore(EventStore):
    """A store that lets a test act before a batch of the log is read."""

    def __init__(self):
        super().__init__(open_sqlite_recorder(None), EventMapper())
        self.before = lambda after: None

    def log(self, after, limit):
        self.before(after)
        return super().log(after, limit)

    def following(self, after, limit):
        return self.log(after, limit)


@pytest.fixture
def store():
    with closing(WatchedStore()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 7)
    monkeypatch.setattr(module, "BATCH_BESIDE", 5)


def throw(store, count=1):
    for _ in range(count):
        ball = Ball.throw(an_act(), ball_id=IDS.new(), colour="red")
        ball.bounce(an_act(), height=1)
        store.append(ball.collect_events())


def made_from_nothing(store):
    with closing(Views(store, [BALLS])) as views:
        return views.find("balls", order_by="number", limit=100_000)


def louder(rows, happened):
    rows.put(str(happened.originator_id), {"colour": happened.colour.upper(), "number": f"B{rows.count() + 1}"})


OTHER = View("balls", ("colour", "number"), {Ball.Thrown: louder})


def test_whoever_asks_during_a_rebuild_sees_everything_and_waits_for_nothing(store, tmp_path):
    throw(store, 20)
    seen = []
    with closing(Views(store, [BALLS], tmp_path / "v.sqlite")) as views:

        def ask(after):
            # In a thread of its own: it would wait for ever if the rebuild kept others out between its batches.
            if threading.current_thread() is not rebuilding or len(seen) == 8:
                return
            throw(store)
            asking = threading.Thread(target=lambda: seen.append(len(views.find("balls"))), daemon=True)
            asking.start()
            asking.join(LONG_S)
            assert not asking.is_alive()

        rebuilding = threading.current_thread()
        views.catch_up()
        store.before = ask
        position = views.rebuild()
        store.before = lambda after: None
        assert seen == list(range(21, 29))
        assert position == store.head()
        assert views.find("balls", order_by="number") == made_from_nothing(store)


def read_until(done, views, wrong):
    known = 50
    while not done.is_set():
        count = len(views.find("balls", limit=100_000))
        numbered = len(views.find("balls", {"bounces": 1}, limit=100_000))
        if not known <= count <= numbered:
            wrong.append((known, count, numbered))
        known = numbered


def test_readers_and_writers_beside_many_rebuilds_never_see_less_than_before(store):
    throw(store, 50)
    done, wrong = threading.Event(), []
    with closing(Views(store, [BALLS])) as views:
        threads = [threading.Thread(target=read_until, args=(done, views, wrong)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            throw(store, 5)
            views.rebuild()
        done.set()
        for thread in threads:
            thread.join(LONG_S)
        assert wrong == []
        assert views.find("balls", order_by="number", limit=100_000) == made_from_nothing(store)


def test_a_rebuild_ends_though_someone_writes_all_the_time(store):
    throw(store, 5)
    with closing(Views(store, [BALLS])) as views:
        store.before = lambda after: throw(store, 5)
        assert views.rebuild() > 10
        store.before = lambda after: None
        assert views.find("balls", order_by="number", limit=100_000) == made_from_nothing(store)


@settings(max_examples=40, deadline=None)
@given(
    balls=st.integers(min_value=0, max_value=30),
    crash_at=st.integers(min_value=0, max_value=12),
    later=st.integers(min_value=0, max_value=5),
    changed=st.booleans(),
)
def test_a_crash_in_the_middle_leaves_what_answered(tmp_path_factory, balls, crash_at, later, changed):
    path = tmp_path_factory.mktemp("crash") / "v.sqlite"
    store = WatchedStore()
    throw(store, balls)
    with closing(Views(store, [BALLS], path)) as views:
        views.catch_up()
    reads = 0

    def crash(after):
        nonlocal reads
        reads += 1
        if reads > crash_at:
            raise Crash

    # Left open, as a process that is killed leaves it.
    killed = Views(store, [OTHER if changed else BALLS], path)
    store.before = crash
    try:
        if changed:
            killed.catch_up()
        else:
            killed.rebuild()
    except Crash:
        pass
    store.before = lambda after: None
    throw(store, later)
    with closing(Views(store, [BALLS], path)) as again:
        assert again.find("balls", order_by="number") == made_from_nothing(store)
    killed.close()
    store.close()


def test_after_a_failed_rebuild_the_same_views_answer_and_can_be_rebuilt(store):
    throw(store, 20)

    def fail(after):
        if after >= 15:
            raise OSError

    with closing(Views(store, [BALLS])) as views:
        live = views.find("balls")
        store.before = fail
        with pytest.raises(OSError):  # noqa: PT011 - whatever the store raises comes through
            views.rebuild()
        assert views.find("balls") == live
        store.before = lambda after: None
        assert views.rebuild() == store.head()
        assert views.find("balls") == live


def test_changed_code_never_answers_from_old_rows_and_goes_on_where_it_was_cut_short(store, tmp_path):
    path = tmp_path / "v.sqlite"
    throw(store, 20)
    with closing(Views(store, [BALLS], path)) as views:
        views.catch_up()
    starts = []

    def fail(after):
        starts.append(after)
        if after >= 14:
            raise Crash

    store.before = fail
    cut_short = Views(store, [OTHER], path)
    with pytest.raises(Crash):
        cut_short.find("balls")
    cut_short.close()
    store.before = starts.append
    with closing(Views(store, [OTHER], path)) as views:
        assert [row["colour"] for row in views.find("balls")] == ["RED"] * 20
    assert starts == [0, 7, 14, 14, 21, 28, 35]


def test_code_that_was_taken_back_finds_the_rows_that_it_made(store, tmp_path):
    path = tmp_path / "v.sqlite"
    throw(store, 20)
    with closing(Views(store, [BALLS], path)) as views:
        views.catch_up()
    Views(store, [OTHER], path).close()
    starts = []
    store.before = starts.append
    with closing(Views(store, [BALLS], path)) as views:
        assert len(views.find("balls")) == 20
    assert starts == []
