"""Decision 0003: a refusal is one yielded condition in the domain, so that each can be removed once on purpose."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import mutate
from house import PACKAGES, ROOT, place, room, short, sources, tree

SAMPLE = """
def unmet(act):
    if act.late:
        yield Unmet("late", "It is late.", "clock", "come earlier")
    if act.by == "requester":
        yield Forbidden("own", "It is their own.", "by", "ask another", person=act.by)
"""


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func).rpartition(".")[2]


def test_refused_is_raised_in_one_place_only() -> None:
    allowed = ROOT / "shared/fourgates/chassis/aggregate.py"
    raised = [
        place(path, node.lineno)
        for path in sources("services", "shared", "cli")
        if path != allowed
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Raise) and node.exc and re.search(r"\bRefused\b", ast.unparse(node.exc))
    ]
    assert not raised


def test_conditions_are_written_in_the_domain_only() -> None:
    assert not [
        place(path, call.lineno)
        for path in sources("services", "cli")
        if room(path) != "domain"
        for call, name in calls(path)
        if name in mutate.REFUSALS
    ]


def test_every_condition_is_a_yield_statement_of_its_own() -> None:
    loose = [
        place(path, node.lineno)
        for path in mutate.domain_files()
        for node in ast.walk(tree(path))
        if mutate.is_refusal(node) and not any(r.line <= node.lineno <= r.last_line for r in mutate.refusals_in(path))
    ]
    assert not loose
    assert len(mutate.refusals()) == mutate.written_refusals()


def test_codes_are_short_words_with_hyphens() -> None:
    assert not [str(r) for r in mutate.refusals() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", r.code)]


def test_a_mutant_lacks_one_refusal_and_stays_a_generator() -> None:
    assert mutate.is_refusal(ast.parse(SAMPLE).body[0].body[0].body[0].value.value)
    for index, left in enumerate(("Forbidden", "Unmet")):
        names = {"Unmet": lambda *_: "Unmet", "Forbidden": lambda *_, **__: "Forbidden"}
        exec(compile(mutate.without(SAMPLE, index), "sample", "exec"), names)
        act = type("Act", (), {"late": True, "by": "requester"})
        assert list(names["unmet"](act)) == [left]


def test_a_refusal_counts_as_changed_with_its_condition() -> None:
    refusal = mutate.refusals()[0]
    assert mutate.touched([refusal], {refusal.path: {refusal.first_line}}) == [refusal]
    assert not mutate.touched([refusal], {refusal.path: {refusal.last_line + 1}})


def test_every_service_with_refusals_has_unit_tests() -> None:
    wanting = {refusal.service for refusal in mutate.refusals()}
    assert wanting <= {short(package) for package in PACKAGES}
    assert not [name for name in wanting if not list((ROOT / "tests" / "unit" / name).glob("test_*.py"))]
