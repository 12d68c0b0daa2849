"""Prints how much memory a process holds while it publishes a million events, and while it handles them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.testing.messages import TwoServices

from bench.delivery import fill
from bench.parts import kafka, opened, postgres

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
POINTS = 10
GROWTH_MAX_MB = 50


def main() -> None:
    """Measure while everything is published, and then while as much of it as `BENCH_HANDLED` says is handled."""
    print(f"| resident MB after each tenth of {EVENTS} | first | most | last | growth, at most {GROWTH_MAX_MB} |")
    print("|---|---|---|---|---|")
    with postgres() as database, kafka() as bootstrap, opened(database, 2) as stores:
        two = TwoServices(KafkaBus(bootstrap), stores=stores)
        published = 0
        points: list[float] = []
        while published < EVENTS:
            # In parts, so that filling and publishing take turns, as in a service that runs.
            published += fill(two.store, EVENTS // POINTS)
            _until_done(two.relay.step)
            points.append(_resident_mb())
        _row("relay: PostgreSQL to Kafka", points)
        inbox, points, head = two.a_replica(), [], 0
        handled = min(EVENTS, int(os.environ.get("BENCH_HANDLED", str(EVENTS))))
        while head < handled:
            inbox.wait(1.0)
            head = two.heard.head()
            if head >= handled * (len(points) + 1) // POINTS:
                points.append(_resident_mb())
        _row(f"inbox: Kafka to PostgreSQL, {handled} effects", points)
        inbox.close()
        two.relay.close()


def _until_done(step: Callable[[], bool]) -> None:
    while step():
        pass


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _row(name: str, points: list[float]) -> None:
    shown = " | ".join(f"{point:.0f}" for point in (points[0], max(points), points[-1]))
    print(f"| {name} | {shown} | {max(points) - points[0]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
