"""Nodes that run what they are told, or fail as a seed says, and probes of them. They outlive every process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deploy_service.application import Place
from deploy_service.domain import NOTHING, Package, Result, Step
from review_service.domain import Endpoint, Sample, Target

from tests.simulation.chance import Chance

STEP_FAILS = 0.03
MEASURED_BADLY = 0.12
MEASURED_NOTHING = 0.05


class Nodes:
    """An executor whose nodes are a table."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.running: dict[Place, Package] = {}
        self._installed: dict[Place, Package] = {}

    def carry_out(self, step: Step, place: Place, *, package: Package, before: Package | None) -> Result:
        if self._chance.happens(STEP_FAILS):
            return replace(self._seen(place, "it did not work"), succeeded=False)
        if step.action == "install":
            self._installed[place] = package
        elif step.action == "start" and place in self._installed:
            self.running[place] = self._installed[place]
        elif step.action == "restore" and before is not None:
            self.running[place] = self._installed[place] = before
        elif step.action in {"stop", "remove", "restore"}:
            self.running.pop(place, None)
        elif step.action == "probe" and place not in self.running:
            return replace(self._seen(place, "nothing answers"), succeeded=False)
        return self._seen(place, f"{step.action} done")

    def verify(self, place: Place, expected: Package | None) -> Result:
        found, wanted = self.inspect(place), NOTHING if expected is None else expected.digest
        result = replace(self._seen(place, found), succeeded=found == wanted)
        return replace(result, manifest_digest=found) if result.succeeded and expected is not None else result

    def inspect(self, place: Place) -> str:
        running = self.running.get(place)
        return NOTHING if running is None else running.digest

    def clear(self, place: Place) -> Result:
        self.running.pop(place, None)
        self._installed.pop(place, None)
        return self._seen(place, "nothing is left")

    def keep(self, place: Place, package: Package, url: str | None) -> None:
        self.running.setdefault(place, package)

    def revive(self) -> None:
        """Nothing ever ended."""

    def close(self) -> None:
        """Nodes go on."""

    def _seen(self, place: Place, detail: str) -> Result:
        url = f"http://{place.node}" if place in self.running else None
        return Result(succeeded=True, duration_s=round(self._chance.uniform(0.1, 5), 3), detail=detail, url=url)


class Probes:
    """A prober that measures what a seed says."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def measure(self, target: Target, endpoints: tuple[Endpoint, ...]) -> tuple[float | None, tuple[Sample, ...], int]:
        if not endpoints or self._chance.happens(MEASURED_NOTHING):
            return None, (), 0
        bad = self._chance.happens(MEASURED_BADLY)
        at_least: Any = str(target.comparison) == "at_least"
        value = target.goal * (0.5 if at_least else 2.0) if bad else target.goal
        samples = tuple(Sample(url=endpoints[0].url, offset_ms=n, status=200, latency_ms=1.0) for n in range(20))
        return value, samples, len(samples)
