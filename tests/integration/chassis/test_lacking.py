"""A machine that lacks something is told what, and what to install; in CI nothing is left out in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fourgates.chassis.testing import kafka, postgres
from fourgates.chassis.testing.lacking import Lacking

ROOT = Path(__file__).parents[3]

CONFTEST = "from fourgates.chassis.testing.lacking import pytest_runtest_makereport, pytest_terminal_summary\n"
TESTS = """
import pytest
from fourgates.chassis.testing.lacking import Lacking, named_when_lacking

@pytest.fixture(scope="session")
def moon():
    raise Lacking("The moon", "there is\\\\nno rocket.", "a rocket (apt install rocket)")

@pytest.fixture
def sea():
    with named_when_lacking():
        raise Lacking("The sea", "it is dry", "water")
    yield

def test_one(moon): pass
def test_two(moon): pass
def test_three(sea): pass
def test_four():
    raise Lacking("The moon", "there is no rocket", "a rocket (apt install rocket)")
def test_five(): pass
@pytest.mark.xfail
def test_six(): assert False
{more}
"""
MOON = "3 tests: The moon is lacking: there is no rocket. Install a rocket (apt install rocket)"
SEA = "1 test: The sea is lacking: it is dry. Install water"
SKIPPED = '@pytest.mark.skip(reason="too slow")\ndef test_seven(): pass\n'


def ran(folder, *options, more="", ci=""):
    """Run these tests as a run of their own; return its exit code and what it said."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS.replace("{more}", more).replace("\\\\n", "\\n"))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            *options,
            "test_it.py",
        ],
        cwd=folder,
        env={**os.environ, "CI": ci, "COLUMNS": "200", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "workers"])
def test_what_could_not_run_is_named_at_the_end_with_what_to_install(tmp_path, options):
    code, said = ran(tmp_path, *options, more=SKIPPED)
    assert code == 0, said
    assert "1 passed, 5 skipped, 1 xfailed" in said
    told = said.partition("could not run")[2]
    assert MOON in told
    assert SEA in told
    assert "too slow" not in told


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "workers"])
def test_in_ci_whatever_is_left_out_fails(tmp_path, options):
    code, said = ran(tmp_path, *options, more=SKIPPED, ci="true")
    assert code == 1
    counted = said.splitlines()[-1]
    assert "skipped" not in counted
    assert "1 passed" in counted
    assert "1 xfailed" in counted
    assert "nothing may be left out in CI: Skipped: too slow" in said
    told = said.rpartition("= could not run =")[2]
    assert MOON in told
    assert SEA in told


def test_a_run_that_lacks_nothing_says_nothing(tmp_path):
    code, said = ran(tmp_path, "-k", "test_five", ci="1")
    assert code == 0
    assert "could not run" not in said


@pytest.mark.parametrize(
    ("how", "variable", "words"),
    [
        (kafka.kafka_jars, "HOME", "Maven"),
        (postgres.PostgresServer, "PATH", "PostgreSQL 14 or later (apt install postgresql), or set"),
    ],
    ids=["maven", "postgresql"],
)
def test_the_kit_says_what_it_lacks(monkeypatch, tmp_path, how, variable, words):
    monkeypatch.setattr(postgres, "PLACES", (tmp_path,))
    for name in ("PATH", variable, "FOURGATES_CACHE"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(Lacking, match="is lacking") as lacking:
        how()
    assert words in str(lacking.value)


@pytest.mark.parametrize(("program", "reason"), [(None, "there is no Java"), ("11.0.2", "Java 11 is too old")])
def test_the_kit_says_that_its_java_is_lacking_or_too_old(monkeypatch, tmp_path, program, reason):
    if program:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{program}\"' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(Lacking, match=reason) as lacking:
        kafka.KafkaServer(tmp_path / "kafka")
    assert "Install Java 17 or later and Maven (apt install openjdk-17-jre-headless maven), or set" in str(
        lacking.value
    )


def test_a_real_run_without_java_names_kafka(tmp_path):
    tests = "tests/integration/bus/test_bus_contract.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, "-k", "kafka"],
        env={**os.environ, "PATH": str(tmp_path), "JAVA_HOME": "", "FOURGATES_TEST_KAFKA": "", "CI": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "tests: Kafka is lacking: there is no Java. Install Java 17 or later" in done.stdout
