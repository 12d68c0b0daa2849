"""Use cases about environments, their nodes, and what really runs on them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act

from deploy_service.application.base import UseCases
from deploy_service.domain import Environment, Placed
from deploy_service.views import ALL


class EnvironmentUseCases(UseCases):
    """Environments are registered by people, and filled by deployments."""

    def register_environment(
        self,
        act: Act,
        *,
        environment_id: UUID,
        name: str,
        sandbox: bool,
        rung: int,
        soak_s: int,
        nodes: tuple[str, ...],
    ) -> Environment:
        environment = Environment.register(
            act,
            environment_id=environment_id,
            name=name,
            sandbox=sandbox,
            rung=rung,
            soak_s=soak_s,
            nodes=nodes,
            name_taken=bool(self._work.views.find("environments", {"name": name}, limit=1)),
        )
        self._work.save(environment)
        return environment

    def add_node(self, act: Act, *, environment_id: UUID, node: str) -> Environment:
        environment = self._work.get(Environment, environment_id)
        environment.add_node(act, node=node)
        self._work.save(environment)
        return environment

    def ask_drift_check(self, act: Act, *, environment_id: UUID) -> Environment:
        environment = self._work.get(Environment, environment_id)
        environment.ask_drift_check(act)
        self._work.save(environment)
        return environment

    def begin_due_drift_checks(self, act: Act) -> None:
        """Ask for a comparison in every environment where something stands and the last one is long ago."""
        due_at = act.at - timedelta(seconds=self._settings.drift_check_s)
        filled = {row["environment_id"]: row["since"] for row in self._work.views.find("placements", limit=ALL)}
        for row in self._work.views.find("environments", {"key": list(filled)}, limit=ALL) if filled else []:
            last = datetime.fromisoformat(row["checked_at"] or filled[row["key"]])
            if last <= due_at:
                environment = self._work.get(Environment, UUID(row["key"]))
                environment.begin_drift_check(act)
                self._work.save(environment)

    def record_inspection(self, act: Act, *, environment_id: UUID, node: str, service_id: UUID, found: str) -> None:
        environment = self._work.get(Environment, environment_id)
        environment.record_inspection(act, node=node, service_id=service_id, found=found)
        self._work.save(environment)

    def what_stands_in(self, environment_id: UUID) -> tuple[tuple[UUID, Placed], ...]:
        """Return each service and what stands of it, node by node, but where a deployment works."""
        environment = self._work.get(Environment, environment_id)
        pairs = ((UUID(key.partition("/")[0]), placed) for key, placed in environment.placed.items())
        return tuple(pair for pair in pairs if pair[0] not in environment.occupied_by)

    def environments_with_something(self) -> tuple[UUID, ...]:
        """Return every environment where something stands."""
        rows = self._work.views.find("placements", limit=ALL)
        return tuple(dict.fromkeys(UUID(row["environment_id"]) for row in rows))
