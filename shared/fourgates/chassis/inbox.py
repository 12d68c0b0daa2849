"""The inbox: handles what other services published, exactly once in effect, in order per shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog
from pydantic import BaseModel, ValidationError

from fourgates.chassis.aggregate import Act
from fourgates.chassis.bus import Bus, Consumer, Message
from fourgates.chassis.bus.envelope import BadEnvelope, Envelope, from_message
from fourgates.chassis.clock import Clock
from fourgates.chassis.store import AlreadyHandled, Conflict, EventStore, Parked
from fourgates.chassis.work import Units, Work

log = structlog.get_logger()

UseCases = Any
Heard = Mapping[type[Any], Callable[[UseCases, Act, Any], None]]

POLL = 100
RACES_MAX = 20
TRIES_MAX = 3


class GapFound(Exception):
    """A message of a shard is missing; nothing after it may be handled before it was fetched from its source."""


class SourceLog(Protocol):
    """Fetches from a source's own log what the bus did not deliver."""

    def missing(self, source: str, shard: int, after: int, until: int) -> list[Message]:
        """Return the messages of a shard with `after < pos < until`, in order. Raises when the source cannot say."""
        ...


class Inbox:
    """One consumer of a service."""

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
        self._use_cases = use_cases
        self._clock = clock
        self._sources = sources
        self._consumer: Consumer | None = None
        self._tracked: dict[str, int] = {}
        self._passed: dict[str, int] = {}

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

    def _handle(self, timeout_s: float) -> bool:
        if not self._topics:
            return False
        if self._consumer is None:
            self._consumer = self._bus.consumer(f"fourgates.{self._service}.reactions", self._topics)
        messages = self._consumer.poll(timeout_s, POLL)
        try:
            for message in messages:
                self._take(message)
            self._save_passed()
            if messages:
                self._consumer.commit()
        except Exception:
            self.close()
            raise
        return bool(messages)

    def _take(self, message: Message) -> None:
        try:
            envelope = from_message(message)
        except BadEnvelope as error:
            self._park(message, message.topic, message.key, str(error), {})
            return
        name = f"{envelope.source}/{envelope.shard}"
        tracked = self._position(name)
        if envelope.position <= tracked:
            return
        if envelope.previous > tracked:
            self._fill(envelope, tracked, name)
        self._deliver(message, envelope, name)

    def _fill(self, envelope: Envelope, tracked: int, name: str) -> None:
        """Fetch what is missing before this message. Raises `GapFound` when it cannot be had."""
        log.error("gap", source=envelope.source, shard=envelope.shard, after=tracked, until=envelope.position)
        if self._sources is None:
            msg = f"{name}: messages after {tracked} and before {envelope.position} are missing"
            raise GapFound(msg)
        for missed in self._sources.missing(envelope.source, envelope.shard, tracked, envelope.position):
            between = from_message(missed)
            if between.position > self._position(name):
                self._deliver(missed, between, name)
        if self._position(name) < envelope.previous:
            msg = f"{name}: the source gave nothing between {self._position(name)} and {envelope.position}"
            raise GapFound(msg)

    def _deliver(self, message: Message, envelope: Envelope, name: str) -> None:
        known = self._by_type.get(envelope.type)
        if known is None:
            self._passed[name] = envelope.position
        elif self._store.is_parked(envelope.source, message.key):
            reason = "an earlier message about the same thing is parked"
            self._park(message, envelope.source, message.key, reason, {name: envelope.position})
        else:
            self._react(message, envelope, name, *known)
        self._tracked[name] = envelope.position

    def _react(
        self,
        message: Message,
        envelope: Envelope,
        name: str,
        cls: type[BaseModel],
        react: Callable[[UseCases, Act, Any], None],
    ) -> None:
        positions = {**self._passed, name: envelope.position}
        try:
            fact = cls.model_validate_json(message.body)
        except ValidationError as error:
            reason = f"the body is no {envelope.type}: {error.error_count()} fields are wrong"
            self._park(message, envelope.source, message.key, reason, positions)
            return
        act = self._act(envelope)
        errors: list[str] = []
        races = 0
        while len(errors) < TRIES_MAX and races < RACES_MAX:
            work = self._units.open()
            work.heard = envelope
            try:
                react(self._use_cases(work), act, fact)
                self._units.commit(work, positions=positions)
            except Conflict:
                races += 1
                continue
            except AlreadyHandled:
                self._passed.clear()
                return
            except Exception as error:
                log.exception("reaction failed", service=self._service, type=envelope.type, id=envelope.message_id)
                errors.append(f"{type(error).__name__}: {error}")
                continue
            self._passed.clear()
            return
        reason = errors[-1] if errors else f"lost {races} races"
        self._park(message, envelope.source, message.key, reason, positions)

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

    def _park(self, message: Message, source: str, key: str, reason: str, positions: dict[str, int]) -> None:
        log.error("message parked", service=self._service, source=source, key=key, reason=reason)
        parked = Parked(
            source=source,
            key=key,
            message_id=message.headers.get("ce_id", ""),
            headers=message.headers,
            body=message.body,
            reason=reason,
            parked_at=self._clock.now(),
        )
        try:
            self._store.append((), positions={**self._passed, **positions}, parked=parked)
        except AlreadyHandled:
            log.warning("parked before", source=source, key=key)
        self._passed.clear()

    def _position(self, name: str) -> int:
        if name not in self._tracked:
            self._tracked[name] = self._store.position_of(name)
        return self._tracked[name]

    def _save_passed(self) -> None:
        if self._passed:
            try:
                self._store.append((), positions=self._passed)
            except AlreadyHandled:
                log.warning("passed before", service=self._service)
            self._passed = {}
