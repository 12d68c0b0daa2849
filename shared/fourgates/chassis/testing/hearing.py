"""A service alone on a bus that the test speaks on: facts are heard by hand, and the log shows what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from fourgates.chassis.aggregate import Act
from fourgates.chassis.bus import InProcessBus, Message
from fourgates.chassis.bus.envelope import Envelope, shard_of, source_of, to_message
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.followers import OwnLog, Ticker
from fourgates.chassis.http import SecurityLog
from fourgates.chassis.identity import TokenVerifier
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.inbox import Inbox
from fourgates.chassis.service import Parts, Service
from fourgates.chassis.store import Conflict, EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import NOON
from fourgates.chassis.workers import Worker, settle

__all__ = ["Case", "Hearing"]


class RacingStore(EventStore):
    """A store in which someone else is first, as often as told."""

    races = 0

    def append(self, events: Sequence[Any], **kwargs: Any) -> Sequence[int]:
        """Append, or lose the race."""
        if events and self.races:
            self.races -= 1
            msg = "someone else was first"
            raise Conflict(msg)
        return super().append(events, **kwargs)

    def begin_append(self, events: Sequence[Any], **kwargs: Any) -> Callable[[], None]:
        """Begin to append, or to lose the race."""
        if events and self.races:
            return partial(self.append, events, **kwargs)  # type: ignore[return-value]  # it raises
        return super().begin_append(events, **kwargs)


class Hearing:
    """One service in memory, with a held clock. `hear` delivers a fact and lets the service come to rest."""

    def __init__(self, build: Callable[[Parts], Service], verifier: TokenVerifier, security_log: SecurityLog) -> None:
        self.clock = HeldClock(NOON)
        self.ids = CountedIds(11)
        self.bus = InProcessBus()
        self.store = RacingStore(open_sqlite_recorder(None), EventMapper())
        self.service = build(
            Parts(
                store=self.store,
                views_path=None,
                bus=self.bus,
                clock=self.clock,
                ids=self.ids,
                verifier=verifier,
                security_log=security_log,
            )
        )
        self._positions: dict[tuple[str, int], int] = {}
        self._next = 0

    def hear(self, fact: BaseModel, *, about: UUID | None = None, person: str = "rita") -> Message:
        """Deliver a fact as a new message, let the service react, and return the message."""
        message = self.message(fact, about=about, person=person)
        self.deliver(message)
        return message

    def deliver(self, message: Message) -> None:
        """Deliver a message, new or old, and let the service come to rest."""
        self.bus.publisher().publish([message])
        self.settle()

    def message(self, fact: BaseModel, *, about: UUID | None = None, person: str = "rita") -> Message:
        """Return a fact as its publisher would send it next."""
        contract: Any = fact
        publisher = contract.TYPE.split(".")[2]
        aggregate_id = about or next(v for v in dict(fact).values() if isinstance(v, UUID))
        shard = shard_of(aggregate_id)
        self._next += 1
        place = (publisher, shard)
        envelope = Envelope(
            message_id=f"{publisher}-{self._next}",
            source=source_of(publisher),
            type=contract.TYPE,
            subject=f"{publisher}/{aggregate_id}",
            at=self.clock.now(),
            recorded_at=self.clock.now(),
            by=person,
            person=person,
            machine=False,
            correlation_id="correlation",
            cause_id="cause",
            aggregate_version=self._next,
            shard=shard,
            position=self._next,
            previous=self._positions.get(place, 0),
        )
        self._positions[place] = self._next
        return to_message(publisher, envelope, str(aggregate_id), fact.model_dump_json().encode())

    def settle(self) -> None:
        """Let the inbox and the reactions to the own log come to rest. Time does not pass."""
        settle(self._workers((Inbox, OwnLog)))

    def tick(self, *, after: timedelta = timedelta()) -> None:
        """Move the clock and let what is due happen."""
        self.clock.advance(after)
        for worker in self._workers((Ticker,)):
            worker.step()
        self.settle()

    def races_next(self) -> None:
        """Let someone else be first at the next append of events."""
        self.store.races = 1

    def carry_out(self, use_case: Callable[[Any], object]) -> None:
        """Give a command, and let the service react to its own events."""
        self.service.carry_out(use_case)
        self.settle()

    def act(self, by: str = "rita", roles: tuple[str, ...] = (), why: str = "because") -> Act:
        """Return an act of a person at the held time."""
        return Act(by=by, at=self.clock.now(), why=why, cause_id="request", correlation_id="correlation", roles=roles)

    def topics(self, after: int = 0) -> list[str]:
        """Return the stored names of all events behind a position."""
        return [type(r.event).TOPIC for r in self.store.log(after, 10_000)]

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Collect the stored names of the events that happen inside the block."""
        before = self.store.head()
        happened: list[str] = []
        yield happened
        happened.extend(self.topics(before))

    def parked(self) -> list[str]:
        """Return the reasons of parked messages: a refusal is an answer and must never be among them."""
        return [p.reason for p in self.store.list_parked()]

    def _workers(self, kinds: tuple[type, ...]) -> list[Worker]:
        return [w for w in self.service.workers if isinstance(w, kinds)]


@dataclass(frozen=True)
class Case:
    """What one reaction must show.

    `given` prepares the service; `when` is the fact that is heard, or a step that makes the reaction due (a command
    for the own log, a tick for the clock); `then` are the stored names that it appends. `refused_given` prepares a
    state in which the same thing is refused or needless, and `refused_then` is what is appended in it.
    `other_order` says which facts may also come after the fact; the same events must result in any order.
    """

    given: Callable[[Hearing], None]
    when: Callable[[Hearing], BaseModel] | Callable[[Hearing], None]
    then: tuple[str, ...]
    refused_given: Callable[[Hearing], None]
    refused_then: tuple[str, ...] = ()
    other_order: Callable[[Hearing], Sequence[BaseModel]] | None = None
    tick_after: timedelta | None = None
