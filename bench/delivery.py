"""Prints how fast relay and inbox work over Kafka, against the Kafka library alone with the same bytes, in one run."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.process.serving import collect_rarely
from fourgates.chassis.store import EventStore
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.messages import TwoServices
from fourgates.chassis.testing.toys import Ball
from kafka import KafkaConsumer, KafkaProducer

from bench.parts import kafka, opened, postgres

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "40000"))
# The library and ours take turns, so that both see the same neighbours; the middle of the rounds counts.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
BOUNCES = 10
BALLS_AT_ONCE = 100
POLL_MS = 1000
POLLED_MAX = 500
LINGER_MS = 5
WAIT_S = 120.0


@dataclass(frozen=True)
class Round:
    """Messages a second, by the library alone and by ours."""

    produced: float
    relayed: float
    consumed: float
    handled: float


def fill(store: EventStore, messages: int) -> int:
    """Store bounces of balls that bounce in turn; return how many there are."""
    ids = TimeOrderedIds()
    stored = 0
    while stored < messages:
        balls = [Ball.throw(an_act(), ball_id=ids.new(), colour="red") for _ in range(BALLS_AT_ONCE)]
        for _ in range(BOUNCES):
            for ball in balls:
                ball.bounce(an_act(), height=1)
            store.append([event for ball in balls for event in ball.collect_events()])
        stored += BALLS_AT_ONCE * BOUNCES
    return stored


def a_round(database: str, bootstrap: str) -> Round:
    """Measure everything once, on a log and topics of its own."""
    with opened(database, 2) as stores:
        two = TwoServices(KafkaBus(bootstrap), stores=stores)
        count = fill(two.store, MESSAGES)
        relayed = _relayed(two)
        records: list[Any] = []
        consumed = _consumed(bootstrap, two.topic, count, records)
        bare = f"bare.{uuid4().hex}"
        two.bus.topics_exist([bare])
        produced = _produced(bootstrap, bare, records)
        handled = _handled(two, count)
        return Round(*(count / seconds for seconds in (produced, relayed, consumed, handled)))


def _relayed(two: TwoServices) -> float:
    """Return how long it takes to publish the whole log, once the clients are there."""
    two.bus.topics_exist([two.topic])
    two.relay._publisher = two.bus.publisher()
    two.store.head()
    with closing(two.relay):
        return _seconds(lambda: [None for _ in iter(two.relay.step, False)])


def _consumed(bootstrap: str, topic: str, count: int, records: list[Any]) -> float:
    """Return how long the library takes to poll so many messages, from the first that arrives on."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"bare-{uuid4().hex}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    began, until = 0.0, time.monotonic() + WAIT_S
    with closing(consumer):
        while len(records) < count and time.monotonic() < until:
            for found in consumer.poll(timeout_ms=POLL_MS, max_records=POLLED_MAX).values():
                records += found
            began = began or (time.perf_counter() if records else 0.0)
        return time.perf_counter() - began


def _produced(bootstrap: str, topic: str, records: Sequence[Any]) -> float:
    """Return how long the library takes to send the same bytes, until all are acknowledged."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=LINGER_MS)
    producer.partitions_for(topic)

    def send() -> None:
        for record in records:
            producer.send(topic, record.value, record.key, record.headers, record.partition)
        producer.flush()

    with closing(producer):
        return _seconds(send)


def _handled(two: TwoServices, count: int) -> float:
    """Return how long it takes until all have taken effect, from the first that arrives on."""
    inbox = two.a_replica()
    began, until = 0.0, time.monotonic() + WAIT_S
    with closing(inbox):
        while (head := two.heard.head()) < count and time.monotonic() < until:
            began = began or (time.perf_counter() if head else 0.0)
            inbox.wait(POLL_MS / 1000)
        spent = time.perf_counter() - began
    effects = len(two.mirrored())
    if effects != count:
        raise SystemExit(f"{count} messages had {effects} effects")
    return spent


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    # As the process of a service does; it is for the library as much as for ours.
    collect_rarely()
    with postgres() as database, kafka() as bootstrap:
        rounds = [a_round(database, bootstrap) for _ in range(ROUNDS)]
    print("| messages a second over Kafka, effects in PostgreSQL | the library alone | ours | ratio |")
    print("|---|---|---|---|")
    for name, bare, ours in (
        ("publish: relay, against produce", "produced", "relayed"),
        ("handle: inbox with one effect each, against consume", "consumed", "handled"),
    ):
        pairs = [(getattr(one, bare), getattr(one, ours)) for one in rounds]
        middle = [statistics.median(values) for values in zip(*pairs, strict=True)]
        ratio = statistics.median(ours / bare for bare, ours in pairs)
        print(f"| {name} | {middle[0]:.0f} | {middle[1]:.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
