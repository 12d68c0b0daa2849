"""What a release knows about itself, and what follows from that; the subjects beside this file decide on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, Unmet, digest_of

from release_service.domain.plan import Plan, required_suites
from release_service.domain.states import (
    CheckInState,
    DebtCode,
    DebtState,
    DeploymentState,
    Gate,
    MediaState,
    Outcome,
    ReleaseKind,
    ReleaseState,
    TestResult,
)
from release_service.domain.tables import BOUND, ENDED, FINAL, NEVER_RAN, WITHOUT_DEPLOYMENT
from release_service.domain.values import (
    Build,
    CarriedChange,
    CheckIn,
    Conflict,
    Debt,
    DeploymentPlan,
    GateRequest,
    Impact,
    Item,
    LineagePerson,
    Rehearsal,
    ReviewDecision,
    ServiceFacts,
    SignOff,
    TestRun,
)

if TYPE_CHECKING:
    Base = Aggregate
else:
    # The library makes events for aggregates only; the subjects are plain classes that Release puts together.
    Base = object


def not_entitled(act: Act, *roles: str) -> Iterator[Forbidden]:
    """Yield when the person who asks holds none of these roles."""
    if not set(roles) & set(act.roles):
        yield Forbidden(
            "not-entitled",
            f"This takes one of the roles {', '.join(roles)}.",
            source="token.roles",
            remedy="ask someone who holds one of these roles",
            person=act.person,
        )


class Facts(Base):
    """The state of a release, as its events left it."""

    service_id: UUID
    service: ServiceFacts
    kind: ReleaseKind
    package_version: str
    reason: str
    emergency: bool
    requested_by: str
    predecessor_id: UUID | None
    evaluation_id: UUID | None
    state: ReleaseState
    on_hold: bool
    changes: dict[UUID, CarriedChange]
    people: dict[LineagePerson, None]
    plan: Plan | None
    impact: Impact | None
    requests: dict[UUID, GateRequest]
    used: dict[Gate, UUID]
    builds: tuple[Build, ...]
    build: Build | None
    test_runs: tuple[TestRun, ...]
    sign_off: SignOff | None
    check_in: CheckIn | None
    checked_in: dict[str, Item]
    media_states: dict[str, MediaState]
    rehearsals: dict[UUID, Rehearsal]
    deployment_plan: DeploymentPlan | None
    conflicts: dict[str, tuple[Conflict, ...]]
    informed: dict[UUID, str]
    deployments: dict[UUID, DeploymentState]
    deployment_id: UUID | None
    review_id: UUID | None
    decision: ReviewDecision | None
    redeploying: bool
    cancelling: bool
    debts: dict[DebtCode, Debt]
    confirmation_id: UUID | None
    successors: dict[UUID, UUID]
    acceptances: dict[UUID, UUID]
    outcome: Outcome | None

    def _happened(self, event_class: type[Any], act: Act, **facts: Any) -> None:
        """Append an event by the class that this aggregate stores under its name."""
        self.trigger_event(getattr(type(self), event_class.__name__), act=act, **facts)

    def _not_entitled(self, act: Act, *roles: str) -> Iterator[Forbidden]:
        return not_entitled(act, *roles)

    def _over(self) -> Iterator[Unmet]:
        if self.state in FINAL:
            yield Unmet("over", f"The release is {self.state}.", source="state", remedy="open a new release")

    def _held(self) -> Iterator[Unmet]:
        if self.on_hold:
            yield Unmet(
                "on-hold",
                "The release is on hold.",
                source="on_hold",
                remedy="take it off hold: POST /release/v1/releases/{id}/resumption",
            )

    # What follows from the facts.

    @property
    def title(self) -> str:
        """What voters read of the release in one line."""
        return f"{self.kind} {self.package_version} of {self.service.name}: {self.reason}"[:2000]

    @property
    def deploys(self) -> bool:
        """True for the kinds that have a deployment."""
        return self.kind not in WITHOUT_DEPLOYMENT

    @property
    def deployment_state(self) -> DeploymentState | None:
        """What was last heard of the deployment that counts now."""
        return self.deployments[self.deployment_id] if self.deployment_id else None

    @property
    def deployment_runs(self) -> bool:
        """True while a deployment of this release has started and has not ended."""
        return self.deployment_state is DeploymentState.RUNNING

    @property
    def before_it_runs(self) -> bool:
        """True in deployment as long as nothing has run."""
        return self.state is ReleaseState.DEPLOYMENT and self.deployment_state in NEVER_RAN

    @property
    def stays_deployed(self) -> bool:
        """True when what this release brought stays: deployed, or definitive for a kind without deployment."""
        if not self.deploys:
            return self.state is ReleaseState.REVIEW
        return self.deployment_state is DeploymentState.DEPLOYED

    @property
    def reviewed(self) -> bool:
        """True when the review of the deployment that counts now has ended."""
        return self.decision is not None and self.decision.deployment_id == self.deployment_id

    @property
    def review_went_back(self) -> bool:
        """True when that review ended with a way back."""
        return self.reviewed and self.decision is not None and self.decision.decision != "close"

    @property
    def was_checked_in(self) -> bool:
        """True when this package may be in the DML: it was asked for and not refused, or was taken before."""
        if self.check_in is not None and self.check_in.state is not CheckInState.REFUSED:
            return True
        return self.build is not None and any(item.key in self.checked_in for item in self.build.candidates)

    @property
    def waits_for_review(self) -> bool:
        """True when a deployment ended and its review has not."""
        return self.deployment_state in ENDED and not self.reviewed

    def open_request(self, gate: Gate) -> GateRequest | None:
        """Return the request that may still open a gate."""
        return next((r for r in self.requests.values() if r.open and gate in r.unused_gates), None)

    def used_request(self, gate: Gate) -> GateRequest | None:
        """Return the request whose grant opened a gate."""
        return self.requests[self.used[gate]] if gate in self.used else None

    def required_suites(self) -> tuple[str, ...]:
        """Return the suites that sign-off waits for: all required ones, or the minimum in an emergency."""
        return required_suites(self.kind, self.plan, minimum_only=self.emergency)

    def suites_not_passed(self, *, minimum_only: bool) -> tuple[str, ...]:
        """Return the required suites whose last run on exactly this build did not pass."""
        suites = required_suites(self.kind, self.plan, minimum_only=minimum_only)
        return tuple(suite for suite in suites if not self._passed(suite))

    def _passed(self, suite: str) -> bool:
        build = self.build
        if build is None:
            return False
        # The last run of the same bytes counts: a later failure takes an earlier pass back.
        last = {run.tested_sha256: run.result for run in self.test_runs if run.suite == suite}
        if last.get(build.package_digest) is TestResult.PASSED:
            return True
        results = [last.get(item.sha256) for item in build.candidates]
        if self.kind is ReleaseKind.MEDIA:
            return all(result is TestResult.PASSED for result in results)
        run_results = [result for result in results if result is not None]
        return bool(run_results) and all(result is TestResult.PASSED for result in run_results)

    def valid_rehearsal(self) -> Rehearsal | None:
        """Return a rehearsal of this package and these steps that succeeded within the allowed duration."""
        if self.plan is None:
            return None
        longest = self.plan.back_out.longest_duration_s
        fitting = [r for r in self.rehearsals.values() if self._rehearses_this(r)]
        return next((r for r in reversed(fitting) if r.succeeded and r.duration_s <= longest), None)

    def _rehearses_this(self, rehearsal: Rehearsal) -> bool:
        if self.plan is None or self.build is None:
            return False
        now = (self.build.package_digest, self.plan.steps_digest)
        return (rehearsal.package_digest, rehearsal.steps_digest) == now

    def items_not_definitive(self) -> tuple[Item, ...]:
        """Return the items of the package that are not, or no longer, definitive in the DML."""
        candidates = self.build.candidates if self.build else ()
        done = self.check_in is not None and self.check_in.state is CheckInState.COMPLETED
        return tuple(i for i in candidates if not done or self.media_states.get(i.key) is not MediaState.DEFINITIVE)

    def owners_not_informed(self) -> tuple[UUID, ...]:
        """Return the other services in the impact set whose owners were not informed."""
        services = self.impact.services if self.impact else ()
        return tuple(s.service_id for s in services if s.service_id not in {*self.informed, self.service_id})

    def superseded_items(self) -> tuple[Item, ...]:
        """Return the items that this release checked in before and that this package replaces."""
        current = {item.key for item in self.build.candidates} if self.build else set()
        return tuple(item for key, item in self.checked_in.items() if key not in current)

    def deployment_plan_digest(self) -> str:
        """Return the digest by which the change schedule answers about the deployment plan."""
        return digest_of(self.deployment_plan)

    def open_debts(self) -> tuple[Debt, ...]:
        """Return the debts that block closing."""
        return tuple(debt for debt in self.debts.values() if debt.state is DebtState.OPEN)

    def lineage(self) -> tuple[LineagePerson, ...]:
        """Return everyone who had a part in this release, in its changes and in their builds."""
        people = dict(self.people)
        for change in self.changes.values():
            for person in (change.requested_by, *change.authors):
                people[LineagePerson(person, "requester" if person == change.requested_by else "author")] = None
        return tuple(person for person in people if person.person_id)

    # The document of named fields that each decision binds.

    def document(self, gates: tuple[Gate, ...], owed: tuple[DebtCode, ...]) -> dict[str, str]:
        """Return the digest of each field that a decision about these gates binds now."""
        fields: dict[str, str] = {}
        if Gate.PLANNING in gates or Gate.BUILD_AND_TEST in gates:
            fields |= self._scope()
        if Gate.BUILD_AND_TEST in gates:
            fields |= self._plan_parts(owed)
        if Gate.CHECK_IN in gates or Gate.DEPLOYMENT in gates:
            fields |= {f"package.{item.key}": item.sha256 for item in (self.build.candidates if self.build else ())}
        if Gate.CHECK_IN in gates:
            fields |= self._build_parts()
        if Gate.DEPLOYMENT in gates:
            fields |= self._deployment_parts(owed)
        return fields

    def binds_the_present(self, request: GateRequest, gate: Gate) -> bool:
        """True when what a request bound for a gate is what the release holds now."""
        return not self.changed_fields(request, (gate,))

    def changed_fields(self, request: GateRequest, gates: tuple[Gate, ...]) -> tuple[str, ...]:
        """Return the names of the bound fields that differ now."""
        prefixes = tuple(prefix for gate in gates for prefix in BOUND[gate])
        bound = {name: digest for name, digest in request.document.items() if name.startswith(prefixes)}
        now = self.document(gates, request.owed)
        return tuple(sorted(name for name in {*bound, *now} if bound.get(name) != now.get(name)))

    def _scope(self) -> dict[str, str]:
        changes = {f"scope.change.{c.change_id}": c.content_digest for c in self.changes.values()}
        return {"scope.service": str(self.service_id), "scope.kind": self.kind.value, **changes}

    def _plan_parts(self, owed: tuple[DebtCode, ...]) -> dict[str, str]:
        acknowledged = "owed"
        if DebtCode.IMPACT_ACKNOWLEDGEMENT not in owed:
            acknowledged = self.impact.impact_digest if self.impact else ""
        return {**(self.plan.parts() if self.plan else {}), "plan.impact": acknowledged}

    def _build_parts(self) -> dict[str, str]:
        build = self.build
        runs = [run for run in self.test_runs if build and run.build_id == build.build_id]
        return {
            "build.inputs": digest_of(build.inputs if build else ()),
            "build.evidence": digest_of(runs),
            "build.sign_off": digest_of(self.sign_off),
        }

    def _deployment_parts(self, owed: tuple[DebtCode, ...]) -> dict[str, str]:
        rehearsal = "owed" if DebtCode.REHEARSAL in owed else digest_of(self.valid_rehearsal())
        return {
            "deployment.plan": self.deployment_plan_digest(),
            "deployment.steps": self.plan.steps_digest if self.plan else "",
            "deployment.rehearsal": rehearsal,
        }
