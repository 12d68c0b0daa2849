"""What read models answered is kept for decisions on the loop, and is never older than the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing

import pytest
from fourgates.chassis.kept_answers import KeptAnswers, Question
from fourgates.chassis.memory import Memory, NotAtOnce
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import BALLS, Ball
from fourgates.chassis.views import View, Views

from tests.integration.store.conftest import IDS
from tests.integration.store.playing import bouncing, carry_out, throwing

KEPT = 100


@pytest.fixture
def store(counted):
    return counted


class CountedViews(Views):
    """Counts what is asked; `meanwhile` happens once, between a question and its answer."""

    asked = 0
    meanwhile: Callable[[], None] | None = None

    def find(self, view, where=None, **how):
        found = super().find(view, where, **how)
        self.asked += 1
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return found


# Follows what is thrown, and no bounces.
COLOURS = View("colours", ("colour",), {Ball.Thrown: BALLS.on[Ball.Thrown]}, kept=True)


class Knowing:
    """A memory, and the read models of which it keeps what they answer."""

    def __init__(self, store: EventStore, rows: int = KEPT) -> None:
        self.store = store
        self.views = CountedViews(store, [BALLS, COLOURS])
        self.answers = KeptAnswers(self.views, rows)
        self.memory = Memory(store, KEPT, self.answers)

    def append(self, *colours: str) -> None:
        for colour in colours:
            self.store.append(Ball.throw(an_act(), ball_id=IDS.new(), colour=colour).collect_events())

    async def count(self, *colours: str, view: str = "colours") -> int:
        """Return how many balls have one of these colours, decided on the loop."""
        where = {"colour": colours if len(colours) > 1 else colours[0]}
        _, found = await self.memory.decide(lambda work: work.views.find(view, where, limit=20))
        return len(found)


async def test_what_a_kept_view_answered_is_not_asked_again_until_one_of_its_events_happens(store):
    here, red = Knowing(store), IDS.new()
    assert [await here.count("red"), await here.count("red", "blue"), here.views.asked] == [0, 0, 2]
    await carry_out(here.memory, throwing(red))
    assert [await here.count("red"), await here.count("red", "blue"), here.views.asked] == [1, 1, 4]
    await carry_out(here.memory, bouncing(red, 9))
    assert [await here.count("red"), await here.count("red", "blue"), here.views.asked] == [1, 1, 4]
    here.append("red")
    assert [await here.count("red"), await here.count("red", "blue"), here.views.asked] == [2, 2, 6]


async def test_a_view_that_is_not_kept_is_asked_in_a_thread(store):
    with pytest.raises(NotAtOnce):
        await Knowing(store).count("red", view="balls")


async def test_what_happens_while_a_view_answers_is_not_missed(store):
    here = Knowing(store)
    here.views.meanwhile = lambda: here.append("red")
    assert await here.count("red") == 1
    assert here.views.asked == 2


async def test_what_another_replica_stored_changes_what_was_answered(replicas):
    here, there = (Knowing(store) for store in replicas)
    assert await here.count("red") == 0
    await carry_out(there.memory, throwing(IDS.new()))
    assert await here.count("red") == 1
    there.append("red")
    assert await here.count("red") == 2


async def test_after_more_than_is_looked_through_everything_is_asked_again(replicas, monkeypatch):
    monkeypatch.setattr("fourgates.chassis.memory.MOVED_MAX", 2)
    here, there = (Knowing(store) for store in replicas)
    assert await here.count("red") == 0
    there.append("red", "red")
    assert await here.count("red") == 2


class Uncalled(Answer):
    """An answer that is given, but who wants to be called was not called yet."""

    def add_done_callback(self, call):
        pass


async def test_whoever_is_answered_finds_what_they_stored_although_nobody_was_called_yet(tmp_path, monkeypatch):
    """The thread that stores gives the answer first, and then calls all who wait to be called."""
    with closing(EventStore(open_sqlite_recorder(tmp_path / "events.sqlite"), EventMapper())) as store:
        here = Knowing(store)
        assert await here.count("red") == 0
        submit = store.submit

        def stored(events, *, reply=None):
            answer = Uncalled()
            answer.set_result(submit(events, reply=reply).result())
            return answer

        monkeypatch.setattr(store, "submit", stored)
        await carry_out(here.memory, throwing(IDS.new()))
        assert await here.count("red") == 1


async def test_nobody_waits_for_it_and_what_was_answered_is_dropped_all_the_same(store):
    here, red, other = Knowing(store), IDS.new(), IDS.new()
    await carry_out(here.memory, throwing(other))
    assert await here.count("red") == 1
    work, _ = await here.memory.decide(throwing(red))
    storing = asyncio.ensure_future(here.memory.store(work))
    await asyncio.sleep(0)
    storing.cancel()
    await asyncio.wait([storing])
    # What is stored later is answered later.
    await carry_out(here.memory, bouncing(other, 9))
    assert await here.count("red") == 2


async def test_no_more_rows_are_kept_than_allowed(store):
    here = Knowing(store, rows=7)
    here.append("red", "red", "blue", *["green"] * 8)
    assert [await here.count("red"), await here.count("blue"), here.views.asked] == [2, 1, 2]
    # What was asked for last stays when another answer comes.
    assert [await here.count("red"), await here.count("pink"), here.views.asked] == [2, 0, 3]
    assert [await here.count("red"), here.views.asked] == [2, 3]
    assert [await here.count("blue"), here.views.asked] == [1, 4]
    # One that is too large is not asked for again to find that out; nor is one whose question is.
    for colours in (("green",), ("red", *"abcdefgh")):
        for _ in range(2):
            with pytest.raises(NotAtOnce):
                await here.count(*colours)
    assert here.views.asked == 6


async def test_nothing_is_kept_where_nothing_may_be(store):
    here = Knowing(store, rows=0)
    with pytest.raises(NotAtOnce):
        await here.count("red")
    here.append("red")
    assert here.views.asked == 0


def test_what_is_of_an_unknown_class_may_change_every_answer(store):
    here = Knowing(store)
    question = Question.of("colours", {"colour": "red"}, {})
    here.answers.ask(question)
    here.answers.moved((Ball.Bounced,))
    assert here.answers.known(question) == []
    here.answers.moved((None,))
    with pytest.raises(KeyError):
        here.answers.known(question)
