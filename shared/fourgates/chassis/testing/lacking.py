"""What a test needs of the machine and does not find: named at the end of a run, and a failure in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_MARK = "could not run: "


class Lacking(Exception):
    """This machine lacks something; `install` says what would help."""

    def __init__(self, part: str, reason: str, install: str) -> None:
        self.part = part
        super().__init__(f"{part} is lacking: {reason}. Install {install}")


@contextmanager
def named_when_lacking() -> Iterator[None]:
    """Leave out a test that lacks something, to be named at the end of the run; in CI let it fail."""
    try:
        yield
    except Lacking as lacking:
        if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
            pytest.fail(str(lacking), pytrace=False)
        pytest.skip(f"{_MARK}{lacking}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not run, how many tests that were, and what to install. A conftest imports this hook."""
    counted: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[-1]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if _MARK in reason:
            lacking = reason.partition(_MARK)[2]
            counted[lacking] = counted.get(lacking, 0) + 1
    if counted:
        terminalreporter.section("could not run", red=True, bold=True)
        for lacking, tests in counted.items():
            terminalreporter.write_line(f"{tests} tests: {lacking}")
