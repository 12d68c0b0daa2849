"""Events that are too large are never stored; a row that cannot be read stops its aggregate, and the rest goes on."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.envelope import shard_of
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.followers import Effect, EffectRunner, OwnLog
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.inbox import Inbox
from fourgates.chassis.relay import Place, Relay
from fourgates.chassis.sources import InProcessSources
from fourgates.chassis.store import (
    EVENT_BYTES_MAX,
    EventMapper,
    EventStore,
    EventTooLarge,
    QueueLimits,
    StoreUnavailable,
    UnreadableEvent,
    open_sqlite_recorder,
)
from fourgates.chassis.store.stored import stored_event
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.messages import TwoServices
from fourgates.chassis.testing.toys import BALLS, Ball, BallBounced, publish_bounce
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units
from fourgates.chassis.workers import settle

CORRUPT = b'{"height": "hi'
IDS = CountedIds(8)


@pytest.fixture
def queue():
    return QueueLimits()


class MendedMapper(EventMapper):
    """Reads the log as if someone had put back what the corrupt row said."""

    def to_domain_event(self, stored):
        if bytes(stored.state) == CORRUPT:
            ball = Ball.throw(an_act(), ball_id=stored.originator_id, colour="any")
            ball.bounce(an_act(), height=5)
            written = self.to_stored_event(ball.collect_events()[1])
            stored = StoredEvent(stored.originator_id, stored.originator_version, written.topic, written.state)
        return super().to_domain_event(stored)

    def folded(self, originator_id, rows):
        aggregate = None
        for row in rows:
            aggregate = self.to_domain_event(stored_event(originator_id, *row)).mutate(aggregate)
        return aggregate


def mended(recorder):
    return EventStore(recorder, MendedMapper())


def bounce(store, ball, *heights):
    for height in heights:
        ball.bounce(an_act(), height=height)
    store.append(ball.collect_events())


def corrupt(recorder, ball, topic="toy.BallBounced"):
    """Store a row that nobody can read as the next of a ball, and let the ball in memory go on behind it."""
    row = StoredEvent(ball.id, ball.version + 1, topic, CORRUPT)
    recorder.append([row], positions={}, reply=None, parked=None)
    ball.bounce(an_act(), height=5)
    ball.collect_events()


@pytest.fixture
def stopped(store, recorder):
    """A ball with a row that cannot be read in its middle, and another that bounced before and after it."""
    bad = Ball.throw(an_act(), ball_id=IDS.new(), colour="bad")
    elsewhere = next(ball_id for ball_id in iter(IDS.new, None) if shard_of(ball_id) != shard_of(bad.id))
    good = Ball.throw(an_act(), ball_id=elsewhere, colour="good")
    bounce(store, bad, 9)
    bounce(store, good, 8)
    corrupt(recorder, bad)
    bounce(store, bad, 4)
    bounce(store, good, 3)
    return bad, good


ALL = ["bad-9", "good-8", "good-3", "bad-5", "bad-4"]


def test_a_row_that_cannot_be_read_stops_its_aggregate_alone(store, recorder, stopped):
    bad, good = stopped
    for look in (store.load, store.events_of):
        with pytest.raises(UnreadableEvent) as met:
            look(bad.id)
        assert (met.value.topic, met.value.originator_version) == ("toy.BallBounced", 3)
        assert str(bad.id) in str(met.value)
    assert store.load(bad.id, version=2).heights == (9,)
    assert store.load(good.id) == good
    assert [type(recorded.event) for recorded in store.log(4, 2)] == [UnreadableEvent, Ball.Bounced]
    assert str(bad.id) in store.stopped.told()
    assert mended(recorder).load(bad.id).heights == (9, 5, 4)


def test_a_name_that_nobody_knows_and_a_version_that_is_missing_are_told_alike(store, recorder, stopped):
    _, good = stopped
    for version, topic in ((1, "toy.Cube"), (7, "toy.BallBounced")):
        row = EventMapper().to_stored_event(store.events_of(good.id)[1])
        unknown = StoredEvent(uuid4(), version, topic, row.state)
        recorder.append([unknown], positions={}, reply=None, parked=None)
        with pytest.raises(UnreadableEvent, match=str(unknown.originator_id)) as met:
            store.load(unknown.originator_id)
        if topic == "toy.Cube":
            assert "toy.Cube" in met.value.why
            [recorded] = store.log(store.head() - 1, 1)
            assert recorded.event.why == met.value.why


class Listening:
    """A service that publishes bounces, and one that throws a ball for each that it hears."""

    def __init__(self):
        self.bus = InProcessBus()
        self.sources = InProcessSources()
        self.store = EventStore(open_sqlite_recorder(None), EventMapper())
        self.store.append((), positions={"/fourgates/toy/begun": 1})
        self.inbox = Inbox(
            "mirror",
            store=self.store,
            units=Units(self.store, Views(self.store, ())),
            bus=self.bus,
            topics=("fourgates.toy.events.v1",),
            heard={BallBounced: lambda work, act, fact: throw(work, act, f"{fact.colour}-{fact.height}")},
            use_cases=lambda work: work,
            clock=HeldClock(NOON),
            sources=self.sources,
        )

    def relayed(self, store):
        """Let a new relay publish what there is, and return what was heard so far."""
        relay = Relay("toy", store, self.bus, {Ball.Bounced: publish_bounce})
        self.sources.add("toy", relay)
        settle([relay, self.inbox])
        relay.close()
        return [recorded.event.colour for recorded in self.store.log(0, 100)]


def throw(work, act, colour):
    work.save(Ball.throw(act, ball_id=IDS.new(), colour=colour))


def test_the_relay_holds_the_shard_and_loses_nothing(store, recorder, stopped):
    bad, good = stopped
    listening = Listening()
    assert listening.relayed(store) == ALL[:3]
    # Another process begins before the row, and publishes nothing twice.
    bounce(store, good, 2)
    assert listening.relayed(EventStore(recorder, EventMapper())) == [*ALL[:3], "good-2"]
    bounce(store, good, 1)
    bounce(store, bad, 0)
    assert listening.relayed(mended(recorder)) == [*ALL[:3], "good-2", "bad-5", "bad-4", "good-1", "bad-0"]
    assert listening.store.list_parked() == []
    assert mended(recorder).position_of("relay") == store.head()


def test_a_late_listener_waits_for_what_cannot_be_read(store, recorder, stopped):
    bad, good = stopped
    Listening().relayed(mended(recorder))
    late = Relay("toy", store, InProcessBus(), {Ball.Bounced: publish_bounce})
    shard = shard_of(bad.id)
    assert [m.headers["ce_pos"] for m in late.missing(shard, 0, 100)] == ["2"]
    with pytest.raises(UnreadableEvent):
        late.missing(shard, 2, 100)
    remade = late.remake(shard, Place(0, 0), 100, limit=10)
    assert len(remade.messages) == 1
    assert remade.following == Place(2, 2)
    assert len(late.missing(shard_of(good.id), 0, 100)) == 2


def test_reactions_to_the_own_log_go_on_and_none_is_lost_or_doubled(store, recorder, stopped):
    bad, good = stopped

    def reacted(on):
        own = OwnLog(
            "toy",
            store=on,
            units=Units(on, Views(on, ())),
            own={Ball.Bounced: lambda work, act, happened: throw(work, act, f"after {happened.height}")},
            use_cases=lambda work: work,
            clock=HeldClock(NOON),
        )
        settle([own])
        thrown = [recorded.event for recorded in on.log(0, 100) if type(recorded.event) is Ball.Thrown]
        return [event.colour for event in thrown if event.colour.startswith("after")]

    # Read from the log, all in one batch.
    assert reacted(EventStore(recorder, EventMapper())) == ["after 9", "after 8", "after 3"]
    bounce(store, good, 2)
    assert reacted(EventStore(recorder, EventMapper())) == ["after 9", "after 8", "after 3", "after 2"]
    bounce(store, good, 1)
    bounce(store, bad, 0)
    last = reacted(mended(recorder))
    assert last == ["after 9", "after 8", "after 3", "after 2", "after 5", "after 4", "after 1", "after 0"]
    assert reacted(mended(recorder)) == last


def test_effects_go_on_and_none_is_lost(store, recorder, stopped):
    _, good = stopped
    ran = []

    def run(on):
        effect = Effect("paint", Ball.Bounced, lambda happened, act, carry_out: ran.append(happened.height))
        units = Units(on, Views(on, ()))
        settle([EffectRunner("toy", effect, store=on, units=units, use_cases=lambda w: w, clock=HeldClock(NOON))])
        return ran

    assert run(store) == [9, 8, 3]
    bounce(store, good, 2)
    assert run(EventStore(recorder, EventMapper())) == [9, 8, 3, 2]
    assert run(mended(recorder)) == [9, 8, 3, 2, 5, 4]
    assert run(mended(recorder)) == [9, 8, 3, 2, 5, 4]


def test_rows_stay_as_they_were_and_are_made_again_when_it_is_mended(store, recorder, stopped, tmp_path):
    bad, good = stopped
    path = tmp_path / "views.sqlite"
    for _ in range(2):
        with closing(Views(store, [BALLS], path)) as views:
            assert views.get("balls", str(bad.id))["bounces"] == 1
            assert views.get("balls", str(good.id))["bounces"] == 2
            assert views.rebuild() == store.head()
    with closing(Views(mended(recorder), [BALLS], path)) as views:
        assert [views.get("balls", str(ball.id))["bounces"] for ball in stopped] == [3, 2]


@pytest.mark.parametrize(("size", "fits"), [(0, True), (1, False), (EVENT_BYTES_MAX, False)])
def test_an_event_that_is_too_large_is_refused_with_all_that_goes_with_it(store, size, fits):
    empty = EventMapper().to_stored_event(Ball.throw(an_act(), ball_id=IDS.new(), colour="").collect_events()[0])
    colour = "x" * (EVENT_BYTES_MAX - len(empty.state) + size)
    small, large = (Ball.throw(an_act(), ball_id=IDS.new(), colour=c) for c in ("red", colour))
    events = [*small.collect_events(), *large.collect_events()]
    if fits:
        store.append(events, positions={"toy": 1})
        assert store.load(large.id) == large
    else:
        with pytest.raises(EventTooLarge, match=r"toy\.BallThrown would take"):
            store.append(events, positions={"toy": 1})
        assert (store.head(), store.position_of("toy")) == (0, 0)


def test_a_reaction_that_makes_too_large_an_event_is_parked():
    two = TwoServices(
        InProcessBus(),
        react=lambda mirror, act, fact: mirror.throw(act, fact.model_copy(update={"colour": "x" * 2**20})),
    )
    two.bounce("red", 1)
    settle([two.relay, two.a_replica()])
    assert two.mirrored() == []
    assert [reason.partition(" would")[0] for reason in two.parked()] == ["EventTooLarge: toy.BallThrown"]


def test_a_reaction_to_the_own_log_that_makes_too_large_an_event_stops_its_aggregate(recorder, stopped):
    _, good = stopped
    store = EventStore(recorder, EventMapper())

    def paint(work, act, happened):
        throw(work, act, "x" * 2**20 if happened.height == 8 else f"after {happened.height}")

    settle([reacting(store, paint)])
    assert [r.event.colour for r in store.log(7, 10)] == ["after 9"]
    assert "2 stopped" in store.stopped.told()
    assert good.version == 3


def reacting(store, paint):
    units = Units(store, Views(store, ()))
    return OwnLog(
        "toy", store=store, units=units, own={Ball.Bounced: paint}, use_cases=lambda w: w, clock=HeldClock(NOON)
    )


def test_what_was_done_before_something_had_to_wait_is_not_done_again_after_an_error(recorder):
    store = EventStore(recorder, EventMapper())
    one, two = (Ball.throw(an_act(), ball_id=IDS.new(), colour=colour) for colour in ("one", "two"))
    bounce(store, one, 9, 8)
    bounce(store, two, 7)
    bounce(store, one, 6)
    away = [True]

    def paint(work, act, happened):
        if happened.height == 6 and away[0]:
            raise StoreUnavailable("no connection is free")
        throw(work, act, "x" * 2**20 if happened.height == 7 else f"after {happened.height}")

    own = reacting(EventStore(recorder, EventMapper()), paint)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            own.step()
    away[0] = False
    settle([own])
    assert [r.event.colour for r in store.log(6, 10)] == ["after 9", "after 8", "after 6"]


def test_whoever_was_overtaken_and_cannot_do_something_does_nothing_again(recorder):
    def too_large(work, act, happened):
        throw(work, act, "x" * 2**20 if happened.height == 9 else f"slow {happened.height}")

    store = EventStore(recorder, EventMapper())
    slow = reacting(EventStore(recorder, EventMapper()), too_large)
    settle([slow])
    ball, other = (Ball.throw(an_act(), ball_id=IDS.new(), colour="any") for _ in range(2))
    bounce(store, ball, 9, 8)
    bounce(store, other, 7, 6)
    settle([reacting(store, lambda work, act, happened: throw(work, act, f"fast {happened.height}"))])
    settle([slow])
    assert [r.event.colour for r in store.log(6, 10)] == ["fast 9", "fast 8", "fast 7", "fast 6"]


@pytest.mark.parametrize("looks", [False, True], ids=["together", "alone"])
def test_what_comes_behind_a_reaction_that_cannot_be_stored_waits(store, looks):
    ball = Ball.throw(an_act(), ball_id=IDS.new(), colour="red")
    bounce(store, ball, 9, 8, 3)

    def paint(work, act, happened):
        if happened.height == 3 and looks:
            assert work.views is not None
        throw(work, act, "x" * 2**20 if happened.height == 8 else f"after {happened.height}")

    settle([reacting(store, paint)])
    assert [r.event.colour for r in store.log(4, 10)] == ["after 9"]
    assert store.position_of("own") == 2
