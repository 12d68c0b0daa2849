"""Replicas of one service that handle the same messages, each interleaving driven by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.inbox import RACES_MAX, TRIES_MAX, Inbox
from fourgates.chassis.store import StoreUnavailable
from fourgates.chassis.testing import NOON

from tests.integration.bus.interleaving import Replicas, break_down, go_away, lose, places


@pytest.fixture
def both():
    return Replicas()


# Another replica is first with the same message.


def test_a_message_that_another_handles_in_the_middle_of_it_takes_effect_once(both):
    both.send(*both.messages_of("red", 2, 1))
    both.in_reaction = [both.services.a_replica().step]
    both.inbox.step()
    assert both.mirrored == ["red-2", "red-1"]
    assert both.parked == []


def test_a_message_that_cannot_be_read_is_parked_once_however_often_it_comes(both):
    both.send(replace(both.messages_of("red", 1)[0], headers={}))
    both.inbox.step()
    again = both.services.a_replica()
    again._service = "of-another-group"
    again.step()
    assert len(both.parked) == 1


def test_a_message_that_another_parks_in_the_middle_of_it_is_parked_once(both):
    both.send(replace(both.messages_of("red", 1)[0], body=b"{broken"))
    both.store.happens = [both.services.a_replica().step]
    both.inbox.step()
    assert len(both.parked) == 1


def test_a_repeated_message_is_not_even_reacted_to(both):
    red = both.messages_of("red", 2, 1)
    both.send(*red, *red)
    both.inbox.step()
    assert both.mirrored == ["red-2", "red-1"]
    assert both.reactions == 2


def test_a_shard_that_another_went_on_with_is_no_gap(both):
    red = both.messages_of("red", 4, 3, 2, 1)
    both.send(red[0])
    both.inbox.step()
    both.another_saves(red[1], red[2])
    both.send(red[3])
    both.inbox.step()
    assert both.mirrored == ["red-4", "red-1"]
    assert both.sources.questions == []


# Another replica is first with a message that nobody listens to.


def test_a_message_takes_effect_though_another_saved_the_position_of_one_that_was_passed(both):
    grey, red = both.of_no_interest(both.messages_of("grey", 1)[0]), both.messages_of("red", 1)[0]
    both.send(grey, red)
    both.store.happens = [lambda: both.another_saves(grey)]
    both.inbox.step()
    assert both.mirrored == ["red-1"]
    assert both.saved(grey)
    assert both.saved(red)


def test_a_message_is_parked_though_another_saved_the_position_of_one_that_was_passed(both):
    grey, bad = both.of_no_interest(both.messages_of("grey", 1)[0]), both.messages_of("bad", 1)[0]
    both.send(grey, replace(bad, body=b"{broken"))
    both.store.happens = [lambda: both.another_saves(grey)]
    both.inbox.step()
    assert len(both.parked) == 1
    assert both.saved(bad)


def test_a_passed_position_is_saved_though_another_saved_that_of_another_shard(both):
    grey, black = (both.of_no_interest(both.messages_of(colour, 1)[0]) for colour in ("grey", "black"))
    both.send(grey, black)
    both.store.happens = [lambda: both.another_saves(grey)]
    both.inbox.step()
    assert both.saved(grey)
    assert both.saved(black)


def test_a_passed_position_never_goes_back_behind_what_another_saved(both):
    grey = both.messages_of("grey", 2, 1)
    both.send(both.of_no_interest(grey[0]))
    both.store.happens = [lambda: both.another_saves(grey[1])]
    both.inbox.step()
    assert both.saved(grey[1])


def test_a_passed_position_is_saved_with_the_effects_that_come_with_it_and_not_again(both):
    grey, red, blue = both.messages_of("grey", 1)[0], both.messages_of("red", 1)[0], both.messages_of("blue", 1)[0]
    both.send(both.of_no_interest(grey), red, blue)
    both.inbox.step()
    assert [sorted(positions) for positions in both.store.appended] == [sorted(places(grey, red, blue))]
    assert both.mirrored == ["red-1", "blue-1"]
    assert both.reactions == 2


def test_a_passed_position_counts_before_it_is_saved(both):
    """What follows in the same shard is no gap, also when all positions had to be read again in between."""
    grey, red = both.messages_of("grey", 2, 1), both.messages_of("red", 1)
    both.send(both.of_no_interest(grey[0]), red[0], grey[1])
    both.in_reaction = [lambda: both.another_saves(red[0])]
    both.inbox.step()
    assert both.mirrored == ["grey-1"]
    assert both.sources.questions == []


def test_a_passed_position_is_saved_also_when_the_batch_came_twice(both):
    grey, red = both.messages_of("grey", 1)[0], both.messages_of("red", 1)[0]
    both.send(both.of_no_interest(grey), red)
    both.in_reaction = [go_away]
    with pytest.raises(StoreUnavailable):
        both.inbox.step()
    assert not both.saved(grey)
    both.inbox.step()
    assert both.saved(grey)
    assert both.mirrored == ["red-1"]


def test_a_passed_message_that_comes_again_is_not_passed_again(both):
    grey, red, blue = both.messages_of("grey", 1)[0], both.messages_of("red", 1)[0], both.messages_of("blue", 1)[0]
    both.send(both.of_no_interest(grey), red, both.of_no_interest(grey), blue)
    both.inbox.step()
    assert both.mirrored == ["red-1", "blue-1"]
    assert both.reactions == 2


def test_a_passed_position_that_was_saved_with_a_parked_message_is_not_saved_again(both):
    grey, bad, red = both.messages_of("grey", 1)[0], both.messages_of("bad", 1)[0], both.messages_of("red", 1)[0]
    both.send(both.of_no_interest(grey), replace(bad, body=b"{broken"), red)
    both.inbox.step()
    assert both.mirrored == ["red-1"]
    assert both.reactions == 1


# Positions in memory.


def test_a_position_is_read_once_as_long_as_nobody_else_saves_it(both):
    both.send(*both.messages_of("red", 3, 2, 1))
    both.inbox.step()
    assert both.mirrored == ["red-3", "red-2", "red-1"]
    assert len([name for name in both.store.reads if name.startswith(f"{both.services.source}/")]) == 2


def test_positions_are_read_again_by_a_replica_that_joins_again(both):
    red = both.messages_of("red", 2, 1)
    both.send(red[0])
    both.inbox.step()
    both.inbox.close()
    both.another_saves(red[1])
    both.send(red[1])
    both.inbox.step()
    assert both.reactions == 1


# Races and errors within one replica.


def test_a_race_is_lost_many_times_before_a_message_is_parked(both):
    both.send(both.messages_of("red", 1)[0])
    both.in_reaction = [lose] * (RACES_MAX - 1)
    both.inbox.step()
    assert both.mirrored == ["red-1"]


def test_a_race_that_is_always_lost_parks_its_message(both):
    both.send(both.messages_of("red", 1)[0], *both.messages_of("blue", 1))
    both.in_reaction = [lose] * RACES_MAX
    both.inbox.step()
    assert both.mirrored == ["blue-1"]
    assert both.parked == [f"lost {RACES_MAX} races"]


def test_a_reaction_that_fails_is_tried_again(both):
    both.send(both.messages_of("red", 1)[0])
    both.in_reaction = [break_down] * (TRIES_MAX - 1)
    both.inbox.step()
    assert both.mirrored == ["red-1"]
    assert both.parked == []


def test_a_reaction_that_always_fails_parks_its_message_with_the_reason(both):
    red = both.messages_of("red", 1)[0]
    both.send(red, *both.messages_of("blue", 1))
    both.in_reaction = [break_down] * TRIES_MAX
    both.inbox.step()
    assert both.mirrored == ["blue-1"]
    assert both.parked == ["ValueError: cannot"]
    assert both.saved(red)


def test_a_store_that_is_away_parks_nothing_and_what_was_not_handled_comes_again(both):
    both.send(*both.messages_of("red", 2, 1))
    both.in_reaction = [lambda: None, go_away]
    with pytest.raises(StoreUnavailable):
        both.inbox.step()
    assert both.mirrored == ["red-2"]
    both.inbox.step()
    assert both.mirrored == ["red-2", "red-1"]
    assert both.parked == []


def test_what_was_handled_does_not_come_again(both):
    both.send(*both.messages_of("red", 2, 1))
    both.inbox.step()
    both.inbox.close()
    assert both.polled_by_the_next() == []


def test_what_was_not_committed_is_left_to_who_comes_next(both):
    grey = both.of_no_interest(both.messages_of("grey", 1)[0])
    both.send(grey, *both.messages_of("red", 1))
    both.in_reaction = [go_away]
    with pytest.raises(StoreUnavailable):
        both.inbox.step()
    # The partitions are another's now.
    both.inbox._bus = InProcessBus()
    both.inbox.step()
    assert not both.saved(grey)


def test_a_service_that_listens_to_nobody_needs_no_bus(both):
    inbox = Inbox(
        "deaf",
        store=both.store,
        units=None,
        bus=None,
        topics=(),
        heard={},
        use_cases=lambda work: work,
        clock=HeldClock(NOON),
    )
    assert inbox.step() is False
    inbox.close()
