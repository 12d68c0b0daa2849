"""Reading the reports of test runs: JUnit XML, without entities, within bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # it ships no types
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # it ships no types

from release_service.application import BadEvidence, Evidence
from release_service.domain import TestResult


class JUnitReader:
    """Counts what a report holds; the numbers that it claims about itself are not believed."""

    def __init__(self, *, tests_max: int) -> None:
        self._tests_max = tests_max

    def read(self, report: str) -> Evidence:
        """Return what a JUnit report says. Raises `BadEvidence`."""
        try:
            root = fromstring(report, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
            msg = "the report is no plain XML"
            raise BadEvidence(msg) from error
        if root.tag not in {"testsuites", "testsuite"}:
            msg = "the report does not begin with testsuites or testsuite"
            raise BadEvidence(msg)
        cases = list(root.iter("testcase"))
        if len(cases) > self._tests_max:
            msg = f"the report has more than {self._tests_max} test cases"
            raise BadEvidence(msg)
        failures = sum(case.find("failure") is not None for case in cases)
        errors = sum(case.find("error") is not None for case in cases)
        skipped = sum(case.find("skipped") is not None for case in cases)
        return Evidence(
            result=_result(ran=len(cases) - skipped, failures=failures, errors=errors),
            tests=len(cases),
            failures=failures + errors,
            sha256=hashlib.sha256(report.encode()).hexdigest(),
            names=tuple(sorted(set(_digests(root)))),
        )


def _result(*, ran: int, failures: int, errors: int) -> TestResult:
    if errors:
        return TestResult.ERROR
    if failures:
        return TestResult.FAILED
    return TestResult.PASSED if ran else TestResult.INCONCLUSIVE


def _digests(root: Element) -> Iterator[str]:
    """Yield the digest of the tested bytes that each suite names; a suite that names none names nothing."""
    for suite in root.iter("testsuite"):
        for listed in suite.findall("properties"):
            for named in listed.findall("property"):
                if named.get("name") == "sha256":
                    yield (named.get("value") or named.text or "").strip()
