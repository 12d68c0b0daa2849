"""Settings of every test: no deadline for hypothesis, because a busy machine is not a defect.

What could not run here is named at the end of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from fourgates.chassis.testing import lacking
from fourgates.chassis.testing.lacking import pytest_runtest_makereport
from hypothesis import settings

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Forget where a test let logs be written: what was captured for it is closed by then."""
    yield
    structlog.reset_defaults()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests have found out, whichever worker they ran in, and what could not run."""
    lacking.pytest_terminal_summary(terminalreporter)
    told = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == "told"
    ]
    if told:
        terminalreporter.section("told by tests")
        for text in sorted(told):
            terminalreporter.write_line(text)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Let no test go on logging into what another one captured."""
    structlog.reset_defaults()
