"""The page on testing names sixteen groups, each with tests that exist."""

from __future__ import annotations

import ast
import re

from house import ROOT, tree

PAGE = (ROOT / "docs/testing.md").read_text()
ROWS = re.findall(r"^\| (\d+)\. (.*) \| (.*) \|$", PAGE, re.MULTILINE)
GROUPS = 16


def names(path: str) -> set[str]:
    """What a file defines at its top: functions, classes, and what is assigned."""
    found: set[str] = set()
    for node in tree(ROOT / path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_every_group_stands_there_once_with_its_tests() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, GROUPS + 1))
    assert not [number for number, _, shown in ROWS if "::" not in shown]


def test_every_test_named_there_exists() -> None:
    named = re.findall(r"`(tests/[^`]+\.py)::(\w+)`", PAGE)
    assert len(named) == PAGE.count("::")
    assert not [f"{path}::{name}" for path, name in named if not (ROOT / path).is_file() or name not in names(path)]


def test_every_target_named_there_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert not set(re.findall(r"`make ([a-z-]+)", PAGE)) - targets
