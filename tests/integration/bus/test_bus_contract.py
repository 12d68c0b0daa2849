"""What every bus must do. The suite runs on each implementation."""

from __future__ import annotations

import threading
import time

import pytest
from fourgates.chassis.bus import Bus, Consumer, InProcessBus
from fourgates.chassis.testing.messages import WAIT_S, a_message, bodies, polled


@pytest.fixture
def open_consumer(bus: Bus, group: str, topic: str):
    opened: list[Consumer] = []

    def open_one(of: str = group, topics: tuple[str, ...] = (topic,)) -> Consumer:
        opened.append(bus.consumer(of, topics))
        return opened[-1]

    yield open_one
    for consumer in opened:
        consumer.close()


@pytest.fixture
def publish(bus: Bus):
    publisher = bus.publisher()
    yield publisher.publish
    publisher.close()


def test_messages_arrive_in_order_with_their_headers(publish, open_consumer, topic):
    sent = [a_message(str(n), topic) for n in range(5)]
    publish(sent)
    assert polled(open_consumer(), 5) == sent


def test_order_holds_within_each_shard(publish, open_consumer, topic):
    sent = [a_message(str(n), topic, shard=n % 64) for n in range(1000)]
    publish(sent)
    got = polled(open_consumer(), 1000)
    for shard in range(64):
        assert [m for m in got if m.shard == shard] == [m for m in sent if m.shard == shard]


def test_every_group_gets_every_message_and_only_of_its_topics(publish, open_consumer, topic, group):
    other = f"{topic}.other"
    publish([a_message("a", topic), a_message("b", topic=other)])
    assert bodies(polled(open_consumer(), 1)) == ["a"]
    assert sorted(bodies(polled(open_consumer(f"{group}.two", (topic, other)), 2))) == ["a", "b"]


def test_a_poll_returns_at_most_its_limit(publish, open_consumer, topic):
    publish([a_message(str(n), topic) for n in range(5)])
    consumer = open_consumer()
    first = polled(consumer, 1, limit=2)
    assert bodies(first) + bodies(polled(consumer, 5 - len(first), limit=2)) == ["0", "1", "2", "3", "4"]
    assert len(first) <= 2


def test_what_was_not_committed_is_delivered_again(publish, open_consumer, topic):
    publish([a_message("a", topic), a_message("b", topic)])
    first = open_consumer()
    assert bodies(polled(first, 1, limit=1)) == ["a"]
    first.commit()
    assert bodies(polled(first, 1, limit=1)) == ["b"]
    first.close()
    assert bodies(polled(open_consumer(), 1)) == ["b"]


def test_a_late_group_begins_at_the_beginning(publish, open_consumer, topic):
    publish([a_message("a", topic)])
    assert bodies(polled(open_consumer("late." + topic), 1)) == ["a"]


def test_a_poll_without_messages_ends_with_its_timeout(open_consumer):
    consumer = open_consumer()
    consumer.poll(1, 10)
    began = time.monotonic()
    assert consumer.poll(0.01, 10) == []
    assert time.monotonic() - began < 1


def test_a_waiting_consumer_is_woken(publish, open_consumer, topic):
    got: list[str] = []
    consumer = open_consumer()
    waiting = threading.Thread(target=lambda: got.extend(bodies(polled(consumer, 1))))
    waiting.start()
    publish([a_message("a", topic)])
    waiting.join(WAIT_S)
    assert got == ["a"]


def test_an_empty_batch_is_published_at_once(publish):
    publish([])


def test_a_topic_that_is_heard_before_it_exists_is_heard_when_it_does(bus, open_consumer, topic):
    consumer = open_consumer()
    assert consumer.poll(0.1, 10) == []
    publisher = bus.publisher()
    publisher.publish([a_message("a", topic)])
    publisher.close()
    assert bodies(polled(consumer, 1)) == ["a"]


def test_handled_messages_are_swept_and_unhandled_ones_stay(tmp_path):
    bus = InProcessBus(tmp_path / "bus.sqlite")
    quick, slow = bus.consumer("quick", ["t"]), bus.consumer("slow", ["t"])
    for n in range(12):
        bus.publisher().publish([a_message(str(n * 100 + i)) for i in range(100)])
        while quick.poll(0, 1000):
            quick.commit()
    assert len(slow.poll(0, 5000)) == 1200
    slow.commit()
    bus.publisher().publish([a_message(str(i)) for i in range(1000)])
    assert len(bus.consumer("new", ["t"]).poll(0, 5000)) < 2200
    bus.close()


def test_a_sweep_leaves_what_somebody_has_not_handled_and_what_nobody_listens_to(tmp_path):
    bus = InProcessBus(tmp_path / "bus.sqlite")
    quick, slow = bus.consumer("quick", ["t", "u"]), bus.consumer("slow", ["t"])
    bus.publisher().publish([a_message("nobody listens", topic="v")])

    def kept_after(handled_by_slow: int) -> dict[str, int]:
        bus.publisher().publish([a_message(str(n), topic) for n in range(500) for topic in ("t", "u")])
        while quick.poll(0, 1000):
            quick.commit()
        slow.poll(0, handled_by_slow)
        slow.commit()
        # The next publishing finds so much published that it sweeps.
        bus.publisher().publish([a_message(str(n), topic="w") for n in range(1000)])
        return dict(bus._connection.execute("SELECT topic, count(*) FROM messages WHERE topic < 'w' GROUP BY topic"))

    assert kept_after(handled_by_slow=200) == {"t": 300, "v": 1}
    assert kept_after(handled_by_slow=300) == {"t": 500, "v": 1}
    late = bus.consumer("late", ["t"])
    assert kept_after(handled_by_slow=1000) == {"t": 1000, "v": 1}
    assert len(late.poll(0, 5000)) == 1000
    late.commit()
    assert kept_after(handled_by_slow=1000) == {"t": 500, "v": 1}
    bus.close()


def test_nothing_is_lost_when_the_process_ends(tmp_path):
    first = InProcessBus(tmp_path / "bus.sqlite")
    first.publisher().publish([a_message("a"), a_message("b")])
    consumer = first.consumer("g", ["t"])
    consumer.poll(0, 1)
    consumer.commit()
    first.close()
    second = InProcessBus(tmp_path / "bus.sqlite")
    assert bodies(second.consumer("g", ["t"]).poll(0, 10)) == ["b"]
    second.close()


def test_only_how_far_a_group_has_come_is_not_flushed(tmp_path, topic, group):
    bus = InProcessBus(tmp_path / "bus.sqlite")
    bus.publisher().publish([a_message("a", topic)])
    consumer = bus.consumer(group, [topic])
    assert bodies(consumer.poll(0, 10)) == ["a"]
    consumer.commit()
    # 2 is FULL: each commit is flushed, that of a message too.
    assert bus._connection.execute("PRAGMA synchronous").fetchall() == [(2,)]
    bus.close()
    again = InProcessBus(tmp_path / "bus.sqlite")
    assert again.consumer(group, [topic]).poll(0, 10) == []
    again.close()
