"""An installation as `make secrets` leaves it: the files of the repository, and the secrets beside them."""

from __future__ import annotations

import copy
import shutil
import sys
from pathlib import Path

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.deployment import reading


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("installation")
    shutil.copy(reading.ROOT / "docker-compose.yml", root)
    shutil.copytree(reading.ROOT / "k8s", root / "k8s", ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    made = reading.run(sys.executable, str(root / "k8s/make_secrets.py"))
    assert made.returncode == 0, made.stderr
    return root


@pytest.fixture(scope="session")
def image() -> reading.Image:
    return reading.this_image()


@pytest.fixture
def compose(installation: Path) -> reading.Resource:
    return reading.compose_of(
        (installation / "docker-compose.yml").read_text(), reading.variables_of(installation / ".env")
    )


@pytest.fixture(scope="session")
def _overlays(installation: Path) -> dict[str, list[reading.Resource]]:
    with named_when_lacking():
        return {name: reading.built(installation / "k8s" / name) for name in ("base", "overlays/development")}


@pytest.fixture
def base(_overlays: dict[str, list[reading.Resource]]) -> list[reading.Resource]:
    return copy.deepcopy(_overlays["base"])


@pytest.fixture
def development(_overlays: dict[str, list[reading.Resource]]) -> list[reading.Resource]:
    return copy.deepcopy(_overlays["overlays/development"])
