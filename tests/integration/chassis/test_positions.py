"""What another service published up to a position: waited for until it is handled, and told of, not looked for."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.envelope import shard_of
from fourgates.chassis.handled import Handled
from fourgates.chassis.inbox import SourceAway
from fourgates.chassis.store import events
from fourgates.chassis.testing.messages import TwoServices, eventually
from fourgates.chassis.workers import settle

LONG_S = 120.0
SHORT_S = 0.02


@pytest.fixture
def two(monkeypatch):
    # Nobody looks by itself within a test: whoever waits has to be told.
    monkeypatch.setattr(events, "LOOK_AGAIN_S", LONG_S)
    return TwoServices(InProcessBus())


@pytest.fixture
def handled(two):
    return Handled(two.heard, two.sources, {two.name})


@contextmanager
def waiting_for(two, handled, ball, position):
    found = []
    thread = threading.Thread(
        target=lambda: found.append(handled.wait(two.name, shard_of(ball.id), position, LONG_S)), daemon=True
    )
    thread.start()
    yield thread
    thread.join(LONG_S / 2)
    assert found == [True]


def test_a_question_waits_until_the_message_has_taken_effect(two, handled):
    inbox = two.a_replica()
    ball = two.bounce("red", 3, 2)
    with waiting_for(two, handled, ball, 3) as thread:
        assert eventually(lambda: two.heard._savings_awaited == 1)
        settle([two.relay, inbox])
    assert not thread.is_alive()
    assert two.mirrored() == ["red-3", "red-2"]
    assert handled.wait(two.name, shard_of(ball.id), 3, 0.0)


def test_what_is_not_published_is_not_waited_for(two, handled):
    # To throw a ball is not published: whoever threw one asks for a position that no message will have.
    ball = two.bounce("red")
    assert handled.wait(two.name, shard_of(ball.id), 1, SHORT_S)
    assert handled.wait(two.name, (shard_of(ball.id) + 1) % 64, 1, SHORT_S)


def test_what_was_published_before_an_unpublished_event_is_waited_for(two, handled):
    ball = two.bounce("red", 3)
    two.bounce("blue")
    assert not handled.wait(two.name, shard_of(ball.id), 3, SHORT_S)
    settle([two.relay, two.a_replica()])
    assert handled.wait(two.name, shard_of(ball.id), 3, SHORT_S)


def test_more_than_one_page_is_waited_for_to_its_end(two, handled):
    inbox = two.a_replica()
    ball = two.bounce("red", *range(450, 0, -1))
    with waiting_for(two, handled, ball, 451):
        settle([two.relay, inbox])
    assert len(two.mirrored()) == 450


def test_a_message_that_was_parked_is_waited_for_no_longer(monkeypatch):
    def fail(mirror, act, fact):
        raise ValueError("no")

    two = TwoServices(InProcessBus(), react=fail)
    ball = two.bounce("red", 3)
    settle([two.relay, two.a_replica()])
    assert two.parked() == ["ValueError: no"]
    assert Handled(two.heard, two.sources, {two.name}).wait(two.name, shard_of(ball.id), 2, SHORT_S)


def test_a_source_that_does_not_answer_leaves_what_is_certain(two):
    class Away:
        def missing(self, *_):
            raise SourceAway

    ball = two.bounce("red", 3)
    for sources in (Away(), None):
        handled = Handled(two.heard, sources, {two.name})
        assert not handled.wait(two.name, shard_of(ball.id), 2, SHORT_S)
    settle([two.relay, two.a_replica()])
    assert Handled(two.heard, Away(), {two.name}).wait(two.name, shard_of(ball.id), 2, SHORT_S)
