"""The release: put together from its subjects, opened for a service, and rebuilt from its events alone."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, event, refuse_any

from release_service.domain import building, deployment, emergency, entries, gates, planning, review, ways_back
from release_service.domain.conditions import service_retired
from release_service.domain.facts import not_entitled
from release_service.domain.next import Next
from release_service.domain.states import ReleaseKind, ReleaseState
from release_service.domain.values import CarriedChange, LineagePerson, ServiceFacts


class Release(Next, Aggregate):
    """One release of one service, from its request to its closing, under four gates."""

    TOPIC = "release.Release"

    class Opened(Aggregate.Created):
        """A release was requested for a service, with its reason and the changes it carries."""

        service_id: UUID
        service: ServiceFacts
        kind: ReleaseKind
        version: str
        reason: str
        changes: tuple[CarriedChange, ...]
        emergency: bool
        predecessor_id: UUID | None
        evaluation_id: UUID | None

    # Each event says in its own subject what it does to the state; here they get their names in the log.
    ChangesCarried = planning.ChangesCarried
    ChangeNoted = planning.ChangeNoted
    ServiceNoted = planning.ServiceNoted
    PlanWritten = planning.PlanWritten
    ImpactRequested = planning.ImpactRequested
    ImpactNoted = planning.ImpactNoted
    ImpactAcknowledged = planning.ImpactAcknowledged
    GateRequested = gates.GateRequested
    GateRequestWithdrawn = gates.GateRequestWithdrawn
    GrantNoted = gates.GrantNoted
    GateRequestEnded = gates.GateRequestEnded
    GrantCrossed = gates.GrantCrossed
    PlanningEntered = entries.PlanningEntered
    BuildAndTestEntered = entries.BuildAndTestEntered
    CheckInEntered = entries.CheckInEntered
    CheckInRequested = entries.CheckInRequested
    DeploymentEntered = entries.DeploymentEntered
    DeploymentRequested = entries.DeploymentRequested
    DebtsIncurred = emergency.DebtsIncurred
    DebtSettled = emergency.DebtSettled
    DebtFailed = emergency.DebtFailed
    ConfirmationRequested = emergency.ConfirmationRequested
    BuildRecorded = building.BuildRecorded
    TestRunRecorded = building.TestRunRecorded
    SignedOff = building.SignedOff
    CheckInCompleted = building.CheckInCompleted
    CheckInRefused = building.CheckInRefused
    MediaNoted = building.MediaNoted
    RehearsalRequested = deployment.RehearsalRequested
    RehearsalNoted = deployment.RehearsalNoted
    DeploymentPlanned = deployment.DeploymentPlanned
    ConflictsNoted = deployment.ConflictsNoted
    OwnersInformed = deployment.OwnersInformed
    DeploymentNoted = deployment.DeploymentNoted
    WentBack = ways_back.WentBack
    CheckInRequestCancelled = ways_back.CheckInRequestCancelled
    DeploymentRequestCancelled = ways_back.DeploymentRequestCancelled
    PutOnHold = ways_back.PutOnHold
    TakenOffHold = ways_back.TakenOffHold
    CancellationRequested = ways_back.CancellationRequested
    Cancelled = ways_back.Cancelled
    ReviewEntered = review.ReviewEntered
    ReviewNoted = review.ReviewNoted
    ReviewDecided = review.ReviewDecided
    TargetAcceptanceNoted = review.TargetAcceptanceNoted
    SuccessorOpened = review.SuccessorOpened
    Closed = review.Closed

    @classmethod
    def open(
        cls,
        act: Act,
        *,
        release_id: UUID,
        service_id: UUID,
        service: ServiceFacts,
        kind: ReleaseKind,
        version: str,
        changes: tuple[CarriedChange, ...],
        emergency: bool = False,
        predecessor_id: UUID | None = None,
        evaluation_id: UUID | None = None,
    ) -> Release:
        """Open a release of a service, for the reason of the act.

        A successor of a missed target is opened by the service itself, in a reaction.
        """
        refuse_any(cls.unmet_for_open(act, service_id, service, changes, emergency=emergency))
        return cls(
            id=release_id,
            act=act,
            service_id=service_id,
            service=service,
            kind=kind,
            version=version,
            reason=act.why,
            changes=changes,
            emergency=emergency,
            predecessor_id=predecessor_id,
            evaluation_id=evaluation_id,
        )

    @staticmethod
    def unmet_for_open(
        act: Act, service_id: UUID, service: ServiceFacts, changes: tuple[CarriedChange, ...], *, emergency: bool
    ) -> Iterator[Unmet]:
        """Yield what stands in the way of opening this release."""
        if act.by != "release-service":
            yield from not_entitled(act, "requester", "release_manager", "service_owner")
        yield from service_retired(service)
        yield from planning.fitting_changes(changes, service_id, emergency=emergency)

    @event(Opened)
    def __init__(
        self,
        id: UUID,
        act: Act,
        service_id: UUID,
        service: ServiceFacts,
        kind: ReleaseKind,
        version: str,
        reason: str,
        changes: tuple[CarriedChange, ...],
        emergency: bool,
        predecessor_id: UUID | None,
        evaluation_id: UUID | None,
    ) -> None:
        self.service_id = service_id
        self.service = service
        self.kind = kind
        self.package_version = version
        self.reason = reason
        self.emergency = emergency
        self.requested_by = act.person
        self.predecessor_id = predecessor_id
        self.evaluation_id = evaluation_id
        self.state = ReleaseState.REQUESTED
        self.changes = {change.change_id: change for change in changes}
        self.people = {LineagePerson(act.person, "requester"): None}
        self._begin_empty()

    def _begin_empty(self) -> None:
        self.on_hold = self.redeploying = self.cancelling = False
        self.plan = self.impact = self.build = self.sign_off = self.check_in = None
        self.deployment_plan = self.deployment_id = self.review_id = self.decision = None
        self.confirmation_id = self.outcome = None
        self.requests, self.used, self.debts = {}, {}, {}
        self.builds, self.test_runs = (), ()
        self.checked_in, self.media_states, self.rehearsals = {}, {}, {}
        self.conflicts, self.informed, self.deployments = {}, {}, {}
        self.successors, self.acceptances = {}, {}
