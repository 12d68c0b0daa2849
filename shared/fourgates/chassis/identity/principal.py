"""Who is asking, as a verified token says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """The subject of a verified token, with the roles and scopes that it had then."""

    subject: str
    roles: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    machine: bool = False
