"""The relay makes what comes next while the bus takes what came before, and saves nothing that was not acknowledged."""

from __future__ import annotations

import pytest
from fourgates.chassis import relay as relay_module
from fourgates.chassis.bus import BusUnavailable, InProcessBus
from fourgates.chassis.testing.messages import TwoServices
from fourgates.chassis.testing.toys import Ball
from fourgates.chassis.workers import settle

BATCH = 4


class Watched:
    """A bus of which it is known what happened, in order; it keeps messages only when the answer is waited for."""

    def __init__(self):
        self.inner = InProcessBus()
        self.happened = []
        self.failing = []

    def publisher(self):
        self.happened.append("publisher")
        return self

    def begin(self, messages):
        positions = [int(message.headers["ce_pos"]) for message in messages]
        self.happened.append(("sent", positions[-1]))

        def wait():
            if self.failing and self.failing.pop(0):
                raise BusUnavailable("no answer")
            self.inner.append(messages)
            self.happened.append(("acknowledged", positions[-1]))

        return wait

    def consumer(self, *group):
        return self.inner.consumer(*group)

    def close(self):
        self.happened.append("closed")

    @property
    def sent(self):
        return [one[1] for one in self.happened if one[0] == "sent"]

    @property
    def acknowledged(self):
        return [one[1] for one in self.happened if one[0] == "acknowledged"]


@pytest.fixture
def watched():
    return Watched()


@pytest.fixture
def two(watched):
    """Two services, of which the first has much to tell: a ball is thrown at 1, and bounces from 2 on."""
    two = TwoServices(watched)
    two.relay.batch_max = BATCH
    append = two.store.append

    def appending(events, *, positions=None, **kept):
        if positions:
            watched.happened.append(("saved", dict(positions)["relay"]))
        return append(events, positions=positions, **kept)

    two.store.append = appending
    two.bounce("red", *range(4 * BATCH, 1, -1))
    watched.happened.clear()
    return two


def test_the_next_batch_is_made_before_the_last_is_acknowledged_and_sent_after_it(two, watched):
    make = two.said[Ball.Bounced]
    told = {Ball.Bounced: lambda ball, happened: watched.happened.append("made") or make(ball, happened)}
    two.relay._published = told
    two.relay.step()
    two.relay.step()
    assert watched.happened[:10] == [
        "publisher",
        *["made"] * (BATCH - 1),
        ("sent", BATCH),
        *["made"] * BATCH,
        ("acknowledged", BATCH),
    ]
    settle([two.relay])
    waited = [one for one in watched.happened if one[0] in {"sent", "acknowledged"}]
    assert waited == [(what, 4 * n) for n in (1, 2, 3, 4) for what in ("sent", "acknowledged")]


def test_what_is_saved_was_acknowledged_before(two, watched, monkeypatch):
    monkeypatch.setattr(relay_module, "SAVE_EVERY", 1)
    two.relay.step()
    two.relay.step()
    assert watched.happened[-1] == ("saved", BATCH)
    assert watched.acknowledged == [BATCH]
    settle([two.relay])
    saved = [one[1] for one in watched.happened if one[0] == "saved"]
    assert saved == [4, 8, 12, 16]
    for position in saved:
        assert watched.happened.index(("acknowledged", position)) < watched.happened.index(("saved", position))


def test_while_much_waits_it_is_saved_now_and_then_and_at_rest_all_of_it(two, watched, monkeypatch):
    monkeypatch.setattr(relay_module, "SAVE_EVERY", 2 * BATCH)
    settle([two.relay])
    assert [one[1] for one in watched.happened if one[0] == "saved"] == [8, 16]
    assert two.store.position_of("relay") == 16
    assert max(two.relay.heads().values()) == 16


def test_what_few_wait_for_is_acknowledged_in_the_same_step(two, watched):
    settle([two.relay])
    two.bounce("blue", 1)
    assert two.relay.step()
    assert watched.acknowledged[-1] == 18
    assert two.store.position_of("relay") == 16
    assert not two.relay.step()
    assert two.store.position_of("relay") == 18


@pytest.mark.parametrize("acknowledged", [0, 1, 2, 3])
def test_after_a_batch_that_was_not_acknowledged_nothing_is_sent_but_from_what_is_saved(two, watched, acknowledged):
    watched.failing = [*[False] * acknowledged, True]
    with pytest.raises(BusUnavailable):
        settle([two.relay])
    before = len(watched.happened)
    assert watched.happened[-1] == "closed"
    assert watched.sent == [4 * (n + 1) for n in range(acknowledged + 1)]
    settle([two.relay])
    assert watched.happened[before : before + 2] == ["publisher", ("sent", 4)]
    settle([two.a_replica()])
    assert two.mirrored_of("red") == list(range(4 * BATCH, 1, -1))
    assert two.parked() == []


def test_two_that_publish_at_once_say_the_same(two, watched):
    """Neither has saved anything that the other could know."""
    other = relay_module.Relay(two.name, two.store, watched, two.said)
    other.batch_max = BATCH
    for _ in range(4):
        two.relay.step()
        other.step()
    settle([two.relay])
    said = {}
    for message in watched.inner.consumer("spy", [two.topic]).poll(0, 100):
        assert said.setdefault(message.headers["ce_id"], message) == message
    assert len(said) == 4 * BATCH - 1
    settle([two.a_replica()])
    assert two.mirrored_of("red") == list(range(4 * BATCH, 1, -1))


def test_what_was_sent_is_forgotten_when_the_next_batch_cannot_be_made(two, watched):
    make, calls = two.said[Ball.Bounced], []

    def once(ball, happened):
        calls.append(happened)
        if len(calls) == BATCH + 1:
            raise ValueError("not now")
        return make(ball, happened)

    two.relay._published = {Ball.Bounced: once}
    with pytest.raises(ValueError, match="not now"):
        settle([two.relay])
    before = len(watched.happened)
    settle([two.relay])
    assert watched.happened[before : before + 3] == ["publisher", ("sent", 4), ("acknowledged", 4)]


def test_who_led_before_saves_nothing_more_after_another(two, watched):
    two.relay.step()
    two.relay.step()
    assert watched.acknowledged == [4]
    two.relay.close()
    settle([relay_module.Relay(two.name, two.store, watched, two.said)])
    before = len(watched.happened)
    two.bounce("blue", 1)
    settle([two.relay])
    assert watched.happened[before:] == ["publisher", ("sent", 18), ("acknowledged", 18), ("saved", 18)]
