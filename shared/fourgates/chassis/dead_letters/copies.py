"""Copies of dead letters on the bus, for those who watch topics: what was parked, as it came, and why."""

from __future__ import annotations

import zlib

from fourgates.chassis.bus import Bus, Message, Publisher
from fourgates.chassis.bus.envelope import SHARDS, source_of, topic_of
from fourgates.chassis.store import EventStore, Parked
from fourgates.chassis.store.texts import readable

COPIED = "dead-letters/copied"
BATCH = 100
REASON_CHARS_MAX = 1_000
# What a bus takes for certain, with everything that is added; of what is larger only the headers are copied.
BODY_BYTES_MAX = 3_145_728
HEADERS_CHARS_MAX = 65_536


def dead_letter_topic_of(topic: str) -> str:
    """Return the topic that takes the dead letters of a topic."""
    return f"{topic}.dlq"


class DeadLetterCopies:
    """Follows what was parked from a saved position, and copies it: after a crash again, rather than never."""

    def __init__(self, service: str, store: EventStore, bus: Bus) -> None:
        self.name = f"{service}-dead-letter-copies"
        self._service = service
        self._store = store
        self._bus = bus
        self._publisher: Publisher | None = None
        self._copied: int | None = None

    def step(self) -> bool:
        """Copy some; tell whether there were any."""
        if self._copied is None:
            self._copied = self._store.position_of(COPIED)
        found = self._store.list_parked(BATCH, self._copied, settled=True)
        if not found:
            return False
        try:
            if self._publisher is None:
                self._publisher = self._bus.publisher()
            for parked in found:
                # One by one: each may be as large as a message can be.
                self._publisher.publish([copy_of(self._service, parked)])
            self._store.append((), positions={COPIED: found[-1].place})
        except Exception:
            self.close()
            raise
        self._copied = found[-1].place
        return True

    def wait(self, timeout_s: float) -> None:
        """Wait a moment: what is parked waits for people, and can wait for its copy."""
        self._store.rest(timeout_s)

    def close(self) -> None:
        """Let go of the publisher, and begin again at what is saved."""
        if self._publisher is not None:
            self._publisher.close()
        self._publisher = None
        self._copied = None


def copy_of(service: str, parked: Parked) -> Message:
    """Return the copy of a parked message: key, headers and body as they came, and beside them what became of it."""
    source = parked.source.rpartition("/")[2]
    topic = topic_of(source) if parked.source == source_of(source) else parked.source
    came = {readable(name): readable(value) for name, value in parked.headers.items()}
    if sum(len(name) + len(value) for name, value in came.items()) > HEADERS_CHARS_MAX:
        came = {"dlq-headers-left-out": str(len(came))}
    body = parked.body
    if len(body) > BODY_BYTES_MAX:
        body = b""
        came["dlq-body-left-out"] = str(len(parked.body))
    told = {
        "dlq-original-topic": topic,
        "dlq-service": service,
        "dlq-place": str(parked.place),
        "dlq-parked-at": parked.parked_at.isoformat(),
        "dlq-reason": readable(parked.reason)[:REASON_CHARS_MAX],
    }
    key = readable(parked.key)
    shard = zlib.crc32(key.encode()) % SHARDS
    return Message(dead_letter_topic_of(topic), key, shard, {**came, **told}, body)
