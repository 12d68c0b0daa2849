"""What every test needs: acts, refusals, replay. Nothing here is used by a running service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from fourgates.chassis.aggregate import Act, Aggregate, Refused

A = TypeVar("A", bound=Aggregate)

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def an_act(
    by: str = "someone",
    *,
    roles: tuple[str, ...] = (),
    at: datetime = NOON,
    why: str = "because",
    on_behalf_of: str | None = None,
    machine: bool = False,
    cause_id: str = "cause",
) -> Act:
    """Return an act by someone at noon, or as told."""
    return Act(
        by=by,
        at=at,
        why=why,
        cause_id=cause_id,
        correlation_id="correlation",
        roles=roles,
        on_behalf_of=on_behalf_of,
        machine=machine,
    )


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Expect a refusal that names at least these codes."""
    try:
        yield
    except Refused as refusal:
        missing = set(codes) - set(refusal.codes)
        assert not missing, f"refused, but without {sorted(missing)}: {refusal.codes}"
        return
    msg = f"was not refused, though {codes} was expected"
    raise AssertionError(msg)


def replayed(aggregate: A) -> A:
    """Return the aggregate folded anew from its pending events, which must be all that it has."""
    copy: Any = None
    for happened in aggregate.pending_events:
        copy = happened.mutate(copy)
    return cast("A", copy)


def event_names(aggregate: Aggregate) -> list[str]:
    """Return the class names of the pending events, in order."""
    return [type(happened).__name__ for happened in aggregate.pending_events]
