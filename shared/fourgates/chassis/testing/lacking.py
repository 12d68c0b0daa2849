"""What a test needs of the machine and does not find: named at the end of a run, and a failure in CI.

A conftest imports both hooks.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

_MARK = "could not run: "


class Lacking(Exception):
    """This machine lacks something; `install` says what would help."""

    def __init__(self, part: str, reason: str, install: str) -> None:
        self.part = part
        super().__init__(f"{part} is lacking: {' '.join(reason.split()).removesuffix('.')}. Install {install}")


def in_ci() -> bool:
    """Tell whether nothing may be left out."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


@contextmanager
def named_when_lacking() -> Iterator[None]:
    """Leave out a test that lacks something, to be named at the end of the run; in CI let it fail."""
    try:
        yield
    except Lacking as lacking:
        if in_ci():
            pytest.fail(f"{_MARK}{lacking}", pytrace=False)
        pytest.skip(f"{_MARK}{lacking}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave out what lacks something, as `named_when_lacking` does; in CI let whatever is left out fail."""
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, Lacking):
        path, line, _ = item.location
        report.outcome, report.longrepr = "skipped", (path, line or 0, f"{_MARK}{error}")
    if report.skipped and in_ci() and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"nothing may be left out in CI: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not run, how many tests that were, and what to install."""
    counted: dict[str, int] = {}
    for outcome in ("skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            if _MARK in _reason(report):
                lacking = _reason(report).partition(_MARK)[2].splitlines()[0]
                counted[lacking] = counted.get(lacking, 0) + 1
    if counted:
        terminalreporter.section("could not run", red=True, bold=True)
        for lacking, tests in sorted(counted.items()):
            terminalreporter.write_line(f"{tests} test{'' if tests == 1 else 's'}: {lacking}")


def _reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[-1]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
