"""A clock that goes backwards: the order is that of the log, and nothing waits for a time that has passed already."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import EventMapper, EventStore, Reply, open_sqlite_recorder
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.messages import TwoServices
from fourgates.chassis.testing.toys import BALLS, Ball
from fourgates.chassis.views import Views
from fourgates.chassis.workers import settle

HEIGHTS = [6, 5, 4, 3, 2, 1]
# Later, then before the beginning, then a day before that.
TIMES = [NOON + timedelta(hours=hours) for hours in (0, 2, 1, -1, -25, 3)]


def a_ball(ball_id):
    ball = Ball.throw(an_act(at=TIMES[1]), ball_id=ball_id, colour="red")
    for at, height in zip(TIMES, HEIGHTS, strict=True):
        ball.bounce(an_act(at=at), height=height)
    return ball


def test_an_aggregate_and_its_rows_follow_the_order_of_the_log_whatever_the_clock_said():
    with closing(EventStore(open_sqlite_recorder(None), EventMapper())) as store:
        ball = a_ball(CountedIds().new())
        store.append(ball.collect_events())
        assert store.load(ball.id).heights == tuple(HEIGHTS)
        assert [event.act.at for event in store.events_of(ball.id)] == [TIMES[1], *TIMES]
        views = Views(store, (BALLS,))
        assert [row["bounces"] for row in views.find("balls", {"colour": "red"})] == [len(HEIGHTS)]
        views.close()


def test_facts_take_effect_in_order_though_both_clocks_go_back():
    two = TwoServices(InProcessBus())
    inbox = two.a_replica()
    clock = inbox._reactions._clock
    assert isinstance(clock, HeldClock)
    ball = a_ball(two.ids.new())
    for event in ball.collect_events():
        two.store.append([event])
        settle([two.relay, inbox])
        clock.advance(timedelta(minutes=-7))
    assert two.mirrored_of("red") == HEIGHTS
    assert two.parked() == []
    at = [recorded.event.act.at for recorded in two.heard.log(0, 100)]
    assert at == sorted(at, reverse=True)


def test_a_kept_answer_is_found_after_the_clock_went_back_and_goes_no_sooner():
    with closing(EventStore(open_sqlite_recorder(None), EventMapper())) as store:
        first = Reply("first", "f", 201, {}, b"{}", NOON, NOON + timedelta(hours=1))
        store.append((), reply=first)
        earlier = NOON - timedelta(hours=5)
        store.append((), reply=Reply("second", "f", 201, {}, b"{}", earlier, earlier + timedelta(hours=1)))
        assert store.find_reply("first", earlier) == first
        assert store.find_reply("second", earlier) is not None
