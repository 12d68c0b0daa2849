"""Invariant 12: the same events give the same state, the same rows, and the same messages, whenever they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fourgates.chassis.relay import Relay
from fourgates.chassis.views import Views

from tests.simulation.hosting import Host

ROWS_MAX = 100_000
# What the library keeps of an aggregate besides its state.
NOT_STATE = ("_pending_events",)


def replay(host: Host) -> Iterator[str]:
    """Yield what is another when it is read again."""
    for name, service in host.services.items():
        yield from _rows(name, service)
        yield from _messages(host, name, service)
        yield from _states(name, service)


def _rows(name: str, service: Any) -> Iterator[str]:
    views = tuple(service.views._views.values())
    again = Views(service.store, views, None)
    for view in views:
        if service.views.find(view.name, limit=ROWS_MAX) != again.find(view.name, limit=ROWS_MAX):
            yield f"12: the view {view.name} of {name} is another when it is rebuilt"
    again.close()


def _messages(host: Host, name: str, service: Any) -> Iterator[str]:
    again = Relay(name, service.store, host.bus, service.relay._published)
    # As if nothing was ever published: each shard begins at its beginning.
    again._shards = dict.fromkeys(range(64), 0)
    for recorded in service.store.log(0, ROWS_MAX):
        message = again._message(recorded)
        if message is None:
            continue
        given = host.bus.given.get(message.headers["ce_id"])
        if given is None:
            yield f"{message.headers['ce_id']} was never published"
        elif {**message.headers, "body": message.body.decode()} != {k: v for k, v in given.items() if k != "moment"}:
            yield f"12: {message.headers['ce_id']} says something else when it is published again"


def _states(name: str, service: Any) -> Iterator[str]:
    folded: dict[Any, Any] = {}
    for recorded in service.store.log(0, ROWS_MAX):
        one = recorded.event.originator_id
        folded[one] = recorded.event.mutate(folded.get(one))
    for one, aggregate in folded.items():
        half: Any = service.store.load(one, version=max(1, aggregate.version // 2))
        for happened in service.store.events_of(one)[half.version :]:
            half = happened.mutate(half)
        if _state(half) != _state(aggregate):
            yield f"12: {type(aggregate).__name__} {one} of {name} is another when it goes on from an earlier version"


def _state(aggregate: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(aggregate).items() if key not in NOT_STATE}
