"""Limits of size: a file over the limit becomes a package of the same name, split by subject."""

from __future__ import annotations

import ast

from house import ROOT, place, sources, tracked, tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
FILE_BYTES_MAX = 500_000
PYTHON = ("services", "shared", "cli", "bench", "tests", "examples")


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(*PYTHON)}
    assert not {path: lines for path, lines in lengths.items() if lines > FILE_LINES_MAX}


def test_functions_are_short() -> None:
    too_long = {
        place(path, node.lineno): f"{node.name} has {lines} lines"
        for path in sources(*PYTHON)
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert not too_long


def test_no_large_file_is_kept() -> None:
    own = [path for path in tracked() if "vendor" not in path.parts]
    assert not [str(path.relative_to(ROOT)) for path in own if path.stat().st_size > FILE_BYTES_MAX]
