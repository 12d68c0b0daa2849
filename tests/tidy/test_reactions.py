"""Every reaction has its cases: done, ignored when repeated, loses a race, refused, facts in the other order."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from house import PACKAGES, module, short


def reactions() -> Iterator[str]:
    for package in PACKAGES:
        room: Any = module(package, "reactions")
        if room:
            for function in (*room.HEARD.values(), *room.OWN.values(), *room.CLOCK):
                yield f"{short(package)}.{function.__name__}"


def cases() -> Iterator[str]:
    for package in PACKAGES:
        table = importlib.import_module(f"tests.integration.reactions.{short(package)}_cases")
        yield from (f"{short(package)}.{name}" for name in table.CASES)


def test_every_reaction_has_a_name() -> None:
    assert not [name for name in reactions() if not name.rpartition(".")[2].isidentifier()]


def test_every_reaction_stands_in_the_table() -> None:
    assert set(cases()) == set(reactions())
