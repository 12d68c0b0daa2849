"""The inbox: handles what other services published, exactly once in effect, in order per shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import structlog

from fourgates.chassis.bus import Bus, Consumer, Message
from fourgates.chassis.bus.envelope import BadEnvelope, Envelope, from_message, source_of
from fourgates.chassis.clock import Clock
from fourgates.chassis.dead_letters import DeadLetterDesk
from fourgates.chassis.reacting import Heard, React, Reactions, Unreadable, UseCases
from fourgates.chassis.store import STORE_AWAY, AlreadyHandled, Conflict, EventStore, Parked
from fourgates.chassis.work import Units, Work

log = structlog.get_logger()

T = TypeVar("T")

POLL = 100
RACES_MAX = 20
TRIES_MAX = 3
PARKED_MAX = 10_000


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


class Inbox:
    """One consumer of a service. Another replica may be handling the same messages at the same time.

    Who saves the position of a message first has handled it; whoever comes second reads all positions again, because
    a shard that moved to another replica and back has gone on in between.
    """

    def __init__(
        self,
        service: str,
        *,
        store: EventStore,
        units: Units,
        bus: Bus,
        topics: tuple[str, ...],
        heard: Heard,
        use_cases: Callable[[Work], UseCases],
        clock: Clock,
        sources: SourceLog | None = None,
        parked_max: int = PARKED_MAX,
    ) -> None:
        self.name = f"{service}-inbox"
        self._service = service
        self._store = store
        self._units = units
        self._bus = bus
        self._topics = topics
        self._reactions = Reactions(service, heard, use_cases=use_cases, clock=clock)
        self.dead_letters = DeadLetterDesk(units, store, self._reactions)
        self._parked_max = parked_max
        self._clock = clock
        self._sources = sources
        self._consumer: Consumer | None = None
        self._tracked: dict[str, int] = {}
        # Positions of messages that nobody here listens to, saved with the next effect or at the end of the batch.
        self._passed: dict[str, int] = {}
        # The last message of each shard that waits for its source. What came before it, the source has.
        self._waiting: dict[str, Message] = {}
        # Sources that may have to be read from their beginning, and those that did not answer in this step.
        self._unread = {source_of(name) for name in self._reactions.publishers if sources is not None}
        self._away: set[str] = set()

    @property
    def publishers(self) -> set[str]:
        """The services that are listened to."""
        return self._reactions.publishers

    def step(self) -> bool:
        """Handle what has arrived; tell whether there was anything."""
        return self._handle(0.0)

    def wait(self, timeout_s: float) -> None:
        """Wait for messages and handle them."""
        self._handle(timeout_s)

    def close(self) -> None:
        """Leave the group; what was not committed will be delivered again."""
        if self._consumer is not None:
            self._consumer.close()
        self._consumer = None
        self._tracked.clear()
        self._passed.clear()
        self._waiting.clear()

    def _handle(self, timeout_s: float) -> bool:
        if not self._topics:
            return False
        if self._consumer is None:
            self._consumer = self._bus.consumer(f"fourgates.{self._service}.reactions", self._topics)
        self._away.clear()
        for source in sorted(self._unread):
            self._begin(source)
        messages = self._consumer.poll(timeout_s, POLL)
        waited, self._waiting = self._waiting, {}
        try:
            for message in (*waited.values(), *messages):
                self._take(message)
            self._save({})
            if (messages or waited) and not self._waiting:
                self._consumer.commit()
        except Exception:
            self.close()
            raise
        if self._waiting or self._unread:
            # What waits was not committed, and the place in the group is kept: the next step tries again.
            waiting = ", ".join(sorted({*self._waiting, *self._unread}))
            self._check_room(f"; waiting: {waiting}")
            raise GapFound(f"waiting for what is missing of {waiting}")
        return bool(messages)

    def _begin(self, source: str) -> None:
        """Read a source that was never heard from its own log, up to its head: the bus may have forgotten the rest."""
        begun = f"{source}/begun"
        try:
            if not self._position(begun):
                for shard, head in self._ask(source, lambda log: log.heads(source)).items():
                    self._fill(source, shard, head + 1)
                self._save({begun: 1})
        except GapFound as gap:
            log.warning("source is not read yet", service=self._service, source=source, reason=str(gap))
        else:
            self._unread.discard(source)

    def _take(self, message: Message) -> None:
        try:
            envelope = from_message(message)
        except BadEnvelope as error:
            place = {f"{message.topic}/{message.partition}": message.offset + 1}
            self._park(message, message.topic, str(error), place)
            return
        name = f"{envelope.source}/{envelope.shard}"
        if name in self._waiting:
            self._waiting[name] = max(self._waiting[name], message, key=lambda m: int(m.headers["ce_pos"]))
            return
        try:
            self._go_on(message, envelope, name)
        except GapFound as gap:
            log.warning("shard waits", service=self._service, shard=name, reason=str(gap))
            self._waiting[name] = message

    def _go_on(self, message: Message, envelope: Envelope, name: str) -> None:
        """Handle a message, after what is missing before it. Raises `GapFound` when its shard has to wait."""
        if envelope.previous > self._position(name):
            # Before the alarm: another replica may have gone on with this shard.
            del self._tracked[name]
        if envelope.previous > self._position(name):
            log.error("gap", service=self._service, shard=name, after=self._position(name), until=envelope.position)
            self._fill(envelope.source, envelope.shard, envelope.position)
        if envelope.previous > self._position(name):
            # The log of the source is complete, and what this message claims to follow is not in it.
            self._park(message, message.topic, f"{envelope.source} published nothing at {envelope.previous}", {})
        elif envelope.position > self._position(name):
            self._deliver(message, envelope, name)

    def _fill(self, source: str, shard: int, until: int) -> None:
        """Fetch and handle what a shard has before a position. Raises `GapFound` when it cannot be had."""
        name = f"{source}/{shard}"
        while self._position(name) < until - 1 and (missed := self._missing(source, shard, until)):
            for message, envelope in missed:
                if envelope.position > self._position(name):
                    self._deliver(message, envelope, name)

    def _missing(self, source: str, shard: int, until: int) -> list[tuple[Message, Envelope]]:
        after = self._position(f"{source}/{shard}")
        found = self._ask(source, lambda log: [(m, from_message(m)) for m in log.missing(source, shard, after, until)])
        return [(message, envelope) for message, envelope in found if after < envelope.position < until]

    def _ask(self, source: str, question: Callable[[SourceLog], T]) -> T:
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

    def _deliver(self, message: Message, envelope: Envelope, name: str) -> None:
        """Handle a message that follows what was handled.

        What a source says beyond what is listened to is passed over: it may say new things at any time. A version that
        is not known here, of a fact that is, says what this service decides by, so it must not go unnoticed.
        """
        position = {name: envelope.position}
        if not self._reactions.concern(envelope.type):
            self._passed[name] = envelope.position
        elif self._store.is_parked(envelope.source, message.key):
            self._park(message, envelope.source, "an earlier message about the same thing is parked", position)
            self._follow(message, envelope)
        else:
            reason = self._react(message, envelope, position)
            if reason is not None:
                self._park(message, envelope.source, reason, position)

    def _follow(self, message: Message, envelope: Envelope) -> None:
        """Retry what was just parked behind an earlier message that a retry has handled at the same moment."""
        first = self._store.first_parked(envelope.source, message.key)
        if first is not None and first.message_id == envelope.message_id:
            self.dead_letters.follow(envelope.source, message.key, lambda: self._reactions.act(envelope))

    def _react(self, message: Message, envelope: Envelope, position: Mapping[str, int]) -> str | None:
        """React in one transaction with the position; return why that cannot be done, or None when it is done."""
        try:
            react = self._reactions.to(envelope, message.body)
        except Unreadable as error:
            return str(error)
        return self._try(react, envelope, position)

    def _try(self, react: React, envelope: Envelope, position: Mapping[str, int]) -> str | None:
        errors: list[str] = []
        races = 0
        while len(errors) < TRIES_MAX and races < RACES_MAX:
            work = self._units.open()
            try:
                react(work)
                self._units.commit(work, positions={**self._passed, **position})
            except (AlreadyHandled, Conflict):
                if self._is_handled(position):
                    return None
                races += 1
            except STORE_AWAY:
                # No message is to blame for it, so none is parked.
                raise
            except Exception as error:
                log.exception("reaction failed", service=self._service, type=envelope.type, id=envelope.message_id)
                errors.append(f"{type(error).__name__}: {error}")
            else:
                self._saved(position)
                return None
        return errors[-1] if errors else f"lost {races} races"

    def _park(self, message: Message, source: str, reason: str, positions: Mapping[str, int]) -> None:
        """Park a message with its positions. Raises `TooManyParked`."""
        self._check_room(f"; not parked: {reason}")
        log.error("message parked", service=self._service, source=source, key=message.key, reason=reason)
        parked = Parked(
            source=source,
            key=message.key,
            message_id=message.headers.get("ce_id", ""),
            headers=message.headers,
            body=message.body,
            reason=reason,
            parked_at=self._clock.now(),
        )
        self._save(positions, parked)

    def _check_room(self, more: str) -> None:
        if self._store.count_parked() >= self._parked_max:
            raise TooManyParked(f"{self._parked_max} dead letters wait, and no more may: settle some{more}")

    def _save(self, positions: Mapping[str, int], parked: Parked | None = None) -> None:
        """Save positions with those that were passed, and a parked message with its own, unless someone else did."""
        while positions or parked or self._passed:
            try:
                self._store.append((), positions={**self._passed, **positions}, parked=parked)
            except AlreadyHandled:
                if self._is_handled(positions):
                    return
            else:
                self._saved(positions)
                return

    def _position(self, name: str) -> int:
        if name not in self._tracked:
            self._tracked[name] = self._store.position_of(name)
        return max(self._tracked[name], self._passed.get(name, 0))

    def _saved(self, positions: Mapping[str, int]) -> None:
        self._tracked.update({**self._passed, **positions})
        self._passed = {}

    def _is_handled(self, positions: Mapping[str, int]) -> bool:
        """Tell whether someone else has handled the message at these positions.

        A position that was saved before may be that of any message in the transaction, so all are read again, and
        those that someone else saved are left out of the next one.
        """
        self._passed = {n: position for n, position in self._passed.items() if position > self._store.position_of(n)}
        self._tracked.clear()
        handled = any(self._store.position_of(name) >= position for name, position in positions.items())
        if handled:
            log.warning("handled by another replica", service=self._service, positions=dict(positions))
        return handled
