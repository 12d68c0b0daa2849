"""Events are for ever: what they are called, what they say, and that applying one does nothing but assign."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from event_names import FROZEN, frozen_names, names_in_code
from house import PACKAGES, events, module, place, room, short, sources, tree

# What would make a replay differ from the first time, or refuse what already happened.
FORBIDDEN_CALLS = re.compile(
    r"(^|\.)(now|utcnow|today|time|monotonic|uuid[1-8]|urandom|random|open|print|refuse_any|trigger_event|unmet\w*|_unmet\w*)$"
)
IMPURE = {
    *("asyncio", "getpass", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil"),
    *("socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib"),
}
VAGUE = re.compile(r"(Updated|Changed|Modified|Edited|StatusSet|StateSet|Processed|Handled)$")


def event_methods(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef) and (node.name == "apply" or _is_decorated(node)):
            yield node


def _is_decorated(node: ast.FunctionDef) -> bool:
    return any(
        isinstance(d, ast.Call) and ast.unparse(d.func).rpartition(".")[2] == "event" for d in node.decorator_list
    )


def faults(method: ast.FunctionDef) -> Iterator[ast.AST]:
    for node in (part for statement in method.body for part in ast.walk(statement)):
        if isinstance(node, (ast.Raise, ast.Assert, ast.Yield, ast.Await)) or (
            isinstance(node, ast.Call) and FORBIDDEN_CALLS.search(ast.unparse(node.func))
        ):
            yield node


def domain_sources() -> list[Path]:
    of_the_chassis = sources("shared/fourgates/chassis/dead_letters/letter.py")
    return [*(path for path in sources("services") if room(path) == "domain"), *of_the_chassis]


def test_applying_an_event_only_assigns() -> None:
    # Decision 0003: these bodies run again on every replay.
    methods = [(path, method) for path in domain_sources() for method in event_methods(path)]
    assert methods
    assert not [place(path, getattr(node, "lineno", 0)) for path, method in methods for node in faults(method)]


@pytest.mark.parametrize(
    "body",
    ["raise ValueError", "assert act", "self.at = datetime.now(UTC)", "self.key = uuid4()", "refuse_any(self.unmet())"],
)
def test_the_rule_for_applying_sees_a_fault(body: str, tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(f"@event(Opened)\ndef __init__(self, act):\n    if act:\n        {body}\n")
    (method,) = event_methods(sample)
    assert list(faults(method))
    sample.write_text(f"class Opened:\n    def apply(self, release):\n        {body}\n")
    (method,) = event_methods(sample)
    assert list(faults(method))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


def test_the_domain_imports_nothing_but_the_aggregate_base() -> None:
    allowed = {name for name in sys.stdlib_module_names if name not in IMPURE}
    strange = [
        f"{place(path, line)} {name}"
        for path in domain_sources()
        for name, line in imported(path)
        if name != "fourgates.chassis.aggregate"
        and name.partition(".")[0] not in allowed
        and not re.match(r"\w+_service\.domain\b", name)
    ]
    assert not strange


def test_contracts_import_nothing_but_pydantic() -> None:
    strange = [
        f"{place(path, line)} {name}"
        for path in sources("shared/fourgates/contracts")
        for name, line in imported(path)
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "pydantic"}
        and not name.startswith("fourgates.contracts")
    ]
    assert not strange


def test_every_event_says_in_one_sentence_what_happened() -> None:
    wordless = [e.TOPIC for p in PACKAGES for e, words in events(p).items() if not words.endswith(".")]
    assert not wordless


def test_events_name_what_happened_and_not_that_something_did() -> None:
    assert not [e.TOPIC for p in PACKAGES for e in events(p) if VAGUE.search(e.__name__)]


def test_stored_names_are_unique_and_begin_with_their_service() -> None:
    names = Counter(names_in_code())
    assert not [name for name, count in names.items() if count > 1]
    assert not [e.TOPIC for p in PACKAGES for e in events(p) if not re.fullmatch(rf"{short(p)}\.[A-Z]\w+", e.TOPIC)]


def test_stored_names_are_frozen() -> None:
    # Decision 0002: a log of years ago holds these names. `make event-names` adds new ones; nothing removes one.
    names = set(names_in_code())
    assert not frozen_names() - names, f"renamed or removed, though stored for ever; see {FROZEN.name}"
    assert not names - frozen_names(), "new: run `make event-names`"


@pytest.mark.parametrize("package", PACKAGES, ids=short)
def test_every_event_is_published_or_internal(package: Path) -> None:
    declared = set(events(package))
    publishing: Any = module(package, "publishing")
    published = set(publishing.PUBLISHED) if publishing else set()
    internal = set(publishing.INTERNAL) if publishing else set()
    assert {e.TOPIC for e in published & internal} == set()
    assert {e.TOPIC for e in declared} == {e.TOPIC for e in published | internal}
