"""kill -9 anywhere between parking a message and having retried it: it waits once, takes effect once, is copied."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROCESS = Path(__file__).with_name("parking.py")
KNOWN = "known"


def begun(folder, when="", what=""):
    command = [sys.executable, str(PROCESS), str(folder), when, what]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def killed(folder, when, what):
    with begun(folder, when, what) as process:
        assert process.stdout.readline() == "here\n"
        process.kill()


def finished(folder):
    with begun(folder) as process:
        told = process.stdout.read()
    assert process.returncode == 0
    return json.loads(told)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["park", "copy", "retry"])
def test_it_waits_once_takes_effect_once_and_is_copied(tmp_path, when, what):
    if what == "retry":
        finished(tmp_path)
        (tmp_path / KNOWN).touch()
    killed(tmp_path, when, what)
    told = finished(tmp_path)
    if what != "retry":
        assert told["waiting"] == [1, 2]
        assert told["effects"] == []
        (tmp_path / KNOWN).touch()
        told = finished(tmp_path)
    assert told["effects"] == ["red-2", "red-1"]
    assert told["waiting"] == []
    assert told["retried"].count("chassis.DeadLetterRetried") == 2
    assert told["parked"] == ["toy-2", "toy-3"]
    assert set(told["copied"]) == {"1", "2"}
    assert len(told["copied"]) == (4 if (when, what) == ("before", "copy") else 2)
