"""Prints how long it takes, on a quiet system, from the answer to a command until another service stored its effect."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.http_client import HttpClient
from fourgates.chassis.store import EventStore
from fourgates.chassis.testing.messages import TwoServices
from fourgates_cli.embedded import Embedded
from fourgates_cli.login import log_in
from fourgates_cli.people import ensure_people

from bench.parts import kafka, opened, postgres

SAMPLES = int(os.environ.get("BENCH_SAMPLES", "100"))
WARM_UP = 10
WAIT_S = 30.0
PAUSE_S = 0.05
CLIENT = HttpClient(timeout_s=30)
SERVICE = {
    "tier": "silver",
    "depends_on": [],
    "value_case": "callers find their parcels themselves",
    "targets": [],
    "reason": "bench",
}


def main() -> None:
    """Measure both ways."""
    print("| acknowledged → handled by another service, ms | p50 | p99 | target for p50 |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        _row("embedded: SQLite and a file as bus, over HTTP", embedded(Path(folder)), 10)
    _row("PostgreSQL and Kafka, relay and inbox in one process", over_kafka(), 25)


def embedded(data: Path) -> list[float]:
    """Register services in dml-service; release-service notes each."""
    spans: list[float] = []
    with Embedded(data) as running:
        secrets = ensure_people(data)
        token = log_in(running.url, "oskar", secrets.of("oskar"))
        release = running.services["release"].store
        for number in range(WARM_UP + SAMPLES):
            before = _at_rest(release)
            body = {**SERVICE, "name": f"service-{number}", "owner_id": secrets.person_id("oskar")}
            answer = CLIENT.request("POST", f"{running.url}/dml/v1/services", json=body, token=token)
            if answer.status_code != 201:
                raise SystemExit(f"registering a service gave {answer.status_code}: {answer.text}")
            spans.append(_until_beyond(release, before))
    return spans[WARM_UP:]


def over_kafka() -> list[float]:
    """Let balls bounce in one service; another throws one for each bounce."""
    spans: list[float] = []
    with postgres() as database, kafka() as bootstrap, opened(database, 2) as stores:
        two = TwoServices(KafkaBus(bootstrap), stores=stores)
        two.run(two.relay)
        two.run(two.a_replica())
        try:
            for number in range(WARM_UP + SAMPLES):
                before = _at_rest(two.heard)
                two.bounce(f"red{number}", 1)
                spans.append(_until_beyond(two.heard, before))
        finally:
            two.stop()
    return spans[WARM_UP:]


def _until_beyond(store: EventStore, before: int) -> float:
    began = time.perf_counter()
    if not store.wait_beyond(before, WAIT_S):
        raise SystemExit(f"nothing was handled within {WAIT_S:.0f} s")
    return time.perf_counter() - began


def _at_rest(store: EventStore) -> int:
    """Wait until a log has stopped growing; return its head."""
    while store.wait_beyond(head := store.head(), PAUSE_S):
        pass
    return head


def _row(name: str, spans: list[float], target: int) -> None:
    ordered = sorted(span * 1000 for span in spans)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(f"| {name} | {statistics.median(ordered):.1f} | {p99:.1f} | under {target} |", flush=True)


if __name__ == "__main__":
    main()
