"""The bus on Kafka: the partition follows from the shard, all is acknowledged, and every wait has a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import structlog
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.base import MemberState
from kafka.errors import (
    CorruptRecordError,
    KafkaError,
    KafkaTimeoutError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
    UnsupportedCodecError,
)

from fourgates.chassis.bus.interface import UNREADABLE, BusUnavailable, Message
from fourgates.chassis.bus.kafka_batches import BatchProducer, Sent
from fourgates.chassis.bus.kafka_client import DEFAULT_LIMITS, KafkaLimits, make_client, ms, unavailable
from fourgates.chassis.bus.kafka_records import PlainRecords

__all__ = ["DEFAULT_LIMITS", "KafkaBus", "KafkaLimits", "ensure_topics"]

log = structlog.get_logger()

PARTITIONS = 6
_DAY_MS = 86_400_000
_BATCH_BYTES_MIN = 1024


class KafkaBus:
    """A bus on a Kafka cluster. Publishers and consumers make their clients in the thread that uses them.

    With `make_topics` a topic is made before its first use, with so many `partitions` and copies (`replication`);
    without, someone else makes them. `client_options` are given to every client of the library, for TLS and SASL.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        make_topics: bool = True,
        partitions: int = PARTITIONS,
        replication: int = 1,
        limits: KafkaLimits = DEFAULT_LIMITS,
        client_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.limits = limits
        self._bootstrap = bootstrap
        self._make_topics = make_topics
        self._partitions = partitions
        self._replication = replication
        self._options = dict(client_options or {})
        self._made: set[str] = set()
        # Less, when a topic turned out to take less.
        self.batch_bytes_max = self.limits.message_bytes_max
        self._making = threading.Lock()

    def publisher(self) -> _Publisher:
        """Return a publisher."""
        return _Publisher(self)

    def consumer(self, group: str, topics: Sequence[str]) -> _Consumer:
        """Return a consumer of topics for a group, beginning behind what the group committed."""
        return _Consumer(self, group, tuple(topics))

    def close(self) -> None:
        """Nothing is held: publishers and consumers are closed by those who use them."""

    def client(self, kind: Callable[..., Any], **options: Any) -> Any:
        """Return a client of the library. Raises `BusUnavailable` when no broker answers in time."""
        return make_client(kind, self._bootstrap, self.limits, {**options, **self._options})

    def topics_exist(self, topics: Iterable[str]) -> None:
        """Make topics that are used for the first time, if that is this bus's business."""
        with self._making:
            new = set(topics) - self._made
            if self._make_topics and new:
                ensure_topics(
                    self._bootstrap,
                    sorted(new),
                    partitions=self._partitions,
                    replication=self._replication,
                    limits=self.limits,
                    client_options=self._options,
                )
                self._made |= new


def ensure_topics(
    bootstrap: str,
    topics: Sequence[str],
    *,
    partitions: int = PARTITIONS,
    replication: int = 1,
    limits: KafkaLimits = DEFAULT_LIMITS,
    client_options: Mapping[str, Any] | None = None,
) -> None:
    """Make the topics that do not exist; those that do stay as they are. Raises `BusUnavailable`."""
    admin = make_client(KafkaAdminClient, bootstrap, limits, dict(client_options or {}))
    shape = {
        "num_partitions": partitions,
        "replication_factor": replication,
        "configs": {
            "cleanup.policy": "delete",
            # Whatever a stranger compresses with, the broker keeps it in a form that our library can read.
            "compression.type": "uncompressed",
            "max.message.bytes": str(limits.message_bytes_max),
            "min.insync.replicas": str(max(1, replication - 1)),
            "retention.ms": str(limits.retention_days * _DAY_MS),
        },
    }
    try:
        known = set(admin.list_topics())
        for topic in topics:
            if topic not in known:
                # One by one: another service may make one of them at the same moment.
                with suppress(TopicAlreadyExistsError):
                    admin.create_topics({topic: shape}, wait_for_metadata=True)
    except KafkaError as error:
        raise unavailable(error) from error
    finally:
        admin.close()


class _Publisher:
    def __init__(self, bus: KafkaBus) -> None:
        limits = bus.limits
        self._bus = bus
        self._limits = limits
        self._producer = bus.client(
            _Producer,
            metrics_enabled=False,
            enable_idempotence=True,
            acks="all",
            allow_auto_create_topics=False,
            max_block_ms=ms(limits.request_timeout_s),
            delivery_timeout_ms=ms(limits.delivery_timeout_s),
            max_request_size=limits.message_bytes_max,
            # What is sent at once stays one batch a partition: it arrives as a whole or not at all.
            batch_size=limits.message_bytes_max,
            linger_ms=1,
        )

    def publish(self, messages: Sequence[Message]) -> None:
        self.begin(messages)()

    def begin(self, messages: Sequence[Message]) -> Callable[[], None]:
        most = self._limits.unacknowledged_max
        with self._giving_up():
            self._bus.topics_exist(m.topic for m in messages)
            sent = self._send(messages[:most])
            for start in range(most, len(messages), most):
                self._wait(sent)
                sent = self._send(messages[start : start + most])
        return partial(self._wait, sent)

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Send nothing more after an error: later batches of a partition may still land when an earlier one did not."""
        try:
            yield
        except Exception as error:
            self._producer.close(timeout=0)
            if isinstance(error, KafkaError):
                raise unavailable(error) from error
            raise

    def _send(self, messages: Sequence[Message]) -> list[Sent]:
        partitions = {topic: len(self._producer.partitions_for(topic)) for topic in {m.topic for m in messages}}
        by_place: dict[TopicPartition, list[Message]] = {}
        for message in messages:
            place = TopicPartition(message.topic, message.shard % partitions[message.topic])
            by_place.setdefault(place, []).append(message)
        size = self._bus.batch_bytes_max
        return [one for place, some in by_place.items() for one in self._producer.send_together(place, some, size)]

    def _wait(self, sent: Sequence[Sent]) -> None:
        until = time.monotonic() + self._limits.delivery_timeout_s + self._limits.request_timeout_s
        size = self._bus.batch_bytes_max
        with self._giving_up():
            try:
                for batch in sent:
                    batch.wait(max(0.0, until - time.monotonic()))
            except RecordListTooLargeError:
                # Whoever made the topic allows less: the next publisher sends less at once.
                self._bus.batch_bytes_max = max(size // 2, _BATCH_BYTES_MIN)
                raise

    def close(self) -> None:
        self._producer.close(timeout=self._limits.close_timeout_s)


class _Producer(BatchProducer):
    """The library's producer, whose closing neither waits for lost messages nor silences its logger."""

    def flush(self, timeout: float | None = None) -> None:
        """Wait for nothing: our publisher has waited for each acknowledgement, or has given up."""

    def __del__(self) -> None:
        """Leave the logger alone: the library's own replaces it for the whole process."""


