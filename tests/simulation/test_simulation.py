"""The simulation itself: it finds nothing in the product, finds what is planted, and repeats a seed exactly."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.planted import PLANTED
from tests.simulation.running import STEPS, run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SEEDS = 50
AT_ONCE = 5
# A planted bug is found within so many seeds.
SEEDS_TO_FIND = 8

# A run takes a second or two of a core; others may be using it.
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_nothing_is_lost_doubled_or_let_through_while_everything_fails(first):
    outcomes = [run(seed) for seed in range(first, first + AT_ONCE)]
    failed = [outcome for outcome in outcomes if outcome.problems]
    assert not failed, "\n".join(outcome.told() for outcome in failed)
    # A run in which nothing failed or nobody did anything shows nothing.
    for fault in ("message_lost", "message_twice", "redelivered", "store_away", "answer_of_store_lost", "commands"):
        assert sum(outcome.counts.get(fault, 0) for outcome in outcomes) > 0


def test_the_same_seed_does_the_same():
    first, again, other = run(1, 300), run(1, 300), run(2, 300)
    assert first.digest == again.digest
    assert first.history == again.history
    assert first.digest != other.digest


def test_the_same_seed_does_the_same_in_another_process_with_other_hashes():
    told = "from tests.simulation.running import STEPS, run; print(run(1, 300).digest)"
    found = subprocess.run(
        [sys.executable, "-c", told],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split()[-1] == run(1, 300).digest


@pytest.mark.parametrize(("bug", "said"), PLANTED.items(), ids=[bug.__name__ for bug in PLANTED])
def test_a_planted_bug_is_found(bug, said):
    with bug():
        found = next((outcome for seed in range(SEEDS_TO_FIND) if (outcome := run(seed)).problems), None)
    assert found is not None
    assert any(said in problem for problem in found.problems), found.told()
    assert f"make sim SEED={found.seed} STEPS={STEPS}" in found.told()


@pytest.mark.parametrize("file", sorted(HERE.glob("auditor*.py")), ids=lambda f: f.stem)
def test_the_auditor_knows_nothing_of_the_code(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    modules += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names]
    own = [name for name in (*modules, *names) if "auditor" in name]
    others = {m.split(".")[0] for m in modules if m not in own and m != "tests.simulation"}
    assert others <= sys.stdlib_module_names
    if "tests.simulation" in modules:
        assert all("auditor" in n for n in names if n in {p.stem for p in HERE.glob("*.py")})
