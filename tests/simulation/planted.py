"""Bugs that the simulation must find: each is put into the product's own code for the length of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from change_service.domain.authorization_rules import AuthorizationRules
from fourgates.chassis.aggregate import Unmet
from fourgates.chassis.inbox import Inbox
from fourgates.chassis.relay import Relay
from fourgates.chassis.store import EventMapper, Recorded
from fourgates.chassis.work import Units

from tests.simulation.hosting import Host
from tests.simulation.parts import replaced
from tests.simulation.stores import FaultyRecorder


@contextmanager
def skipped_tracking_row() -> Iterator[None]:
    """Reactions to what was heard are committed without the position of what was heard."""
    commit = Units.commit

    def without(self: Units, work: Any, *, positions: Mapping[str, int] | None = None, **kept: Any) -> Sequence[int]:
        heard = {name: p for name, p in (positions or {}).items() if not name.startswith("/")}
        return commit(self, work, positions=heard or None, **kept)

    begin = Units.begin_commit

    def beginning(self: Units, work: Any, *, positions: Mapping[str, int]) -> Callable[[], None]:
        return begin(self, work, positions={name: p for name, p in positions.items() if not name.startswith("/")})

    with replaced(Units, commit=without, begin_commit=beginning):
        yield


@contextmanager
def publish_before_store() -> Iterator[None]:
    """What is about to be stored is told to everybody first."""
    append = FaultyRecorder.append

    def early(self: Any, stored_events: Sequence[Any], **kept: Any) -> Sequence[int]:
        relay = _RELAYS.get(self._service)
        if relay is not None and stored_events:
            _tell(relay(), self, stored_events)
        return append(self, stored_events, **kept)

    begin = Host.begin

    def beginning(self: Host, name: str) -> None:
        begin(self, name)
        _RELAYS[name] = lambda: self.services[name].relay if name in self.services else None

    with replaced(FaultyRecorder, append=early), replaced(Host, begin=beginning):
        try:
            yield
        finally:
            _RELAYS.clear()


_RELAYS: dict[str, Callable[[], Any]] = {}


def _tell(relay: Any, recorder: Any, stored_events: Sequence[Any]) -> None:
    if relay is None:
        return
    mapper, folded = EventMapper(), {}
    again = Relay(relay._service, relay._store, relay._bus, relay._published)
    again._aggregate_at = lambda happened: folded[happened.originator_id]
    head = recorder._inner.max_notification_id() or 0
    messages = []
    for number, stored in enumerate(stored_events, 1):
        happened: Any = mapper.to_domain_event(stored)
        one = happened.originator_id
        folded[one] = happened.mutate(folded.get(one) or relay._store.load(one))
        message = again._message(Recorded(head + number, one, type(happened), happened))
        messages += [] if message is None else [message]
    relay._bus.publisher().publish(messages)


@contextmanager
def dropped_prev() -> Iterator[None]:
    """Messages do not say which one they follow."""
    message = Relay._message

    def alone(self: Any, recorded: Recorded) -> Any:
        made = message(self, recorded)
        return made and type(made)(made.topic, made.key, made.shard, {**made.headers, "ce_prev": "0"}, made.body)

    with replaced(Relay, _message=alone):
        yield


@contextmanager
def forgotten_guard() -> Iterator[None]:
    """Whoever had a part in what is decided decides about it."""

    def nothing(self: Any, voter: Any) -> Iterator[Unmet]:
        yield from ()

    with replaced(AuthorizationRules, _unmet_lineage=nothing):
        yield


@contextmanager
def acknowledged_before_commit() -> Iterator[None]:
    """The bus is told that messages were handled before they were."""
    handle = Inbox._handle

    def hasty(self: Any, timeout_s: float) -> bool:
        if self._consumer is None and self._topics:
            self._consumer = self._bus.consumer(f"fourgates.{self._service}.reactions", self._topics)
        if self._consumer is not None:
            _commit_while_polling(self._consumer)
        return handle(self, timeout_s)

    with replaced(Inbox, _handle=hasty):
        yield


def _commit_while_polling(consumer: Any) -> None:
    if "poll" in vars(consumer):
        return
    poll = consumer.poll

    def polling(timeout_s: float, limit: int) -> Any:
        found = poll(timeout_s, limit)
        consumer.commit()
        return found

    consumer.poll = polling


# Each bug, and what the auditor says of it.
PLANTED: dict[Callable[[], Any], str] = {
    skipped_tracking_row: "did not remember it in the same transaction",
    publish_before_store: "was published before it was stored",
    dropped_prev: "says it follows 0",
    forgotten_guard: "had a part in it",
    acknowledged_before_commit: "has heard",
}
