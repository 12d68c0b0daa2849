"""What nobody of us would send, on either bus: it is parked with the reason, others flow, and nothing is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.envelope import NUMBER_MAX, SHARDS, schema_of, shard_of
from fourgates.chassis.testing.messages import TwoServices, eventually

HEIGHTS = [5, 4, 3, 2, 1]

NEEDED = (
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "ce_recordedtime",
    "ce_dataschema",
    "ce_correlationid",
    "ce_causationid",
    "ce_authtype",
    "ce_authid",
    "ce_onbehalfof",
    "ce_aggregateversion",
    "ce_shard",
    "ce_pos",
    "ce_prev",
)
REPEATED_ELSEWHERE = ("ce_sequence", "ce_partitionkey")


class Case:
    """Two services, whose first one has let one ball bounce; nothing of it is on the bus yet."""

    def __init__(self, bus):
        self.two = TwoServices(bus)
        self.good = self.two.published(self.two.bounce("good", *HEIGHTS))

    def hears(self, *messages, parked=0, good=HEIGHTS):
        """Send messages, then what follows for another ball, and wait until all that has taken effect."""
        self.two.send(*messages)
        self.two.run(self.two.a_replica())
        later = self.two.bounce("later", 2, 1)
        self.two.send(*[m for m in self.two.published(later) if m.key == str(later.id)])
        assert eventually(lambda: self.two.mirrored_of("later") == [2, 1]), self.two.parked()
        assert eventually(lambda: len(self.two.parked()) == parked), self.two.parked()
        assert eventually(lambda: self.two.mirrored_of("good") == good), self.two.mirrored()
        self.two.stop()
        assert len(self.two.mirrored()) == len(good) + 2
        return self.two.parked()

    def changed(self, message, **headers):
        """A message with other headers; `ce_` is left out, and None leaves one out."""
        others = {f"ce_{name}": value for name, value in headers.items()}
        kept = {**message.headers, **others}
        return replace(message, headers={name: value for name, value in kept.items() if value is not None})

    def of_type(self, message, message_type):
        return self.changed(message, type=message_type, dataschema=schema_of(message_type))


@pytest.fixture(params=["in_process", "kafka"])
def case(request):
    opened = Case(InProcessBus() if request.param == "in_process" else request.getfixturevalue("kafka_bus"))
    yield opened
    opened.two.stop()


# Headers.


def test_a_message_that_lacks_a_header_is_parked_and_what_it_should_have_said_is_fetched(case):
    lacking = [
        replace(case.good[1], headers={n: v for n, v in case.good[1].headers.items() if n != name}) for name in NEEDED
    ]
    reasons = case.hears(case.good[0], *lacking, *case.good[2:], parked=len(NEEDED))
    assert all(f"header {name} " in reason for name, reason in zip(NEEDED, reasons, strict=True)), reasons


def test_a_header_that_repeats_another_may_be_left_out(case):
    lacking = {n: v for n, v in case.good[1].headers.items() if n not in REPEATED_ELSEWHERE}
    case.hears(case.good[0], replace(case.good[1], headers=lacking), *case.good[2:])


def test_a_header_that_nobody_knows_is_passed_over(case):
    case.hears(*[case.changed(m, ofsomebody="else") for m in case.good])


def test_headers_that_do_not_fit_are_parked_with_every_reason_and_move_no_position(case):
    last = case.good[-1]
    end = int(last.headers["ce_pos"])
    forged = {"id": "forged", "pos": str(end + 1000), "prev": str(end)}
    wrong = {
        "a number that is none": ({**forged, "pos": "1_0"}, "header ce_pos must be a whole number"),
        "a number of many digits": ({**forged, "pos": "9" * 5000}, "header ce_pos must be a whole number"),
        "a number beyond all": ({**forged, "pos": str(NUMBER_MAX + 1)}, "header ce_pos must be a whole number"),
        "a negative number": ({**forged, "prev": "-1"}, "header ce_prev must be a whole number"),
        "an oversized id": ({**forged, "id": "x" * 5000}, "header ce_id is longer than 1000 characters"),
        "a time without a zone": ({**forged, "time": "2026-01-01T00:00:00"}, "header ce_time must be a time"),
        "a shard that is none": ({**forged, "shard": str(SHARDS)}, "header ce_shard must be the shard of the key"),
        "an unknown publisher": ({**forged, "source": "/fourgates/nobody"}, "header ce_source must be the one"),
        "another's type": ({**forged, "type": "dev.fourgates.dml.x.v1"}, "header ce_type must be a type of"),
        "another schema version": (
            {**forged, "dataschema": schema_of(last.headers["ce_type"].replace(".v1", ".v2"))},
            "header ce_dataschema must be",
        ),
        "another CloudEvents": ({**forged, "specversion": "2.0"}, "header ce_specversion must be 1.0"),
        "another kind of doer": ({**forged, "authtype": "robot"}, "header ce_authtype must be user or service_account"),
        "backwards": ({**forged, "pos": str(end)}, "header ce_prev must be less than ce_pos"),
        "from nowhere": ({**forged, "prev": str(end + 999)}, f"published nothing at {end + 999}"),
        "two things at once": (
            {**forged, "id": "", "time": "yesterday"},
            "header ce_id is missing; header ce_time must be a time with a zone",
        ),
    }
    strange = [case.changed(last, **headers) for headers, _ in wrong.values()]
    reasons = case.hears(*case.good, *strange, parked=len(strange))
    assert all(part in reason for (_, part), reason in zip(wrong.values(), reasons, strict=True)), reasons


def test_a_key_that_is_no_id_or_of_another_shard_is_parked(case):
    elsewhere = next(one for one in map(UUID, (f"{n:032x}" for n in range(64))) if shard_of(one) != case.good[-1].shard)
    keys = ["", "k", str(elsewhere)]
    strange = [replace(case.good[-1], key=key) for key in keys]
    reasons = case.hears(*case.good, *strange, parked=len(keys))
    assert all("header ce_shard must be the shard of the key" in reason for reason in reasons)


# Types and versions.


def test_a_new_type_of_a_known_publisher_is_passed_over(case):
    """Within a version contracts only grow, and a publisher may say new things at any time.

    Those who have learned them listen; to the others they mean nothing, and parking them would stop all that follows
    about the same thing. The position goes on, so they are no gap.
    """
    new = case.of_type(case.good[1], f"dev.fourgates.{case.two.name}.ball_vanished.v1")
    case.hears(case.good[0], new, *case.good[2:], good=[5, 3, 2, 1])


def test_a_version_that_is_not_known_of_a_type_that_is_gets_parked(case):
    """A fact that this service decides by was stated in a way that it cannot read: going on would be a silent loss.

    So hearers learn a version before its publisher speaks it. What follows about the same thing waits with it.
    """
    newer = case.of_type(case.good[3], case.good[3].headers["ce_type"].replace(".v1", ".v2"))
    reasons = case.hears(*case.good[:3], newer, case.good[4], parked=2, good=[5, 4, 3])
    assert reasons == [
        f"dev.fourgates.{case.two.name}.ball_bounced.v2 is a version that is not known here",
        "an earlier message about the same thing is parked",
    ]


# Bodies.


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{broken", "the body is no dev.fourgates."),
        (b"", "the body is no dev.fourgates."),
        (b"null", "the body is no dev.fourgates."),
        (b"\xff\xfe", "the body is no dev.fourgates."),
        (b"[" * 100_000, "the body is no dev.fourgates."),
        (b'{"ball_id": 1, "colour": 2, "height": "high"}', "3 fields are wrong"),
        (b" " * 3_000_000, "the body has 3000000 bytes, more than 2097152"),
    ],
    ids=["broken", "empty", "null", "no-text", "deep", "wrong-types", "oversized"],
)
def test_a_body_that_cannot_be_read_is_parked_with_what_follows_about_the_same_thing(case, body, reason):
    bad = replace(case.good[2], body=body)
    reasons = case.hears(*case.good[:2], bad, *case.good[3:], parked=3, good=[5, 4])
    assert reason in reasons[0]
    assert reasons[1:] == ["an earlier message about the same thing is parked"] * 2
    kept = case.two.heard.list_parked()
    assert kept[0].body == body
    assert kept[0].headers == bad.headers
    assert [p.message_id for p in kept] == [m.headers["ce_id"] for m in case.good[2:]]


def test_a_body_with_more_than_is_known_is_read(case):
    more = [replace(m, body=json.dumps({**json.loads(m.body), "spin": 3}).encode()) for m in case.good]
    case.hears(*more)


# Order.


def test_unordered_and_repeated_messages_take_effect_once_and_in_order(case):
    case.hears(*case.good[::-1], *case.good[1::2], *case.good[::3])


def test_what_was_parked_is_parked_once_however_often_it_comes(case):
    newer = case.of_type(case.good[0], case.good[0].headers["ce_type"].replace(".v1", ".v2"))
    case.hears(newer, newer, *case.good[1:], newer, parked=5, good=[])


class NoText(str):
    """A header's name that no producer of ours would send."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def test_a_record_that_the_library_cannot_read_is_parked_and_what_was_with_it_is_fetched(kafka_bus):
    case = Case(kafka_bus)
    good = case.good
    bad = replace(good[1], headers={**good[1].headers, NoText("no text"): "x"})
    # One batch: what lies behind the record in it cannot be read either. All is fetched when the shard goes on.
    case.two.send(good[0], bad, *good[2:4])
    reasons = case.hears(good[4], parked=3)
    assert all("the record cannot be read: CorruptRecordError" in reason for reason in reasons)


def test_a_record_that_the_library_cannot_read_stops_nobody_who_comes_later(kafka_bus):
    case = Case(kafka_bus)
    case.two.send(replace(case.good[0], headers={NoText("no text"): "x"}))
    reasons = case.hears(*case.good, parked=1)
    assert "the record cannot be read" in reasons[0]
