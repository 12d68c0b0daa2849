"""A report of a test run is counted, not believed; what is no plain XML is no report."""

from __future__ import annotations

import hashlib

import pytest
from release_service.adapters import JUnitReader
from release_service.application import BadEvidence
from release_service.domain import TestResult

SHA = "a" * 64
NAMED = f'<properties><property name="sha256" value="{SHA}"/><property name="python" value="3.11"/></properties>'


def a_report(cases, *, named=NAMED):
    return f'<testsuites><testsuite name="unit" tests="99" failures="0">{named}{cases}</testsuite></testsuites>'


def read(report, tests_max=10):
    return JUnitReader(tests_max=tests_max).read(report)


@pytest.mark.parametrize(
    ("cases", "result"),
    [
        ("<testcase/>", TestResult.PASSED),
        ("<testcase/><testcase><failure/></testcase>", TestResult.FAILED),
        ("<testcase><failure/></testcase><testcase><error/></testcase>", TestResult.ERROR),
        ("<testcase><skipped/></testcase>", TestResult.INCONCLUSIVE),
        ("", TestResult.INCONCLUSIVE),
    ],
)
def test_the_result_is_counted(cases, result):
    assert read(a_report(cases)).result is result


def test_the_evidence_names_the_bytes_and_has_a_digest_of_its_own():
    report = a_report("<testcase/>")
    evidence = read(report)
    assert (evidence.names, evidence.tests, evidence.failures) == ((SHA,), 1, 0)
    assert evidence.sha256 == hashlib.sha256(report.encode()).hexdigest()


def test_a_report_may_begin_with_its_only_suite():
    assert read(f"<testsuite>{NAMED}<testcase/></testsuite>").result is TestResult.PASSED


def test_a_report_that_names_nothing_names_nothing():
    assert read(a_report("<testcase/>", named="")).names == ()


@pytest.mark.parametrize(
    "report",
    [
        "no xml",
        "<html/>",
        "<testsuite>",
        '<!DOCTYPE t [<!ENTITY e "boom">]><testsuite>&e;</testsuite>',
        a_report("<testcase/>" * 11),
    ],
)
def test_what_is_no_report_is_refused(report):
    with pytest.raises(BadEvidence):
        read(report)
