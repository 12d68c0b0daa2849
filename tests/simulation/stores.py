"""A store that fails at the worst moments, and the ledger of every transaction that it really made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from fourgates.chassis.store import Parked, Reply, StoreUnavailable, open_sqlite_recorder
from fourgates.chassis.store.answer import Answer

from tests.simulation.chance import Chance, Crash


@dataclass
class Ledger:
    """Every transaction of all services, in the order in which they were made."""

    transactions: list[dict[str, Any]] = field(default_factory=list)
    _digest: Any = field(default_factory=hashlib.sha256)

    def note(
        self,
        service: str,
        stored: Sequence[StoredEvent],
        numbers: Sequence[int],
        positions: Mapping[str, int],
        reply: Reply | None,
    ) -> None:
        """Keep what was committed, as plain data."""
        events = [
            {
                "position": number,
                "id": str(one.originator_id),
                "version": one.originator_version,
                "topic": one.topic,
                "state": json.loads(one.state),
            }
            for number, one in zip(numbers, stored, strict=True)
        ]
        self.transactions.append(
            {
                "service": service,
                "events": events,
                "positions": dict(positions),
                "reply": reply.scope if reply else None,
                "status": reply.status if reply else None,
            }
        )
        self._digest.update(json.dumps(self.transactions[-1]).encode())

    def mark(self, what: str) -> None:
        """Let something else be part of the trace."""
        self._digest.update(what.encode())

    def digest(self) -> str:
        """Return the digest of the trace so far: two runs that did the same have the same."""
        return str(self._digest.hexdigest())


class AtOnce:
    """Stores every append in the thread of whoever appends, in place of the writer that gathers them."""

    def __init__(self, write: Callable[[list[Any]], None], limits: Any) -> None:
        self._write = write
        self.limits = limits

    def submit(self, append: Any) -> Any:
        self._write([append])
        return append.answer

    def close(self) -> None:
        """Nothing waits."""


def a_database() -> Any:
    """Return the database of one service, in memory, without a thread of its own."""
    recorder = open_sqlite_recorder(None)
    recorder._writer = AtOnce(recorder.write, recorder._writer.limits)
    return recorder


class FaultyRecorder:
    """A recorder beside which the process may end, and whose answers may be lost. What it stores stays."""

    def __init__(
        self, service: str, inner: Any, chance: Chance, ledger: Ledger, another: Callable[[str], None]
    ) -> None:
        self._service = service
        self._inner = inner
        self._chance = chance
        self._ledger = ledger
        self._another = another

    def append(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        positions: Mapping[str, int],
        reply: Reply | None,
        parked: Parked | None,
    ) -> Sequence[int]:
        """Insert all in one transaction, or fail before or after it."""
        if stored_events and self._chance.strikes("another_first"):
            self._another(self._service)
        if self._chance.strikes("crash_before_commit"):
            raise Crash(self._service)
        if self._chance.strikes("store_away"):
            raise StoreUnavailable("the store cannot be reached")
        numbers = self._inner.append(stored_events, positions=positions, reply=reply, parked=parked)
        self._ledger.note(self._service, stored_events, numbers, positions, reply)
        if self._chance.strikes("crash_after_commit"):
            raise Crash(self._service)
        if self._chance.strikes("answer_of_store_lost"):
            raise StoreUnavailable("the store did not answer")
        return numbers

    def submit(self, stored_events: Sequence[StoredEvent], **kept: Any) -> Answer:
        """Append; the answer is there at once."""
        answer = Answer()
        try:
            answer.set_result(self.append(stored_events, **kept))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            answer.set_exception(error)
        return answer

    def submit_on_loop(self, stored_events: Sequence[StoredEvent], *, reply: Reply | None) -> Answer:
        """Append; the answer is there at once."""
        return self.submit(stored_events, positions={}, reply=reply, parked=None)

    async def select_on_loop(self, originator_id: UUID) -> None:
        """Leave reading to a thread."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name.startswith(("select_", "max_", "find_", "is_", "list_")):
            return self._read(found)
        return found

    def close(self) -> None:
        """Stay: a process ends, its database does not."""

    def _read(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*args: Any, **kwargs: Any) -> Any:
            if self._chance.strikes("read_fails"):
                raise StoreUnavailable("the store cannot be read")
            return read(*args, **kwargs)

        return reading
