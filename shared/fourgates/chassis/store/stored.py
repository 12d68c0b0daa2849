"""Rows of the log, made faster than by the library's own constructors: these classes are frozen, and readers many."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

# An event of a known aggregate: its version, its stored name, its state.
StoredRow = tuple[int, str, bytes]

_new = object.__new__
_set = object.__setattr__


def stored_event(originator_id: UUID, version: int, topic: str, state: bytes) -> StoredEvent:
    """Return a stored event."""
    made = _new(StoredEvent)
    values = {"originator_id": originator_id, "originator_version": version, "topic": topic, "state": state}
    _set(made, "__dict__", values)
    return made


def notification(position: int, originator_id: UUID, version: int, topic: str, state: bytes) -> Notification:
    """Return a stored event with its place in the log."""
    made = _new(Notification)
    values = {"originator_id": originator_id, "originator_version": version, "topic": topic, "state": state}
    _set(made, "__dict__", {**values, "id": position})
    return made
