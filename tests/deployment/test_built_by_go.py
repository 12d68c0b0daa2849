"""What is built by Go is what its sums say, and a machine that cannot build it is told what it lacks."""

from __future__ import annotations

import shutil

import pytest
from fourgates.chassis.testing.lacking import Lacking, named_when_lacking

from tests.deployment import built_by_go

pytestmark = pytest.mark.timeout(built_by_go.PATIENCE_S)


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A cache with nothing in it."""
    monkeypatch.setenv("FOURGATES_CACHE", str(tmp_path / "cache"))


def a_go_that_says(version, folder):
    folder.mkdir()
    go = folder / "go"
    go.write_text(f"#!/bin/sh\necho {version}\n")
    go.chmod(0o755)
    return str(folder)


@pytest.mark.usefixtures("empty")
def test_a_machine_without_go_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Lacking, match=r"there is no Go .* Install Go 1\.24 or later"):
        built_by_go.program("compose")


@pytest.mark.usefixtures("empty")
def test_a_machine_with_an_old_go_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", a_go_that_says("go1.19.8", tmp_path / "old"))
    with pytest.raises(Lacking, match=r"go1\.19\.8 is too old .* Install Go 1\.24 or later"):
        built_by_go.program("compose")


@pytest.mark.usefixtures("empty")
def test_another_code_than_the_listed_is_not_built(tmp_path):
    sources = tmp_path / "go"
    shutil.copytree(built_by_go.SOURCES, sources)
    sums = (sources / "go.sum").read_text()
    name = "github.com/zegl/kube-score v1.20.0 h1:"
    before, listed, after = sums.partition(name)
    assert listed
    (sources / "go.sum").write_text(f"{before}{listed}{'A' * 43}={after[44:]}")
    with named_when_lacking(), pytest.raises(RuntimeError, match="checksum mismatch"):
        built_by_go.program("kube-score", sources)
