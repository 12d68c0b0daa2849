"""Use cases about deployments: what people decide, what the clock brings, and what the executor reports."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, refuse_any

from deploy_service.application.base import UseCases
from deploy_service.domain import (
    ENDED,
    HOPELESS,
    Deployment,
    DeploymentRequest,
    DeploymentState,
    Environment,
    Facts,
    Order,
    Placed,
    Result,
    unmet_to_go_on,
)
from deploy_service.views import facts_for_deployment, known_environments

RUNNING = (DeploymentState.RUNNING.value, DeploymentState.VERIFYING.value)


class DeploymentUseCases(UseCases):
    """One deployment is one use of G4."""

    def plan_deployment(self, act: Act, *, deployment_id: UUID, request: DeploymentRequest) -> None:
        """Record the request of a release, once."""
        if self._work.find(Deployment, deployment_id) is not None:
            return
        views = self._work.views
        others = views.find("deployments", {"authorization_id": str(request.grant.authorization_id)}, limit=1)
        self._work.save(
            Deployment.plan(
                act,
                deployment_id=deployment_id,
                request=request,
                environments=known_environments(views),
                grant_used=bool(others),
            )
        )

    def start_deployment(self, act: Act, *, deployment_id: UUID) -> Deployment:
        """Start a planned deployment; refused with every unmet condition, that of the environment included."""
        deployment = self._work.get(Deployment, deployment_id)
        facts = self._facts(deployment)
        unmet = list(deployment.unmet_for_start(act, facts))
        if deployment.state is not DeploymentState.PLANNED:
            refuse_any(unmet)
        environment = self._work.get(Environment, deployment.rung.environment_id)
        service_id = deployment.request.service_id
        refuse_any([*unmet, *environment.unmet_for_occupy(service_id, deployment_id)])
        environment.occupy(act, service_id=service_id, deployment_id=deployment_id)
        before = environment.standing_on(service_id, deployment.rung.nodes)
        deployment.start(act, facts=facts, before=before)
        self._work.save(deployment, environment)
        return deployment

    def pause_deployment(self, act: Act, *, deployment_id: UUID, reason: str) -> Deployment:
        deployment = self._work.get(Deployment, deployment_id)
        deployment.pause(act, reason=reason)
        self._work.save(deployment)
        return deployment

    def resume_deployment(self, act: Act, *, deployment_id: UUID) -> Deployment:
        deployment = self._work.get(Deployment, deployment_id)
        deployment.resume(act, facts=self._facts(deployment))
        self._work.save(deployment)
        return deployment

    def back_out_deployment(self, act: Act, *, deployment_id: UUID, reason: str) -> Deployment:
        deployment = self._work.get(Deployment, deployment_id)
        deployment.back_out(act, reason=reason)
        self._settle(act, deployment)
        return deployment

    def abort_deployment(self, act: Act, *, deployment_id: UUID, reason: str) -> Deployment:
        deployment = self._work.get(Deployment, deployment_id)
        deployment.abort(act, reason=reason)
        self._work.save(deployment)
        return deployment

    # What is heard, and what the clock brings.

    def drop_deployment(self, act: Act, *, deployment_id: UUID, reason: str) -> None:
        """Abort a deployment that is no longer wanted, if it is known and has not started."""
        deployment = self._work.find(Deployment, deployment_id)
        if deployment is not None:
            deployment.drop(act, reason=reason)
            self._work.save(deployment)

    def drop_deployments_of_release(self, act: Act, *, release_id: UUID, reason: str) -> None:
        """Abort what was planned for a release and has not started."""
        where = {"release_id": str(release_id), "state": DeploymentState.PLANNED.value}
        for row in self._work.views.find("deployments", where):
            self.drop_deployment(act, deployment_id=UUID(row["key"]), reason=reason)

    def drop_what_can_no_longer_start(self, act: Act) -> None:
        """Abort planned deployments that no wait can help, and those that have waited too long."""
        limit_s = self._settings.start_limit_s
        for deployment in self._deployments_in(DeploymentState.PLANNED.value):
            unmet = tuple(deployment.unmet_to_use(act, self._facts(deployment)))
            if HOPELESS & {u.code for u in unmet}:
                deployment.drop(act, reason="; ".join(f"{u.code}: {u.detail}" for u in unmet))
            elif act.at >= deployment.planned_at + timedelta(seconds=limit_s):
                deployment.drop(act, reason=f"Nobody started it within {limit_s} s.")
            self._work.save(deployment)

    def stop_what_may_not_go_on(self, act: Act) -> None:
        """Pause or back out running deployments of which something was heard after the use."""
        for deployment in self._deployments_in(*RUNNING):
            facts = self._facts(deployment)
            unmet = tuple(unmet_to_go_on(deployment.request, deployment.rung_due, act.at, facts))
            if unmet:
                deployment.heed(act, unmet=unmet, back_out=self._settings.on_heard_cause == "back_out")
                self._settle(act, deployment)

    def end_windows(self, act: Act) -> None:
        """Pause or back out, as their plans say, what runs, or is paused, beyond its window."""
        for deployment in self._deployments_in(*RUNNING, DeploymentState.PAUSED.value):
            deployment.end_window(act)
            self._settle(act, deployment)

    def begin_next_environments(self, act: Act) -> None:
        """Let every deployment that has stood its soak time go on to its next environment, once nothing forbids it."""
        for deployment in self._deployments_in(DeploymentState.RUNNING.value):
            if not deployment.stands:
                continue
            facts = self._facts(deployment)
            environment = self._work.get(Environment, deployment.rung_due.environment_id)
            service_id = deployment.request.service_id
            unmet = [
                *deployment.unmet_for_next_environment(act, facts),
                *environment.unmet_for_occupy(service_id, deployment.id),
            ]
            if not unmet:
                environment.occupy(act, service_id=service_id, deployment_id=deployment.id)
                before = environment.standing_on(service_id, deployment.rung_due.nodes)
                deployment.begin_next_environment(act, facts=facts, before=before)
                self._work.save(deployment, environment)

    # What the executor asks and reports.

    def take_order(self, act: Act, *, deployment_id: UUID) -> tuple[Order | None, DeploymentRequest, Placed | None]:
        """Return the next order of a deployment, what it is about, and what stood on that node before."""
        deployment = self._work.get(Deployment, deployment_id)
        order = deployment.take_order(act)
        self._settle(act, deployment)
        return order, deployment.request, deployment.before_on(order.node) if order else None

    def record_result(self, act: Act, *, deployment_id: UUID, order: Order, result: Result) -> None:
        """Keep what came of an order, and in the environment what stands there now."""
        deployment = self._work.get(Deployment, deployment_id)
        deployment.record_result(act, order=order, result=result)
        self._settle(act, deployment)

    def unended_deployments(self) -> tuple[UUID, ...]:
        """Return every deployment that has started and not ended."""
        states = [*RUNNING, DeploymentState.BACKING_OUT.value]
        return tuple(UUID(row["key"]) for row in self._work.views.find("deployments", {"state": states}))

    def _settle(self, act: Act, deployment: Deployment) -> None:
        """Save a deployment, and with it what its new events mean for the environments."""
        self._work.save(deployment)
        for happened in deployment.pending_events:
            if isinstance(happened, Deployment.EnvironmentStands):
                self._keep_standing(act, deployment, happened.environment_id, happened.placed)
            elif isinstance(happened, Deployment.BackedOut) and deployment.phase_nodes:
                self._keep_restored(act, deployment, happened)
        if deployment.state in ENDED:
            for environment_id in deployment.environments_begun:
                environment = self._work.get(Environment, environment_id)
                environment.free(act, service_id=deployment.request.service_id, deployment_id=deployment.id)
                self._work.save(environment)

    def _keep_standing(
        self, act: Act, deployment: Deployment, environment_id: UUID, placed: tuple[Placed, ...]
    ) -> None:
        request = deployment.request
        environment = self._work.get(Environment, environment_id)
        if request.retires:
            nodes = next(rung.nodes for rung in request.environments if rung.environment_id == environment_id)
            environment.remove(
                act, service_id=request.service_id, release_id=request.release_id, nodes=nodes, retired=True
            )
        environment.place(act, service_id=request.service_id, placed=placed)
        self._work.save(environment)

    def _keep_restored(self, act: Act, deployment: Deployment, happened: Deployment.BackedOut) -> None:
        request = deployment.request
        environment = self._work.get(Environment, happened.environment_id)
        environment.restore(
            act,
            service_id=request.service_id,
            release_id=request.release_id,
            nodes=deployment.phase_nodes,
            restored=happened.restored,
        )
        self._work.save(environment)

    def _deployments_in(self, *states: str) -> list[Deployment]:
        rows = self._work.views.find("deployments", {"state": states})
        return [self._work.get(Deployment, UUID(row["key"])) for row in rows]

    def _facts(self, deployment: Deployment) -> Facts:
        return facts_for_deployment(self._work.views, deployment)
