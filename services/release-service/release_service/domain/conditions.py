"""What must be true before a gate may be requested, and is asked again when its phase is entered."""

from __future__ import annotations

from collections.abc import Iterator

from fourgates.chassis.aggregate import Act, Unmet

from release_service.domain.facts import Facts
from release_service.domain.plan import plan_gaps
from release_service.domain.states import ChangeState, DebtCode, Gate, ReleaseKind
from release_service.domain.values import ServiceFacts

STOPPED = frozenset({ChangeState.REJECTED, ChangeState.CANCELLED, ChangeState.CLOSED})


def service_retired(service: ServiceFacts) -> Iterator[Unmet]:
    """Yield when a service is retired: nothing is released for it any more."""
    if service.lifecycle == "retired":
        yield Unmet(
            "service-retired", f"{service.name} is retired.", "service.lifecycle", "release for another service"
        )


class Conditions(Facts):
    """The column "may be requested only when" of the table of the gates."""

    def unmet_for_gates(self, act: Act, gates: tuple[Gate, ...], *, entering: bool) -> Iterator[Unmet]:
        """Yield every unmet condition of these gates."""
        yield from service_retired(self.service)
        yield from self._changes_held()
        if gates[-1] is Gate.PLANNING:
            yield from self._scope_gaps()
        else:
            yield from self._changes_not_authorized()
        if Gate.BUILD_AND_TEST in gates:
            yield from plan_gaps(self.kind, self.plan, emergency=self.emergency)
            yield from self._impact_gaps()
        if Gate.CHECK_IN in gates:
            yield from self._build_gaps()
        if Gate.DEPLOYMENT in gates:
            yield from self._deployment_gaps(act)
            # Of a joined request the items are checked when its second grant is used.
            if entering or Gate.CHECK_IN not in gates:
                yield from self._not_in_the_library()

    def _changes_held(self) -> Iterator[Unmet]:
        for change in self.changes.values():
            if change.on_hold:
                yield Unmet(
                    "change-on-hold",
                    f"The change {change.title!r} is on hold.",
                    source=f"changes.{change.change_id}",
                    remedy="take the change off hold, or rescope",
                )

    def _scope_gaps(self) -> Iterator[Unmet]:
        if not self.changes:
            yield Unmet(
                "no-changes",
                "The release carries no change.",
                source="changes",
                remedy="name its changes: PUT /release/v1/releases/{id}/changes",
            )
        for change in self.changes.values():
            if change.state is ChangeState.UNHEARD:
                yield Unmet(
                    "change-not-heard",
                    f"Nothing was heard yet of the change {change.change_id}.",
                    source=f"changes.{change.change_id}",
                    remedy="submit the change, or try again when it has arrived",
                )
            if change.state in STOPPED:
                yield Unmet(
                    "change-stopped",
                    f"The change {change.title!r} is {change.state}.",
                    source=f"changes.{change.change_id}",
                    remedy="carry other changes: PUT /release/v1/releases/{id}/changes",
                )

    def _changes_not_authorized(self) -> Iterator[Unmet]:
        for change in self.changes.values():
            if change.state is not ChangeState.AUTHORIZED:
                yield Unmet(
                    "change-not-authorized",
                    f"The change {change.title or change.change_id} is {change.state}, not authorized.",
                    source=f"changes.{change.change_id}",
                    remedy="have the change authorized, or rescope without it, or cancel",
                )

    def _impact_gaps(self) -> Iterator[Unmet]:
        if not self.emergency and (self.impact is None or self.impact.acknowledged_by is None):
            yield Unmet(
                "impact-not-acknowledged",
                "The impact set was not acknowledged.",
                source="impact",
                remedy="POST /release/v1/releases/{id}/impact-requests, then …/impact-acknowledgements",
            )

    def _build_gaps(self) -> Iterator[Unmet]:
        yield from self.unmet_evidence()
        if self.sign_off is None:
            yield Unmet(
                "not-signed-off",
                "The change manager has not signed off this build.",
                source="sign_off",
                remedy="POST /release/v1/releases/{id}/sign-offs",
            )

    def unmet_evidence(self) -> Iterator[Unmet]:
        """Yield what keeps the present build from being perfect: no build, and each suite that has not passed."""
        if self.build is None:
            yield Unmet("no-build", "There is no build.", "build", "POST /release/v1/releases/{id}/builds")
            return
        for suite in self.suites_not_passed(minimum_only=self.emergency):
            yield Unmet(
                "suite-not-passed",
                f"The suite {suite!r} has not passed on build {self.build.attempt}.",
                source=f"test_runs.{suite}",
                remedy="run it on this build: POST /release/v1/releases/{id}/test-runs, or rebuild",
            )
        if self.kind is ReleaseKind.RETIREMENT and not self.emergency and self.valid_rehearsal() is None:
            yield Unmet(
                "procedure-not-rehearsed",
                "The decommissioning procedure was not rehearsed.",
                source="rehearsals",
                remedy="POST /release/v1/releases/{id}/rehearsals",
            )

    def _deployment_gaps(self, act: Act) -> Iterator[Unmet]:
        if not self.emergency and self.valid_rehearsal() is None:
            yield Unmet(
                "not-rehearsed",
                "No rehearsal of this package and these steps succeeded within the allowed duration.",
                source="rehearsals",
                remedy="POST /release/v1/releases/{id}/rehearsals",
            )
        if self.deployment_plan is None:
            yield Unmet(
                "no-deployment-plan",
                "There is no deployment plan.",
                source="deployment_plan",
                remedy="PUT /release/v1/releases/{id}/deployment-plan",
            )
        else:
            yield from self._schedule_gaps(act)
        if not self.emergency:
            yield from self._owner_gaps()
        yield from self._dependant_gaps()

    def _schedule_gaps(self, act: Act) -> Iterator[Unmet]:
        for planned in self.deployment_plan.environments if self.deployment_plan else ():
            if planned.window_end <= act.at:
                yield Unmet(
                    "window-passed",
                    f"The window of environment {planned.environment_id} has passed.",
                    source="deployment_plan.environments",
                    remedy="write a new deployment plan: PUT /release/v1/releases/{id}/deployment-plan",
                )
        conflicts = self.conflicts.get(self.deployment_plan_digest())
        if conflicts is None:
            yield Unmet(
                "schedule-not-checked",
                "Change management has not compared this deployment plan with the change schedule yet.",
                source="conflicts",
                remedy="wait for its answer",
            )
        for conflict in conflicts or ():
            if conflict.waived_by is None:
                yield Unmet(
                    "schedule-conflict",
                    conflict.detail,
                    source=f"conflicts.{conflict.conflict_id}",
                    remedy="choose another window, or have the conflict waived in change management",
                )

    def _owner_gaps(self) -> Iterator[Unmet]:
        for service_id in self.owners_not_informed():
            yield Unmet(
                "owner-not-informed",
                f"The owner of the service {service_id} was not informed.",
                source=f"impact.services.{service_id}",
                remedy="POST /release/v1/releases/{id}/owner-notices",
            )

    def _dependant_gaps(self) -> Iterator[Unmet]:
        for service_id in self.service.live_dependants if self.kind is ReleaseKind.RETIREMENT else ():
            yield Unmet(
                "live-dependants",
                f"The live service {service_id} depends on {self.service.name}.",
                source=f"service.live_dependants.{service_id}",
                remedy="move the dependant to another service first",
            )

    def _not_in_the_library(self) -> Iterator[Unmet]:
        for item in self.items_not_definitive():
            yield Unmet(
                "not-in-the-dml",
                f"{item.key} is not definitive in the DML.",
                source=f"package.{item.key}",
                remedy="wait for the check-in, or have its quarantine decided",
            )

    def owed(self, gates: tuple[Gate, ...]) -> tuple[DebtCode, ...]:
        """Return what an emergency leaves for later when it passes these gates now."""
        if not self.emergency:
            return ()
        codes = []
        if Gate.BUILD_AND_TEST in gates and (self.impact is None or self.impact.acknowledged_by is None):
            codes.append(DebtCode.IMPACT_ACKNOWLEDGEMENT)
        if Gate.CHECK_IN in gates and self.suites_not_passed(minimum_only=False):
            codes.append(DebtCode.TEST_SUITES)
        if Gate.DEPLOYMENT in gates:
            if self.valid_rehearsal() is None:
                codes.append(DebtCode.REHEARSAL)
            if self.impact is None or self.owners_not_informed():
                codes.append(DebtCode.OWNERS_INFORMED)
        if gates[-1] is (Gate.DEPLOYMENT if self.deploys else Gate.CHECK_IN):
            codes.append(DebtCode.CAB_CONFIRMATION)
        return tuple(codes)
