"""What every bus must do. The suite runs on each implementation."""

from __future__ import annotations

import threading

import pytest
from fourgates.chassis.bus import InProcessBus, Message


@pytest.fixture(params=["file", "memory"])
def bus(request, tmp_path):
    opened = InProcessBus(tmp_path / "bus.sqlite" if request.param == "file" else None)
    yield opened
    opened.close()


def message(body: str, topic: str = "t", key: str = "k", shard: int = 1) -> Message:
    return Message(topic=topic, key=key, shard=shard, headers={"ce_id": body}, body=body.encode())


def bodies(messages: list[Message]) -> list[str]:
    return [m.body.decode() for m in messages]


def test_messages_arrive_in_order_with_their_headers(bus):
    sent = [message(str(n)) for n in range(5)]
    bus.publisher().publish(sent)
    assert bus.consumer("g", ["t"]).poll(1, 10) == sent


def test_every_group_gets_every_message_and_only_of_its_topics(bus):
    bus.publisher().publish([message("a"), message("b", topic="other")])
    assert bodies(bus.consumer("one", ["t"]).poll(1, 10)) == ["a"]
    assert bodies(bus.consumer("two", ["t", "other"]).poll(1, 10)) == ["a", "b"]


def test_what_was_not_committed_is_delivered_again(bus):
    bus.publisher().publish([message("a"), message("b")])
    first = bus.consumer("g", ["t"])
    assert bodies(first.poll(1, 1)) == ["a"]
    first.commit()
    assert bodies(first.poll(1, 1)) == ["b"]
    first.close()
    assert bodies(bus.consumer("g", ["t"]).poll(1, 10)) == ["b"]


def test_a_late_group_begins_at_the_beginning(bus):
    bus.publisher().publish([message("a")])
    assert bodies(bus.consumer("late", ["t"]).poll(1, 10)) == ["a"]


def test_a_poll_without_messages_ends_with_its_timeout(bus):
    assert bus.consumer("g", ["t"]).poll(0.01, 10) == []


def test_a_waiting_consumer_is_woken(bus):
    got: list[str] = []
    consumer = bus.consumer("g", ["t"])
    waiting = threading.Thread(target=lambda: got.extend(bodies(consumer.poll(10, 10))))
    waiting.start()
    bus.publisher().publish([message("a")])
    waiting.join(10)
    assert got == ["a"]


def test_handled_messages_are_swept_and_unhandled_ones_stay(tmp_path):
    bus = InProcessBus(tmp_path / "bus.sqlite")
    quick, slow = bus.consumer("quick", ["t"]), bus.consumer("slow", ["t"])
    for n in range(12):
        bus.publisher().publish([message(str(n * 100 + i)) for i in range(100)])
        while quick.poll(0, 1000):
            quick.commit()
    assert len(slow.poll(0, 5000)) == 1200
    slow.commit()
    bus.publisher().publish([message(str(i)) for i in range(1000)])
    assert len(bus.consumer("new", ["t"]).poll(0, 5000)) < 2200
    bus.close()


def test_nothing_is_lost_when_the_process_ends(tmp_path):
    first = InProcessBus(tmp_path / "bus.sqlite")
    first.publisher().publish([message("a"), message("b")])
    consumer = first.consumer("g", ["t"])
    consumer.poll(0, 1)
    consumer.commit()
    first.close()
    second = InProcessBus(tmp_path / "bus.sqlite")
    assert bodies(second.consumer("g", ["t"]).poll(0, 10)) == ["b"]
    second.close()
