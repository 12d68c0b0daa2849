"""What is done with services: who keeps them, what depends on them, how they go live and go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from fourgates.chassis.aggregate import Act, derived_id, refuse_any

from dml_service.application.base import UseCases
from dml_service.domain import (
    RUNNING,
    Dependency,
    Impact,
    Impacted,
    Service,
    ServiceLevelTarget,
    ServiceName,
)


@dataclass(frozen=True)
class TargetWanted:
    """A service level target as service design writes it; its id follows from the service and its name."""

    name: str
    measure: str
    comparison: str
    goal: float
    unit: str
    path: str
    warning_at: float | None = None


class ServiceUseCases(UseCases):
    """Services and their relations."""

    def register_service(
        self,
        act: Act,
        *,
        service_id: UUID,
        name: str,
        owner_id: str | None,
        tier: str,
        value_case: str,
        depends_on: tuple[UUID, ...] = (),
        targets: tuple[TargetWanted, ...] = (),
    ) -> Service:
        """Register a service under a name that no other has; without an owner it belongs to whoever registers it."""
        taken = self._work.find(ServiceName, ServiceName.id_of(name))
        refuse_any(chain(Service.unmet_for_registration(act), taken.unmet_for_taking() if taken else ()))
        service = Service.register(
            act,
            service_id=service_id,
            name=name,
            owner_id=owner_id or act.person,
            tier=tier,
            value_case=value_case,
        )
        self._work.save(service, ServiceName.take(act, name=name, service_id=service_id))
        if targets:
            self.set_targets(act, service_id=service_id, targets=targets)
        if depends_on:
            self.set_service_relations(act, service_id=service_id, depends_on=depends_on)
        return service

    def set_targets(self, act: Act, *, service_id: UUID, targets: tuple[TargetWanted, ...]) -> Service:
        """Replace the service level targets of a service."""
        service = self._work.get(Service, service_id)
        service.set_targets(act, targets=tuple(_target(service_id, one) for one in targets))
        self._work.save(service)
        return service

    def set_owner(self, act: Act, *, service_id: UUID, owner_id: str) -> Service:
        """Hand a service to a new owner."""
        service = self._work.get(Service, service_id)
        service.set_owner(act, owner_id=owner_id)
        self._work.save(service)
        return service

    def set_service_relations(self, act: Act, *, service_id: UUID, depends_on: tuple[UUID, ...]) -> Service:
        """Replace the services on which a service depends, and tell each of them."""
        service = self._work.get(Service, service_id)
        before = service.depends_on
        service.set_relations(act, dependencies=tuple(self._dependency(one) for one in depends_on))
        self._work.save(service)
        self._tell_dependencies(act, service)
        for gone in (one for one in before if one not in service.depends_on):
            self._change(act, gone, lambda dependency: dependency.note_dependant_gone(act, dependant_id=service_id))
        return service

    def _dependency(self, service_id: UUID) -> Dependency:
        service = self._work.find(Service, service_id)
        if service is None:
            return Dependency(service_id=service_id, lifecycle=None, reaches=frozenset())
        return Dependency(
            service_id=service_id,
            lifecycle=service.lifecycle,
            reaches=frozenset(self._reached(service_id, lambda one: one.depends_on)),
        )

    def _reached(self, service_id: UUID, onwards: Callable[[Service], tuple[UUID, ...]]) -> dict[UUID, Service]:
        """Return every service that is reached from one by going onwards, without the one itself."""
        found: dict[UUID, Service] = {}
        ahead = [service_id]
        while ahead:
            service = self._work.find(Service, ahead.pop())
            for one in onwards(service) if service is not None else ():
                reached = self._work.find(Service, one)
                if reached is not None and one not in found:
                    found[one] = reached
                    ahead.append(one)
        return found

    # What is heard or follows.

    def _change(self, act: Act, service_id: UUID, change: Callable[[Service], None]) -> None:
        """Change a service, and when its lifecycle changed tell the services on which it depends."""
        service = self._work.find(Service, service_id)
        if service is None:
            return
        before = service.lifecycle
        change(service)
        self._work.save(service)
        if service.lifecycle is not before:
            self._tell_dependencies(act, service)

    def _tell_dependencies(self, act: Act, service: Service) -> None:
        def tell(dependency: Service) -> None:
            dependency.note_dependant(act, dependant_id=service.id, lifecycle=service.lifecycle)

        for service_id in service.depends_on:
            self._change(act, service_id, tell)

    def bring_service_live(self, act: Act, *, service_id: UUID, release_id: UUID) -> None:
        """Note that a service runs."""
        self._change(act, service_id, lambda service: service.go_live(act, release_id=release_id))

    def begin_retirement(self, act: Act, *, service_id: UUID, release_id: UUID, deployment_id: UUID) -> None:
        """Note that a retirement used its deployment gate."""
        self._change(
            act,
            service_id,
            lambda service: service.begin_retirement(act, release_id=release_id, deployment_id=deployment_id),
        )

    def note_retirement_deployed(self, act: Act, *, service_id: UUID, release_id: UUID, deployment_id: UUID) -> None:
        """Note that a decommissioning was carried out."""
        self._change(
            act,
            service_id,
            lambda service: service.note_retirement_deployed(act, release_id=release_id, deployment_id=deployment_id),
        )

    def note_retirement_failed(self, act: Act, *, service_id: UUID, release_id: UUID, deployment_id: UUID) -> None:
        """Note that a retirement could not be backed out."""
        self._change(
            act,
            service_id,
            lambda service: service.note_retirement_failed(act, release_id=release_id, deployment_id=deployment_id),
        )

    def back_out_retirement(self, act: Act, *, service_id: UUID, release_id: UUID, deployment_id: UUID) -> None:
        """Note that a retirement was backed out."""
        self._change(
            act,
            service_id,
            lambda service: service.back_out_retirement(act, release_id=release_id, deployment_id=deployment_id),
        )

    def give_up_retirement(self, act: Act, *, service_id: UUID, release_id: UUID) -> None:
        """Note that the release of a retirement went back or was cancelled."""
        self._change(act, service_id, lambda service: service.give_up_retirement(act, release_id=release_id))

    def close_retirement(self, act: Act, *, service_id: UUID, release_id: UUID) -> None:
        """Note that the release of a retirement was closed as deployed."""
        self._change(act, service_id, lambda service: service.note_retirement_closed(act, release_id=release_id))

    def recommend_retirement(
        self, act: Act, *, service_id: UUID, release_id: UUID, review_id: UUID, reason: str
    ) -> None:
        """Mark a service as recommended for retirement."""
        self._change(
            act,
            service_id,
            lambda service: service.recommend_retirement(
                act, release_id=release_id, review_id=review_id, reason=reason
            ),
        )

    def compute_impact(self, act: Act, *, release_id: UUID, service_id: UUID) -> None:
        """Gather the services that run and depend on a service, directly or through others; once for each request."""
        # A release asks anew after it was rescoped and wants an answer then; the same moment is the same request.
        impact_id = derived_id(release_id, f"impact/{act.at.isoformat()}")
        if self._work.find(Impact, impact_id) is not None:
            return
        service = self._work.find(Service, service_id)
        direct = service.dependants if service is not None else {}
        reached = self._reached(service_id, lambda one: tuple(one.dependants))
        impacted = tuple(
            Impacted(
                service_id=one.id,
                name=one.name,
                owner_id=one.owner_id,
                tier=one.tier,
                relation="depends_on" if one.id in direct else "depends_on_indirectly",
            )
            for one in reached.values()
            if one.lifecycle in RUNNING and one.id != service_id
        )
        self._work.save(
            Impact.compute(act, impact_id=impact_id, release_id=release_id, service_id=service_id, impacted=impacted)
        )


def _target(service_id: UUID, wanted: TargetWanted) -> ServiceLevelTarget:
    return ServiceLevelTarget(
        target_id=derived_id(service_id, f"target/{wanted.name}"),
        name=wanted.name,
        measure=wanted.measure,
        comparison=wanted.comparison,
        goal=wanted.goal,
        unit=wanted.unit,
        path=wanted.path,
        warning_at=wanted.warning_at,
    )
