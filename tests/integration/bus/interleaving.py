"""A replica of a listener whose store, sources and reactions can be interfered with, to drive any interleaving."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.bus.envelope import from_message, schema_of, shard_of
from fourgates.chassis.store import Conflict, EventMapper, EventStore, StoreUnavailable
from fourgates.chassis.testing.messages import TwoServices


class Meanwhile(EventStore):
    """A replica's access to the store of all: what another one does meanwhile happens just before its next append."""

    def __init__(self, shared):
        super().__init__(shared._recorder, EventMapper())
        self.happens = []
        self.reads = []
        # The positions of each append that succeeded.
        self.appended = []

    def position_of(self, name):
        self.reads.append(name)
        return super().position_of(name)

    def append(self, *args, **kwargs):
        if self.happens:
            self.happens.pop(0)()
        positions = super().append(*args, **kwargs)
        self.appended.append(kwargs.get("positions") or {})
        return positions

    def begin_append(self, *args, **kwargs):
        return partial(self.append, *args, **kwargs)


class Asked:
    """The logs of all sources, which remember what they were asked, and fail as long as they are told to."""

    def __init__(self, sources):
        self.sources = sources
        self.error = None
        self.questions = []
        self.answers = lambda found: found

    def missing(self, *asked):
        self._ask(*asked)
        return self.answers(self.sources.missing(*asked))

    def heads(self, *asked):
        self._ask(*asked)
        return self.sources.heads(*asked)

    def _ask(self, *asked):
        self.questions.append(asked)
        if self.error is not None:
            raise self.error


class Replicas:
    """Two services; the second has a replica whose access to the store and to the sources can be interfered with."""

    def __init__(self, *, late=False):
        self.in_reaction = []
        self.reactions = 0
        self.services = TwoServices(InProcessBus(), react=self.react, late=late)
        self.store = Meanwhile(self.services.heard)
        self.sources = Asked(self.services.sources)
        self.inbox = self.services.a_replica(self.sources, store=self.store)
        self._shards = set()

    def react(self, mirror, act, fact):
        self.reactions += 1
        if self.in_reaction:
            self.in_reaction.pop(0)()
        mirror.throw(act, fact)

    def messages_of(self, colour, *heights):
        """The messages of a ball in a shard that no other ball of the test has."""
        ball = self.services.bounce(colour, *heights, elsewhere=self._shards)
        self._shards.add(shard_of(ball.id))
        return self.services.published(ball)

    def of_no_interest(self, message):
        strange = f"dev.fourgates.{self.services.name}.ball_vanished.v1"
        return replace(message, headers={**message.headers, "ce_type": strange, "ce_dataschema": schema_of(strange)})

    def send(self, *messages):
        self.services.send(*messages)

    def polled_by_the_next(self):
        """What is delivered to a replica that takes the place of this one."""
        group = f"fourgates.mirror-of-{self.services.name}.reactions"
        return self.services.bus.consumer(group, [self.services.topic]).poll(0, 100)

    def another_saves(self, *messages):
        """Do what another replica does when it has handled messages."""
        for message in messages:
            self.services.heard.append((), positions=place(message))

    def saved(self, message):
        return all(self.services.heard.position_of(n) == p for n, p in place(message).items())

    def saved_up_to(self, *messages):
        """Whether the last of these of each shard was handled."""
        return all(self.services.heard.position_of(n) == p for n, p in places(*messages).items())

    @property
    def mirrored(self):
        return self.services.mirrored()

    @property
    def parked(self):
        return self.services.parked()


def place(message):
    envelope = from_message(message)
    return {f"{envelope.source}/{envelope.shard}": envelope.position}


def places(*messages):
    return {name: position for message in messages for name, position in place(message).items()}


def lose():
    raise Conflict("someone was first")


def break_down():
    raise ValueError("cannot")


def go_away():
    raise StoreUnavailable("gone")
