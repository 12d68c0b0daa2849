"""How an event is made and changes its aggregate: as the library does it, but what a class alone decides, once.

An aggregate is folded from the values of its events: those that are only folded are never made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache, wraps
from operator import itemgetter
from typing import Any

from eventsourcing.domain import (
    Aggregate,
    CanInitAggregate,
    CanMutateAggregate,
    CommandMethodDecorator,
    DecoratedFuncCaller,
    OriginatorIDError,
    OriginatorVersionError,
    decorated_func_callers,
    decorated_funcs,
)
from eventsourcing.utils import TopicError, resolve_topic

Values = dict[str, Any]
# Changes an aggregate by the values of an event, the three of its envelope among them.
Assign = Callable[[Any, Values], object]
# The same for the next event of an aggregate and no other, None before the first; returns the aggregate.
Fold = Callable[[Any, Values], Any]

_FIELDS: dict[type[Any], tuple[str, ...]] = {}


@cache
def fold_of(event_class: type[Any]) -> Fold:
    """Return what folds the values of events of a class.

    It raises `OriginatorIDError` or `OriginatorVersionError` for one that is not the next of its aggregate.
    """
    assign = _assignment(event_class)
    return _beginning(event_class, assign) if issubclass(event_class, CanInitAggregate) else _following(assign)


def triggering(decorated: CommandMethodDecorator) -> Callable[..., None] | None:
    """Return what a decorated method does when it is called: trigger its event with the values that are given by name.

    They must be all that the method takes, else it raises `TypeError`. None for what the library knows how to call:
    the first of an aggregate, what sets a property, what has values by default.
    """
    event_class = decorated_func_callers.get(decorated)
    if event_class is None or decorated.decorated_property is not None:
        return None
    parameters = list(inspect.signature(decorated.decorated_func).parameters.values())[1:]
    if any(p.default is not p.empty for p in parameters):
        return None
    wanted = {p.name for p in parameters}

    @wraps(decorated.decorated_func)
    def trigger(aggregate: Any, **given: Any) -> None:
        if given.keys() != wanted:
            msg = f"{decorated.decorated_func.__qualname__} takes {sorted(wanted)}, not {sorted(given)}"
            raise TypeError(msg)
        aggregate.trigger_event(event_class, **given)

    return trigger


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


def _following(assign: Assign) -> Fold:
    """Return what folds events that are not the first."""

    def follow(aggregate: Any, values: Values) -> Any:
        if aggregate is None:
            raise OriginatorVersionError(values["originator_version"], Aggregate.INITIAL_VERSION)
        # What stands behind the properties of the library: they are asked for at every event of every load.
        state = aggregate.__dict__
        if values["originator_id"] is not state["_id"] and values["originator_id"] != state["_id"]:
            raise OriginatorIDError(values["originator_id"], state["_id"])
        version = state["_version"] + 1
        if values["originator_version"] != version:
            raise OriginatorVersionError(values["originator_version"], version)
        assign(aggregate, values)
        state["_version"] = version
        state["_modified_on"] = values["timestamp"]
        return aggregate

    return follow


def _beginning(event_class: type[Any], assign: Assign) -> Fold:
    """Return what makes an aggregate of its first event, by its `__init__`."""
    known = {field.name: field.name for field in fields(event_class)} | {"id": "originator_id"}

    @cache
    def init_of(aggregate_class: type[Any]) -> Assign:
        init = _calling(aggregate_class.__init__, known)
        if init is None:
            name = f"{aggregate_class.__qualname__}.__init__"
            msg = f"{name} must take the values of {event_class.__qualname__}, by their names"
            raise TypeError(msg)
        return init

    def begin(aggregate: Any, values: Values) -> Any:
        if aggregate is not None:
            raise OriginatorVersionError(values["originator_version"], aggregate.version + 1)
        aggregate_class = resolve_topic(values["originator_topic"])
        new = aggregate_class.__new__(aggregate_class)
        new.__base_init__(values["originator_id"], values["originator_version"], values["timestamp"])
        init_of(aggregate_class)(new, values)
        assign(new, values)
        return new

    return begin


def _assignment(event_class: type[Any]) -> Assign:
    """Return what lets an event assign: the method that was decorated with it, or whatever it overrides."""
    appliers = [base for base in event_class.__mro__ if "apply" in vars(base)]
    if appliers == [CanMutateAggregate]:
        return _nothing
    if appliers == [DecoratedFuncCaller, CanMutateAggregate]:
        known = {field.name: field.name for field in fields(event_class)}
        if (call := _calling(decorated_funcs[event_class], known)) is not None:
            return call
    # It knows by itself.
    return lambda aggregate, values: made_of(event_class, values).apply(aggregate)


def _calling(method: Any, known: Mapping[str, str]) -> Assign | None:
    """Return what calls a method with the known values that it takes; None when it takes anything else."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    if any(p.name not in known or p.kind not in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY} for p in parameters):
        return None
    if any(p.kind is p.KEYWORD_ONLY for p in parameters):
        pairs = [(p.name, known[p.name]) for p in parameters]
        return lambda aggregate, values: method(aggregate, **{name: values[value] for name, value in pairs})
    names = [known[p.name] for p in parameters]
    # Written out for as many as most methods take: this is what costs most of a fold, but for the method itself.
    if not names:
        return lambda aggregate, _: method(aggregate)
    if len(names) == 1:
        [only] = names
        return lambda aggregate, values: method(aggregate, values[only])
    if len(names) == 2:  # noqa: PLR2004 - two
        one, other = names
        return lambda aggregate, values: method(aggregate, values[one], values[other])
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
