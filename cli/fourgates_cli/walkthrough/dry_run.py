"""The dry run of an initial load: what would change in the library, as a test report that names the package."""

from __future__ import annotations

from collections.abc import Sequence

from fourgates_cli.walkthrough.media import ITEMS
from fourgates_cli.walkthrough.reports import Case, report
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import Medium, TestEvidence

SUITE = "dry_run"


def dry_run_report(world: World, package_digest: str, media: Sequence[Medium], *, by: str = "tess") -> TestEvidence:
    """Compare the package with the library, item by item: each must be new there, or be there with the same bytes."""
    cases = [Case(f"{m.name} {m.version}", *_difference(world, m, by=by)) for m in media]
    return report(SUITE, package_digest, cases)


def _difference(world: World, medium: Medium, *, by: str) -> tuple[bool, str]:
    page = world.by(by).get(f"{ITEMS}?name={medium.name}&version={medium.version}")
    held = {i["sha256"] for i in page["items"] if i["state"] == "definitive"}
    if not held:
        return True, f"would be added with sha256 {medium.sha256}"
    return medium.sha256 in held, f"is there with sha256 {', '.join(sorted(held))}"
