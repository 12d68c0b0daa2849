"""What the bus did not bring: shards that wait for their source, and services that begin late."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.envelope import from_message
from fourgates.chassis.inbox import GapFound, SourceAway
from fourgates.chassis.workers import settle
from structlog.testing import capture_logs

from tests.integration.bus.interleaving import Replicas


@pytest.fixture
def both():
    return Replicas()


@pytest.fixture
def late():
    return Replicas(late=True)


def test_a_gap_stops_its_shard_alone_and_is_filled_when_the_source_answers(both):
    red, blue = both.messages_of("red", 5, 4, 3, 2, 1), both.messages_of("blue", 3, 2, 1)
    both.sources.error = TimeoutError("no answer")
    both.send(red[0], red[2], blue[0], red[3], blue[1])
    for _ in range(2):
        with pytest.raises(GapFound, match=f"waiting for what is missing of /fourgates/{both.services.name}/"):
            both.inbox.step()
    assert both.mirrored == ["red-5", "blue-3", "blue-2"]
    # One question a step, however many messages wait.
    assert len(both.sources.questions) == 2
    both.send(blue[2], red[4])
    both.sources.error = None
    both.inbox.step()
    assert both.services.mirrored_of("red") == [5, 4, 3, 2, 1]
    assert both.services.mirrored_of("blue") == [3, 2, 1]
    assert both.parked == []


def test_the_last_message_of_a_shard_that_waits_is_not_forgotten_for_an_earlier_one(both):
    red = both.messages_of("red", 5, 4, 3, 2, 1)
    both.sources.error = TimeoutError("no answer")
    both.send(red[0], red[4], red[2])
    with pytest.raises(GapFound):
        both.inbox.step()
    both.sources.error = None
    both.inbox.step()
    assert both.services.mirrored_of("red") == [5, 4, 3, 2, 1]


def test_what_waits_comes_again_to_who_comes_next_and_not_once_it_was_handled(both):
    red = both.messages_of("red", 3, 2, 1)
    both.sources.error = TimeoutError("no answer")
    both.send(red[0], red[2])
    with pytest.raises(GapFound):
        both.inbox.step()
    assert [m.offset for m in both.polled_by_the_next()] == [1, 2]
    both.sources.error = None
    both.inbox.step()
    assert both.services.mirrored_of("red") == [3, 2, 1]
    assert both.polled_by_the_next() == []


def test_what_another_handles_while_a_gap_is_filled_is_not_handled_again(both):
    red = both.messages_of("red", 5, 4, 3, 2, 1)
    both.send(red[0])
    both.inbox.step()
    both.send(red[4])
    both.in_reaction = [lambda: both.another_saves(*red[1:4])]
    both.inbox.step()
    assert both.mirrored == ["red-5", "red-1"]
    # For the first, for the four that were to be stored together, and again for the last, that nobody else had handled.
    assert both.reactions == 6


@pytest.mark.parametrize("outside", [slice(0, 1), slice(4, 5)], ids=["handled-before", "after-the-gap"])
def test_what_a_source_says_that_was_not_asked_for_is_no_answer(both, outside):
    red = both.messages_of("red", 5, 4, 3, 2, 1)
    both.sources.answers = lambda _: red[outside]
    both.send(red[0], red[4])
    both.inbox.step()
    assert both.mirrored == ["red-5"]
    assert both.parked == [f"{both.services.source} published nothing at {red[4].headers['ce_prev']}"]
    assert both.saved(red[0])


def test_a_gap_is_an_alarm_that_says_what_is_missing_and_why_it_waits(both):
    red = both.messages_of("red", 3, 2, 1)
    both.inbox = both.services.a_replica(store=both.store)
    both.inbox._asked._sources = None
    both.send(red[0], red[2])
    with capture_logs() as logs, pytest.raises(GapFound):
        both.inbox.step()
    gap, waits = (next(entry for entry in logs if entry["event"] == event) for event in ("gap", "shard waits"))
    assert (gap["log_level"], gap["after"], gap["until"]) == ("error", *(int(red[n].headers["ce_pos"]) for n in (0, 2)))
    assert waits["reason"] == "there is no way to ask any source"


def test_a_replica_that_left_its_group_waits_for_nothing(both):
    red = both.messages_of("red", 3, 2, 1)
    both.sources.error = TimeoutError("no answer")
    both.send(red[0], red[2])
    with pytest.raises(GapFound):
        both.inbox.step()
    both.inbox.close()
    both.inbox._bus = InProcessBus()
    assert both.inbox.step() is False


def test_a_source_that_says_what_cannot_be_read_is_waited_for(both):
    red = both.messages_of("red", 3, 2, 1)
    both.sources.answers = lambda found: [replace(m, headers={}) for m in found]
    both.send(red[0], red[2])
    with pytest.raises(GapFound):
        both.inbox.step()
    assert both.parked == []


@pytest.mark.parametrize(("error", "questions"), [(SourceAway("no answer"), 1), (ValueError("cannot say"), 2)])
def test_a_source_that_is_away_is_asked_once_in_a_step(both, error, questions):
    red, blue = both.messages_of("red", 3, 2, 1), both.messages_of("blue", 3, 2, 1)
    both.sources.error = error
    both.send(red[0], red[2], blue[0], blue[2])
    for step in (1, 2):
        with pytest.raises(GapFound):
            both.inbox.step()
        assert len(both.sources.questions) == step * questions
    both.sources.error = None
    both.inbox.step()
    assert both.services.mirrored_of("red") == both.services.mirrored_of("blue") == [3, 2, 1]


def test_what_claims_to_follow_what_was_never_published_is_parked_and_moves_nothing(both):
    red = both.messages_of("red", 3, 2, 1)
    position = from_message(red[2]).position
    forged = {**red[2].headers, "ce_pos": str(position + 50), "ce_prev": str(position + 49), "ce_id": "forged"}
    both.send(replace(red[2], headers=forged), *red)
    both.inbox.step()
    assert both.services.mirrored_of("red") == [3, 2, 1]
    assert both.saved(red[2])
    assert [p.message_id for p in both.services.heard.list_parked()] == ["forged"]


# Beginning late.


def test_a_source_that_was_never_heard_is_read_from_its_log_to_its_head(late):
    late.messages_of("red", 3, 2, 1)
    late.messages_of("blue", 2, 1)
    settle([late.services.relay])
    late.services.bus = late.inbox._bus = InProcessBus()
    late.inbox.step()
    assert late.services.mirrored_of("red") == [3, 2, 1]
    assert late.services.mirrored_of("blue") == [2, 1]


def test_a_log_is_read_from_its_beginning_once(late):
    late.messages_of("red", 3, 2, 1)
    settle([late.services.relay])
    settle([late.inbox])
    asked = len(late.sources.questions)
    # The head, and the one shard that has anything.
    assert asked == 2
    late.messages_of("blue", 2, 1)
    settle([late.services.relay, late.services.a_replica(late.sources), late.inbox])
    assert late.services.mirrored_of("blue") == [2, 1]
    assert len(late.sources.questions) == asked


def test_a_source_that_does_not_answer_at_the_beginning_keeps_nobody_from_being_heard(late):
    red = late.messages_of("red", 3, 2, 1)
    late.sources.error = SourceAway("no answer")
    late.send(*red[:2])
    for _ in range(2):
        with pytest.raises(GapFound, match=f"/fourgates/{late.services.name}$"):
            late.inbox.step()
    assert late.mirrored == ["red-3", "red-2"]
    settle([late.services.relay])
    late.services.bus = late.inbox._bus = InProcessBus()
    late.inbox.close()
    late.sources.error = None
    late.inbox.step()
    assert late.mirrored == ["red-3", "red-2", "red-1"]


def test_two_replicas_that_begin_at_once_read_a_log_with_one_effect(late):
    late.messages_of("red", 3, 2, 1)
    settle([late.services.relay])
    late.in_reaction = [lambda: None, late.services.a_replica().step]
    late.inbox.step()
    assert late.mirrored == ["red-3", "red-2", "red-1"]
    assert late.parked == []
