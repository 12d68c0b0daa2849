"""Messages on a bus for tests: plain ones, and two services that speak over any bus."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from typing import Any
from uuid import uuid4

from fourgates.chassis.aggregate import Act
from fourgates.chassis.bus import Bus, Consumer, Message
from fourgates.chassis.bus.envelope import NUMBER_MAX, shard_of, source_of, topic_of
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.inbox import Inbox, SourceLog
from fourgates.chassis.relay import Published, Relay
from fourgates.chassis.sources import InProcessSources
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.toys import Ball, BallBounced
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units, Work
from fourgates.chassis.workers import Supervised, Worker

WAIT_S = 30.0


def a_message(body: str, topic: str = "t", *, key: str = "k", shard: int = 1) -> Message:
    """Return a message that says little, in a header that is no ASCII too."""
    headers = {"ce_id": body, "ce_shard": str(shard), "ce_onbehalfof": "Zoë ≠ Zoe"}
    return Message(topic=topic, key=key, shard=shard, headers=headers, body=body.encode())


def bodies(messages: Sequence[Message]) -> list[str]:
    """Return what messages say."""
    return [m.body.decode() for m in messages]


def polled(consumer: Consumer, count: int, *, limit: int = 500) -> list[Message]:
    """Poll until so many messages have come; a consumer that joins a group may need a few polls."""
    found: list[Message] = []
    until = time.monotonic() + WAIT_S
    while len(found) < count and time.monotonic() < until:
        found += consumer.poll(0.5, limit)
    return found


def eventually(true: Callable[[], bool], wait_s: float = WAIT_S) -> bool:
    """Wait until something is true; tell whether it became so in time."""
    until = time.monotonic() + wait_s
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


class _Mirror:
    def __init__(self, work: Work, ids: TimeOrderedIds) -> None:
        self._work, self._ids = work, ids

    def throw(self, act: Act, fact: BallBounced) -> None:
        """Throw a ball that says what was heard."""
        self._work.save(Ball.throw(act, ball_id=self._ids.new(), colour=f"{fact.colour}-{fact.height}"))


class TwoServices:
    """One service whose balls bounce, and replicas of another that throws a ball for each bounce it hears."""

    def __init__(
        self,
        bus: Bus,
        *,
        react: Callable[[Any, Act, Any], None] | None = None,
        late: bool = False,
        stores: Sequence[EventStore] = (),
        name: str | None = None,
    ) -> None:
        self.bus = bus
        # A name of its own, so that tests can share a broker; a replica in another process is told that name.
        self.name = name or f"toy{uuid4().hex}"
        self.topic, self.source = topic_of(self.name), source_of(self.name)
        self.contract: type[BallBounced] = type(
            "Bounced", (BallBounced,), {"TYPE": f"dev.fourgates.{self.name}.ball_bounced.v1", "__module__": __name__}
        )
        self.ids = TimeOrderedIds()
        self.store, self.heard = stores or (EventStore(open_sqlite_recorder(None), EventMapper()) for _ in range(2))
        self.said: Published = {Ball.Bounced: self._publish}
        self.relay = Relay(self.name, self.store, bus, self.said)
        self.sources = InProcessSources()
        self.sources.add(self.name, self.relay)
        # The listener was there from the beginning, unless a test says otherwise.
        if not late:
            self.heard.append((), positions={f"{self.source}/begun": 1})
        self._react = react or _throw
        self._running: list[Supervised] = []

    def a_replica(self, sources: SourceLog | None = None, *, store: EventStore | None = None) -> Inbox:
        """Return one more replica of the listener; all share a store, each may have its own access to it."""
        store = store or self.heard
        return Inbox(
            f"mirror-of-{self.name}",
            store=store,
            units=Units(store, Views(store, ())),
            bus=self.bus,
            topics=(self.topic,),
            heard={self.contract: self._react},
            use_cases=lambda work: _Mirror(work, self.ids),
            clock=HeldClock(NOON),
            sources=sources or self.sources,
        )

    def bounce(self, colour: str, *heights: int, elsewhere: Container[int] = ()) -> Ball:
        """Throw a ball, in none of these shards, and let it bounce; each bounce will be published."""
        ball_id = next(ball_id for ball_id in iter(self.ids.new, None) if shard_of(ball_id) not in elsewhere)
        ball = Ball.throw(an_act("rita"), ball_id=ball_id, colour=colour)
        for height in heights:
            ball.bounce(an_act("rita"), height=height)
        self.store.append(ball.collect_events())
        return ball

    def published(self, ball: Ball) -> list[Message]:
        """Return everything that is published of the shard of a ball, whether it was or not."""
        shard = shard_of(ball.id)
        found: list[Message] = []
        while more := self.relay.missing(shard, int(found[-1].headers["ce_pos"]) if found else 0, NUMBER_MAX):
            found += more
        return found

    def send(self, *messages: Message) -> None:
        """Put messages on the bus, past the relay."""
        publisher = self.bus.publisher()
        publisher.publish(messages)
        publisher.close()

    def run(self, worker: Worker) -> Supervised:
        """Run a worker in a supervised thread, until it or everything is stopped."""
        thread = Supervised(worker, self.store.wake, idle_s=0.1)
        thread.start()
        self._running.append(thread)
        return thread

    def stop(self, *threads: Supervised) -> None:
        """Stop these threads, or all."""
        stopping = threads or tuple(self._running)
        for thread in stopping:
            thread.ask_to_stop()
        for thread in stopping:
            thread.join(WAIT_S)
            self._running.remove(thread)

    def mirrored(self) -> list[str]:
        """Return what took effect, in order."""
        return [r.event.colour for r in self.heard.log(0, 100_000)]

    def mirrored_of(self, colour: str) -> list[int]:
        """Return the heights that were heard of one ball, in order."""
        return [int(said.partition("-")[2]) for said in self.mirrored() if said.partition("-")[0] == colour]

    def parked(self) -> list[str]:
        """Return the reasons of what was parked, in order."""
        return [p.reason for p in self.heard.list_parked()]

    def _publish(self, ball: Any, happened: Any) -> BallBounced:
        return self.contract(ball_id=ball.id, colour=ball.colour, height=happened.height)


def _throw(mirror: _Mirror, act: Act, fact: BallBounced) -> None:
    mirror.throw(act, fact)
