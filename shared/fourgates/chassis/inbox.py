"""The inbox: handles what other services published, exactly once in effect, in order per shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from fourgates.chassis.aggregate import Act
from fourgates.chassis.bus import Bus, Consumer, Message
from fourgates.chassis.bus.envelope import BadEnvelope, Envelope, from_message, source_of
from fourgates.chassis.clock import Clock
from fourgates.chassis.store import STORE_AWAY, AlreadyHandled, Conflict, EventStore, Parked
from fourgates.chassis.work import Units, Work

log = structlog.get_logger()

T = TypeVar("T")
UseCases = Any
Heard = Mapping[type[Any], Callable[[UseCases, Act, Any], None]]

POLL = 100
RACES_MAX = 20
TRIES_MAX = 3
BODY_BYTES_MAX = 2_097_152


class GapFound(Exception):
    """A message of a shard is missing, and its source could not be asked: the shard waits while others go on."""


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
    ) -> None:
        self.name = f"{service}-inbox"
        self._service = service
        self._store = store
        self._units = units
        self._bus = bus
        self._topics = topics
        self._by_type = {cls.TYPE: (cls, react) for cls, react in heard.items()}
        self._facts = {_without_version(known) for known in self._by_type}
        self._use_cases = use_cases
        self._clock = clock
        self._sources = sources
        self._consumer: Consumer | None = None
        self._tracked: dict[str, int] = {}
        # Positions of messages that nobody here listens to, saved with the next effect or at the end of the batch.
        self._passed: dict[str, int] = {}
        # The last message of each shard that waits for its source. What came before it, the source has.
        self._waiting: dict[str, Message] = {}
        # Sources that may have to be read from their beginning, and those that did not answer in this step.
        self._unread = {source_of(known.split(".")[2]) for known in self._by_type if sources is not None}
        self._away: set[str] = set()

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
            msg = f"waiting for what is missing of {', '.join(sorted({*self._waiting, *self._unread}))}"
            raise GapFound(msg)
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
        if envelope.previous > self._position(name):
            # Before the alarm: another replica may have gone on with this shard.
            del self._tracked[name]
        if envelope.previous > self._position(name):
            log.error("gap", service=self._service, shard=name, after=self._position(name), until=envelope.position)
            try:
                self._fill(envelope.source, envelope.shard, envelope.position)
            except GapFound as gap:
                log.warning("shard waits", service=self._service, shard=name, reason=str(gap))
                self._waiting[name] = message
                return
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
        known = self._by_type.get(envelope.type)
        if known is None and _without_version(envelope.type) not in self._facts:
            self._passed[name] = envelope.position
        elif self._store.is_parked(envelope.source, message.key):
            self._park(message, envelope.source, "an earlier message about the same thing is parked", position)
        elif known is None:
            self._park(message, envelope.source, f"{envelope.type} is a version that is not known here", position)
        else:
            self._react(message, envelope, position, *known)

    def _react(
        self,
        message: Message,
        envelope: Envelope,
        position: Mapping[str, int],
        cls: type[BaseModel],
        react: Callable[[UseCases, Act, Any], None],
    ) -> None:
        try:
            fact = _fact(cls, message.body)
        except BadBody as error:
            self._park(message, envelope.source, str(error), position)
            return
        reason = self._try(lambda use_cases, act: react(use_cases, act, fact), envelope, position)
        if reason is not None:
            self._park(message, envelope.source, reason, position)

    def _try(
        self, react: Callable[[UseCases, Act], None], envelope: Envelope, position: Mapping[str, int]
    ) -> str | None:
        """React in one transaction with the position; return why that cannot be done, or None when it is done."""
        act = self._act(envelope)
        errors: list[str] = []
        races = 0
        while len(errors) < TRIES_MAX and races < RACES_MAX:
            work = self._units.open()
            work.heard = envelope
            try:
                react(self._use_cases(work), act)
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

    def _act(self, envelope: Envelope) -> Act:
        return Act(
            by=f"{self._service}-service",
            at=self._clock.now(),
            why=f"heard {envelope.type}",
            cause_id=envelope.message_id,
            correlation_id=envelope.correlation_id,
            on_behalf_of=envelope.person,
            machine=True,
        )

    def _park(self, message: Message, source: str, reason: str, positions: Mapping[str, int]) -> None:
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


class BadBody(Exception):
    """The body of a message is not what its type says."""


def _fact(cls: type[BaseModel], body: bytes) -> Any:
    """Read a body. Raises `BadBody`."""
    if len(body) > BODY_BYTES_MAX:
        raise BadBody(f"the body has {len(body)} bytes, more than {BODY_BYTES_MAX}")
    try:
        return cls.model_validate_json(body)
    except ValidationError as error:
        name = getattr(cls, "TYPE", cls.__name__)
        raise BadBody(f"the body is no {name}: {error.error_count()} fields are wrong") from error


def _without_version(message_type: str) -> str:
    """Return what a type states, in whatever version."""
    return message_type.rpartition(".")[0]
