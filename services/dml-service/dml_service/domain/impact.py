"""The services that a release can affect, as the relations stood when it asked."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, digest_of, event


@dataclass(frozen=True)
class Impacted:
    """A live service that a release can affect, and who owns it."""

    service_id: UUID
    name: str
    owner_id: str
    tier: str
    relation: str


class Impact(Aggregate):
    """The answer to one request of a release for its impact."""

    TOPIC = "dml.Impact"

    class Computed(Aggregate.Created):
        """The live dependants of a service were gathered for a release."""

        release_id: UUID
        service_id: UUID
        impacted: tuple[Impacted, ...]
        impact_digest: str
        source_id: str

    @classmethod
    def compute(
        cls, act: Act, *, impact_id: UUID, release_id: UUID, service_id: UUID, impacted: tuple[Impacted, ...]
    ) -> Impact:
        """Record the impact set."""
        ordered = tuple(sorted(impacted, key=lambda one: str(one.service_id)))
        return cls(
            id=impact_id,
            act=act,
            release_id=release_id,
            service_id=service_id,
            impacted=ordered,
            impact_digest=digest_of(ordered),
            source_id=act.cause_id,
        )

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return nothing: an impact is a record."""
        return ()

    @event(Computed)
    def __init__(
        self,
        id: UUID,
        act: Act,
        release_id: UUID,
        service_id: UUID,
        impacted: tuple[Impacted, ...],
        impact_digest: str,
        source_id: str,
    ) -> None:
        self.release_id = release_id
        self.service_id = service_id
        self.impacted = impacted
        self.impact_digest = impact_digest
