"""`make sim`: one seed in full, or many; a failure says how to repeat it."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.running import STEPS, Outcome, run, together


def main() -> int:
    """Run what was asked for; tell whether nothing was found."""
    asked = argparse.ArgumentParser(prog="make sim", description=__doc__)
    asked.add_argument("--seed", type=int, help="run this seed alone, and tell its steps")
    asked.add_argument("--seeds", type=int, default=50, help="run so many seeds")
    asked.add_argument("--first", type=int, default=0, help="the first of them")
    asked.add_argument("--steps", type=int, default=STEPS, help="the steps of each, before the calm")
    asked.add_argument("--workers", type=int, default=1, help="processes that run seeds at the same time")
    asked.add_argument("--history", type=Path, help="write every step of a single seed to this file")
    given = asked.parse_args()
    began = time.monotonic()
    if given.seed is not None:
        outcomes = [run(given.seed, given.steps)]
        if given.history:
            given.history.write_text("\n".join(outcomes[0].history), encoding="utf-8")
    else:
        outcomes = _many(range(given.first, given.first + given.seeds), given.steps, given.workers)
    failed = [one for one in outcomes if one.problems]
    for one in failed:
        print(one.told())
    met = ", ".join(f"{name} {count}" for name, count in sorted(together(outcomes).items()))
    print(f"{len(outcomes)} seeds of {given.steps} steps in {time.monotonic() - began:.0f} s: {met}")
    print(f"digest {outcomes[0].digest}" if given.seed is not None else f"{len(failed)} seeds found something")
    return 1 if failed else 0


def _many(seeds: range, steps: int, workers: int) -> list[Outcome]:
    if workers == 1:
        return [run(seed, steps) for seed in seeds]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(run, seeds, [steps] * len(seeds), chunksize=5))


if __name__ == "__main__":
    raise SystemExit(main())
