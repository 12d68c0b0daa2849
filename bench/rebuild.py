"""Prints how long an event takes when an aggregate of 1,000 is rebuilt from the store, against only folding them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import Ball

from bench.parts import opened, postgres

EVENTS = 1000
TIMES = 25


def main() -> None:
    """Measure both databases."""
    print("| µs an event, the best of many | read and rebuilt | folded by the aggregate | a plain fold | ratio |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        recorder = open_sqlite_recorder(Path(folder) / "rebuild.sqlite")
        with closing(EventStore(recorder, EventMapper())) as store:
            _row("SQLite", store)
    with postgres() as url, opened(url, 1) as [store]:
        _row("PostgreSQL", store)


def _row(name: str, store: EventStore) -> None:
    ball = Ball.throw(an_act(), ball_id=TimeOrderedIds().new(), colour="red")
    for _ in range(EVENTS - 1):
        ball.bounce(an_act(), height=1)
    store.append(ball.collect_events())
    first, *others = events = store.events_of(ball.id)

    def fold() -> Any:
        copy = None
        for happened in events:
            copy = happened.mutate(copy)
        return copy

    def plain() -> Any:
        """Do what the methods of the aggregate do, and nothing else."""
        state = {"id": first.originator_id, "colour": first.colour, "heights": ()}
        for happened in others:
            state["heights"] = (*state["heights"], happened.height)
            state["version"], state["modified_on"] = happened.originator_version, happened.timestamp
        return state

    loaded, folded, floor = (_best(work) / EVENTS * 1e6 for work in (lambda: store.load(ball.id), fold, plain))
    print(f"| {name} | {loaded:.1f} | {folded:.1f} | {floor:.1f} | {loaded / floor:.1f} |", flush=True)


def _best(measured: Callable[[], object]) -> float:
    spans = []
    for _ in range(TIMES):
        began = time.perf_counter()
        measured()
        spans.append(time.perf_counter() - began)
    return min(spans)


if __name__ == "__main__":
    main()
