"""Values of a domain as JSON knows them: dataclasses as objects, ids and enumerations as texts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from operator import attrgetter
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

Plain = Callable[[Any], Any]


def plain_with(leaves: Mapping[type[Any], Plain], *, encoded: Collection[type[Any]] = ()) -> Plain:
    """Return what makes a value plain, by these functions where it, or a value in it, is exactly of such a type.

    A dataclass that holds nothing but `encoded` types, enumerations of texts and tuples of those is left as it is: what
    encodes it takes a fifth of the time. What is returned raises `TypeError` for a value of any class that JSON does
    not know.
    """
    as_they_are: set[Any] = {str, int, float, bool, type(None)} - leaves.keys()
    # What makes a value of each class plain, worked out when the first one is met.
    known: dict[type[Any], Plain] = dict(leaves)

    def plain(value: Any) -> Any:
        kind = type(value)
        if kind in as_they_are:
            return value
        convert = known.get(kind)
        if convert is None:
            if is_dataclass(kind) and _holds_only(kind, encoded):
                as_they_are.add(kind)
                return value
            convert = known[kind] = _of(kind, plain, as_they_are)
        return convert(value)

    return plain


def _of(kind: type[Any], plain: Plain, as_they_are: Collection[object]) -> Plain:
    """Return what makes values of a class plain. Raises `TypeError` for one that JSON does not know."""
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
        # Most values are texts, and not worth a call.
        return lambda value: {
            name: found if type(found := getattr(value, name)) in as_they_are else plain(found) for name in names
        }
    if issubclass(kind, UUID):
        return str
    if issubclass(kind, StrEnum):
        return attrgetter("_value_")
    if issubclass(kind, (tuple, list)):
        return lambda value: [plain(member) for member in value]
    if issubclass(kind, dict):
        return lambda value: {str(name): plain(member) for name, member in value.items()}
    msg = f"{kind.__name__} is not known to JSON"
    raise TypeError(msg)


def _holds_only(kind: type[Any], encoded: Collection[type[Any]]) -> bool:
    """Tell whether the fields of a dataclass are declared to hold nothing else."""
    hints = get_type_hints(kind)
    return all(_is_only(hints[field.name], encoded) for field in fields(kind))


def _is_only(hint: Any, encoded: Collection[type[Any]]) -> bool:
    if hint in encoded or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return True
    members = [member for member in get_args(hint) if member is not Ellipsis]
    return get_origin(hint) in {tuple, Union, UnionType} and all(_is_only(member, encoded) for member in members)
