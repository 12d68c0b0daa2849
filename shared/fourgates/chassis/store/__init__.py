"""The event store: aggregates are appended to one log, which is also the outbox and the memory of what was handled."""

from fourgates.chassis.store.batching import QueueFull, QueueLimits, WriterDied
from fourgates.chassis.store.events import EventStore, Recorded
from fourgates.chassis.store.interface import (
    STORE_AWAY,
    AlreadyHandled,
    Conflict,
    Parked,
    Reply,
    StoreUnavailable,
    settling,
)
from fourgates.chassis.store.mapper import EventMapper
from fourgates.chassis.store.sqlite import open_sqlite_recorder
from fourgates.chassis.store.unreadable import EVENT_BYTES_MAX, EventTooLarge, UnreadableEvent

__all__ = [
    "EVENT_BYTES_MAX",
    "STORE_AWAY",
    "AlreadyHandled",
    "Conflict",
    "EventMapper",
    "EventStore",
    "EventTooLarge",
    "Parked",
    "QueueFull",
    "QueueLimits",
    "Recorded",
    "Reply",
    "StoreUnavailable",
    "UnreadableEvent",
    "WriterDied",
    "open_sqlite_recorder",
    "settling",
]
