"""The window of one test."""

from __future__ import annotations

import pytest

from tests.unit.operations.a_window import Window


@pytest.fixture
def window(tmp_path):
    return Window(tmp_path)
