"""A pytest plugin that binds a test report to the bytes that were tested; copied next to the tests that it watches.

It writes the digest of the tested file into the report as the property `sha256`, and when the file is a wheel it first
compares every installed file with the wheel, so that no other bytes can have been tested.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def tested_bytes(record_testsuite_property: Callable[[str, object], None]) -> None:
    """Name the digest of what is tested."""
    tested = Path(os.environ["TESTED_FILE"])
    if tested.suffix == ".whl":
        _compare_with_installed(tested)
    record_testsuite_property("sha256", hashlib.sha256(tested.read_bytes()).hexdigest())


def _compare_with_installed(wheel: Path) -> None:
    installed = importlib.metadata.distribution(wheel.name.split("-", maxsplit=1)[0])
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            # pip rewrites RECORD on installing: it adds what it wrote itself.
            if not name.endswith("/RECORD") and Path(str(installed.locate_file(name))).read_bytes() != archive.read(
                name
            ):
                pytest.fail(f"{name} is not what the wheel holds")
