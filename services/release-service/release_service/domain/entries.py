"""Entering a phase: the grant is used, and the event of the entry carries the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, digest_of, refuse_any

from release_service.domain.emergency import Emergency
from release_service.domain.facts import Facts
from release_service.domain.states import CheckInState, DeploymentState, Gate, ReleaseState, RequestState
from release_service.domain.tables import GATE_OF, OPENS_FROM, PHASE_OF
from release_service.domain.values import CheckIn, Grant


def _use(aggregate: Facts, gate: Gate, grant: Grant) -> None:
    request = aggregate.requests[grant.request_id]
    used = (*request.used, gate)
    state = RequestState.USED if set(used) == set(request.gates) else request.state
    aggregate.requests[grant.request_id] = replace(request, used=used, state=state)
    aggregate.used[gate] = grant.request_id
    aggregate.state = PHASE_OF[gate]


class PlanningEntered(Aggregate.Event):
    """Planning was entered under this grant of G1."""

    grant: Grant
    document: dict[str, str]

    def apply(self, aggregate: Facts) -> None:
        """Use the grant and enter."""
        _use(aggregate, Gate.PLANNING, self.grant)


class BuildAndTestEntered(Aggregate.Event):
    """Build and test was entered under this grant of G2."""

    grant: Grant
    document: dict[str, str]

    def apply(self, aggregate: Facts) -> None:
        """Use the grant and enter."""
        _use(aggregate, Gate.BUILD_AND_TEST, self.grant)


class CheckInEntered(Aggregate.Event):
    """Check-in was entered under this grant of G3."""

    grant: Grant
    document: dict[str, str]

    def apply(self, aggregate: Facts) -> None:
        """Use the grant and enter."""
        _use(aggregate, Gate.CHECK_IN, self.grant)


class CheckInRequested(Aggregate.Event):
    """The DML was asked to take the items of this build."""

    build_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Wait for the answer of the DML."""
        aggregate.check_in = CheckIn(self.build_id, CheckInState.REQUESTED)


class DeploymentEntered(Aggregate.Event):
    """Deployment was entered under this grant of G4."""

    grant: Grant
    document: dict[str, str]

    def apply(self, aggregate: Facts) -> None:
        """Use the grant and enter; what an earlier review decided is done with."""
        _use(aggregate, Gate.DEPLOYMENT, self.grant)
        aggregate.redeploying = False


class DeploymentRequested(Aggregate.Event):
    """The deployment was asked for, under the grant that was used."""

    deployment_id: UUID
    rehearsal_id: UUID | None

    def apply(self, aggregate: Facts) -> None:
        """Wait for what deployment does."""
        aggregate.deployment_id = self.deployment_id
        aggregate.deployments[self.deployment_id] = DeploymentState.REQUESTED
        aggregate.review_id = None


ENTERED = {
    Gate.PLANNING: PlanningEntered,
    Gate.BUILD_AND_TEST: BuildAndTestEntered,
    Gate.CHECK_IN: CheckInEntered,
    Gate.DEPLOYMENT: DeploymentEntered,
}


class Entries(Emergency):
    """The four entries, each under a grant of its gate."""

    def enter_phase(self, act: Act, *, phase: ReleaseState, deployment_id: UUID, debts_due_at: datetime) -> None:
        """Use the grant of a gate and enter its phase; what then has to be asked of others is asked at once."""
        refuse_any(self.unmet_for_enter_phase(act, phase))
        gate = GATE_OF[phase]
        request = self.open_request(gate)
        if request is None or request.grant is None:
            return
        owed = self.owed((gate,))
        document = self.document((gate,), request.owed)
        self._happened(ENTERED[gate], act, grant=request.grant, document=document)
        self._incur(act, owed, request_id=request.request_id, due_at=debts_due_at)
        if gate is Gate.CHECK_IN and self.build:
            self._happened(CheckInRequested, act, build_id=self.build.build_id)
        if gate is Gate.DEPLOYMENT:
            rehearsal = self.valid_rehearsal()
            rehearsal_id = rehearsal.rehearsal_id if rehearsal else None
            self._happened(DeploymentRequested, act, deployment_id=deployment_id, rehearsal_id=rehearsal_id)

    def unmet_for_enter_phase(self, act: Act, phase: ReleaseState) -> Iterator[Unmet]:
        """Yield what stands in the way of entering a phase."""
        yield from self._not_entitled(act, "release_manager")
        yield from self._held()
        gate = GATE_OF.get(phase)
        if gate is None or not self._opens_here(gate):
            yield Unmet(
                "phase-not-next",
                f"{phase} cannot be entered from {self.state}.",
                source="state",
                remedy="see what comes next: GET /release/v1/releases/{id}/next",
            )
        if gate is not None:
            yield from self._grant_gaps(act, gate)
            yield from self.unmet_phase_grant()
            yield from self.unmet_for_gates(act, (gate,), entering=True)

    def _opens_here(self, gate: Gate) -> bool:
        if self.cancelling or self.deployment_runs:
            return False
        again = self.state is ReleaseState.REVIEW and self.redeploying and gate is Gate.DEPLOYMENT
        return again or OPENS_FROM[gate] is self.state

    def _grant_gaps(self, act: Act, gate: Gate) -> Iterator[Unmet]:
        request = self.open_request(gate)
        if request is None or request.grant is None:
            yield Unmet(
                "no-grant",
                f"There is no unused grant for the gate {gate}.",
                source="requests",
                remedy="request it: POST /release/v1/releases/{id}/gate-requests, and have it voted",
            )
            return
        if request.grant.expires_at <= act.at:
            yield Unmet(
                "grant-expired",
                f"The grant for {gate} expired at {request.grant.expires_at.isoformat()}.",
                source=f"requests.{request.request_id}",
                remedy="withdraw it and request the gate again",
            )
        bound = digest_of(request.document)
        if request.grant.document_digest != bound or not self.binds_the_present(request, gate):
            yield Unmet(
                "grant-binds-something-else",
                f"The grant for {gate} does not bind what the release holds now.",
                source=f"requests.{request.request_id}.document",
                remedy="withdraw it and request the gate again",
            )

    def unmet_phase_grant(self) -> Iterator[Unmet]:
        """Yield when the grant under which the present phase was entered has been revoked since."""
        request = self.used_request(GATE_OF[self.state]) if self.state in GATE_OF else None
        if request is not None and request.crossing == RequestState.REVOKED:
            yield Unmet(
                "phase-grant-revoked",
                f"The grant under which {self.state} was entered has been revoked.",
                source=f"requests.{request.request_id}",
                remedy="go back: POST /release/v1/releases/{id}/ways-back",
            )
