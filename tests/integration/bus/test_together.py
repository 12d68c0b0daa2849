"""Effects of several messages in one transaction: as if each had one of its own, in order, whoever else is first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fourgates.chassis import inbox, together
from fourgates.chassis.bus import BusUnavailable
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.inbox import RACES_MAX, TRIES_MAX, GapFound, Inbox, SourceAway
from fourgates.chassis.store import StoreUnavailable
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.toys import BALLS, Ball
from fourgates.chassis.together import AGGREGATES_MAX
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units

from tests.integration.bus.interleaving import Replicas, break_down, go_away, lose, places


@pytest.fixture
def both():
    return Replicas()


def an_inbox(both, react):
    """A replica whose use cases are units of work themselves."""
    return Inbox(
        "of-another-kind",
        store=both.store,
        units=Units(both.store, Views(both.store, (BALLS,))),
        bus=both.services.bus,
        topics=(both.services.topic,),
        heard={both.services.contract: react},
        use_cases=lambda work: work,
        clock=HeldClock(NOON),
        sources=both.sources,
    )


def test_what_arrives_at_once_is_stored_at_once_with_all_positions(both):
    red, blue = both.messages_of("red", 3, 2, 1), both.messages_of("blue", 1)
    both.send(*red, *blue)
    both.inbox.step()
    assert both.mirrored == ["red-3", "red-2", "red-1", "blue-1"]
    assert both.store.appended == [places(*red, *blue)]


def test_what_fills_a_gap_is_stored_at_once_too(both):
    red = both.messages_of("red", 4, 3, 2, 1)
    both.send(red[3])
    both.inbox.step()
    assert both.mirrored == ["red-4", "red-3", "red-2", "red-1"]
    assert both.store.appended == [places(*red)]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_what_another_has_handled_of_it_meanwhile_takes_effect_once(both, first):
    """The other has saved an earlier position than the last of what is stored here."""
    red, blue = both.messages_of("red", 3, 2, 1), both.messages_of("blue", 1)
    other = both.services.a_replica()
    other._bus = type(both.services.bus)()
    other._bus.publisher().publish(red[:first])
    both.send(*red, *blue)
    both.store.happens = [other.step]
    both.inbox.step()
    assert both.mirrored == ["red-3", "red-2", "red-1", "blue-1"]
    assert both.saved_up_to(*red, *blue)


def test_what_another_handles_of_it_before_a_gap_is_seen_takes_effect_once(both):
    """Positions are read again in the middle of what is to be stored together."""
    red = both.messages_of("red", 4, 3, 2, 1)
    other = both.services.a_replica()
    other._bus = type(both.services.bus)()
    other._bus.publisher().publish(red[:3])
    both.send(red[0], red[3])
    both.in_reaction = [other.step]
    both.inbox.step()
    assert both.mirrored == ["red-4", "red-3", "red-2", "red-1"]


def test_messages_about_one_thing_see_what_each_other_did(both):
    """The second bounce is decided about a ball that the first has thrown, and the third about one that bounced."""
    ball_id = both.services.ids.new()

    def react(work, act, fact):
        ball = work.find(Ball, ball_id)
        if ball is None:
            ball = Ball.throw(act, ball_id=ball_id, colour=fact.colour)
        ball.bounce(act, height=fact.height)
        work.save(ball)

    replica = an_inbox(both, react)
    both.send(*both.messages_of("red", 3, 2, 1))
    replica.step()
    assert both.store.load(ball_id).heights == (3, 2, 1)
    assert both.parked == []


def test_a_reaction_that_looks_at_read_models_sees_what_came_before_it(both):
    seen = []

    def react(work, act, fact):
        seen.append(len(work.views.find("balls")))
        work.save(Ball.throw(act, ball_id=both.services.ids.new(), colour=f"{fact.colour}-{fact.height}"))

    replica = an_inbox(both, react)
    both.send(*both.messages_of("red", 4, 3, 2, 1))
    replica.step()
    assert both.mirrored == ["red-4", "red-3", "red-2", "red-1"]
    # The second had looked too soon, and after that nobody did.
    assert seen in ([0, 0, 1, 2, 3], [0, 1, 2, 3])


@pytest.mark.parametrize("trouble", [[break_down] * TRIES_MAX, [lose] * RACES_MAX], ids=["error", "race"])
def test_one_in_trouble_for_good_is_parked_alone_in_its_turn(both, trouble):
    red, blue = both.messages_of("red", 3, 2, 1), both.messages_of("blue", 1)
    both.send(*red, *blue)
    both.in_reaction = [lambda: None, *trouble]
    both.inbox.step()
    assert both.mirrored == ["red-3", "blue-1"]
    assert both.saved_up_to(*red, *blue)
    # With the one behind it, which is about the same ball.
    assert len(both.parked) == 2


def test_an_effect_that_is_too_large_is_parked_alone_and_the_others_are_stored(both):
    def react(work, act, fact):
        colour = "x" * 2_000_000 if fact.colour == "large" else f"{fact.colour}-{fact.height}"
        work.save(Ball.throw(act, ball_id=both.services.ids.new(), colour=colour))

    replica = an_inbox(both, react)
    both.send(*both.messages_of("red", 1), *both.messages_of("large", 1), *both.messages_of("blue", 1))
    replica.step()
    assert both.mirrored == ["red-1", "blue-1"]
    assert [reason.partition(":")[0] for reason in both.parked] == ["EventTooLarge"]


@pytest.mark.parametrize("trouble", [[], [lose]], ids=["at-once", "one-by-one"])
def test_more_than_is_stored_at_once_is_stored_in_order(both, trouble):
    """What is being stored is not waited for before the next messages are handled."""
    heights = range(2 * AGGREGATES_MAX + 10, 0, -1)
    both.send(*both.messages_of("red", *heights))
    both.store.happens = [*trouble]
    while both.inbox.step():
        pass
    assert both.services.mirrored_of("red") == list(heights)
    assert both.parked == []


@pytest.mark.parametrize("trouble", [[], [lose], [lambda: None, lose]], ids=["none", "first", "second"])
def test_while_much_waits_it_is_stored_while_the_next_is_handled(both, monkeypatch, trouble):
    monkeypatch.setattr(inbox, "POLL", 4)
    monkeypatch.setattr(together, "AGGREGATES_MAX", 3)
    heights = list(range(10, 0, -1))
    both.send(*both.messages_of("red", *heights))
    both.store.happens = [*trouble]
    assert both.inbox.step()
    assert (both.reactions, both.mirrored) == (4, [])
    assert len(both.polled_by_the_next()) == len(heights)
    assert both.inbox.step()
    assert both.reactions >= 8
    assert len(both.mirrored) < len(heights)
    assert both.inbox.step()
    assert both.services.mirrored_of("red") == heights
    assert both.polled_by_the_next() == []
    assert both.parked == []


@pytest.mark.parametrize("trouble", [[], [lose]], ids=["none", "race"])
def test_what_was_handled_does_not_wait_for_the_bus(both, monkeypatch, trouble):
    monkeypatch.setattr(inbox, "POLL", 4)
    red = both.messages_of("red", 5, 4, 3, 2)
    both.send(*red)
    both.store.happens = [*trouble]
    assert both.inbox.step()
    assert both.mirrored == []

    def away(timeout_s, limit):
        raise BusUnavailable

    both.inbox._consumer.poll = away
    with pytest.raises(BusUnavailable):
        both.inbox.step()
    assert both.services.mirrored_of("red") == [5, 4, 3, 2]
    assert both.saved_up_to(*red)


def test_what_was_handled_does_not_wait_for_more(both, monkeypatch):
    monkeypatch.setattr(inbox, "POLL", 4)
    both.send(*both.messages_of("red", 5, 4, 3, 2))
    assert both.inbox.step()
    poll, waits = both.inbox._consumer.poll, []
    both.inbox._consumer.poll = lambda timeout_s, limit: waits.append(timeout_s) or poll(0.0, limit)
    both.inbox.wait(60.0)
    assert both.services.mirrored_of("red") == [5, 4, 3, 2]
    both.inbox.wait(0.5)
    assert waits == [0.0, 0.5]


def test_the_bus_is_told_now_and_then_while_much_waits(both, monkeypatch):
    monkeypatch.setattr(inbox, "POLL", 4)
    monkeypatch.setattr(inbox, "COMMIT_EVERY", 8)
    red = both.messages_of("red", *range(20, 0, -1))
    both.send(*red)
    assert both.inbox.step()
    assert len(both.polled_by_the_next()) == 20
    assert both.inbox.step()
    assert len(both.polled_by_the_next()) == 12
    assert both.saved_up_to(*red[:8])


@pytest.mark.parametrize("late", [False, True], ids=["a-gap", "a-source-that-was-never-read"])
def test_what_was_handled_does_not_wait_for_a_source(monkeypatch, late):
    monkeypatch.setattr(inbox, "POLL", 4)
    both = Replicas(late=late)
    red, blue = both.messages_of("red", 2, 1), both.messages_of("blue", 3, 2, 1)
    both.sources.error = SourceAway("no answer")
    # A gap is nothing but that the first is missing.
    both.send(red[0] if late else red[1], *blue)
    with pytest.raises(GapFound):
        both.inbox.step()
    assert both.services.mirrored_of("blue") == [3, 2, 1]


def test_nothing_of_it_is_stored_or_forgotten_when_the_store_goes_away(both):
    both.send(*both.messages_of("red", 2, 1))
    both.store.happens = [go_away]
    with pytest.raises(StoreUnavailable):
        both.inbox.step()
    assert both.mirrored == []
    both.inbox.step()
    assert both.mirrored == ["red-2", "red-1"]


def test_what_could_not_be_stored_together_and_not_alone_waits_in_order(both):
    """No dead letter may be parked any more: the shard of the poison waits, and others flow."""
    red, blue = both.messages_of("red", 3, 2, 1), both.messages_of("blue", 1)
    both.inbox._parked_max = 0
    both.send(red[0], replace(red[1], body=b"{broken"), red[2], *blue)
    both.store.happens = [lose]
    with pytest.raises(Exception, match="dead letters wait"):
        both.inbox.step()
    assert sorted(both.mirrored) == ["blue-1", "red-3"]
    assert not both.saved(red[1])
    both.inbox._parked_max = 10
    both.sources.answers = lambda found: [replace(m, body=b"{broken") if m.body == red[1].body else m for m in found]
    both.inbox.step()
    assert len(both.parked) == 2
    assert both.saved(red[2])
