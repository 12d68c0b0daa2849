"""Let real parts fail under load, round after round, and count what is there afterwards.

`make chaos ROUNDS=100 SEED=1` calls it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from fourgates.chassis.logs import configure_logs

from tests.system.chaos.plan import FAULTS, rounds
from tests.system.chaos.report import kills, table
from tests.system.chaos.running import chaos, run


def main() -> int:
    """Run it; return 0 when nothing was lost or doubled, and enough kills were on an unanswered write."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-mount", action="store_true", help="let the disk be full by a limit on the size of files")
    ways = sorted({way for ways in FAULTS.values() for way in ways})
    parser.add_argument("--only", nargs="*", default=(), choices=ways, help="let only this fail")
    asked = parser.parse_args()
    configure_logs("error")
    planned = rounds(asked.rounds, asked.seed, only=asked.only)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, chaos(Path(folder), mount=not asked.no_mount) as here:
        print(f"seed {asked.seed}; the disk: {here.disk}", flush=True)
        seen, found = run(here, planned, lambda line: print(line, flush=True))
    killed, unanswered = kills(seen)
    acknowledged = sum(one.tally.acknowledged for one in seen)
    submitted = sum(one.submitted for one in seen)
    print(f"\n{table(seen)}\n")
    print(
        f"{len(seen)} rounds, seed {asked.seed}, {time.monotonic() - began:.0f} s. At the end: {acknowledged} writes"
        f" acknowledged, {found.stored} stored; {submitted} to be handled, {found.handled} handled;"
        f" {len(found.lost)} lost, {len(found.doubled)} doubled; {unanswered} of {killed} kills on an unanswered write"
    )
    whole = len(seen) == len(planned) and acknowledged == found.stored and submitted == found.handled
    sound = whole and not found.lost and not found.doubled and not any(one.problems for one in seen)
    return 0 if sound and 2 * unanswered >= killed else 1


if __name__ == "__main__":
    raise SystemExit(main())
