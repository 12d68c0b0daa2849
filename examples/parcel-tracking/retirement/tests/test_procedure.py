"""The decommissioning procedure says everything that the review will ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROCEDURE = Path(os.environ["TESTED_FILE"]).read_text(encoding="utf-8")


PROMISES = ("Stop taking parcels", "Data disposition", "Remove the software", "back-out steps")


@pytest.mark.parametrize("promise", PROMISES)
def test_the_procedure_covers(promise: str) -> None:
    assert promise in PROCEDURE
