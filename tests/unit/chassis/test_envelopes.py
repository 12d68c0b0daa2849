"""Most envelopes are read at once; whatever is wrong with any is found all the same, and said in the same words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from fourgates.chassis.bus.envelope import (
    BadEnvelope,
    Envelope,
    _checked,
    _ordinary,
    from_message,
    shard_of,
    source_of,
    to_message,
)
from fourgates.chassis.bus.interface import UNREADABLE

BALL = UUID("0190a6e0-0000-7000-8000-000000000001")
AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ENVELOPE = Envelope(
    message_id="toy-12",
    source=source_of("toy"),
    type="dev.fourgates.toy.ball_bounced.v1",
    subject=f"toy/{BALL}",
    at=AT,
    recorded_at=AT + timedelta(seconds=1),
    by="mirror-service",
    person="Zoë",
    machine=True,
    correlation_id="correlation",
    cause_id="cause",
    aggregate_version=3,
    shard=shard_of(BALL),
    position=12,
    previous=7,
)


def but(**changes):
    return msgspec.structs.replace(ENVELOPE, **changes)


GOOD = to_message("toy", ENVELOPE, str(BALL), b"{}")
BAD = [
    *("", " ", "x", "y" * 1001, "-1", "+1", "1.5", "1_0", "٣", "63", "7", "12", "13", "9" * 18, "9" * 19, "9" * 5000),
    *("2026-01-02T03:04:05", "2026-01-02T03:04:05Z", "yesterday", "user", "service_account", "application/xml"),
    *("/fourgates/toy", "/fourgates/change", "dev.fourgates.change.drafted.v1", "urn:fourgates:schema:x"),
]


def outcome(read, message):
    try:
        return read(message)
    except BadEnvelope as error:
        return str(error)


@pytest.fixture(autouse=True)
def seen_before():
    """What is the same in many messages was found to fit together."""
    assert _checked(GOOD) == ENVELOPE


@pytest.mark.parametrize("envelope", [ENVELOPE, but(recorded_at=AT), but(previous=0)])
def test_an_ordinary_envelope_is_read_at_once(envelope):
    message = to_message("toy", envelope, str(BALL), b"{}")
    assert _ordinary(message) == envelope
    assert from_message(message) == envelope
    assert hash(from_message(message)) == hash(envelope)


@pytest.mark.parametrize("name", sorted(GOOD.headers))
def test_a_header_that_is_missing_or_wrong_is_found(name):
    missing = {other: value for other, value in GOOD.headers.items() if other != name}
    assert outcome(from_message, replace(GOOD, headers=missing)) == outcome(_checked, replace(GOOD, headers=missing))
    for value in BAD:
        wrong = replace(GOOD, headers={**GOOD.headers, name: value})
        assert outcome(from_message, wrong) == outcome(_checked, wrong), value


@pytest.mark.parametrize(
    "other",
    [
        replace(GOOD, topic="fourgates.change.events.v1"),
        replace(GOOD, key=str(UUID(int=0))),
        replace(GOOD, key="no id"),
        replace(GOOD, headers={**GOOD.headers, UNREADABLE: "it is not"}),
        replace(GOOD, headers={**GOOD.headers, "ce_pos": "7"}),
        replace(GOOD, headers={**GOOD.headers, "ce_authtype": "user"}),
    ],
    ids=["topic", "key", "no-id", "unreadable", "order", "a-person"],
)
def test_what_does_not_fit_together_is_found(other):
    assert outcome(from_message, other) == outcome(_checked, other)
