"""How the values of the domain stand in rows: JSON, with times that sort as text."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from fourgates.chassis.views import iso

_AS_THEY_ARE = frozenset({str, int, float, bool, type(None)})
# The names of the fields of each dataclass that was met, and None for every other class.
_FIELDS: dict[type[Any], tuple[str, ...] | None] = {}


def plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(field.name for field in fields(cast("Any", kind))) if is_dataclass(kind) else None
    names = _FIELDS[kind]
    if names is not None:
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(member) for member in value]
    if isinstance(value, StrEnum):
        value = value.value
    if isinstance(value, datetime):
        value = iso(value)
    return str(value) if isinstance(value, UUID) else value
