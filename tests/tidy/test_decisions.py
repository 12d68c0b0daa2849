"""Every decision is one page, says what enforces it, and what it names is there."""

from __future__ import annotations

import re

from house import ROOT, place, sources

PAGES = sorted((ROOT / "docs/decisions").glob("*.md"))
HEADINGS = ["Status", "Area", "Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
LINES_MAX = 60


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [page.name[:4] for page in PAGES] == [f"{number:04}" for number in range(1, len(PAGES) + 1)]
    assert not [page.name for page in PAGES if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)]


def test_every_decision_has_all_headings_on_one_page() -> None:
    found = {page.name: re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE) for page in PAGES}
    assert not {name: headings for name, headings in found.items() if headings != HEADINGS}
    assert not [page.name for page in PAGES if len(page.read_text().splitlines()) > LINES_MAX]


def test_what_enforces_a_decision_exists() -> None:
    missing = []
    for page in PAGES:
        paths = re.findall(r"^- `([^`]+)`", page.read_text().partition("## Enforced by")[2], re.MULTILINE)
        if not paths or not all((ROOT / path).exists() for path in paths):
            missing.append(f"{page.name}: {[p for p in paths if not (ROOT / p).exists()]}")
    assert not missing


def test_decisions_named_in_code_exist() -> None:
    numbers = {page.name[:4] for page in PAGES}
    assert not [
        place(path, number)
        for path in sources("services", "shared", "cli", "tests", "bench")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for named in re.findall(r"[Dd]ecision (\d{4})", line)
        if named not in numbers
    ]
