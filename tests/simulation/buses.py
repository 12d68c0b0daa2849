"""A bus that loses, repeats, delays and reorders what it was given, and logs of sources that are away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fourgates.chassis.bus import Message
from fourgates.chassis.bus.interface import BusUnavailable
from fourgates.chassis.inbox import SourceAway

from tests.simulation.chance import Chance
from tests.simulation.stores import Ledger

RELEASED = 0.2


class FaultyBus:
    """Topics of one partition, with a committed offset for each group. It outlives every process."""

    def __init__(self, chance: Chance, ledger: Ledger) -> None:
        self._chance = chance
        self._ledger = ledger
        self.topics: dict[str, list[Message]] = {}
        self.committed: dict[tuple[str, str], int] = {}
        self._late: list[Message] = []
        self._lost: list[Message] = []
        self._overtaken: dict[str, Message] = {}
        # What was ever given to the bus, for the auditor: the id of the message and what it says it follows.
        self.given: dict[str, dict[str, Any]] = {}

    def publisher(self) -> _Publisher:
        return _Publisher(self, self._chance)

    def consumer(self, group: str, topics: Sequence[str]) -> _Consumer:
        return _Consumer(self, self._chance, group, tuple(topics))

    def close(self) -> None:
        """Stay."""

    def note(self, message: Message) -> None:
        """Remember what was given first under each id, and when: after how many transactions of all services."""
        said = {**message.headers, "body": message.body.decode(), "moment": len(self._ledger.transactions)}
        self.given.setdefault(message.headers["ce_id"], said)

    def keep(self, message: Message) -> None:
        """Take a message, which may be lost, late, doubled, or overtaken by the next one."""
        topic = self.topics.setdefault(message.topic, [])
        if self._chance.strikes("message_lost"):
            self._lost.append(message)
        elif self._chance.strikes("message_late"):
            self._late.append(message)
        elif message.topic not in self._overtaken and self._chance.strikes("message_overtaken"):
            self._overtaken[message.topic] = message
        else:
            topic.extend([message] * (2 if self._chance.strikes("message_twice") else 1))
            if message.topic in self._overtaken:
                topic.append(self._overtaken.pop(message.topic))

    def pass_time(self) -> None:
        """Let some of what is late arrive."""
        arriving = [message for message in self._late if self._chance.happens(RELEASED)]
        self._late = [message for message in self._late if message not in arriving]
        for message in arriving:
            self.topics[message.topic].append(message)

    def calm_down(self) -> None:
        """Deliver what is late, and what was lost with nothing behind it: until then nobody can know of it."""
        heads: dict[tuple[str, int], int] = {}
        self._late += self._overtaken.values()
        self._overtaken.clear()
        for message in [*self._late, *(m for kept in self.topics.values() for m in kept)]:
            place = (message.topic, message.shard)
            heads[place] = max(heads.get(place, 0), _position(message))
        tails = [m for m in self._lost if _position(m) > heads.get((m.topic, m.shard), 0)]
        for message in [*self._late, *tails]:
            self.topics.setdefault(message.topic, []).append(message)
        self._late, self._lost = [], []


class _Publisher:
    def __init__(self, bus: FaultyBus, chance: Chance) -> None:
        self._bus = bus
        self._chance = chance

    def publish(self, messages: Sequence[Message]) -> None:
        self.begin(messages)()

    def begin(self, messages: Sequence[Message]) -> Callable[[], None]:
        if self._chance.strikes("publish_fails"):
            raise BusUnavailable("the bus is away")
        for message in messages:
            self._bus.note(message)
            self._bus.keep(message)
        return self._answer

    def _answer(self) -> None:
        if self._chance.strikes("publish_unanswered"):
            raise BusUnavailable("the bus did not answer")

    def close(self) -> None:
        """Nothing is held."""


class _Consumer:
    def __init__(self, bus: FaultyBus, chance: Chance, group: str, topics: tuple[str, ...]) -> None:
        self._bus = bus
        self._chance = chance
        self._group = group
        self._places = dict.fromkeys(topics, 0)
        self._begin_again()

    def poll(self, timeout_s: float, limit: int) -> list[Message]:
        if self._chance.strikes("poll_fails"):
            raise BusUnavailable("the bus is away")
        if self._chance.strikes("redelivered"):
            self._begin_again()
        found: list[Message] = []
        names = list(self._places)
        self._chance.shuffle(names)
        most = self._chance.randint(1, limit)
        for name in names:
            kept = self._bus.topics.get(name, [])
            place = self._places[name]
            taken = kept[place : place + most - len(found)]
            self._places[name] = place + len(taken)
            found += [_at(message, place + n) for n, message in enumerate(taken)]
        return found

    def commit(self) -> None:
        if self._chance.strikes("offset_lost"):
            raise BusUnavailable("the offset was not kept")
        for name, place in self._places.items():
            self._bus.committed[self._group, name] = place

    def close(self) -> None:
        """Nothing is held."""

    def _begin_again(self) -> None:
        for name in self._places:
            self._places[name] = self._bus.committed.get((self._group, name), 0)


def _at(message: Message, offset: int) -> Message:
    return Message(message.topic, message.key, message.shard, message.headers, message.body, offset=offset)


def _position(message: Message) -> int:
    return int(message.headers["ce_pos"])


class FaultySources:
    """The logs of all services, asked in process; a service that is down, or that nobody reaches, is away."""

    def __init__(self, relays: Mapping[str, Any], chance: Chance) -> None:
        self._relays = relays
        self._chance = chance

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        found: list[Message] = self._relay(source).missing(shard, after, until)
        return found[: self._chance.randint(1, max(1, len(found)))]

    def heads(self, source: str) -> Mapping[int, int]:
        heads: Mapping[int, int] = self._relay(source).heads()
        return heads

    def _relay(self, source: str) -> Any:
        relay = self._relays.get(source.rpartition("/")[2])
        if relay is None or self._chance.strikes("source_away"):
            raise SourceAway(f"{source} does not answer")
        return relay
