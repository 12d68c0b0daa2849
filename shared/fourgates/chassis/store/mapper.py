"""Domain events to stored bytes and back: named, validated on load, upcast from older versions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypedDict, cast, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import TopicError, get_topic, resolve_topic

from fourgates.chassis.folding import fold_of, made_of
from fourgates.chassis.store.stored import StoredRow, stored_event
from fourgates.chassis.store.unreadable import UnreadableEvent

_encode = msgspec.json.Encoder().encode
_ENVELOPE = ("originator_id", "originator_version", "timestamp")
# msgspec makes what it knows of a dataclass visible before it is complete: two threads that build decoders of the same
# one at the same time end the process.
_BUILDING = threading.Lock()


class _Known(NamedTuple):
    """What a stored name stands for: an event class, what folds the values of its events, what reads its states."""

    event_class: type[Any]
    fold: Callable[[Any, dict[str, Any]], Any]
    decode: Callable[[bytes], dict[str, Any]]


class EventMapper(Mapper[UUID]):
    """Encode events as JSON with msgspec.

    The stored state holds the event's own fields and its act; the time of the event is the act's.
    An event class with `class_version` above 1 upcasts older states by `upcast_v1_v2(state)` and so on.
    """

    def __init__(self) -> None:
        """Make a mapper; it needs no transcoder, cipher or compressor of the library."""
        self._known: dict[str, _Known] = {}
        self._names: dict[type[Any], tuple[str, int]] = {}

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Return the stored form of an event."""
        cls = type(domain_event)
        state = dict(vars(domain_event))
        originator_id, version = state.pop("originator_id"), state.pop("originator_version")
        del state["timestamp"]
        topic, class_version = self._names.get(cls) or self._name(cls)
        if class_version > 1:
            state["class_version"] = class_version
        return stored_event(originator_id, version, topic, _encode(state))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the event of a stored form.

        Raises `MapperDeserialisationError`, naming the event, when its name is unknown or its state does not fit.
        """
        stored = vars(stored_event)
        try:
            cls, _, decode = self._known.get(stored["topic"]) or self._know(stored_event.topic)
            values = decode(stored["state"])
        except (msgspec.MsgspecError, UnicodeDecodeError, TopicError) as error:
            raise MapperDeserialisationError(_unreadable(stored_event, error)) from error
        values["originator_id"] = stored["originator_id"]
        values["originator_version"] = stored["originator_version"]
        values["timestamp"] = values["act"].at
        return made_of(cls, values)  # type: ignore[no-any-return]  # what a topic resolves to is not known statically

    def folded(self, originator_id: UUID, rows: Iterable[StoredRow]) -> Any:
        """Return the aggregate that its stored events lead to, None without any. The events are not made.

        Raises `UnreadableEvent`.
        """
        aggregate = None
        for version, topic, state in rows:
            try:
                _, fold, decode = self._known.get(topic) or self._know(topic)
                values = decode(state)
                values["originator_id"] = originator_id
                values["originator_version"] = version
                values["timestamp"] = values["act"].at
                aggregate = fold(aggregate, values)
            except Exception as error:
                stored = stored_event(originator_id, version, topic, state)
                raise self.unreadable(stored, error) from error
        return aggregate

    def unreadable(self, stored: StoredEvent, error: Exception) -> UnreadableEvent:
        """Return what stands in the place of an event that cannot be read."""
        # That names the event itself, and here it is the reason that is asked for.
        why = error.__cause__ if isinstance(error, MapperDeserialisationError) else error
        return UnreadableEvent(stored, self.class_of(stored.topic), f"{why or error}")

    def class_of(self, topic: str) -> type[Any] | None:
        """Return the class of a stored name, or None when nobody here knows it."""
        try:
            return (self._known.get(topic) or self._know(topic)).event_class
        except Exception:  # noqa: BLE001 - a name may say anything
            return None

    def _name(self, cls: type[Any]) -> tuple[str, int]:
        """Return under which name and version events of a class are stored."""
        self._names[cls] = (get_topic(cls), getattr(cls, "class_version", 1))
        return self._names[cls]

    def _know(self, topic: str) -> _Known:
        """Return what is known of a stored name. Raises `TopicError`."""
        cls = resolve_topic(topic)
        decode = _decoder(cls).decode if getattr(cls, "class_version", 1) == 1 else partial(_decode, cls)
        self._known[topic] = _Known(cls, fold_of(cls), decode)
        return self._known[topic]


def _unreadable(stored: StoredEvent, error: Exception) -> str:
    return (
        f"The stored event {stored.topic}, version {stored.originator_version} of {stored.originator_id}, "
        f"cannot be read: {error}"
    )


def _decode(cls: Hashable, state: bytes) -> dict[str, Any]:
    """Return the values in a stored state, checked while they are read."""
    class_version = getattr(cls, "class_version", 1)
    if class_version == 1:
        return cast("dict[str, Any]", _decoder(cls).decode(state))
    raw = msgspec.json.decode(state)
    for version in range(raw.pop("class_version", 1), class_version):
        getattr(cls, f"upcast_v{version}_v{version + 1}")(raw)
    _decoder(cls)  # So that what `convert` needs is complete.
    return cast("dict[str, Any]", msgspec.convert(raw, _payload(cls)))


@lru_cache(maxsize=4096)
def _decoder(cls: Hashable) -> msgspec.json.Decoder[Any]:
    with _BUILDING:
        return msgspec.json.Decoder(_payload(cls))


@lru_cache(maxsize=4096)
def _payload(cls: Any) -> Any:
    """Return the type of a dictionary with the event's own fields: what a stored state must be."""
    hints = get_type_hints(cls)
    names = [f for f in cls.__dataclass_fields__ if f not in _ENVELOPE]
    return TypedDict(f"{cls.__name__}State", {name: hints[name] for name in names})  # type: ignore[operator]  # made here
