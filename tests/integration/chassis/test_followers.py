"""Those who follow a service's own log: each reaction once, and no saving of what was only passed by."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.followers import PASSED_MAX, Effect, EffectRunner, OwnLog
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import EventMapper, EventStore, StoreUnavailable, open_sqlite_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import Ball
from fourgates.chassis.together import AGGREGATES_MAX
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units
from fourgates.chassis.workers import settle

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
IDS = CountedIds(31)


class Store(EventStore):
    """Counts how often a position is saved with nothing else."""

    def __init__(self, recorder) -> None:
        super().__init__(recorder, EventMapper())
        self.saved = []
        self.begun = []
        self.away = ""

    def append(self, events, **kept):
        if not events and kept.get("positions"):
            self.saved.append(kept["positions"])
        return super().append(events, **kept)

    def begin_append(self, events, *, positions):
        if self.away == "append":
            raise StoreUnavailable("too much waits to be stored")
        self.begun.append(positions)
        return super().begin_append(events, positions=positions)

    def position_of(self, name):
        if self.away == name:
            raise StoreUnavailable("no connection is free")
        return super().position_of(name)


@pytest.fixture
def recorder():
    opened = open_sqlite_recorder(None)
    yield opened
    opened.close()


@pytest.fixture
def store(recorder):
    return Store(recorder)


def own_log(store, heard):
    def react(work, act, happened):
        heard.append(happened.height)
        work.save(Ball.throw(act, ball_id=IDS.new(), colour=f"after {happened.height}"))

    units = Units(store, Views(store, ()))
    return OwnLog(
        "toy", store=store, units=units, own={Ball.Bounced: react}, use_cases=lambda w: w, clock=HeldClock(NOON)
    )


def throw(store, count=1):
    for _ in range(count):
        store.append(Ball.throw(an_act(), ball_id=IDS.new(), colour="red").collect_events())


def bounce(store, *heights):
    ball = Ball.throw(an_act(), ball_id=IDS.new(), colour="red")
    for height in heights:
        ball.bounce(an_act(), height=height)
    store.append(ball.collect_events())


def overtake(store, slow, fast):
    """Let one go on while another has not heard of it, and then the other."""
    settle([slow])
    bounce(store, 3, 2)
    settle([fast])
    settle([slow])
    bounce(store, 1)
    settle([slow])


def test_what_is_passed_by_is_saved_when_there_is_no_more(store):
    own = own_log(store, [])
    for _ in range(3):
        throw(store)
        assert own.step()
    assert store.saved == []
    assert not own.step()
    assert not own.step()
    assert store.saved == [{"own": 3}]


def test_what_is_passed_by_is_saved_at_the_latest_after_so_much(store):
    own = own_log(store, [])
    balls = [Ball.throw(an_act(), ball_id=IDS.new(), colour="red") for _ in range(PASSED_MAX)]
    store.append([event for ball in balls for event in ball.collect_events()])
    throw(store)
    while own.step() and not store.saved:
        assert store.position_of("own") == 0
    assert store.saved == [{"own": PASSED_MAX}]


def test_what_had_an_effect_is_saved_with_it_and_done_once_whoever_goes_on(store, recorder):
    heard = []
    own = own_log(store, heard)
    bounce(store, 3)
    throw(store, 2)
    assert own.step()
    # The position of the reaction was stored with its effect; what came behind was only passed by.
    assert (heard, store.position_of("own"), store.saved) == ([3], 2, [])
    again = EventStore(recorder, EventMapper())
    bounce(again, 2)
    settle([own_log(again, heard)])
    assert heard == [3, 2]
    assert again.position_of("own") == again.head()


def test_who_was_overtaken_goes_on_and_nothing_takes_effect_twice(store, recorder):
    slow, fast = own_log(store, []), own_log(EventStore(recorder, EventMapper()), [])
    throw(store)
    overtake(store, slow, fast)
    colours = [recorded.event.colour for recorded in store.log(0, 100) if type(recorded.event) is Ball.Thrown]
    assert [colour for colour in colours if colour != "red"] == ["after 3", "after 2", "after 1"]


def test_who_was_overtaken_in_the_middle_of_what_it_does_together_does_the_rest(store, recorder):
    elsewhere = EventStore(recorder, EventMapper())
    slow, fast = own_log(store, []), own_log(elsewhere, [])
    settle([slow])
    bounce(elsewhere, 3)
    settle([fast])
    bounce(elsewhere, 2, 1)
    assert len(store.log(0, 100)) == 6
    slow.step()
    assert store.begun
    colours = [recorded.event.colour for recorded in store.log(0, 100) if type(recorded.event) is Ball.Thrown]
    assert [colour for colour in colours if colour != "red"] == ["after 3", "after 2", "after 1"]


def test_reactions_that_have_nothing_to_do_with_each_other_are_stored_in_one_transaction(store):
    heard = []
    own = own_log(store, heard)
    bounce(store, 3, 2)
    bounce(store, 1)
    assert own.step()
    assert (heard, store.begun) == ([3, 2, 1], [{"own": 5}])
    settle([own])
    assert (heard, store.begun) == ([3, 2, 1], [{"own": 5}])


def test_a_reaction_that_decides_by_what_an_earlier_one_changed_comes_after_it_is_stored(store):
    ball = Ball.throw(an_act(), ball_id=IDS.new(), colour="red")
    store.append(ball.collect_events())

    def lower(work, act, happened):
        again = work.get(Ball, ball.id)
        again.bounce(act, height=(again.heights or (9,))[-1] - 1)
        work.save(again)

    units = Units(store, Views(store, ()))
    own = OwnLog(
        "toy", store=store, units=units, own={Ball.Thrown: lower}, use_cases=lambda w: w, clock=HeldClock(NOON)
    )
    throw(store, 3)
    settle([own])
    assert store.load(ball.id).heights == (8, 7, 6, 5)


def test_many_reactions_are_stored_a_part_at_a_time(store):
    own = own_log(store, [])
    bounce(store, *reversed(range(AGGREGATES_MAX + 1)))
    settle([own])
    assert store.begun == [{"own": AGGREGATES_MAX + 1}, {"own": AGGREGATES_MAX + 2}]


@pytest.mark.parametrize("away", ["own/3", "append"])
def test_what_could_not_be_stored_now_is_done_again_and_once(store, away):
    own = own_log(store, [])
    bounce(store, 3, 2)
    store.away = away
    with pytest.raises(StoreUnavailable):
        own.step()
    store.away = ""
    settle([own])
    colours = [recorded.event.colour for recorded in store.log(3, 100)]
    assert colours == ["after 3", "after 2"]


def test_a_reaction_that_fails_leaves_those_before_it_done(store):
    heard = []

    def react(work, act, happened):
        if happened.height == 2:
            raise RuntimeError("out of order")
        heard.append(happened.height)
        work.save(Ball.throw(act, ball_id=IDS.new(), colour=f"after {happened.height}"))

    units = Units(store, Views(store, ()))
    own = OwnLog(
        "toy", store=store, units=units, own={Ball.Bounced: react}, use_cases=lambda w: w, clock=HeldClock(NOON)
    )
    bounce(store, 4, 3, 2, 1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            own.step()
    assert heard == [4, 3]
    assert store.position_of("own") == 3


def test_an_effect_that_another_process_ran_too_holds_up_nobody(store, recorder):
    ran = []

    def runner(on):
        effect = Effect("paint", Ball.Bounced, lambda happened, act, carry_out: ran.append(happened.height))
        units = Units(on, Views(on, ()))
        return EffectRunner("toy", effect, store=on, units=units, use_cases=lambda w: w, clock=HeldClock(NOON))

    slow, fast = runner(store), runner(EventStore(recorder, EventMapper()))
    overtake(store, slow, fast)
    assert ran == [3, 2, 3, 2, 1]
    assert store.position_of("effect/paint") == store.head()
