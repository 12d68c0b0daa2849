"""Whether this service has handled what another one published up to a position, and how a caller waits until it has."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic

import structlog

from fourgates.chassis.bus.envelope import source_of
from fourgates.chassis.inbox import SourceLog
from fourgates.chassis.store import EventStore

log = structlog.get_logger()


class Handled:
    """What was handled of other services: their positions as the inbox saves them, whichever replica did it."""

    def __init__(self, store: EventStore, sources: SourceLog | None, publishers: Collection[str]) -> None:
        self._store = store
        self._sources = sources
        self.publishers = frozenset(publishers)

    def wait(self, service: str, shard: int, position: int, timeout_s: float) -> bool:
        """Wait until all was handled that a service published in a shard up to a position; tell whether it was.

        Not everything in its log is published, so a position may never be saved here. The source is asked what it
        published up to there, and the last of it is waited for.
        """
        name = f"{source_of(service)}/{shard}"
        until = monotonic() + timeout_s
        saved = self._store.position_of(name)
        while saved < position:
            wanted = self._last(service, shard, saved, position)
            if wanted is None:
                return True
            if not self._store.wait_until_saved(name, wanted, until - monotonic()):
                return False
            saved = self._store.position_of(name)
        return True

    def _last(self, service: str, shard: int, after: int, position: int) -> int | None:
        """Return the position of the last of the next messages, or None when there are none up to a position."""
        if self._sources is None:
            return position
        try:
            missing = self._sources.missing(source_of(service), shard, after, position + 1)
        except Exception as error:  # noqa: BLE001 - whatever it is, what is certain can still be waited for
            log.warning("a source does not say what it published", source=service, error=f"{type(error).__name__}")
            return position
        return int(missing[-1].headers["ce_pos"]) if missing else None