class _Consumer:
    """Keeps its place in the group while brokers come and go; the library's client is made anew when it failed."""

    def __init__(self, bus: KafkaBus, group: str, topics: tuple[str, ...]) -> None:
        self._bus = bus
        self._limits = bus.limits
        self._group = group
        self._topics = topics
        self._client: Any = None
        self._answered_at = 0.0

    def poll(self, timeout_s: float, limit: int) -> list[Message]:
        try:
            client = self._joined()
            found = client.poll(timeout_ms=ms(timeout_s), max_records=limit)
            until = time.monotonic() + self._limits.sharing_s
            while not found and _is_sharing(client) and time.monotonic() < until:
                # The library forgets a sharing that ends between two polls: stay with it. One that began because a
                # topic was seen for the first time would never be looked at again, and the consumer be thrown out.
                client._coordinator.request_rejoin()  # noqa: SLF001 - Java's consumer does it by itself: KAFKA-9815
                found = client.poll(timeout_ms=ms(self._limits.heartbeat_s), max_records=limit)
        except BusUnavailable:
            raise
        except (CorruptRecordError, UnsupportedCodecError) as error:
            return [self._step_past(error)]
        except Exception as error:
            # What was not committed is delivered again to the next client.
            self.close()
            raise unavailable(error) from error
        if found:
            self._answered_at = time.monotonic()
        elif time.monotonic() - self._answered_at > self._limits.silence_s:
            self._ask_for_life()
        return [message for messages in found.values() for message in messages]

    def _step_past(self, error: Exception) -> Message:
        """Go on behind a record that the library cannot read, such as one whose header has no text for a name.

        Else its partition would stand still for ever. What is known of it is returned, to be parked. Records behind it
        in its batch come in the same way, one by one; if they are ours, the gap is filled from their source.
        """
        stuck = self._client._fetcher._next_partition_records  # noqa: SLF001 - the error does not say where it is
        if stuck is None:
            self.close()
            raise unavailable(error) from error
        place = stuck.topic_partition
        offset = max(stuck.next_fetch_offset, self._client.position(place))
        self._client.seek(place, offset + 1)
        log.error("record cannot be read", topic=place.topic, partition=place.partition, offset=offset)
        headers = {UNREADABLE: f"{type(error).__name__}: {error}"}
        return Message(place.topic, "", -1, headers, b"", offset, place.partition)

    def commit(self) -> None:
        """Remember how far this consumer has come, as far as its partitions are still its own.

        A commit that fails loses nothing: what it would have said is said by the next one, or the messages are
        delivered again and skipped by their position.
        """
        try:
            if self._client is not None:
                self._client.commit(timeout_ms=ms(self._limits.commit_timeout_s))
        except KafkaError as error:
            log.warning("not committed", group=self._group, reason=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(KafkaError):
                client.close(autocommit=False, timeout_ms=ms(self._limits.close_timeout_s))

    def _joined(self) -> Any:
        if self._client is None:
            self._bus.topics_exist(self._topics)
            limits = self._limits
            self._client = self._bus.client(
                KafkaConsumer,
                metrics_enabled=False,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                partition_assignment_strategy=(CooperativeStickyAssignor(),),
                allow_auto_create_topics=False,
                session_timeout_ms=ms(limits.session_timeout_s),
                heartbeat_interval_ms=ms(limits.heartbeat_s),
                max_poll_interval_ms=ms(limits.poll_pause_max_s),
                fetch_max_wait_ms=ms(limits.fetch_wait_s),
                max_partition_fetch_bytes=limits.message_bytes_max,
                # So much is held in memory before it is polled; the library would take 50 MB.
                fetch_max_bytes=2 * limits.message_bytes_max,
            )
            # The library's own records take three times as long to be read.
            self._client._fetcher.PartitionRecords = PlainRecords  # noqa: SLF001 - it has no setting for that
            self._client.subscribe(list(self._topics))
            self._answered_at = time.monotonic()
        return self._client

    def _ask_for_life(self) -> None:
        """Tell an idle topic from a broker that is away. Raises `BusUnavailable`; the place in the group is kept."""
        try:
            self._client.end_offsets(
                [TopicPartition(self._topics[0], 0)], timeout_ms=ms(self._limits.request_timeout_s)
            )
        except KafkaTimeoutError as error:
            raise unavailable(error) from error
        self._answered_at = time.monotonic()


def _is_sharing(client: Any) -> bool:
    return bool(client.group_metadata().state is MemberState.REBALANCING)
