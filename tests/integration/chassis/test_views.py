"""Read models: current when asked, the same when rebuilt, filtered and paged without surprises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import BALLS, Ball
from fourgates.chassis.views import View, Views


@pytest.fixture
def store():
    return EventStore(open_sqlite_recorder(None), EventMapper())


@pytest.fixture
def views(store, tmp_path):
    opened = Views(store, [BALLS], tmp_path / "views.sqlite")
    yield opened
    opened.close()


def throw(store, *colours, bounces=0):
    ids = throw.ids
    for colour in colours:
        ball = Ball.throw(an_act(), ball_id=ids.new(), colour=colour)
        for _ in range(bounces):
            ball.bounce(an_act(), height=1)
        store.append(ball.collect_events())


throw.ids = CountedIds(5)


def colours(rows):
    return [row["colour"] for row in rows]


def test_what_was_just_appended_is_found(store, views):
    throw(store, "red")
    assert colours(views.find("balls")) == ["red"]
    throw(store, "blue")
    assert colours(views.find("balls", order_by="number")) == ["red", "blue"]


def test_numbers_follow_the_order_of_the_log(store, views):
    throw(store, "c", "a", "b")
    assert [(r["number"], r["colour"]) for r in views.find("balls", order_by="number")] == [
        ("BALL-1", "c"),
        ("BALL-2", "a"),
        ("BALL-3", "b"),
    ]


def test_filters_mean_all_of_them_and_any_of_their_members(store, views):
    throw(store, "red", "blue")
    throw(store, "red", "green", bounces=2)
    assert sorted(colours(views.find("balls", {"colour": ["red", "green"], "bounces": 2}))) == ["green", "red"]
    assert views.find("balls", {"colour": "pink"}) == []


def test_an_undeclared_field_is_an_error_and_not_an_empty_list(views):
    with pytest.raises(KeyError):
        views.find("balls", {"weight": 3})


@pytest.mark.parametrize("descending", [False, True])
def test_pages_hold_every_row_once(store, views, descending):
    throw(store, *"abcdefg")
    seen, after = [], None
    while page := views.find("balls", order_by="colour", descending=descending, limit=3, after=after):
        seen += colours(page)
        after = (page[-1]["colour"], page[-1]["key"])
    assert seen == sorted("abcdefg", reverse=descending)


def test_a_rebuilt_view_equals_the_live_one(store, views):
    throw(store, "red", "blue", bounces=3)
    live = views.find("balls")
    views.rebuild()
    assert views.find("balls") == live


def test_a_view_whose_code_changed_begins_anew(store, tmp_path):
    throw(store, "red")
    first = Views(store, [BALLS], tmp_path / "v.sqlite")
    assert first.find("balls")[0]["colour"] == "red"
    first.close()

    def upper(rows, happened):
        rows.put(str(happened.originator_id), {"colour": happened.colour.upper()})

    second = Views(store, [View("balls", ("colour",), {Ball.Thrown: upper})], tmp_path / "v.sqlite")
    assert second.find("balls")[0]["colour"] == "RED"
    second.close()


def test_a_view_goes_on_where_it_was(store, tmp_path):
    throw(store, "red")
    first = Views(store, [BALLS], tmp_path / "v.sqlite")
    first.catch_up()
    first.close()
    throw(store, "blue")
    second = Views(store, [BALLS], tmp_path / "v.sqlite")
    assert sorted(colours(second.find("balls"))) == ["blue", "red"]
    second.close()


LISTED = View("balls", ("colours", "size"), {Ball.Thrown: lambda rows, happened: None}, lists=("colours",))


def put(store, tmp_path, row):
    def project(rows, happened):
        rows.put(str(happened.originator_id), row)

    view = View(LISTED.name, LISTED.fields, {Ball.Thrown: project}, lists=LISTED.lists)
    views = Views(store, [view], tmp_path / "v.sqlite")
    throw(store, "red")
    with closing(views):
        yield views


def test_a_list_matches_by_any_of_its_members(store, tmp_path):
    for views in put(store, tmp_path, {"colours": ["red", "blue"], "size": 1}):
        found = [len(views.find("balls", {"colours": wanted})) for wanted in ("red", ["green", "blue"], "green", "[")]
        assert found == [1, 1, 0, 0]
        assert views.find("balls", {"size": 1})[0]["colours"] == ["red", "blue"]


@pytest.mark.parametrize("row", [{"colours": None, "size": None}, {}])
def test_what_a_row_has_not_matches_nothing(store, tmp_path, row):
    for views in put(store, tmp_path, row):
        assert [len(views.find("balls", {field: ""})) for field in ("colours", "size")] == [0, 0]
        assert len(views.find("balls", order_by="size")) == 1


@pytest.mark.parametrize("row", [{"colours": "red"}, {"size": ["red"]}, {"size": {"red": 1}}])
def test_a_list_stands_where_the_view_says_so_and_nowhere_else(store, tmp_path, row):
    for views in put(store, tmp_path, row):
        with pytest.raises(TypeError, match="list"):
            views.find("balls")


def test_filters_and_orders_are_found_by_an_index(store, views):
    throw(store, "red")
    views.catch_up()
    for field, wanted in (("colour", "'red'"), ("number", "'BALL-1'")):
        found = f"SELECT key FROM rows_1_balls WHERE of_{field} IN ({wanted}) ORDER BY of_{field}, key"
        plan = " ".join(row[3] for row in views._connection.execute(f"EXPLAIN QUERY PLAN {found}"))
        assert f"rows_1_balls_{field}" in plan
        assert "TEMP" not in plan


def test_any_number_of_members_is_looked_for_by_one_statement(store, views):
    throw(store, "red", "blue", "green")
    many = [*(f"colour {number}" for number in range(40_000)), "red", "blue"]
    assert sorted(colours(views.find("balls", {"colour": many}))) == ["blue", "red"]
    assert colours(views.find("balls", {"colour": ["green"]})) == ["green"]
    assert views.find("balls", {"colour": []}) == []


class Looks:
    """A store that counts looks at the head of its log, and lets the first one wait."""

    def __init__(self, store):
        self._store = store
        self.count = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def head(self):
        self.count += 1
        found = self._store.head()
        self.begun.set()
        assert self.go_on.wait(10)
        return found


def test_one_look_does_for_all_that_a_decision_asks(store, tmp_path):
    looks = Looks(store)
    with closing(Views(looks, [BALLS], tmp_path / "looks.sqlite")) as views:
        throw(store, "red")
        looks.count = 0
        with views.one_look():
            assert colours(views.find("balls")) == ["red"]
            throw(store, "blue")
            assert colours(views.find("balls")) == ["red"]
        assert looks.count == 1
        assert colours(views.find("balls", order_by="number")) == ["red", "blue"]
        with views.one_look():
            throw(store, "green")
            assert len(views.find("balls")) == 3


class Asking(Views):
    """Read models that tell when somebody has asked."""

    asked = None

    def _asked(self):
        found = super()._asked()
        if self.asked is not None:
            self.asked.release()
        return found


def test_those_who_wait_share_a_look_that_begins_after_all_have_asked(store, tmp_path):
    looks = Looks(store)
    with closing(Asking(looks, [BALLS], tmp_path / "looks.sqlite")) as views, ThreadPoolExecutor(3) as threads:
        views.catch_up()
        looks.count = 0
        looks.begun.clear()
        looks.go_on.clear()
        first = threads.submit(views.find, "balls")
        assert looks.begun.wait(10)
        # What is appended now, the look that has begun may miss.
        throw(store, "red")
        views.asked = threading.Semaphore(0)
        others = [threads.submit(views.find, "balls") for _ in range(2)]
        for _ in others:
            assert views.asked.acquire(timeout=10)
        looks.go_on.set()
        assert [colours(other.result(10)) for other in others] == [["red"], ["red"]]
        first.result(10)
        assert looks.count == 2


def test_a_look_that_failed_does_for_nobody(store, tmp_path):
    looks = Looks(store)
    with closing(Views(looks, [BALLS], tmp_path / "looks.sqlite")) as views:
        throw(store, "red")
        with views.one_look():
            looks.head = raising
            with pytest.raises(ConnectionError):
                views.find("balls")
            del looks.head
            assert colours(views.find("balls")) == ["red"]


def raising():
    raise ConnectionError
