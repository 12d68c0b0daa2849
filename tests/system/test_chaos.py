"""One round for each kind of fault: what was acknowledged is stored once, and takes effect once, whatever fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.system.chaos.plan import FAULTS, rounds
from tests.system.chaos.report import kills
from tests.system.chaos.running import chaos, run
from tests.system.chaos.soak import Sample, grown_mb, problems

SEED = 15


@pytest.mark.timeout(900)
def test_what_is_acknowledged_is_stored_and_handled_once_whatever_fails(tmp_path: Path, record_property):
    planned = [replace(rounds(1, SEED + n, only=ways[:1])[0], number=n) for n, ways in enumerate(FAULTS.values(), 1)]
    told: list[str] = []
    with named_when_lacking(), chaos(tmp_path) as here:
        seen, found = run(here, planned, told.append)
        record_property("told", f"What failed under load, the disk being {here.disk}:\n" + "\n".join(told))
    assert not [problem for one in seen for problem in one.problems], "\n".join(told)
    assert (found.lost, found.doubled) == ([], [])
    assert sum(one.tally.acknowledged for one in seen) == found.stored
    assert sum(one.submitted for one in seen) == found.handled
    killed, unanswered = kills(seen)
    assert killed == 3
    assert 2 * unanswered >= killed


def test_the_same_seed_plans_the_same():
    assert rounds(100, 3) == rounds(100, 3)
    assert rounds(100, 3) != rounds(100, 4)
    assert {one.way for one in rounds(30, 3)} == {way for ways in FAULTS.values() for way in ways}


def test_a_soak_sees_memory_that_grows_and_facts_that_are_behind():
    def a_sample(at_s: float, memory_mb: float, behind: int) -> Sample:
        return Sample(at_s, 0, {"change": memory_mb, "release": 100.0}, behind, 0)

    flat = [a_sample(10 * n, 60 + 40 * min(n, 1), 5) for n in range(8)]
    assert grown_mb(flat) == {"change": 0.0, "release": 0.0}
    assert problems(flat) == []
    assert problems([*flat, a_sample(90, 160, 5)]) == ["change has grown by 60 MB"]
    assert len(problems([*flat, a_sample(90, 100, 5000)])) == 1
