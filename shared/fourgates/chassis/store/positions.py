"""A saved position that says from where it was reached."""

from __future__ import annotations

from typing import Self


class After(int):
    """A position that is saved only while nothing beyond `before` is: whoever saves it did all that lies between."""

    before: int

    def __new__(cls, position: int, before: int) -> Self:
        """Return a position that was reached from another."""
        made = super().__new__(cls, position)
        made.before = before
        return made


def before_of(position: int) -> int:
    """Return the greatest position that may be saved already; for a plain one, any that is less."""
    return position.before if isinstance(position, After) else position - 1
