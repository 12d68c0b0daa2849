"""When each command of a deployment is possible, and if not, every reason why."""

from __future__ import annotations

from collections.abc import Iterator

from fourgates.chassis.aggregate import Act, Forbidden, NextCommand, Unmet

from deploy_service.domain.conditions import unmet_ladder, unmet_role, unmet_to_begin, unmet_to_go_on, unmet_window
from deploy_service.domain.deployment_fields import DeploymentFields
from deploy_service.domain.facts import Facts
from deploy_service.domain.parts import ENDED, DeploymentState

DEPLOYERS = ("deployer",)
STOPPERS = ("deployer", "release_manager", "change_manager")
WORKING = (DeploymentState.RUNNING, DeploymentState.VERIFYING, DeploymentState.BACKING_OUT)
INTERRUPTIBLE = (DeploymentState.RUNNING, DeploymentState.VERIFYING)
STARTED = (*INTERRUPTIBLE, DeploymentState.PAUSED)


class DeploymentConditions(DeploymentFields):
    """The conditions of every command of a deployment."""

    def unmet_for_start(self, act: Act, facts: Facts) -> Iterator[Unmet]:
        yield from unmet_role(act, DEPLOYERS)
        if act.person in self.request.built_by and not self.request.emergency:
            yield Forbidden(
                "builder-deploys",
                "Who built a package does not deploy it, but in an emergency.",
                source="built_by",
                remedy="ask another deployer",
                person=act.person,
            )
        if self.state is not DeploymentState.PLANNED:
            yield Unmet(
                "not-planned",
                f"A deployment starts once, when it is planned; this one is {self.state}.",
                source="state",
                remedy="look at the deployment",
            )
            return
        yield from self.unmet_to_use(act, facts)

    def unmet_to_use(self, act: Act, facts: Facts) -> Iterator[Unmet]:
        """Say what forbids this use of the grant now, whoever asks."""
        yield from unmet_window(self.rung, act.at)
        yield from unmet_to_begin(self.request, act, facts)
        yield from unmet_ladder(act, facts)
        yield from unmet_to_go_on(self.request, self.rung, act.at, facts)

    def unmet_for_next_environment(self, act: Act, facts: Facts) -> Iterator[Unmet]:
        if self.state is not DeploymentState.RUNNING or not self.stands:
            yield Unmet(
                "environment-not-standing",
                "The deployment does not stand in the environment before.",
                source="state",
                remedy="wait for its verification",
            )
            return
        if act.at < self.soak_until_at:
            yield Unmet(
                "soak",
                f"The environment before must stand until {self.soak_until_at.isoformat()}.",
                source="soak_s",
                remedy="wait until then",
            )
        yield from unmet_window(self.rung_due, act.at)
        yield from unmet_ladder(act, facts)
        yield from unmet_to_go_on(self.request, self.rung_due, act.at, facts)

    def unmet_for_pause(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_role(act, STOPPERS)
        if self.state not in INTERRUPTIBLE:
            yield Unmet("not-running", f"The deployment is {self.state}.", source="state", remedy="nothing to pause")

    def unmet_for_resume(self, act: Act, facts: Facts) -> Iterator[Unmet]:
        yield from unmet_role(act, DEPLOYERS)
        if self.state is not DeploymentState.PAUSED:
            yield Unmet("not-paused", f"The deployment is {self.state}.", source="state", remedy="nothing to resume")
            return
        if act.at >= self.rung_due.window_end:
            yield Unmet(
                "outside-window",
                f"The window ended at {self.rung_due.window_end.isoformat()}.",
                source="window",
                remedy="back it out: POST /deploy/v1/deployments/{id}/back-out",
            )
        yield from unmet_to_go_on(self.request, self.rung_due, act.at, facts)

    def unmet_for_back_out(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_role(act, DEPLOYERS)
        if self.state not in STARTED:
            yield Unmet(
                "nothing-to-back-out", f"The deployment is {self.state}.", source="state", remedy="nothing to back out"
            )

    def unmet_for_abort(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_role(act, STOPPERS)
        if self.state is not DeploymentState.PLANNED:
            yield Unmet(
                "has-started", f"The deployment is {self.state}.", source="state", remedy="back it out, if it runs"
            )

    def next(self, act: Act, facts: Facts) -> tuple[NextCommand, ...]:
        """Say what can be done with this deployment next, by whom, and why not."""
        if self.state in ENDED:
            return ()
        return (
            NextCommand("start", DEPLOYERS, tuple(self.unmet_for_start(act, facts))),
            NextCommand("pause", STOPPERS, tuple(self.unmet_for_pause(act))),
            NextCommand("resume", DEPLOYERS, tuple(self.unmet_for_resume(act, facts))),
            NextCommand("back_out", DEPLOYERS, tuple(self.unmet_for_back_out(act))),
            NextCommand("abort", STOPPERS, tuple(self.unmet_for_abort(act))),
        )
