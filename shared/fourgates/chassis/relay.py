"""The relay: follows a service's log from a saved position and publishes its contracts in order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import BaseModel

from fourgates.chassis.bus import Bus, Message, Publisher
from fourgates.chassis.bus.envelope import SHARDS, Envelope, shard_of, source_of, to_message
from fourgates.chassis.store import AlreadyHandled, EventStore, Recorded, UnreadableEvent
from fourgates.chassis.workers import BATCH

log = structlog.get_logger()

Published = Mapping[type[Any], Callable[[Any, Any], BaseModel | None]]

# While there is more to be read, where the relay is gets saved after so many events; after a crash the messages behind
# it are sent again. At rest it is saved.
SAVE_EVERY = 2000
# As many as commands keep by default: what is opened by many and decided a little later is told of without a load.
AGGREGATES_KEPT = 20_000
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


@dataclass(frozen=True)
class Flight:
    """What was sent: the log up to a position, with the last message of each shard, and what waits for the answer."""

    position: int
    heads: Mapping[str, int]
    wait: Callable[[], None]


class Relay:
    """Publishes what was stored, and nothing else. The log itself is the outbox (decision 0004)."""

    def __init__(self, service: str, store: EventStore, bus: Bus, published: Published) -> None:
        self.name = f"{service}-relay"
        self._service = service
        self._store = store
        self._bus = bus
        self._published = published
        # Aggregates that something is published of: what else happens to them is folded as well.
        self._told_of = {_aggregate_of(event_class) for event_class in published}
        self._publisher: Publisher | None = None
        self.batch_max = BATCH
        # How far the log was read, and how far everything was published and acknowledged.
        self._position = -1
        self._done = 0
        # What was sent up to where, and waits for the acknowledgement: one batch, while the next one is made.
        self._flight: Flight | None = None
        self._shards: dict[int, int] = {}
        # By the number of an id, which is looked up in a fifth of the time.
        self._folded: OrderedDict[int, Any] = OrderedDict()
        # Shards that wait because an event of theirs cannot be read, each from its position on. What is saved as
        # read stays before the first of them, so what follows it may have been published up to `_published_until`.
        self._held: dict[int, int] = {}
        # The last message of each shard that was published since positions were saved.
        self._unsaved: dict[str, int] = {}
        self._saved = 0
        self._published_until = 0

    def step(self) -> int:
        """Publish one batch of the log; return how long it was.

        While much waits, it may not be acknowledged yet: the next step waits for that, when it has made the next batch.
        """
        if self._publisher is None:
            # Made here and not at start-up: a bus that is away must not keep a service from answering.
            self._publisher = self._bus.publisher()
        if self._position < 0:
            self._position = self._done = self._saved = self._store.position_of("relay")
            self._published_until = max(self.heads().values(), default=0)
        try:
            return self._go_on(self._publisher)
        except Exception:
            # Begin again from what was saved: what is in memory may be ahead of it.
            self.close()
            raise

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._store.wait_beyond(self._position, timeout_s)

    def close(self) -> None:
        """Let go of the publisher."""
        if self._publisher is not None:
            self._publisher.close()
        self._publisher = None
        self._position = -1
        self._flight = None
        self._unsaved.clear()
        self._shards.clear()
        self._folded.clear()
        self._held.clear()

    def missing(self, shard: int, after: int, until: int) -> list[Message]:
        """Return the first messages of one shard with `after < pos < until`, made anew; none when there are no more.

        `after` is the last position of that shard that the asker has handled, 0 for none. Raises `UnreadableEvent`
        when the next one cannot be told.
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

        There may be fewer than the limit, or none, although more follow. Raises `UnreadableEvent` when the next one
        cannot be told.
        """
        found: list[Message] = []
        try:
            return self._remake(found, shard, place, until, limit)
        except UnreadableEvent:
            if not found:
                raise
            # What comes before it is told; whoever goes on from there learns why there is no more.
            last = int(found[-1].headers["ce_pos"])
            return Remade(found, Place(last, last))

    def _remake(self, found: list[Message], shard: int, place: Place, until: int, limit: int) -> Remade:
        again = Relay(self._service, self._store, self._bus, self._published)
        again._shards[shard] = place.previous
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

    def _go_on(self, publisher: Publisher) -> int:
        batch = self._store.following(self._position, self.batch_max)
        made = [message for message in map(self._next, batch) if message is not None]
        self._land()
        if batch:
            self._position = batch[-1].position
            wait = publisher.begin(made) if made else _nothing
            self._flight = Flight(self._position, {_shard_name(m.shard): int(m.headers["ce_pos"]) for m in made}, wait)
        if len(batch) < self.batch_max:
            self._land()
        if not batch or self._done - self._saved >= SAVE_EVERY:
            self._save()
        return len(batch)

    def _land(self) -> None:
        """Wait until what was sent is acknowledged."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.wait()
            self._done = flight.position
            self._unsaved.update(flight.heads)

    def _save(self) -> None:
        """Save how far everything is acknowledged, and the last message of each shard up to there."""
        read = min([self._done, *(position - 1 for position in self._held.values())])
        positions = dict(self._unsaved)
        if read > self._saved:
            positions["relay"] = read
        if positions:
            self._store.append((), positions=positions)
        self._unsaved.clear()
        self._saved = max(read, self._saved)

    def _next(self, recorded: Recorded) -> Message | None:
        """Return what is to be published of an event, unless its shard waits, or it was published before."""
        shard = shard_of(recorded.originator_id)
        if shard in self._held:
            return None
        if recorded.position <= self._published_until and recorded.position <= self._published_of(shard):
            return None
        try:
            return self._message(recorded)
        except UnreadableEvent as unreadable:
            log.warning("shard is held", service=self._service, shard=shard, reason=str(unreadable))
            self._held[shard] = recorded.position
            return None

    def _published_of(self, shard: int) -> int:
        """Return the position of the last published message of a shard."""
        if shard not in self._shards:
            self._shards[shard] = self._store.position_of(_shard_name(shard))
        return self._shards[shard]

    def _message(self, recorded: Recorded) -> Message | None:
        """Return what is published of an event. Raises `UnreadableEvent`."""
        if not recorded.may_be(self._published):
            if _aggregate_of(recorded.event_class) in self._told_of:
                # So that what comes next is not read again.
                self._fold(recorded.event)
            return None
        happened = recorded.event
        unreadable = isinstance(happened, UnreadableEvent)
        make = self._published.get(happened.event_class if unreadable else type(happened))
        if unreadable and (make is not None or happened.event_class is None):
            raise happened
        if make is None:
            self._fold(happened)
            return None
        contract = make(self._aggregate_at(happened), happened)
        if contract is None:
            return None
        shard = shard_of(happened.originator_id)
        previous = self._published_of(shard)
        if previous >= recorded.position:
            # Another relay went on since the log was read: what this one would say of the shard would be wrong.
            raise AlreadyHandled(f"shard {shard} was published up to {previous} by another")
        act, key = happened.act, str(happened.originator_id)
        envelope = Envelope(
            message_id=f"{self._service}-{recorded.position}",
            source=source_of(self._service),
            type=contract.TYPE,  # type: ignore[attr-defined]  # every published contract has one, by its base
            subject=f"{self._service}/{key}",
            at=act.at,
            recorded_at=act.at,
            by=act.by,
            person=act.person,
            machine=act.machine,
            correlation_id=act.correlation_id,
            cause_id=act.cause_id,
            aggregate_version=happened.originator_version,
            shard=shard,
            position=recorded.position,
            previous=previous,
        )
        self._shards[shard] = recorded.position
        body = contract.model_dump_json().encode()
        return to_message(self._service, envelope, key, body)

    def _aggregate_at(self, happened: Any) -> Any:
        """Return the aggregate as it was when the event had just happened."""
        folded = self._fold(happened)
        if folded is None:
            folded = self._store.load(happened.originator_id, version=happened.originator_version)
            self._keep(folded)
        return folded

    def _fold(self, happened: Any) -> Any:
        """Return what is kept of an aggregate, brought to where an event left it, or None: then the store is asked."""
        kept = self._folded.pop(happened.originator_id.int, None)
        if happened.originator_version != (1 if kept is None else kept.version + 1):
            return None
        try:
            folded = happened.mutate(kept)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the store says so when it is asked
            return None
        self._keep(folded)
        return folded

    def _keep(self, aggregate: Any) -> None:
        self._folded[aggregate.id.int] = aggregate
        if len(self._folded) > AGGREGATES_KEPT:
            self._folded.popitem(last=False)


def _aggregate_of(event_class: type[Any] | None) -> str:
    """Return the name of the aggregate in which an event is nested."""
    return "" if event_class is None else event_class.__qualname__.rpartition(".")[0]


def _nothing() -> None:
    """Wait for nothing: nothing was sent."""


def _shard_name(shard: int) -> str:
    return f"relay/{shard}"
