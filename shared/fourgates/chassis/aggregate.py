"""The base of every aggregate: who acted, how a command is refused, how an event is named.

This is the only module of the chassis that a domain may import.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any, ClassVar, Self, cast
from uuid import UUID, uuid5

import msgspec
from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import CanInitAggregate, CanMutateAggregate, CommandMethodDecorator, MetaAggregate, event
from eventsourcing.utils import get_topic

from fourgates.chassis.folding import fold_of, made, triggering
from fourgates.chassis.plain import plain_with

__all__ = [
    "Act",
    "Aggregate",
    "Forbidden",
    "NextCommand",
    "Refused",
    "Unmet",
    "derived_id",
    "digest_of",
    "event",
    "refuse_any",
]


class Act(msgspec.Struct, frozen=True, gc=False):
    """Who did something, when, why, and what caused it. Every event carries one.

    `by` is the subject of a verified token, or the name of a service that reacts on behalf of the actor
    of the cause (`on_behalf_of`). `roles` are those the actor held at that moment. `cause_id` is the id of the
    causing event, or of the request when a person began it; `correlation_id` is shared by all that followed.

    Made and read with every event, and so no dataclass: making one of those takes fifteen times as long.
    """

    by: str
    at: datetime
    why: str
    cause_id: str
    correlation_id: str
    roles: tuple[str, ...] = ()
    on_behalf_of: str | None = None
    machine: bool = False

    @property
    def person(self) -> str:
        """The person whom lineage follows: the actor, or the actor of the cause for a reaction."""
        return self.on_behalf_of or self.by

    def but(self, **changes: Any) -> Act:
        """Return this act with other values. Raises `TypeError` for a name that it does not have."""
        return msgspec.structs.replace(self, **changes)


@dataclass(frozen=True)
class Unmet:
    """One unmet condition of a command: what is missing, where that was read, and what would meet it."""

    code: str
    detail: str
    source: str
    remedy: str


@dataclass(frozen=True)
class Forbidden(Unmet):
    """An unmet condition about the person who asks: not entitled, or conflicted by lineage. Names the rule."""

    person: str = ""


class Refused(Exception):
    """A command that the state or the rules forbid, with every unmet condition."""

    def __init__(self, unmet: Iterable[Unmet]) -> None:
        self.unmet = tuple(unmet)
        super().__init__("; ".join(f"{u.code}: {u.detail}" for u in self.unmet))

    @property
    def forbidden(self) -> bool:
        """True when nothing but the person stands in the way."""
        return all(isinstance(u, Forbidden) for u in self.unmet)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all unmet conditions, in the order in which they were found."""
        return tuple(u.code for u in self.unmet)


def refuse_any(unmet: Iterable[Unmet]) -> None:
    """Raise `Refused` with every unmet condition, or return when there is none."""
    found = tuple(unmet)
    if found:
        raise Refused(found)


@dataclass(frozen=True)
class NextCommand:
    """One command that could come next: who may give it, whether it is possible now, and if not, why not."""

    command: str
    by: tuple[str, ...]
    unmet: tuple[Unmet, ...] = ()

    @property
    def possible(self) -> bool:
        """True when nothing stands in the way."""
        return not self.unmet


def derived_id(source: UUID, name: str) -> UUID:
    """Return the id that follows from another id and a name, the same in every service."""
    return uuid5(source, name)


def _number(value: float) -> Any:
    """Return a number whose text is that of Python, on which digests are that people have authorized."""
    if not isfinite(value):
        msg = "JSON knows no infinite number, and none that is no number"
        raise ValueError(msg)
    return msgspec.Raw(repr(value).encode())


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


# What a first event has besides the values that are given: the id is given, under another name.
_BEGINS = len(("originator_topic", "originator_version", "timestamp"))
# Made once: making an encoder takes longer than most digests.
_canonical = msgspec.json.Encoder(order="sorted").encode
# Numbers and times are written as Python does, all else as the encoder does.
_plain = plain_with({datetime: _time, float: _number, int: _number}, encoded=(str, bool, type(None), UUID))


def digest_of(value: object) -> str:
    """Return the lower-case hex sha256 of a value as canonical JSON: sorted keys, no spaces, times in UTC.

    Raises `ValueError` for numbers that JSON does not know, `TypeError` for values.
    """
    return hashlib.sha256(_canonical(_plain(value))).hexdigest()


