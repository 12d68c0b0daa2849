"""The plan of a release: its parts, and what a complete one must say for each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fourgates.chassis.aggregate import Unmet, digest_of

from release_service.domain.states import ReleaseKind, Risk
from release_service.domain.tables import KIND_SUITES, WITHOUT_DEPLOYMENT
from release_service.domain.values import Step

REMEDY = "complete the plan: PUT /release/v1/releases/{id}/plan"


@dataclass(frozen=True)
class Schedule:
    """When the work is planned; windows belong to the deployment plan."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class PlannedRisk:
    """A named risk, and what is done when it comes true."""

    name: str
    rating: Risk
    contingency_action: str


@dataclass(frozen=True)
class BackOutPlan:
    """How a deployment is taken back: executable steps, who decides, on what trigger, and how long it may take.

    `point_of_no_return` is the deployment step, counted from one, after which only the forward steps help.
    """

    steps: tuple[Step, ...] = ()
    owner: str = ""
    trigger: str = ""
    longest_duration_s: int = 0
    point_of_no_return: int | None = None
    forward_steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Suite:
    """A test suite; `minimum` ones are run even in an emergency."""

    name: str
    required: bool = True
    minimum: bool = False


@dataclass(frozen=True)
class TestPlan:
    """The suites and the criteria by which the build is accepted."""

    __test__ = False

    suites: tuple[Suite, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The plan of a release, as it is written; whether it is complete is asked at the gate."""

    schedule: Schedule | None
    risks: tuple[PlannedRisk, ...]
    deployment_steps: tuple[Step, ...]
    back_out: BackOutPlan
    tests: TestPlan
    strategy: str = ""

    @property
    def steps_digest(self) -> str:
        """The digest of everything that a deployment and its back-out would carry out."""
        back_out = self.back_out
        return digest_of([self.deployment_steps, back_out.steps, back_out.forward_steps, back_out.point_of_no_return])

    def parts(self) -> dict[str, str]:
        """Return the digest of each part that a decision binds."""
        return {
            "plan.schedule": digest_of(self.schedule),
            "plan.risks": digest_of(self.risks),
            "plan.deployment_steps": digest_of(self.deployment_steps),
            "plan.back_out": digest_of(self.back_out),
            "plan.tests": digest_of(self.tests),
            "plan.strategy": digest_of(self.strategy),
        }


def required_suites(kind: ReleaseKind, plan: Plan | None, *, minimum_only: bool) -> tuple[str, ...]:
    """Return the suites that must have passed: those of the kind, then those that the plan requires."""
    suites = plan.tests.suites if plan else ()
    planned = [s.name for s in suites if s.required and (s.minimum or not minimum_only)]
    return tuple(dict.fromkeys((*KIND_SUITES.get(kind, ()), *planned)))


def plan_gaps(kind: ReleaseKind, plan: Plan | None, *, emergency: bool) -> Iterator[Unmet]:
    """Yield everything that keeps a plan from being complete; in an emergency a minimal plan is enough."""
    if plan is None:
        yield Unmet("no-plan", "There is no plan yet.", source="plan", remedy=REMEDY)
        return
    yield from _risk_gaps(plan)
    yield from _test_gaps(kind, plan, emergency=emergency)
    if not emergency:
        yield from _full_plan_gaps(kind, plan)
    if kind not in WITHOUT_DEPLOYMENT:
        yield from _back_out_gaps(plan)
        yield from _way_forward_gaps(plan)


def _risk_gaps(plan: Plan) -> Iterator[Unmet]:
    for risk in plan.risks:
        if not risk.contingency_action.strip():
            yield Unmet(
                "no-contingency-action", f"The risk {risk.name!r} has no contingency action.", "plan.risks", REMEDY
            )


def _test_gaps(kind: ReleaseKind, plan: Plan, *, emergency: bool) -> Iterator[Unmet]:
    if kind is not ReleaseKind.RETIREMENT and not required_suites(kind, plan, minimum_only=emergency):
        which = "minimum" if emergency else "required"
        yield Unmet("no-required-suite", f"The test plan names no {which} suite.", "plan.tests.suites", REMEDY)


def _full_plan_gaps(kind: ReleaseKind, plan: Plan) -> Iterator[Unmet]:
    if plan.schedule is None or plan.schedule.ends_at <= plan.schedule.starts_at:
        yield Unmet("no-schedule", "The plan has no schedule that ends after it starts.", "plan.schedule", REMEDY)
    if not plan.risks:
        yield Unmet("no-risks", "The plan names no risk, so none was assessed.", "plan.risks", REMEDY)
    if not plan.tests.acceptance_criteria:
        yield Unmet("no-acceptance-criteria", "The test plan has no criterion.", "plan.tests", REMEDY)
    if kind not in WITHOUT_DEPLOYMENT and not plan.strategy.strip():
        yield Unmet("no-strategy", "The plan has no deployment strategy.", "plan.strategy", REMEDY)


def _back_out_gaps(plan: Plan) -> Iterator[Unmet]:
    back_out = plan.back_out
    if not plan.deployment_steps:
        yield Unmet("no-deployment-steps", "The plan has no deployment steps.", "plan.deployment_steps", REMEDY)
    if not back_out.steps:
        yield Unmet("no-back-out-steps", "The plan has no executable back-out steps.", "plan.back_out.steps", REMEDY)
    if not back_out.owner.strip():
        yield Unmet("no-back-out-owner", "Nobody owns the back-out.", "plan.back_out.owner", REMEDY)
    if not back_out.trigger.strip():
        yield Unmet("no-back-out-trigger", "Nothing triggers the back-out.", "plan.back_out.trigger", REMEDY)
    if back_out.longest_duration_s <= 0:
        yield Unmet(
            "no-longest-duration",
            "The longest allowed duration of the back-out is not given.",
            "plan.back_out.longest_duration_s",
            REMEDY,
        )


def _way_forward_gaps(plan: Plan) -> Iterator[Unmet]:
    point = plan.back_out.point_of_no_return
    if point is None:
        return
    if not 1 <= point <= len(plan.deployment_steps):
        yield Unmet(
            "no-such-step",
            f"The point of no return is after step {point}, which is not a step of the deployment.",
            "plan.back_out.point_of_no_return",
            REMEDY,
        )
    if not plan.back_out.forward_steps:
        yield Unmet(
            "no-forward-steps",
            "Past the point of no return a failure goes forward, but there are no forward steps.",
            "plan.back_out.forward_steps",
            REMEDY,
        )
