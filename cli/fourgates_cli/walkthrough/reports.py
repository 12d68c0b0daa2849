"""Test reports of what is checked without a test tool: JUnit XML that names the digest of what was checked."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from fourgates_cli.workbench import TestEvidence


@dataclass(frozen=True)
class Case:
    """One thing that was checked, whether it was found sound, and what was found."""

    name: str
    sound: bool
    found: str


def report(suite: str, checked_sha256: str, cases: Sequence[Case]) -> TestEvidence:
    """Return the report of a suite, with every case as it was found."""
    failures = sum(1 for case in cases if not case.sound)
    element = ET.Element(
        "testsuite", name=suite, tests=str(len(cases)), failures=str(failures), errors="0", skipped="0"
    )
    properties = ET.SubElement(element, "properties")
    ET.SubElement(properties, "property", name="sha256", value=checked_sha256)
    for case in cases:
        shown = ET.SubElement(element, "testcase", classname=suite, name=case.name)
        ET.SubElement(shown, "system-out").text = case.found
        if not case.sound:
            ET.SubElement(shown, "failure", message=case.found)
    root = ET.Element("testsuites")
    root.append(element)
    return TestEvidence(suite, checked_sha256, ET.tostring(root, encoding="unicode"), passed=failures == 0)
