"""Prints what commands cost in the embedded set, against the no-op, and what the set takes to start and to hold."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fourgates.chassis.testing.ports import HOST
from fourgates_cli.login import log_in
from fourgates_cli.people import ensure_people

from bench.commands import CONNECTIONS, measured, print_table
from bench.servers import JSON, Served, started, the_no_op


def main() -> None:
    """Measure everything once and print it."""
    with tempfile.TemporaryDirectory() as folder, the_no_op() as noop, the_set(Path(folder) / "set") as embedded:
        print_table([measured(connections, noop, {"embedded": embedded}) for connections in CONNECTIONS])


@contextmanager
def the_set(data: Path) -> Iterator[Served]:
    """Run the embedded set in a process of its own; print how long its start took and what it holds in memory."""
    secrets = ensure_people(data)

    def command(port: int) -> tuple[list[str], dict[str, str]]:
        return [str(Path(sys.executable).parent / "fourgates"), "up", "--data", str(data), "--port", str(port)], {}

    began = time.perf_counter()
    with started(command, "/operations/readyz") as (port, pid):
        seconds = time.perf_counter() - began
        before = _memory_mb(pid)
        token = log_in(f"http://{HOST}:{port}", "rita", secrets.of("rita"))
        yield Served(port, "/change/v1", {**JSON, "authorization": f"Bearer {token}"})
        after = _memory_mb(pid)
    print(f"\nstart-up of the embedded set: {seconds:.1f} s; memory {before:.0f} MB, after the load {after:.0f} MB")


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
