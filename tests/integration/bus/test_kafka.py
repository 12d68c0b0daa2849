"""What Kafka does to a bus: brokers that go and come back, clients that wait, messages of strangers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from fourgates.chassis.bus import BusUnavailable
from fourgates.chassis.bus.kafka import KafkaBus, KafkaLimits, ensure_topics
from fourgates.chassis.testing.messages import TwoServices, a_message, bodies, eventually, polled
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.coordinator.base import MemberState
from kafka.errors import TopicAlreadyExistsError

AWAY_S = 3.0
# The library as it comes waits for up to 30 s; ours for 1 s, on a machine that has time for it.
BACK_WITHIN_S = 10.0

IMPATIENT = KafkaLimits(
    bootstrap_timeout_s=2, request_timeout_s=2, delivery_timeout_s=3, silence_s=1, commit_timeout_s=2
)


@pytest.fixture
def broker(own_kafka):
    yield own_kafka
    if not own_kafka.is_running:
        own_kafka.start()


class Numbers(threading.Thread):
    """Publishes growing numbers, and after an error goes on from the first one that was not acknowledged."""

    def __init__(self, bus, topic):
        super().__init__(daemon=True)
        self.bus, self.topic = bus, topic
        self.acknowledged = 0
        self.acknowledged_at = 0.0
        self.errors = 0
        self.enough = threading.Event()

    def run(self):
        publisher = None
        while not self.enough.is_set():
            batch = range(self.acknowledged, self.acknowledged + 20)
            try:
                publisher = publisher or self.bus.publisher()
                publisher.publish([a_message(str(n), self.topic, shard=n % 64) for n in batch])
            except BusUnavailable:
                self.errors += 1
                publisher = None
            else:
                self.acknowledged = batch.stop
                self.acknowledged_at = time.monotonic()
        if publisher is not None:
            publisher.close()

    def stop(self):
        self.enough.set()
        self.join(30)


@pytest.mark.parametrize(("how", "limits"), [("kill", KafkaLimits()), ("stop", IMPATIENT)], ids=["kill", "stop"])
def test_what_was_acknowledged_is_there_in_order_though_the_broker_went(broker, topic, group, how, limits):
    bus = KafkaBus(broker.bootstrap, limits=limits)
    numbers = Numbers(bus, topic)
    numbers.start()
    assert eventually(lambda: numbers.acknowledged > 200)
    getattr(broker, how)()
    threading.Event().wait(AWAY_S)
    broker.start()
    back_at = time.monotonic()
    before = numbers.acknowledged
    assert eventually(lambda: numbers.acknowledged > before)
    assert numbers.acknowledged_at - back_at < BACK_WITHIN_S
    numbers.stop()
    consumer = bus.consumer(group, [topic])
    got = polled(consumer, numbers.acknowledged)
    while more := consumer.poll(1, 500):
        got += more
    consumer.close()
    assert {str(n) for n in range(numbers.acknowledged)} <= set(bodies(got))
    for shard in range(64):
        once = list(dict.fromkeys(int(m.body) for m in got if m.shard == shard))
        assert once == sorted(once)


def test_relay_and_inbox_go_on_when_the_broker_is_back(broker):
    two = TwoServices(KafkaBus(broker.bootstrap, limits=IMPATIENT))
    relay, inbox = two.run(two.relay), two.run(two.a_replica())
    two.bounce("red", *range(50, 0, -1))
    assert eventually(lambda: len(two.mirrored()) == 50)
    broker.kill()
    two.bounce("blue", *range(50, 0, -1))
    # Whoever runs the service is told.
    assert eventually(lambda: relay.failing == inbox.failing == "BusUnavailable")
    broker.start()
    back_at = time.monotonic()
    assert eventually(lambda: len(two.mirrored()) == 100)
    assert time.monotonic() - back_at < BACK_WITHIN_S
    assert two.mirrored_of("red") == two.mirrored_of("blue") == list(range(50, 0, -1))
    assert eventually(lambda: relay.failing is inbox.failing is None)
    two.stop()


def test_without_a_broker_everyone_says_so_in_time_and_leaves_nothing_behind(broker, topic, group):
    before = set(threading.enumerate())
    bus = KafkaBus(broker.bootstrap, limits=IMPATIENT)
    publisher, consumer = bus.publisher(), bus.consumer(group, [topic])
    publisher.publish([a_message("a", topic)])
    assert bodies(polled(consumer, 1)) == ["a"]
    broker.kill()
    began = time.monotonic()
    with pytest.raises(BusUnavailable):
        publisher.publish([a_message("b", topic)])
    with pytest.raises(BusUnavailable):
        bus.publisher()
    with pytest.raises(BusUnavailable):
        polled(consumer, 1)
    consumer.commit()
    publisher.close()
    consumer.close()
    assert time.monotonic() - began < 30
    assert eventually(lambda: not [t for t in set(threading.enumerate()) - before if "kafka" in t.name.lower()])


def test_a_consumer_that_saw_its_broker_go_keeps_its_place(broker, topic, group):
    bus = KafkaBus(broker.bootstrap)
    publisher, consumer = bus.publisher(), KafkaBus(broker.bootstrap, limits=IMPATIENT).consumer(group, [topic])
    publisher.publish([a_message("a", topic)])
    assert bodies(polled(consumer, 1)) == ["a"]
    consumer.commit()
    broker.stop()
    with pytest.raises(BusUnavailable):
        polled(consumer, 1)
    broker.start()
    again = bus.publisher()
    again.publish([a_message("b", topic)])
    assert bodies(_polled_through_errors(consumer, 1)) == ["b"]
    for each in (publisher, again, consumer):
        each.close()


def _polled_through_errors(consumer, count):
    found = []
    while len(found) < count:
        try:
            found += consumer.poll(0.5, 10)
        except BusUnavailable:
            continue
    return found


def test_two_consumers_of_a_group_share_the_partitions(kafka_bus, topic, group):
    heard = {name: set() for name in ("one", "other")}
    enough = threading.Event()

    def listen(name):
        consumer = kafka_bus.consumer(group, [topic])
        while not enough.is_set():
            heard[name] = {m.shard for m in consumer.poll(0.5, 100)} or heard[name]
            consumer.commit()
        consumer.close()

    def shared():
        publisher.publish([a_message(str(n), topic, shard=n) for n in range(64)])
        enough.wait(0.3)
        return len(heard["one"]) > 20 and len(heard["other"]) > 20 and not heard["one"] & heard["other"]

    publisher = kafka_bus.publisher()
    listeners = [threading.Thread(target=listen, args=(name,)) for name in heard]
    for listener in listeners:
        listener.start()
    assert eventually(shared)
    enough.set()
    for listener in listeners:
        listener.join(20)
    publisher.close()


def test_a_sharing_that_ended_between_two_polls_is_taken_up(bootstrap, topic, group):
    bus = KafkaBus(bootstrap, make_topics=False, limits=KafkaLimits(metadata_age_s=0.2))
    consumer = bus.consumer(group, [topic])
    # A member of its group, which has nothing to share out before the topic is there.
    consumer.poll(1, 10)
    ensure_topics(bootstrap, [topic])
    client = consumer._client
    assert eventually(lambda: client.poll(0) == {} and client.group_metadata().state is MemberState.REBALANCING)
    threading.Event().wait(0.5)
    publisher = bus.publisher()
    publisher.publish([a_message("a", topic)])
    assert bodies(polled(consumer, 1)) == ["a"]
    assert consumer._client is client
    publisher.close()
    consumer.close()


def test_the_partition_follows_from_the_shard(kafka_bus, bootstrap, topic):
    publisher = kafka_bus.publisher()
    publisher.publish([a_message(str(n), topic, shard=n) for n in range(64)])
    publisher.close()
    reader = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    reader.assign([TopicPartition(topic, n) for n in range(6)])
    got = []
    while len(got) < 64:
        got += [r for records in reader.poll(500).values() for r in records]
    reader.close()
    assert all(int(record.value) % 6 == record.partition for record in got)
    assert {record.key for record in got} == {b"k"}


def test_topics_are_made_once_with_their_shape_and_never_by_accident(bootstrap, topic):
    ensure_topics(bootstrap, [topic], partitions=3)
    ensure_topics(bootstrap, [topic], partitions=7)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    assert [len(t["partitions"]) for t in admin.describe_topics([topic])] == [3]
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    bus = KafkaBus(bootstrap, make_topics=False, limits=IMPATIENT)
    publisher = bus.publisher()
    with pytest.raises(BusUnavailable):
        publisher.publish([a_message("a", f"{topic}.unknown")])
    assert f"{topic}.unknown" not in admin.list_topics()
    admin.close()


def test_a_message_that_is_too_large_is_refused_with_the_reason(kafka_bus, topic):
    publisher = kafka_bus.publisher()
    with pytest.raises(BusUnavailable, match="MessageSizeTooLarge"):
        publisher.publish([replace(a_message("a", topic), body=b"a" * 5_000_000)])
    again = kafka_bus.publisher()
    again.publish([replace(a_message("a", topic), body=b"a" * 4_000_000)])
    again.close()


def test_batches_shrink_to_what_a_topic_of_someone_else_takes(kafka_bus, bootstrap, topic, group):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    shape = {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "20000"}}
    admin.create_topics({topic: shape})
    admin.close()
    messages = [replace(a_message(str(n), topic), body=b"%d %s" % (n, b"a" * 900)) for n in range(200)]

    def published():
        publisher = kafka_bus.publisher()
        with suppress(BusUnavailable):
            publisher.publish(messages)
            publisher.close()
            return True
        return False

    assert eventually(published)
    consumer = kafka_bus.consumer(group, [topic])
    got = polled(consumer, len(messages))
    while more := consumer.poll(0.5, 500):
        got += more
    consumer.close()
    # The last time all of them in order, whatever came of the times before.
    assert got[-len(messages) :] == messages
