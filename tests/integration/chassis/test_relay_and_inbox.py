"""From one service's log to another's effect: in order, nothing lost, nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.inbox import GapFound, Inbox
from fourgates.chassis.relay import Relay
from fourgates.chassis.sources import InProcessSources
from fourgates.chassis.store import AlreadyHandled, EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.toys import Ball, BallBounced, publish_bounce
from fourgates.chassis.views import Views
from fourgates.chassis.work import Conflict, Units
from fourgates.chassis.workers import settle

TOPIC = "fourgates.toy.events.v1"


class Mirror:
    """A listener that throws a ball of its own for each bounce it hears."""

    def __init__(self, work, ids):
        self.work, self.ids = work, ids

    def throw(self, act, fact):
        self.work.save(Ball.throw(act, ball_id=self.ids.new(), colour=f"{fact.colour}-{fact.height}"))


class World:
    def __init__(self, react=None, sources=True):
        self.bus = InProcessBus()
        self.ids = CountedIds(3)
        self.toy = EventStore(open_sqlite_recorder(None), EventMapper())
        self.mirror = EventStore(open_sqlite_recorder(None), EventMapper())
        self.relay = Relay("toy", self.toy, self.bus, {Ball.Bounced: publish_bounce})
        self.sources = InProcessSources()
        self.sources.add("toy", self.relay)
        self.react = react or (lambda mirror, act, fact: mirror.throw(act, fact))
        self.inbox = self.an_inbox(sources=sources)

    def an_inbox(self, *, sources=True):
        return Inbox(
            "mirror",
            store=self.mirror,
            units=Units(self.mirror, Views(self.mirror, ())),
            bus=self.bus,
            topics=(TOPIC,),
            heard={BallBounced: self.react},
            use_cases=lambda work: Mirror(work, self.ids),
            clock=HeldClock(NOON),
            sources=self.sources if sources else None,
        )

    def bounce(self, colour, *heights):
        ball = Ball.throw(an_act("rita"), ball_id=self.ids.new(), colour=colour)
        for height in heights:
            ball.bounce(an_act("rita"), height=height)
        self.toy.append(ball.collect_events())
        return ball

    def mirrored(self):
        return [r.event.colour for r in self.mirror.log(0, 1000)]


def test_what_one_service_stored_takes_effect_in_another_in_order():
    world = World()
    world.bounce("red", 3, 2, 1)
    settle([world.relay, world.inbox])
    assert world.mirrored() == ["red-3", "red-2", "red-1"]


def test_the_effect_says_on_whose_behalf_and_because_of_what():
    world = World()
    world.bounce("red", 1)
    settle([world.relay, world.inbox])
    act = world.mirror.log(0, 1)[0].event.act
    assert (act.by, act.on_behalf_of, act.cause_id, act.correlation_id) == (
        "mirror-service",
        "rita",
        "toy-2",
        "correlation",
    )


def test_a_repeated_message_takes_effect_once():
    world = World()
    world.bounce("red", 1)
    settle([world.relay, world.inbox])
    again = world.bus.consumer("spy", [TOPIC]).poll(0, 10)
    world.bus.publisher().publish(again)
    world.inbox.close()
    settle([world.inbox])
    assert world.mirrored() == ["red-1"]


def test_a_relay_that_lost_its_memory_publishes_the_same_messages_again():
    world = World()
    world.bounce("red", 2, 1)
    settle([world.relay])
    first = world.bus.consumer("a", [TOPIC]).poll(0, 10)
    again = Relay("toy", world.toy, world.bus, {Ball.Bounced: publish_bounce})
    world.bounce("blue", 1)
    settle([again])
    both = world.bus.consumer("b", [TOPIC]).poll(0, 10)
    assert both[:2] == first
    assert len(both) == 3


def test_a_relay_that_was_there_from_the_beginning_reads_no_aggregate_again():
    """Also when the first event of it is not published."""
    world, loaded = World(), []
    load = world.toy.load
    world.toy.load = lambda aggregate_id, **kept: loaded.append(aggregate_id) or load(aggregate_id, **kept)
    world.bounce("red", 2, 1)
    settle([world.relay, world.inbox])
    assert world.mirrored() == ["red-2", "red-1"]
    assert loaded == []


def test_two_relays_at_once_double_messages_but_not_effects():
    world = World()
    other = Relay("toy", world.toy, world.bus, {Ball.Bounced: publish_bounce})
    world.bounce("red", 2, 1)
    other.step.__self__._position = 0  # the other relay has read its position before the first one saved
    settle([world.relay])
    with pytest.raises(AlreadyHandled):
        other.step()
    settle([other, world.relay, world.inbox])
    assert world.mirrored() == ["red-2", "red-1"]
    # Nor does it say what is wrong, for others to park.
    assert world.mirror.list_parked() == []


def test_a_dropped_message_is_fetched_from_the_sources_own_log():
    world = World()
    world.bounce("red", 3, 2, 1)
    settle([world.relay])
    sent = world.bus.consumer("spy", [TOPIC]).poll(0, 10)
    lossy = World()
    lossy.toy, lossy.sources = world.toy, world.sources
    lossy.inbox = lossy.an_inbox()
    lossy.bus.publisher().publish([sent[0], sent[2]])
    settle([lossy.inbox])
    assert lossy.mirrored() == ["red-3", "red-2", "red-1"]


def test_a_gap_that_cannot_be_filled_stops_the_shard_and_says_so():
    world = World()
    world.bounce("red", 3, 2, 1)
    settle([world.relay])
    sent = world.bus.consumer("spy", [TOPIC]).poll(0, 10)
    lossy = World(sources=False)
    lossy.bus.publisher().publish([sent[0], sent[2]])
    with pytest.raises(GapFound):
        lossy.inbox.step()
    assert lossy.mirrored() == ["red-3"]


def test_a_poison_message_is_parked_with_later_ones_of_its_aggregate_and_others_flow():
    def react(mirror, act, fact):
        if fact.colour == "bad":
            raise ValueError("no such colour")
        mirror.throw(act, fact)

    world = World(react)
    world.bounce("bad", 2, 1)
    world.bounce("good", 1)
    settle([world.relay, world.inbox])
    assert world.mirrored() == ["good-1"]
    assert ["no such colour" in p.reason for p in world.mirror.list_parked()] == [True, False]


def test_a_message_without_its_headers_is_parked_and_others_flow():
    world = World()
    world.bounce("red", 1)
    settle([world.relay])
    good = world.bus.consumer("spy", [TOPIC]).poll(0, 10)[0]
    headers = {k: v for k, v in good.headers.items() if k not in {"ce_id", "ce_pos"}}
    world.bus.publisher().publish([replace(good, headers=headers)])
    settle([world.inbox])
    assert world.mirrored() == ["red-1"]
    assert [p.reason for p in world.mirror.list_parked()] == [
        "header ce_id is missing; header ce_pos must be a whole number"
    ]


def test_a_body_that_is_no_such_contract_is_parked():
    world = World()
    world.bounce("red", 1)
    settle([world.relay])
    good = world.bus.consumer("spy", [TOPIC]).poll(0, 10)[0]
    other = World()
    other.bus.publisher().publish([replace(good, body=b'{"colour": 1}')])
    settle([other.inbox])
    assert other.mirrored() == []
    assert len(other.mirror.list_parked()) == 1


def test_a_lost_race_is_tried_again():
    lost: list[int] = []

    def react(mirror, act, fact):
        if not lost:
            lost.append(1)
            raise Conflict("someone was first")
        mirror.throw(act, fact)

    world = World(react)
    world.bounce("red", 1)
    settle([world.relay, world.inbox])
    assert world.mirrored() == ["red-1"]
