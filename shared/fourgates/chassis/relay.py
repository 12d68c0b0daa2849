"""The relay: follows a service's log from a saved position and publishes its contracts in order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from fourgates.chassis.bus import Bus, Message, Publisher
from fourgates.chassis.bus.envelope import SHARDS, Envelope, shard_of, source_of, to_message
from fourgates.chassis.store import AlreadyHandled, EventStore, Recorded

Published = Mapping[type[Any], Callable[[Any, Any], BaseModel | None]]

BATCH = 200
AGGREGATES_KEPT = 256
# What is made anew at once: so many events are looked at, and so much is given.
LOOKED_AT_MAX = 2000
REMADE_BYTES_MAX = 1_048_576


@dataclass(frozen=True)
class Place:
    """How far the log was read for one shard, and the last message of the shard up to there."""

    position: int
    previous: int


@dataclass(frozen=True)
class Remade:
    """Messages of one shard made anew, and where to go on; None when there are no more."""

    messages: list[Message]
    following: Place | None


class Relay:
    """Publishes what was stored, and nothing else. The log itself is the outbox (decision 0004)."""

    def __init__(self, service: str, store: EventStore, bus: Bus, published: Published) -> None:
        self.name = f"{service}-relay"
        self._service = service
        self._store = store
        self._bus = bus
        self._published = published
        self._publisher: Publisher | None = None
        self._position = -1
        self._shards: dict[int, int] = {}
        self._folded: OrderedDict[UUID, Any] = OrderedDict()

    def step(self) -> bool:
        """Publish one batch; tell whether there was one."""
        if self._publisher is None:
            # Made here and not at start-up: a bus that is away must not keep a service from answering.
            self._publisher = self._bus.publisher()
        if self._position < 0:
            self._position = self._store.position_of("relay")
        batch = self._store.log(self._position, BATCH)
        if not batch:
            return False
        try:
            self._publish(batch)
        except Exception:
            # Begin again from what was saved: what is in memory may be ahead of it.
            self.close()
            raise
        return True

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._store.wait_beyond(self._position, timeout_s)

    def close(self) -> None:
        """Let go of the publisher."""
        if self._publisher is not None:
            self._publisher.close()
        self._publisher = None
        self._position = -1
        self._shards.clear()
        self._folded.clear()

    def missing(self, shard: int, after: int, until: int) -> list[Message]:
        """Return the first messages of one shard with `after < pos < until`, made anew; none when there are no more.

        `after` is the last position of that shard that the asker has handled, 0 for none.
        """
        place: Place | None = Place(after, after)
        while place is not None:
            remade = self.remake(shard, place, until, limit=BATCH)
            if remade.messages:
                return remade.messages
            place = remade.following
        return []

    def heads(self) -> dict[int, int]:
        """Return the position of the last published message of each shard that has one."""
        heads = {shard: self._store.position_of(_shard_name(shard)) for shard in range(SHARDS)}
        return {shard: position for shard, position in heads.items() if position}

    def remake(self, shard: int, place: Place, until: int, *, limit: int) -> Remade:
        """Return messages of one shard behind a place and before a position, made anew from a bounded part of the log.

        There may be fewer than the limit, or none, although more follow.
        """
        again = Relay(self._service, self._store, self._bus, self._published)
        again._shards[shard] = place.previous
        found: list[Message] = []
        size, position = 0, place.position
        for _ in range(0, LOOKED_AT_MAX, BATCH):
            batch, following = self._store.log_of(position, BATCH, lambda of: shard_of(of) == shard)
            for recorded in batch:
                if recorded.position >= until:
                    return Remade(found, None)
                message = again._message(recorded)
                if message is not None:
                    found.append(message)
                    size += len(message.body)
                if len(found) == limit or size >= REMADE_BYTES_MAX:
                    return Remade(found, Place(recorded.position, again._shards[shard]))
            if following is None or following >= until:
                return Remade(found, None)
            position = following
        return Remade(found, Place(position, again._shards[shard]))

    def _publish(self, batch: Sequence[Recorded]) -> None:
        messages: list[Message] = []
        positions: dict[str, int] = {}
        for recorded in batch:
            message = self._message(recorded)
            if message is not None:
                messages.append(message)
                positions[_shard_name(message.shard)] = recorded.position
        if messages and self._publisher is not None:
            self._publisher.publish(messages)
        self._position = batch[-1].position
        self._store.append((), positions={"relay": self._position, **positions})

    def _message(self, recorded: Recorded) -> Message | None:
        happened = recorded.event
        make = self._published.get(type(happened))
        if make is None:
            return None
        contract = make(self._aggregate_at(happened), happened)
        if contract is None:
            return None
        shard = shard_of(happened.originator_id)
        if shard not in self._shards:
            self._shards[shard] = self._store.position_of(_shard_name(shard))
        if self._shards[shard] >= recorded.position:
            # Another relay went on since the log was read: what this one would say of the shard would be wrong.
            raise AlreadyHandled(f"shard {shard} was published up to {self._shards[shard]} by another")
        envelope = Envelope(
            message_id=f"{self._service}-{recorded.position}",
            source=source_of(self._service),
            type=contract.TYPE,  # type: ignore[attr-defined]  # every published contract has one, by its base
            subject=f"{self._service}/{happened.originator_id}",
            at=happened.act.at,
            recorded_at=happened.act.at,
            by=happened.act.by,
            person=happened.act.person,
            machine=happened.act.machine,
            correlation_id=happened.act.correlation_id,
            cause_id=happened.act.cause_id,
            aggregate_version=happened.originator_version,
            shard=shard,
            position=recorded.position,
            previous=self._shards[shard],
        )
        self._shards[shard] = recorded.position
        body = contract.model_dump_json().encode()
        return to_message(self._service, envelope, str(happened.originator_id), body)

    def _aggregate_at(self, happened: Any) -> Any:
        """Return the aggregate as it was when the event had just happened."""
        kept = self._folded.pop(happened.originator_id, None)
        if kept is None or kept.version != happened.originator_version - 1:
            kept = self._store.load(happened.originator_id, version=happened.originator_version)
        else:
            kept = happened.mutate(kept)
        self._folded[happened.originator_id] = kept
        if len(self._folded) > AGGREGATES_KEPT:
            self._folded.popitem(last=False)
        return kept


def _shard_name(shard: int) -> str:
    return f"relay/{shard}"
