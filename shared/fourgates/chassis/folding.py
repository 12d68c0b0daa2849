"""How an event is made and changes its aggregate: as the library does it, but what a class alone decides, once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from operator import itemgetter
from typing import Any

from eventsourcing.domain import CanMutateAggregate, DecoratedFuncCaller, decorated_funcs
from eventsourcing.utils import TopicError, resolve_topic

Apply = Callable[[Any, Any], object]

# What an event of a class does to its aggregate.
APPLY: dict[type[Any], Apply] = {}
_BEGIN: dict[type[Any], Apply] = {}
_FIELDS: dict[type[Any], tuple[str, ...]] = {}


def application(cls: type[Any]) -> Apply:
    """Return what applies events of a class: the method that was decorated with it, or whatever it overrides."""
    appliers = [base for base in cls.__mro__ if "apply" in vars(base)]
    apply: Apply | None = None
    if appliers == [CanMutateAggregate]:
        apply = _nothing
    elif appliers == [DecoratedFuncCaller, CanMutateAggregate]:
        apply = _calling(decorated_funcs[cls], {field.name: field.name for field in fields(cls)})
    APPLY[cls] = found = apply or _by_itself
    return found


def begin(happened: Any, aggregate: Any) -> None:
    """Let the first event assign to a new aggregate, by its `__init__`."""
    cls = type(happened)
    init = _BEGIN.get(cls)
    if init is None:
        init = _BEGIN[cls] = _beginning(cls, type(aggregate))
    init(aggregate, happened)


def made(event_class: type[Any], values: dict[str, Any]) -> Any:
    """Return a new event with these values. Raises `TypeError` when they are not those of its class."""
    names = _FIELDS.get(event_class)
    if names is None:
        names = _FIELDS[event_class] = _fields(event_class)
    if len(values) != len(names):
        return event_class(**values)
    try:
        ordered = {name: values[name] for name in names}
    except KeyError:
        return event_class(**values)
    happened = object.__new__(event_class)
    # Events are frozen, and their own constructor takes three times as long for the same.
    object.__setattr__(happened, "__dict__", ordered)
    return happened


def _beginning(cls: type[Any], aggregate_class: type[Any]) -> Apply:
    """Return what calls the `__init__` of an aggregate with the values of its first event, which bears its id."""
    known = {field.name: field.name for field in fields(cls)} | {"id": "originator_id"}
    init = _calling(aggregate_class.__init__, known)
    if init is None:
        msg = f"{aggregate_class.__qualname__}.__init__ must take the values of {cls.__qualname__}, by their names"
        raise TypeError(msg)
    return init


def _calling(method: Any, known: Mapping[str, str]) -> Apply | None:
    """Return what calls a method with the known values that it takes; None when it takes anything else."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    if any(p.name not in known or p.kind not in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY} for p in parameters):
        return None
    if any(p.kind is p.KEYWORD_ONLY for p in parameters):
        pairs = [(p.name, known[p.name]) for p in parameters]
        return lambda aggregate, happened: method(aggregate, **{n: happened.__dict__[value] for n, value in pairs})
    names = [known[p.name] for p in parameters]
    if len(names) < 2:  # noqa: PLR2004 - one name alone gives its value, not a tuple
        return lambda aggregate, happened: method(aggregate, *[happened.__dict__[name] for name in names])
    values = itemgetter(*names)
    return lambda aggregate, happened: method(aggregate, *values(happened.__dict__))


def _nothing(aggregate: Any, happened: Any) -> None:
    """Assign nothing: no method is named after the event."""


def _by_itself(aggregate: Any, happened: Any) -> None:
    """Let an event assign that knows how."""
    happened.apply(aggregate)


def _fields(event_class: type[Any]) -> tuple[str, ...]:
    """Return the names of an event's values. Raises `TypeError` for a class that no event may have."""
    topic = getattr(event_class, "TOPIC", None)
    try:
        known = topic and resolve_topic(topic)
    except TopicError:
        known = None
    if known is not event_class or event_class.__name__ == "Event":
        msg = f"{event_class} has no stored name of its own"
        raise TypeError(msg)
    if any(field.default is not MISSING or field.default_factory is not MISSING for field in fields(event_class)):
        return ()
    return tuple(field.name for field in fields(event_class))
