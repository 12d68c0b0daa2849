"""What an inbox asks the sources that it hears, and why a shard has to wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fourgates.chassis.bus import Message


class GapFound(Exception):
    """A message of a shard is missing, and its source could not be asked: the shard waits while others go on."""


class TooManyParked(GapFound):
    """So many messages wait to be retried or discarded that no more may be parked: what would be has to wait."""


class SourceAway(Exception):
    """A source does not answer at all, so that none of its shards has to be asked for now."""


class SourceLog(Protocol):
    """Fetches from a source's own log what the bus did not deliver.

    Raises `SourceAway` when the source does not answer, and anything else when it cannot say.
    """

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        """Return the first messages of a shard with `after < pos < until`, in order; none when there are no more."""
        ...

    def heads(self, source: str) -> Mapping[int, int]:
        """Return the position of the last message of each shard that has one."""
        ...