class _Beginnings(MetaAggregate[Any]):
    """Makes aggregates by their first events, whose class and values the library looks for each time anew."""

    _begun_by: ClassVar[dict[type[Any], tuple[type[Any], frozenset[str]]]] = {}

    def __call__(self, *args: Any, **given: Any) -> Any:
        """Make a new aggregate. Raises `TypeError` for values that are not those of its first event."""
        begun_by, names = self._begun_by.get(self, (None, None))
        if begun_by is not None and not args and given.keys() == names:
            return self._create(begun_by, **given)
        made_anew = super().__call__(*args, **given)
        first = made_anew.pending_events[0]
        # With values by default, or given by their place, the library knows better.
        if not args and len(vars(first)) == len(given) + _BEGINS:
            self._begun_by[self] = (type(first), frozenset(given))
        return made_anew


class Aggregate(LibraryAggregate, metaclass=_Beginnings):
    """An event-sourced aggregate whose every event says who, when and why, and has a stable stored name.

    A subclass sets `TOPIC = "<service>.<Name>"`; its nested events get `<service>.<Name><Event>`, or
    `<service>.<Event>` where the name is the service's own. No clock is read and no id is made here.
    """

    TOPIC: ClassVar[str]

    class Event(LibraryAggregate.Event):
        """A fact about one aggregate."""

        act: Act

        def mutate(self, aggregate: Any) -> Any:
            """Let this event change its aggregate, None before the first, and return it.

            Raises `OriginatorIDError` or `OriginatorVersionError` when it is not the next one.
            """
            return fold_of(type(self))(aggregate, self.__dict__)

    class Created(Event, LibraryAggregate.Created):
        """The first fact about an aggregate."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        service, name = cls.TOPIC.split(".")
        prefix = "" if name.lower() == service else name
        for nested_name, nested in tuple(vars(cls).items()):
            if isinstance(nested, type) and issubclass(nested, CanMutateAggregate):
                if issubclass(nested, Aggregate.Event) and nested.mutate is not Aggregate.Event.mutate:
                    # What is read from the log is folded without it.
                    msg = f"{nested.__qualname__} overrides mutate: let it override apply"
                    raise TypeError(msg)
                cast("Any", nested).TOPIC = f"{service}.{prefix}{nested_name}"
        if "Created" not in vars(cls):
            # The library gives every aggregate a `Created` of its own and wants it named, used or not.
            named = {"TOPIC": f"{service}.{prefix}Created", "__module__": cls.__module__}
            setattr(cls, "Created", type("Created", (Aggregate.Created,), named))  # noqa: B010 - a class made here has no static type
        super().__init_subclass__(**kwargs)
        for name, method in tuple(vars(cls).items()):
            trigger = triggering(method) if isinstance(method, CommandMethodDecorator) else None
            if trigger is not None:
                setattr(cls, name, trigger)

    @classmethod
    def _create(cls, event_class: type[CanInitAggregate[UUID]], *, id: UUID | None = None, **kwargs: Any) -> Self:
        """Create with a given id, at the time of the act.

        Raises `TypeError` when either is missing: ids and times are made above the domain.
        """
        if not isinstance(id, UUID) or "act" not in kwargs:
            msg = f"{cls.__name__} needs id= and act=: the domain makes neither ids nor times"
            raise TypeError(msg)
        begins = {"originator_id": id, "originator_version": cls.INITIAL_VERSION, "originator_topic": get_topic(cls)}
        happened = made(event_class, {**kwargs, **begins, "timestamp": kwargs["act"].at})
        aggregate = happened.mutate(None)
        aggregate.pending_events.append(happened)
        return cast("Self", aggregate)

    def trigger_event(self, event_class: type[CanMutateAggregate[UUID]], **kwargs: Any) -> None:
        """Append an event at the time of its act. Raises `TypeError` without `act=`."""
        if "act" not in kwargs:
            msg = f"{event_class.__name__} needs act=: every event says who, when and why"
            raise TypeError(msg)
        follows = {"originator_id": self.id, "originator_version": self.version + 1}
        happened = made(event_class, {**kwargs, **follows, "timestamp": kwargs["act"].at})
        happened.mutate(self)
        self.pending_events.append(happened)
