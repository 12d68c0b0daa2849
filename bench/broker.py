"""Prints how soon a Kafka that was killed and is back is used again: by the relay, and by the inbox behind it."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.testing.kafka import KafkaServer, running_kafka
from fourgates.chassis.testing.messages import TwoServices

ROUNDS = int(os.environ.get("BENCH_KILLS", "5"))
AWAY_S = 3.0
WAIT_S = 60.0
LOOK_S = 0.005


def main() -> None:
    """Kill the broker again and again, and measure from its first answer on."""
    with tempfile.TemporaryDirectory() as folder, running_kafka(Path(folder, "kafka")) as server:
        two = TwoServices(KafkaBus(server.bootstrap))
        two.run(two.relay)
        two.run(two.a_replica())
        try:
            _handled(two, "warm")
            spans = [_a_round(two, server, number) for number in range(ROUNDS)]
        finally:
            two.stop()
    print(f"| seconds after a broker is back, {ROUNDS} times killed for {AWAY_S:.0f} s | middle | most | target |")
    print("|---|---|---|---|")
    for name, found in zip(
        ("first acknowledgement to the relay", "first effect in the listener"), zip(*spans, strict=True), strict=True
    ):
        print(f"| {name} | {statistics.median(found):.2f} | {max(found):.2f} | 3 |", flush=True)


def _a_round(two: TwoServices, server: KafkaServer, number: int) -> tuple[float, float]:
    server.kill()
    two.bounce(f"away{number}", 1)
    time.sleep(AWAY_S)
    head = two.store.head()
    server.start()
    back = time.perf_counter()
    acknowledged = _until(lambda: two.store.position_of("relay") >= head) - back
    handled = _until(lambda: two.mirrored_of(f"away{number}") == [1]) - back
    return acknowledged, handled


def _handled(two: TwoServices, colour: str) -> None:
    two.bounce(colour, 1)
    _until(lambda: two.mirrored_of(colour) == [1])


def _until(true: Callable[[], bool]) -> float:
    until = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > until:
            raise SystemExit(f"not within {WAIT_S:.0f} s")
        time.sleep(LOOK_S)
    return time.perf_counter()


if __name__ == "__main__":
    main()
