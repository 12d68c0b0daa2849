"""How an event is made and changes its aggregate: as the library does it, but what a class alone decides, once.

An aggregate is folded from the values of its events: those that are only folded are never made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from operator import itemgetter
from typing import Any

from eventsourcing.domain import CanMutateAggregate, DecoratedFuncCaller, decorated_funcs
from eventsourcing.utils import TopicError, resolve_topic

Values = dict[str, Any]
# Changes an aggregate by the values of an event, the three of its envelope among them.
Assign = Callable[[Any, Values], object]

# What an event of a class assigns.
ASSIGN: dict[type[Any], Assign] = {}
_BEGIN: dict[type[Any], Assign] = {}
_FIELDS: dict[type[Any], tuple[str, ...]] = {}


def assignment(event_class: type[Any]) -> Assign:
    """Return what lets an event assign: the method that was decorated with it, or whatever it overrides."""
    appliers = [base for base in event_class.__mro__ if "apply" in vars(base)]
    found: Assign | None = None
    if appliers == [CanMutateAggregate]:
        found = _nothing
    elif appliers == [DecoratedFuncCaller, CanMutateAggregate]:
        found = _calling(decorated_funcs[event_class], {field.name: field.name for field in fields(event_class)})
    if found is None:
        # An event that knows by itself how to assign.
        def found(aggregate: Any, values: Values) -> object:
            return made_of(event_class, values).apply(aggregate)

    ASSIGN[event_class] = found
    return found


def begin(event_class: type[Any], aggregate: Any, values: Values) -> None:
    """Let the first event assign to a new aggregate, by its `__init__`, and then as every event."""
    init = _BEGIN.get(event_class)
    if init is None:
        init = _BEGIN[event_class] = _beginning(event_class, type(aggregate))
    init(aggregate, values)
    assignment(event_class)(aggregate, values)


def made(event_class: type[Any], values: Values) -> Any:
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
    return made_of(event_class, ordered)


def made_of(event_class: type[Any], values: Values) -> Any:
    """Return an event of exactly these values, which are not looked at."""
    happened = object.__new__(event_class)
    # Events are frozen, and their own constructor takes three times as long for the same.
    object.__setattr__(happened, "__dict__", values)
    return happened


def _beginning(cls: type[Any], aggregate_class: type[Any]) -> Assign:
    """Return what calls the `__init__` of an aggregate with the values of its first event, which bears its id."""
    known = {field.name: field.name for field in fields(cls)} | {"id": "originator_id"}
    init = _calling(aggregate_class.__init__, known)
    if init is None:
        msg = f"{aggregate_class.__qualname__}.__init__ must take the values of {cls.__qualname__}, by their names"
        raise TypeError(msg)
    return init


def _calling(method: Any, known: Mapping[str, str]) -> Assign | None:
    """Return what calls a method with the known values that it takes; None when it takes anything else."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    if any(p.name not in known or p.kind not in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY} for p in parameters):
        return None
    if any(p.kind is p.KEYWORD_ONLY for p in parameters):
        pairs = [(p.name, known[p.name]) for p in parameters]
        return lambda aggregate, values: method(aggregate, **{name: values[value] for name, value in pairs})
    names = [known[p.name] for p in parameters]
    if len(names) < 2:  # noqa: PLR2004 - one name alone gives its value, not a tuple
        return lambda aggregate, values: method(aggregate, *[values[name] for name in names])
    wanted = itemgetter(*names)
    return lambda aggregate, values: method(aggregate, *wanted(values))


def _nothing(aggregate: Any, values: Values) -> None:
    """Assign nothing: no method is named after the event."""


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
