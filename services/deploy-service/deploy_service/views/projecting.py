"""What every projection of this service does with its rows."""

from __future__ import annotations

from typing import Any

from fourgates.chassis.views import Row, Rows

# What decides is read whole: the views return a thousand rows unless told otherwise.
ALL = 1_000_000


def number(rows: Rows, letters: str) -> str:
    return f"{letters}-{1000 + rows.count() + 1}"


def change(rows: Rows, happened: Any, **fields: Any) -> None:
    key = str(happened.originator_id)
    rows.put(key, {**(rows.get(key) or {}), **fields})


def row_of(rows: Rows, happened: Any) -> Row:
    return rows.get(str(happened.originator_id)) or {}
