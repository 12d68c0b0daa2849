"""Two relays of one service that both believe to lead: messages may be doubled, effects are not."""

from __future__ import annotations

from fourgates.chassis.relay import Relay
from fourgates.chassis.testing.messages import TwoServices, eventually

BALLS = 15
HEIGHTS = [6, 5, 4, 3, 2, 1]
ROUNDS = 2


def test_two_relays_at_once_for_long_double_no_effect_and_keep_the_order(bus):
    two = TwoServices(bus)
    relays = [two.relay, Relay(two.name, two.store, bus, two.said)]
    for relay in relays:
        two.run(relay)
    two.run(two.a_replica())
    names = [f"ball{number}" for number in range(BALLS * ROUNDS)]
    for part in range(ROUNDS):
        for name in names[part * BALLS : (part + 1) * BALLS]:
            two.bounce(name, *HEIGHTS)
        expected = (part + 1) * BALLS * len(HEIGHTS)
        assert eventually(lambda expected=expected: two.heard.head() >= expected, 60), two.heard.head()
    two.stop()
    assert len(two.mirrored()) == len(names) * len(HEIGHTS)
    assert {name: two.mirrored_of(name) for name in names} == dict.fromkeys(names, HEIGHTS)
    assert two.parked() == []
