"""An inbox on Kafka: replicas that share the work, and bytes that no bus of ours would write."""

from __future__ import annotations

import threading

import pytest
from fourgates.chassis.testing.messages import TwoServices, eventually
from kafka import KafkaProducer

BALLS = 12
HEIGHTS = list(range(10, 0, -1))
ROUND = BALLS * len(HEIGHTS)


@pytest.fixture
def two(kafka_bus):
    services = TwoServices(kafka_bus)
    yield services
    services.stop()


@pytest.fixture
def stranger(two):
    """Anyone who may write to a topic, and writes anything."""
    producer = two.bus.client(KafkaProducer)
    yield producer
    producer.close()


def bounce_all(two, prefix):
    for n in range(BALLS):
        two.bounce(f"{prefix}{n}", *HEIGHTS)


def all_heard(two, *prefixes):
    """Each message of each ball, once and in order, and nothing else."""
    assert len(two.mirrored()) == len(prefixes) * ROUND
    return all(two.mirrored_of(f"{prefix}{n}") == HEIGHTS for prefix in prefixes for n in range(BALLS))


def heard(two):
    """How much has taken effect."""
    return two.heard.head()


def test_replicas_that_come_and_go_in_mid_batch_handle_each_message_once_in_order(two):
    two.run(two.relay)
    first = two.run(two.a_replica())
    bounce_all(two, "a")
    assert eventually(lambda: heard(two) > 0)
    two.run(two.a_replica())
    bounce_all(two, "b")
    assert eventually(lambda: heard(two) > ROUND)
    third = two.run(two.a_replica())
    two.stop(first)
    bounce_all(two, "c")
    two.stop(third)
    assert eventually(lambda: heard(two) >= 3 * ROUND)
    two.stop()
    assert all_heard(two, "a", "b", "c")
    assert two.parked() == []


def test_a_replica_that_hangs_while_another_handles_its_partitions_repeats_nothing(kafka_bus):
    goes_on, hangs = threading.Event(), threading.Event()

    def react(mirror, act, fact):
        if fact.colour == "a0" and fact.height == HEIGHTS[5] and not hangs.is_set():
            hangs.set()
            goes_on.wait(60)
        mirror.throw(act, fact)

    two = TwoServices(kafka_bus, react=react)
    two.run(two.relay)
    two.run(two.a_replica())
    bounce_all(two, "a")
    assert eventually(hangs.is_set)
    # In a group of its own it is given everything, as the one is who takes over from a replica that was thrown out.
    overtaking = two.a_replica()
    overtaking._service = f"other-{two.name}"
    two.run(overtaking)
    assert eventually(lambda: heard(two) >= ROUND)
    goes_on.set()
    bounce_all(two, "b")
    assert eventually(lambda: heard(two) >= 2 * ROUND)
    two.stop()
    assert all_heard(two, "a", "b")
    assert two.parked() == []


def test_bytes_that_are_no_text_are_parked_in_a_readable_form_and_others_flow(two, stranger):
    good = two.published(two.bounce("good", 3, 2, 1))
    two.send(*good)

    def write(body, key, headers=()):
        stranger.send(two.topic, value=body, key=key, headers=list(headers), partition=0).get(20)

    write(b"{}", b"k")
    write(b"{}", None)
    write(None, b"\xff\x00", [("ce_id", b"\xff\x00"), ("ce_\u00e9", b"")])
    write(good[0].body, good[0].key.encode(), [(name, b"\xff\x00") for name in good[0].headers])
    write(good[0].body, good[0].key.encode(), [("ce_shard", b"9" * 5000), ("ce_pos", "٣".encode())])
    two.run(two.a_replica())
    later = two.bounce("later", 2, 1)
    two.send(*[m for m in two.published(later) if m.key == str(later.id)])
    assert eventually(lambda: two.mirrored_of("good") == [3, 2, 1] and two.mirrored_of("later") == [2, 1])
    assert eventually(lambda: len(two.parked()) == 5), two.parked()
    assert all("header ce_source is missing" in reason for reason in two.parked())
    assert two.heard.list_parked()[2].key == "\\xff\\x00"
    assert len(two.mirrored()) == 5
