"""Prints speed and memory of the embedded set, in one run, as ratios to a no-op of the same web framework."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fourgates.chassis.http.client import HttpClient, HttpFailed
from fourgates_cli.login import log_in
from fourgates_cli.people import ensure_people

from bench.load import Load, request_bytes, run

CONNECTIONS = (1, 32, 128)
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
WARM_UP_S = 1.0
REQUESTS_MAX = 50_000
START_LIMIT_S = 60.0
CLIENT = HttpClient(timeout_s=30)


def main() -> None:
    """Measure everything once and print it."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"| what | {' | '.join(f'{c} conn.' for c in CONNECTIONS)} |")
        print("|---|---|---|---|")
        commands(Path(folder))


def commands(folder: Path) -> None:
    """Measure durable commands on a new and on an existing aggregate, the no-op before each."""
    noop = request_bytes("POST", "/noop", json.dumps({"title": "a", "reason": "b"}).encode(), JSON)
    with started([sys.executable, "bench/noop.py", "8390"], 8390, "/docs"), served(folder / "load") as (port, token):
        headers = {**JSON, "authorization": f"Bearer {token}"}
        raised = [0]

        def raise_change(_: int) -> bytes:
            raised[0] += 1
            return request_bytes("POST", "/change/v1/changes", json.dumps(CHANGE).encode(), headers)

        ceilings, new, existing = [], [], []
        for connections in CONNECTIONS:
            run(8390, connections, WARM_UP_S, lambda _: noop, requests_max=REQUESTS_MAX)
            ceilings.append(run(8390, connections, SECONDS, lambda _: noop, requests_max=REQUESTS_MAX))
            run(port, connections, WARM_UP_S, raise_change, requests_max=REQUESTS_MAX)
            new.append(run(port, connections, SECONDS, raise_change, requests_max=REQUESTS_MAX))
            existing.append(_existing(port, connections, headers))
        _row("no-op, requests a second", ceilings, lambda load, _: f"{load.rate:.0f}", ceilings)
        _row("no-op, CPU of the client", ceilings, lambda load, _: f"{load.client_cpu:.2f} core", ceilings)
        _row("raise a change, against the no-op", new, lambda load, top: f"{load.rate / top.rate:.3f}", ceilings)
        _row("raise, p50 / p99 in ms", new, lambda load, _: _percentiles(load), ceilings)
        _row("submit a change, against the no-op", existing, lambda load, top: f"{load.rate / top.rate:.3f}", ceilings)
        _row("submit, p50 / p99 in ms", existing, lambda load, _: _percentiles(load), ceilings)
        _row("failed", new, lambda load, _: str(load.failures), ceilings)


def _existing(port: int, connections: int, headers: dict[str, str]) -> Load:
    """Submit changes that were raised beforehand, each once."""
    url = f"http://127.0.0.1:{port}/change/v1/changes"
    listed = CLIENT.request("GET", f"{url}?state=draft&page_size=1000", headers=headers).json()
    ids = [item["id"] for item in listed["items"]]
    body = json.dumps({"reason": "ready"}).encode()
    return run(
        port,
        connections,
        SECONDS,
        lambda n: request_bytes("POST", f"/change/v1/changes/{ids[n]}/submission", body, headers),
        requests_max=len(ids),
    )


@contextmanager
def served(data: Path) -> Iterator[tuple[int, str]]:
    """Run the embedded set in a process of its own; print how long its start took and what it holds in memory."""
    port = 8391
    secrets = ensure_people(data)
    command = [str(Path(sys.executable).parent / "fourgates"), "up", "--data", str(data), "--port", str(port)]
    began = time.perf_counter()
    with started(command, port, "/operations/readyz") as process:
        seconds = time.perf_counter() - began
        before = _memory_mb(process.pid)
        yield port, log_in(f"http://127.0.0.1:{port}", "rita", secrets.of("rita"))
        after = _memory_mb(process.pid)
    print(f"\nstart-up of the embedded set: {seconds:.1f} s; memory {before:.0f} MB, after the load {after:.0f} MB")


@contextmanager
def started(command: list[str], port: int, path: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_LIMIT_S
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command} did not start")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return CLIENT.request("GET", url, timeout_s=1).status_code == 200
    except HttpFailed:
        return False


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _row(name: str, loads: list[Load], shown: Callable[[Load, Load], str], ceilings: list[Load]) -> None:
    cells = [shown(load, ceiling) for load, ceiling in zip(loads, ceilings, strict=True)]
    print(f"| {name} | {' | '.join(cells)} |")


def _percentiles(load: Load) -> str:
    return f"{load.percentile(0.5) * 1000:.1f} / {load.percentile(0.99) * 1000:.1f}"


JSON = {"content-type": "application/json"}
CHANGE = {
    "title": "Show the last scan of a parcel",
    "description": "Callers ask where their parcel was seen last.",
    "change_type": "normal",
    "risk": "low",
    "service_ids": [],
    "alters_service": False,
    "retrospective": False,
    "reason": "a third of all calls ask for it",
}

if __name__ == "__main__":
    main()
