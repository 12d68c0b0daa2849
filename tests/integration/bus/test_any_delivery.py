"""Whatever a bus does with messages: what was handled is what came first, once and in order, or the alarm is given."""

from __future__ import annotations

from fourgates.chassis.inbox import GapFound, SourceAway
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.bus.interleaving import Replicas

COLOURS = ("red", "blue", "green")
HEIGHTS = [4, 3, 2, 1]
MESSAGES = [(colour, place) for colour in COLOURS for place in range(len(HEIGHTS))]
# Messages in any order, left out and repeated, in batches; and whether their source can be asked meanwhile.
DELIVERIES = st.lists(st.tuples(st.lists(st.sampled_from(MESSAGES), max_size=8), st.booleans()), max_size=6)


@settings(max_examples=30)
@given(deliveries=DELIVERIES)
def test_lost_repeated_and_reordered_messages_end_as_if_each_came_once_in_order_or_the_alarm_is_given(deliveries):
    both = Replicas()
    sent = {colour: both.messages_of(colour, *HEIGHTS) for colour in COLOURS}
    delivered = dict.fromkeys(COLOURS, 0)
    for batch, answers in deliveries:
        both.sources.error = None if answers else SourceAway("no answer")
        both.send(*(sent[colour][place] for colour, place in batch))
        for colour, place in batch:
            delivered[colour] = max(delivered[colour], place + 1)
        alarmed = steps_until_idle(both)
        assert not (alarmed and answers)
        for colour in COLOURS:
            heard = both.services.mirrored_of(colour)
            assert heard == HEIGHTS[: len(heard)]
            assert len(heard) == delivered[colour] or (alarmed and len(heard) < delivered[colour])
    both.sources.error = None
    both.send(*(messages[-1] for messages in sent.values()))
    assert not steps_until_idle(both)
    assert {colour: both.services.mirrored_of(colour) for colour in COLOURS} == dict.fromkeys(COLOURS, HEIGHTS)
    assert both.parked == []


def steps_until_idle(both):
    """Handle what has come; tell whether the alarm was given."""
    try:
        while both.inbox.step():
            pass
    except GapFound:
        return True
    return False
