"""What a deployment is made of, and what follows from it: where it is, and which orders are to be carried out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from deploy_service.domain.facts import Facts
from deploy_service.domain.parts import (
    ENDED,
    DeploymentRequest,
    DeploymentState,
    Endpoint,
    Order,
    Phase,
    Placed,
    Rung,
    Step,
)


class DeploymentFields:
    """The state of a deployment, assigned by its events only."""

    request: DeploymentRequest
    state: DeploymentState
    reason: str
    reasons: tuple[str, ...]
    started_at: datetime | None
    started_by: str | None
    in_flight: Order | None
    begun: bool
    position: int
    stands: bool
    planned_at: datetime
    soak_s: int
    soak_until_at: datetime
    past_return: bool
    went_forward: bool
    touched: tuple[str, ...]
    done: int
    before: tuple[Placed, ...]
    standing: tuple[tuple[UUID, tuple[Placed, ...]], ...]
    phase: Phase
    phase_nodes: tuple[str, ...]
    finished_nodes: tuple[str, ...]
    urls: dict[str, str]
    manifests: dict[str, str]

    @property
    def rung(self) -> Rung:
        """The environment where the deployment is."""
        return self.request.environments[self.position]

    @property
    def rung_due(self) -> Rung:
        """The environment that comes next, once the deployment stands where it is."""
        last = len(self.request.environments) - 1
        return self.request.environments[min(self.position + 1, last)] if self.stands else self.rung

    @property
    def environments_begun(self) -> tuple[UUID, ...]:
        """Every environment that the deployment has entered."""
        if not self.begun:
            return ()
        return tuple(rung.environment_id for rung in self.request.environments[: self.position + 1])

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where the deployment answers."""
        return tuple(
            Endpoint(environment_id, placed.node, placed.url)
            for environment_id, standing in self.standing
            for placed in standing
            if placed.url is not None
        )

    def before_on(self, node: str) -> Placed | None:
        """Return what stood on a node before this deployment."""
        return next((placed for placed in self.before if placed.node == node), None)

    def script(self) -> tuple[Order, ...]:
        """Return every order of the present phase."""
        if not self.begun or self.state in ENDED:
            return ()
        nodes = self.rung.nodes
        if self.phase is Phase.DEPLOY:
            remaining = tuple(node for node in nodes if node not in self.finished_nodes)
            return self._orders(remaining, self.request.deployment_steps)
        if self.phase is Phase.VERIFY:
            return self._orders(nodes, ())
        steps = self.request.forward_steps if self.phase is Phase.FORWARD else self.request.back_out_steps
        return self._orders(self.phase_nodes, steps)

    def _orders(self, nodes: tuple[str, ...], steps: tuple[Step, ...]) -> tuple[Order, ...]:
        place = self.rung.environment_id
        orders: list[Order] = []
        for node in nodes:
            orders.extend(Order(self.phase, place, node, index, step) for index, step in enumerate(steps))
            if self.phase in {Phase.VERIFY, Phase.BACK_OUT}:
                orders.append(Order(self.phase, place, node, len(steps), None))
        return tuple(orders)

    def _placed(self) -> tuple[Placed, ...]:
        if self.request.retires:
            return ()
        package = self.request.package
        return tuple(
            Placed(node, package, self.urls.get(node), self.manifests.get(node, "")) for node in self.rung.nodes
        )

    def _restored(self) -> tuple[Placed, ...]:
        if not any(step.action == "restore" for step in self.request.back_out_steps):
            return ()
        return tuple(
            Placed(node, placed.package, self.urls.get(node), self.manifests.get(node, placed.manifest_digest))
            for node in self.phase_nodes
            if (placed := self.before_on(node)) is not None
        )

    def _soak_s(self, rung: Rung, facts: Facts) -> int:
        """Return how long an environment must stand; an emergency stands only as long as its plan says."""
        known = [e.soak_s for e in facts.environments if e.environment_id == rung.environment_id]
        return max([rung.soak_s, *([] if self.request.emergency else known)])

    def _can_go_forward(self) -> bool:
        return bool(self.request.forward_steps) and not self.went_forward

    # Assigned by events only.

    def _enter(self, position: int, soak_s: int, before: tuple[Placed, ...]) -> None:
        self.position = position
        self.soak_s = soak_s
        self.before = before
        self.soak_until_at = self.planned_at
        self.stands = False
        self.past_return = False
        self.went_forward = False
        self.touched = ()
        self.finished_nodes = ()
        self.urls = {}
        self.manifests = {}
        self._turn_to(Phase.DEPLOY, ())

    def _turn_to(self, phase: Phase, nodes: tuple[str, ...]) -> None:
        self.phase = phase
        self.phase_nodes = nodes
        self.done = 0
