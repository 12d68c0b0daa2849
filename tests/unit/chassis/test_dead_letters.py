"""What may be decided about a dead letter, and what its log then says."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from fourgates.chassis.dead_letters import DeadLetter, DeadLetterState, ParkedMessage, letter_id
from fourgates.chassis.store import EventMapper
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed

MESSAGE = ParkedMessage(
    place=7,
    source="/fourgates/toy",
    key="4d5c",
    message_id="toy-3",
    message_type="dev.fourgates.toy.ball_bounced.v1",
    reason="ValueError: no such colour",
    parked_at=NOON,
    body_digest="a" * 64,
)


def a_letter() -> DeadLetter:
    return DeadLetter.note(an_act("mona"), MESSAGE)


def state_of(letter: DeadLetter) -> dict[str, object]:
    return {name: value for name, value in vars(letter).items() if name != "_pending_events"}


def test_the_first_of_its_thing_is_retried():
    letter = a_letter()
    letter.retried(an_act("mona"), first=7, from_a_source=True)
    assert letter.state is DeadLetterState.HANDLED
    assert event_names(letter) == ["Noted", "Retried"]
    assert state_of(replayed(letter)) == state_of(letter)


def test_a_later_one_waits_for_the_first_which_is_named():
    with refused("not-first"):
        a_letter().retried(an_act(), first=5, from_a_source=True)


def test_what_has_no_place_in_the_log_of_a_source_is_never_retried():
    with refused("no-message"):
        a_letter().retried(an_act(), first=7, from_a_source=False)


def test_a_failed_retry_is_counted_and_its_reason_kept():
    letter = a_letter()
    letter.retry_failed(an_act(), reason="still no such colour")
    letter.retry_failed(an_act(), reason="and none now")
    assert (letter.state, letter.retries, letter.reason) == (DeadLetterState.WAITING, 2, "and none now")
    assert letter.message.reason == "ValueError: no such colour"
    assert state_of(replayed(letter)) == state_of(letter)


@pytest.mark.parametrize("settle", ["retried", "discard"])
def test_what_was_settled_is_decided_about_no_more(settle):
    letter = a_letter()
    if settle == "discard":
        letter.discard(an_act())
    else:
        letter.retried(an_act(), first=7, from_a_source=True)
    with refused("settled"):
        letter.retried(an_act(), first=8, from_a_source=True)
    with refused("settled"):
        letter.retry_failed(an_act(), reason="too late")
    with refused("settled"):
        letter.discard(an_act())
    assert state_of(replayed(letter)) == state_of(letter)


def test_the_id_follows_from_the_place_for_ever():
    assert letter_id(7) == a_letter().id == UUID("ff3c18d4-2b0b-5958-9e75-1ede6d7e0911")


def test_a_log_of_today_is_read_for_ever():
    act = {
        "by": "mona", "at": "2026-01-05T12:00:00Z", "why": "because", "cause_id": "cause",
        "correlation_id": "correlation", "roles": [], "on_behalf_of": None, "machine": False,
    }  # fmt: skip
    message = {**vars(MESSAGE), "parked_at": "2026-01-05T12:00:00Z"}
    states = [
        ("chassis.DeadLetterNoted", {"act": act, "originator_topic": "chassis.DeadLetter", "message": message}),
        ("chassis.DeadLetterRetryFailed", {"act": act, "reason": "still"}),
        ("chassis.DeadLetterDiscarded", {"act": act}),
    ]
    letter = None
    for version, (topic, state) in enumerate(states, 1):
        stored = StoredEvent(letter_id(7), version, topic, json.dumps(state).encode())
        letter = EventMapper().to_domain_event(stored).mutate(letter)
    assert (letter.state, letter.retries, letter.message) == (DeadLetterState.DISCARDED, 1, MESSAGE)
