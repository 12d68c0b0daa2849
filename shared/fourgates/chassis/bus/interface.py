"""What the plumbing needs of any bus, and the contract tests hold each implementation to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

# The only header of a message that could not be read: why.
UNREADABLE = "unreadable"


class BusUnavailable(Exception):
    """The bus did not do in time what was asked: begin again from the last known position."""


@dataclass(frozen=True)
class Message:
    """A message: `shard` decides the partition, `key` is the aggregate it is about; order holds per shard.

    `offset` is the place in its `partition`, known only to a receiver.
    """

    topic: str
    key: str
    shard: int
    headers: Mapping[str, str]
    body: bytes
    offset: int = field(default=-1, compare=False)
    partition: int = field(default=0, compare=False)


class Publisher(Protocol):
    """Sends messages."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Send in order and return when all are kept durably. On an error, send again from the last known position.

        A publisher that raised is not used again.
        """
        ...

    def begin(self, messages: Sequence[Message]) -> Callable[[], None]:
        """Begin to send in order; what is returned waits until all are kept durably, and raises as `publish` does.

        Nothing else is sent before it has returned.
        """
        ...

    def close(self) -> None:
        """Let go of all resources."""
        ...


class Consumer(Protocol):
    """Receives messages for one group. Not thread safe."""

    def poll(self, timeout_s: float, limit: int) -> list[Message]:
        """Return what follows the last poll, waiting at most the timeout; in order per shard.

        Raises `BusUnavailable`; polling again goes on as soon as the bus is back.
        """
        ...

    def commit(self) -> None:
        """Remember that everything polled so far was handled. What was not committed is delivered again."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class Bus(Protocol):
    """Makes publishers and consumers."""

    def publisher(self) -> Publisher:
        """Return a publisher."""
        ...

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        """Return a consumer of topics for a group, beginning behind what the group committed."""
        ...

    def close(self) -> None:
        """Close the bus."""
        ...
