"""Whenever any service says anything, operations keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from fourgates.chassis.aggregate import Act
from fourgates.contracts import Contract

from operations_service.application import OperationsUseCases
from operations_service.domain import About
from operations_service.publishing import CONTRACTS

_RELEASES = ("release_id", "successor_id", "predecessor_id", "used_by_release_ids")
_CHANGES = ("change_id", "change_ids")
_SERVICES = ("service_id", "service_ids")


def keep_fact(use_cases: OperationsUseCases, act: Act, fact: Contract) -> None:
    """A fact was published: keep it, under the releases, changes and services that it names."""
    use_cases.keep_fact(act, body=fact.model_dump_json(), about=about(fact))


def about(fact: Contract) -> About:
    """Return the things that a fact names."""
    subject = getattr(fact, "subject_id", None) if getattr(fact, "subject_kind", None) == "change" else None
    changes = dict.fromkeys([*_named(fact, _CHANGES), *([subject] if isinstance(subject, UUID) else [])])
    return About(
        release_ids=tuple(dict.fromkeys(_named(fact, _RELEASES))),
        change_ids=tuple(changes),
        service_ids=tuple(dict.fromkeys(_named(fact, _SERVICES))),
    )


def _named(fact: Contract, fields: tuple[str, ...]) -> Iterator[UUID]:
    for field in fields:
        value = getattr(fact, field, None)
        yield from value if isinstance(value, list) else [] if value is None else [value]


HEARD: Mapping[type[Contract], Callable[[OperationsUseCases, Act, Any], None]] = dict.fromkeys(
    CONTRACTS.values(), keep_fact
)

OWN: Mapping[type[Any], Callable[[OperationsUseCases, Act, Any], None]] = {}

CLOCK: tuple[Callable[[OperationsUseCases, Act], None], ...] = ()
