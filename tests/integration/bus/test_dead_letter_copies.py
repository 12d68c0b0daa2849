"""Dead letters are copied to a topic beside the one that they came by: as they came, rather twice than never."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from fourgates.chassis.bus import BusUnavailable
from fourgates.chassis.bus.envelope import source_of
from fourgates.chassis.dead_letters import DeadLetterCopies, dead_letter_topic_of
from fourgates.chassis.dead_letters.copies import BODY_BYTES_MAX, COPIED, copy_of
from fourgates.chassis.store import EventMapper, EventStore, Parked, open_sqlite_recorder, settling
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.messages import TwoServices, polled
from fourgates.chassis.workers import settle


@pytest.fixture
def store():
    opened = EventStore(open_sqlite_recorder(None), EventMapper())
    yield opened
    opened.close()


@pytest.fixture
def name():
    # Not a service that another test on the same broker has.
    return f"toy{uuid4().hex}"


@pytest.fixture
def a_letter(name):
    return Parked(source_of(name), "key", "m-1", {"ce_id": "m-1", "ce_person": "Zoë"}, b"{}", "no such colour", NOON)


def copied(bus, group, name, count):
    consumer = bus.consumer(group, [dead_letter_topic_of(f"fourgates.{name}.events.v1")])
    found = polled(consumer, count)
    consumer.close()
    return found


def park(store, *letters):
    for letter in letters:
        store.append((), parked=letter)


def copy_all(store, bus):
    with closing(DeadLetterCopies("mirror", store, bus)) as copies:
        settle([copies])


def test_a_parked_message_is_copied_with_its_reason(bus, group, store, name, a_letter):
    park(store, a_letter)
    copy_all(store, bus)
    [copy] = copied(bus, group, name, 1)
    assert (copy.key, copy.body) == ("key", b"{}")
    assert dict(copy.headers) == {
        "ce_id": "m-1",
        "ce_person": "Zoë",
        "dlq-original-topic": f"fourgates.{name}.events.v1",
        "dlq-service": "mirror",
        "dlq-place": "1",
        "dlq-parked-at": "2026-01-05T12:00:00+00:00",
        "dlq-reason": "no such colour",
    }


def test_whatever_a_stranger_sent_is_copied(bus, group, store, name, a_letter):
    wild = {"": "", "a\ud800": "\udfff", "no": "\x00", "unreadable": "x" * 5000}
    letters = [
        replace(a_letter, key="\ud800\x00", headers=wild, body=b"\x00\xff", reason="\ud800" * 2000),
        replace(a_letter, source=f"fourgates.{name}.events.v1", key="", headers={}, body=b""),
        replace(a_letter, body=b"x" * (BODY_BYTES_MAX + 1)),
        replace(a_letter, headers={str(n): "x" * 1000 for n in range(100)}),
    ]
    park(store, *letters)
    copy_all(store, bus)
    found = {int(copy.headers["dlq-place"]): copy for copy in copied(bus, group, name, 4)}
    assert sorted(found) == [1, 2, 3, 4]
    assert found[1].body == b"\x00\xff"
    assert found[3].headers["dlq-body-left-out"] == str(BODY_BYTES_MAX + 1)
    assert found[4].headers["dlq-headers-left-out"] == "100"


class Breaking:
    """A bus that takes a message and then says that it did not, as often as told."""

    def __init__(self, bus, *, before=0, after=0):
        self.bus, self.before, self.after = bus, before, after

    def publisher(self):
        return self

    def publish(self, messages):
        self.before -= 1
        if self.before >= 0:
            raise BusUnavailable
        with closing(self.bus.publisher()) as publisher:
            publisher.publish(messages)
        self.after -= 1
        if self.after >= 0:
            raise BusUnavailable

    def close(self):
        pass


@pytest.mark.parametrize("faults", [{"before": 2}, {"after": 2}, {"before": 1, "after": 1}])
def test_what_the_bus_did_not_confirm_is_copied_again(bus, group, store, name, a_letter, faults):
    park(store, *(replace(a_letter, message_id=str(n)) for n in range(3)))
    copies = DeadLetterCopies("mirror", store, Breaking(bus, **faults))
    for _ in range(2):
        with pytest.raises(BusUnavailable):
            copies.step()
        assert store.position_of(COPIED) == 0
    settle([copies])
    assert store.position_of(COPIED) == 3
    found = copied(bus, group, name, 3 + faults.get("after", 0))
    assert {copy.headers["dlq-place"] for copy in found} == {"1", "2", "3"}


def test_one_that_was_settled_before_it_was_copied_is_copied_too_and_none_twice(bus, group, store, name, a_letter):
    park(store, a_letter, a_letter)
    store.append((), positions=settling(1))
    copy_all(store, bus)
    park(store, a_letter)
    with closing(DeadLetterCopies("mirror", store, bus)) as another:
        settle([another])
        assert not another.step()
    assert [copy.headers["dlq-place"] for copy in copied(bus, group, name, 3)] == ["1", "2", "3"]


def test_what_the_inbox_parks_is_copied(bus, group):
    def refuse(mirror, act, fact):
        raise ValueError("no such colour")

    two = TwoServices(bus, react=refuse)
    ball = two.bounce("red", 2, 1)
    inbox = two.a_replica()
    with closing(two.relay):
        settle([two.relay])
    for _ in range(100):
        inbox.step()
        if len(two.parked()) == 2:
            break
    inbox.close()
    copy_all(two.heard, bus)
    found = copied(bus, group, two.name, 2)
    assert [copy.body for copy in found] == [message.body for message in two.published(ball)]
    assert [copy.headers["dlq-reason"] for copy in found] == two.parked()


def test_a_copy_is_no_message_of_the_source(a_letter, name):
    copy = copy_of("mirror", a_letter)
    assert copy.topic == f"fourgates.{name}.events.v1.dlq"
    assert "dlq-place" in copy.headers
