"""The same events give the same states and the same messages, wherever and whenever they are read."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.histories.folding import KEPT, digests, kept_events, state_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"PYTHONHASHSEED": "4711", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "0", "TZ": "America/St_Johns", "PYTHONOPTIMIZE": "1"},
    ],
    ids=["east", "west"],
)
def test_another_process_with_other_hashes_clock_and_time_zone_folds_and_publishes_the_same(elsewhere):
    command = [sys.executable, "-m", "tests.histories.folding"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **elsewhere}, capture_output=True, text=True, timeout=100, check=True
    )
    assert json.loads(done.stdout) == digests()


@pytest.mark.parametrize("file", KEPT, ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_a_state_of_any_version_goes_on_to_the_same_end_as_from_zero(file):
    importlib.import_module(f"{file.parent.name}_service.domain")
    events = list(kept_events(file))
    whole = None
    for happened in events:
        whole = happened.mutate(whole)
    for version in {1, len(events) // 2, len(events) - 1} - {0}:
        half = None
        for happened in kept_events(file):
            half = happened.mutate(half)
            if half.version == version:
                break
        for happened in events[version:]:
            half = happened.mutate(half)
        assert state_of(half) == state_of(whole)
