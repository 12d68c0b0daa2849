"""The dry run of an initial load: what would change in the library, as a test report that names the package."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from fourgates_cli.walkthrough.media import ITEMS
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import Medium, TestEvidence

SUITE = "dry_run"


def dry_run_report(world: World, package_digest: str, media: Sequence[Medium], *, by: str = "tess") -> TestEvidence:
    """Compare the package with the library, item by item: each must be new there, or be there with the same bytes."""
    results = [(medium, _difference(world, medium, by=by)) for medium in media]
    failures = sum(1 for _, (sound, _) in results if not sound)
    suite = ET.Element(
        "testsuite", name=SUITE, tests=str(len(results)), failures=str(failures), errors="0", skipped="0"
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="sha256", value=package_digest)
    for medium, (sound, difference) in results:
        case = ET.SubElement(suite, "testcase", classname=SUITE, name=f"{medium.name} {medium.version}")
        ET.SubElement(case, "system-out").text = difference
        if not sound:
            ET.SubElement(case, "failure", message=difference)
    root = ET.Element("testsuites")
    root.append(suite)
    xml = ET.tostring(root, encoding="unicode")
    return TestEvidence(SUITE, package_digest, xml, passed=failures == 0)


def _difference(world: World, medium: Medium, *, by: str) -> tuple[bool, str]:
    page = world.by(by).get(f"{ITEMS}?name={medium.name}&version={medium.version}")
    held = {i["sha256"] for i in page["items"] if i["state"] == "definitive"}
    if not held:
        return True, f"would be added with sha256 {medium.sha256}"
    return medium.sha256 in held, f"is there with sha256 {', '.join(sorted(held))}"
