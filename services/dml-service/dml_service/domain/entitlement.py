"""Who may give a command: the one place that compares the roles of an act with those that a command takes."""

from __future__ import annotations

from collections.abc import Iterator

from fourgates.chassis.aggregate import Act, Forbidden, Unmet


def unentitled(act: Act, roles: tuple[str, ...], command: str) -> Iterator[Unmet]:
    """Yield one refusal when the actor holds none of these roles."""
    if not set(roles) & set(act.roles):
        yield Forbidden(
            "not-entitled",
            f"To {command} takes one of these roles: {', '.join(roles)}.",
            source="roles",
            remedy="ask somebody who holds one of these roles",
            person=act.person,
        )
