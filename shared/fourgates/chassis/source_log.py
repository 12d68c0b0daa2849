"""What an inbox asks the sources that it hears, and why a shard has to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from fourgates.chassis.bus import Message

T = TypeVar("T")


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


class Asked:
    """The sources as one inbox asks them: none again in the same step that did not answer."""

    def __init__(self, sources: SourceLog | None) -> None:
        self._sources = sources
        self._away: set[str] = set()

    def again(self) -> None:
        """Begin a step: all may be asked."""
        self._away.clear()

    def ask(self, source: str, question: Callable[[SourceLog], T]) -> T:
        """Ask a source, unless it has just not answered. Raises `GapFound`."""
        if self._sources is None:
            raise GapFound("there is no way to ask any source")
        if source in self._away:
            raise GapFound(f"{source} does not answer")
        try:
            return question(self._sources)
        except Exception as error:
            if isinstance(error, SourceAway):
                self._away.add(source)
            raise GapFound(f"{type(error).__name__}: {error}") from error
