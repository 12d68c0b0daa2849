"""A steady load for long, with nothing failing: memory must stay flat, and what is behind must stay little.

`make soak MINUTES=30` calls it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fourgates.chassis.logs import configure_logs

from tests.system.chaos.running import RUN, Chaos, chaos

# Of each writer between two changes; with 24 of them about 45 writes a second.
REST_S = 1.0
SAMPLE_S = 10.0
MINUTES = 30.0
# Memory may grow by so much after the first quarter, and so many facts may be behind at any time.
GROWS_MB_MAX = 50.0
BEHIND_MAX = 1000


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment."""

    at_s: float
    acknowledged: int
    memory_mb: dict[str, float]
    not_published: int
    not_handled: int

    def __str__(self) -> str:
        memory = ", ".join(f"{name} {size:.0f} MB" for name, size in self.memory_mb.items())
        return (
            f"{self.at_s:6.0f} s  {self.acknowledged} acknowledged; {memory};"
            f" {self.not_published} not published, {self.not_handled} not handled"
        )


def sample(here: Chaos, began: float) -> Sample:
    # What is behind is asked first, so that it is never more than it was.
    relayed, handled = here.books.relayed(), here.books.handled()
    memory = {name: _resident_mb(here.parts.services[name][0].popen.pid) for name in RUN}
    stored, submitted = here.books.stored(), here.books.submitted()
    acknowledged = here.load.now().acknowledged
    return Sample(time.monotonic() - began, acknowledged, memory, stored - relayed, submitted - handled)


def grown_mb(samples: list[Sample]) -> dict[str, float]:
    """Return by how much the memory of each service has grown after the first quarter."""
    later = samples[len(samples) // 4 :]
    return {name: max(one.memory_mb[name] for one in later) - later[0].memory_mb[name] for name in RUN}


def problems(samples: list[Sample]) -> list[str]:
    """Return where memory is not flat, or too much is behind."""
    grown = [f"{name} has grown by {size:.0f} MB" for name, size in grown_mb(samples).items() if size > GROWS_MB_MAX]
    behind = [one for one in samples if max(one.not_published, one.not_handled) > BEHIND_MAX]
    return [*grown, *(f"too much was behind: {one}" for one in behind)]


def soak(here: Chaos, seconds: float) -> tuple[list[Sample], list[str]]:
    """Load for so long, and return what was seen, and what is wrong."""
    here.books.begin()
    here.load.begin(1)
    here.load.go_on()
    began, samples = time.monotonic(), []
    while time.monotonic() - began < seconds and not here.load.wrong:
        time.sleep(min(SAMPLE_S, seconds))
        samples.append(sample(here, began))
        print(samples[-1], flush=True)
    here.load.end()
    told = here.load.told
    wrong = list(here.load.wrong)
    if not here.books.wait_until_handled(len(told.submitted)):
        wrong.append("it has not come to rest")
    found = here.books.compare(told)
    return samples, [*wrong, *found.lost, *found.doubled, *problems(samples)]


def main() -> int:
    """Run it; return 0 when memory stayed flat, little was behind, and nothing was lost or doubled."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    asked = parser.parse_args()
    configure_logs("error")
    with tempfile.TemporaryDirectory() as folder, chaos(Path(folder), rest_s=REST_S) as here:
        samples, wrong = soak(here, asked.minutes * 60)
        grown = ", ".join(f"{name} {size:+.0f} MB" for name, size in grown_mb(samples).items())
        most = max(max(one.not_published, one.not_handled) for one in samples)
    print(f"\n{samples[-1].acknowledged} writes in {asked.minutes:g} minutes; {grown} after the first quarter;")
    print(f"at most {most} facts behind at a sample; {len(wrong)} problems")
    print("\n".join(wrong[:20]))
    return 1 if wrong else 0


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    raise SystemExit(main())
