"""Rehearsals, the deployment plan, and what is heard of the deployment itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, digest_of, refuse_any

from release_service.domain.building import Building
from release_service.domain.facts import Facts
from release_service.domain.states import DebtCode, DeploymentState, Gate, ReleaseState
from release_service.domain.tables import ENDED, FINAL
from release_service.domain.values import Conflict, DeploymentPlan, Rehearsal

PLAN_AGAIN = "write it again: PUT /release/v1/releases/{id}/deployment-plan"


class RehearsalRequested(Aggregate.Event):
    """A rehearsal of this package and these back-out steps in a sandbox was asked for, under G2."""

    rehearsal: Rehearsal

    def apply(self, aggregate: Facts) -> None:
        """Wait for its result."""
        aggregate.rehearsals[self.rehearsal.rehearsal_id] = self.rehearsal


class RehearsalNoted(Aggregate.Event):
    """A rehearsal finished or was refused, with what was measured."""

    rehearsal: Rehearsal

    def apply(self, aggregate: Facts) -> None:
        """Keep the result."""
        aggregate.rehearsals[self.rehearsal.rehearsal_id] = self.rehearsal


class DeploymentPlanned(Aggregate.Event):
    """A deployment plan was written: environments in order, each with its window and waves."""

    plan: DeploymentPlan
    plan_digest: str

    def apply(self, aggregate: Facts) -> None:
        """Keep the plan."""
        aggregate.deployment_plan = self.plan


class ConflictsNoted(Aggregate.Event):
    """Change management compared a deployment plan with the change schedule, and found these conflicts, or none."""

    plan_digest: str
    conflicts: tuple[Conflict, ...]

    def apply(self, aggregate: Facts) -> None:
        """Keep its answer by the plan that it is about."""
        aggregate.conflicts[self.plan_digest] = self.conflicts


class OwnersInformed(Aggregate.Event):
    """The owners of these dependent services were informed of the deployment."""

    service_ids: tuple[UUID, ...]

    def apply(self, aggregate: Facts) -> None:
        """Keep who informed them."""
        aggregate.informed |= dict.fromkeys(self.service_ids, self.act.person)


class DeploymentNoted(Aggregate.Event):
    """Something was heard of a deployment; `crossing` says that it ran although it was withdrawn before."""

    deployment_id: UUID
    heard: DeploymentState
    detail: str
    crossing: bool = False

    def apply(self, aggregate: Facts) -> None:
        """Keep it; a deployment that runs is the one that counts."""
        aggregate.deployments[self.deployment_id] = self.heard
        aggregate.deployment_id = self.deployment_id


class Deploying(Building):
    """Rehearsing, planning the deployment, informing owners, and hearing of the deployment."""

    def request_rehearsal(self, act: Act, *, rehearsal_id: UUID, environment_id: UUID) -> None:
        """Ask for a rehearsal of the present package and steps in a sandbox."""
        refuse_any(self.unmet_for_request_rehearsal(act))
        if self.build and self.plan:
            rehearsal = Rehearsal(rehearsal_id, environment_id, self.build.package_digest, self.plan.steps_digest)
            self._happened(RehearsalRequested, act, rehearsal=rehearsal)

    def unmet_for_request_rehearsal(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of a rehearsal."""
        yield from self._not_entitled(act, "release_manager", "builder", "tester", "deployer")
        yield from self._held()
        if not self.deploys:
            yield Unmet(
                "nothing-to-rehearse", f"A release of kind {self.kind} deploys nothing.", "kind", "leave it out"
            )
        if not self._may_rehearse():
            yield Unmet(
                "not-the-time-to-rehearse",
                f"A rehearsal runs in build and test, in check-in, or before a deployment runs, not in {self.state}.",
                source="state",
                remedy="go back first: POST /release/v1/releases/{id}/ways-back",
            )
        if self.build is None:
            yield Unmet("nothing-built", "There is no build.", "build", "POST /release/v1/releases/{id}/builds")
        used = self.used_request(Gate.BUILD_AND_TEST)
        if used is not None and used.crossing == "revoked":
            yield Unmet(
                "rehearsal-grant-revoked",
                "The grant of G2, under which a rehearsal runs, has been revoked.",
                source=f"requests.{used.request_id}",
                remedy="replan: POST /release/v1/releases/{id}/ways-back",
            )

    def _may_rehearse(self) -> bool:
        if self.state in {ReleaseState.BUILD_AND_TEST, ReleaseState.CHECK_IN} or self.before_it_runs:
            return True
        # A rehearsal runs under G2, which a way back may have voided.
        return self._owes(DebtCode.REHEARSAL) and Gate.BUILD_AND_TEST in self.used

    def note_rehearsal(
        self, act: Act, *, rehearsal_id: UUID, succeeded: bool, duration_s: float, notes: tuple[str, ...]
    ) -> None:
        """Keep the result of a rehearsal; one that a way back made void changes nothing."""
        asked = self.rehearsals.get(rehearsal_id)
        if asked is None or asked.finished or self.state in FINAL:
            return
        result = replace(asked, finished=True, succeeded=succeeded, duration_s=duration_s, notes=notes)
        self._happened(RehearsalNoted, act, rehearsal=result)
        self._withdraw_stale(act)
        if self.valid_rehearsal() is not None:
            self._settle(act, DebtCode.REHEARSAL, f"rehearsed in {duration_s:.1f} s")
        else:
            self._fail(act, DebtCode.REHEARSAL, f"the rehearsal took {duration_s:.1f} s, or failed: {'; '.join(notes)}")

    def plan_deployment(self, act: Act, *, plan: DeploymentPlan) -> None:
        """Write the deployment plan; what bound another one is withdrawn or void."""
        refuse_any(self.unmet_for_plan_deployment(act, plan))
        self._happened(DeploymentPlanned, act, plan=plan, plan_digest=digest_of(plan))
        self._withdraw_stale(act)

    def unmet_for_plan_deployment(self, act: Act, plan: DeploymentPlan | None) -> Iterator[Unmet]:
        """Yield what stands in the way of writing this deployment plan."""
        yield from self._not_entitled(act, "release_manager")
        if not self.deploys:
            yield Unmet("nothing-to-deploy", f"A release of kind {self.kind} deploys nothing.", "kind", "leave it out")
        here = {ReleaseState.BUILD_AND_TEST, ReleaseState.CHECK_IN}
        if self.state not in here and not (self.state is ReleaseState.REVIEW and self.redeploying):
            yield Unmet(
                "not-the-time-to-plan-deployment",
                f"A deployment is planned in build and test or in check-in, not in {self.state}.",
                source="state",
                remedy="go on to build and test, or redeploy: POST /release/v1/releases/{id}/ways-back",
            )
        if plan is not None:
            yield from _plan_gaps(act, plan)

    def note_conflicts(self, act: Act, *, plan_digest: str, conflicts: tuple[Conflict, ...]) -> None:
        """Keep what change management found about a deployment plan."""
        if self.state not in FINAL and self.conflicts.get(plan_digest) != conflicts:
            self._happened(ConflictsNoted, act, plan_digest=plan_digest, conflicts=conflicts)

    def inform_owners(self, act: Act, *, service_ids: tuple[UUID, ...]) -> None:
        """Record that the owners of these services were informed."""
        refuse_any(self.unmet_for_inform_owners(act, service_ids))
        self._happened(OwnersInformed, act, service_ids=service_ids)
        self._settle_owners(act)

    def unmet_for_inform_owners(self, act: Act, service_ids: tuple[UUID, ...]) -> Iterator[Unmet]:
        """Yield what stands in the way of recording that owners were informed."""
        yield from self._not_entitled(act, "release_manager")
        yield from self._over()
        impacted = {s.service_id for s in self.impact.services} if self.impact else set()
        for service_id in service_ids:
            if service_id not in impacted:
                yield Unmet(
                    "not-impacted",
                    f"The service {service_id} is not in the impact set.",
                    source="impact.services",
                    remedy="name services of the impact set",
                )

    def note_deployment(self, act: Act, *, deployment_id: UUID, heard: DeploymentState, detail: str) -> None:
        """Keep what was heard of a deployment; after its end, whatever it was, comes the review."""
        before = self.deployments.get(deployment_id)
        if before is None or before in ENDED or before is heard or self.state in FINAL:
            return
        ran = heard is DeploymentState.RUNNING or heard in ENDED
        crossing = before in {DeploymentState.WITHDRAWN, DeploymentState.ABORTED, DeploymentState.REFUSED}
        if crossing and not ran:
            return
        self._happened(
            DeploymentNoted, act, deployment_id=deployment_id, heard=heard, detail=detail[:2000], crossing=crossing
        )
        if heard in ENDED:
            self._enter_review(act)
        elif not ran and self.cancelling:
            self._end_cancelled(act, detail)

    def _end_cancelled(self, act: Act, reason: str) -> None:
        """End as cancelled; the subject ways back says how."""
        raise NotImplementedError


def _plan_gaps(act: Act, plan: DeploymentPlan) -> Iterator[Unmet]:
    if not plan.environments:
        yield Unmet("no-environments", "The plan names no environment.", "environments", PLAN_AGAIN)
    if len({p.environment_id for p in plan.environments}) < len(plan.environments):
        yield Unmet("environment-twice", "An environment is named twice.", "environments", PLAN_AGAIN)
    for place, planned in enumerate(plan.environments):
        if planned.window_end <= max(act.at, planned.window_start):
            yield Unmet(
                "no-such-window",
                f"The window of environment {planned.environment_id} ends before it starts, or has passed.",
                source=f"environments.{place}.window_end",
                remedy=PLAN_AGAIN,
            )
        if not planned.waves or not all(planned.waves):
            yield Unmet(
                "empty-wave",
                f"Environment {planned.environment_id} has no waves, or one without nodes.",
                source=f"environments.{place}.waves",
                remedy=PLAN_AGAIN,
            )
