"""The name of a service, which no other service has."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, derived_id, event

_SERVICES = UUID("2a7b0f5c-5d0e-5b57-9a43-7b1f0a4d9c02")


class ServiceName(Aggregate):
    """The name of a service, taken once. Its id follows from the name, so no two services can have it."""

    TOPIC = "dml.ServiceName"

    class Taken(Aggregate.Created):
        """A service took its name."""

        name: str
        service_id: UUID

    @staticmethod
    def id_of(name: str) -> UUID:
        """Return the id of a name; names that differ only in case are the same."""
        return derived_id(_SERVICES, name.strip().casefold())

    @classmethod
    def take(cls, act: Act, *, name: str, service_id: UUID) -> ServiceName:
        """Take a free name."""
        return cls(id=cls.id_of(name), act=act, name=name, service_id=service_id)

    def unmet_for_taking(self) -> Iterator[Unmet]:
        """Yield that the name is taken."""
        yield Unmet(
            "name-taken",
            f"A service with the name {self.name} is registered: {self.service_id}.",
            source="/name",
            remedy="use that service, or another name",
        )

    @event(Taken)
    def __init__(self, id: UUID, act: Act, name: str, service_id: UUID) -> None:
        self.name = name
        self.service_id = service_id
