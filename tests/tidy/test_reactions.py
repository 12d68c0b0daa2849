"""Every reaction has its cases: done, ignored when repeated, loses a race, refused, facts in the other order."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from house import PACKAGES, ROOT, module, short

TABLE = ROOT / "tests/integration/reactions/table.py"


def reactions() -> Iterator[str]:
    for package in PACKAGES:
        room: Any = module(package, "reactions")
        if room:
            for function in (*room.HEARD.values(), *room.OWN.values(), *room.CLOCK):
                yield f"{short(package)}.{function.__name__}"


def cases(path: Path) -> set[str]:
    spec = importlib.util.spec_from_file_location("reaction_table", path)
    assert spec
    assert spec.loader
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    return set(table.REACTION_CASES)


def test_every_reaction_has_a_name() -> None:
    assert not [name for name in reactions() if not name.rpartition(".")[2].isidentifier()]


def test_every_reaction_stands_in_the_table() -> None:
    assert TABLE.exists()
    assert cases(TABLE) == set(reactions())
