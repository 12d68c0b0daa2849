"""Where an inbox fetches what the bus did not deliver: the relays of the same process."""

from __future__ import annotations

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import source_of
from fourgates.chassis.relay import Relay


class InProcessSources:
    """All relays of one process, by the source that they publish for."""

    def __init__(self) -> None:
        self._relays: dict[str, Relay] = {}

    def add(self, service: str, relay: Relay) -> None:
        """Make a service's log available to the others."""
        self._relays[source_of(service)] = relay

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        """Return the messages of a shard with `after < pos < until`, in order. Raises `KeyError` for a stranger."""
        return self._relays[source].missing(shard, after, until)
