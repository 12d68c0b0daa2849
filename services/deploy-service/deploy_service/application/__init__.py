"""The use cases of deployment, and the protocol that an executor fulfils."""

from __future__ import annotations

from typing import Protocol

from deploy_service.application.base import known_medium_id
from deploy_service.application.deployments import DeploymentUseCases
from deploy_service.application.environments import EnvironmentUseCases
from deploy_service.application.heard import HeardUseCases
from deploy_service.application.place import Place
from deploy_service.application.rehearsals import RehearsalUseCases
from deploy_service.domain import Package, Result, Step

__all__ = ["DeployUseCases", "Executor", "Place", "known_medium_id"]


class DeployUseCases(DeploymentUseCases, RehearsalUseCases, EnvironmentUseCases, HeardUseCases):
    """Every use case of this service."""


class Executor(Protocol):
    """Carries out steps on nodes. Every call has an end, and may be repeated."""

    def carry_out(self, step: Step, place: Place, *, package: Package, before: Package | None) -> Result:
        """Carry out one step; a failure is a result and no exception."""
        ...

    def verify(self, place: Place, expected: Package | None) -> Result:
        """Compare what really runs with a package, or with nothing; the result names what was found."""
        ...

    def inspect(self, place: Place) -> str:
        """Return the digest of what really runs, or that nothing does."""
        ...

    def clear(self, place: Place) -> Result:
        """Leave nothing of a place, neither software nor data."""
        ...

    def keep(self, place: Place, package: Package, url: str | None) -> None:
        """See to it that this package runs there, under the address that it had, if that is free."""
        ...
