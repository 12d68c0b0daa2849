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

    # Every fact about a release. What it carries, and what it does to the state, stands with its subject.

    class ChangesCarried(planning.ChangesCarried):
        """The set of changes that a release carries is now this."""

    class ChangeNoted(planning.ChangeNoted):
        """Something was heard of a carried change."""

    class ServiceNoted(planning.ServiceNoted):
        """Something was heard of the service of this release."""

    class PlanWritten(planning.PlanWritten):
        """The plan was written; `version` is the package version that it plans."""

    class ImpactRequested(planning.ImpactRequested):
        """Configuration management was asked for the impact of this release."""

    class ImpactNoted(planning.ImpactNoted):
        """The impact set was heard; an acknowledgement of another one is void."""

    class ImpactAcknowledged(planning.ImpactAcknowledged):
        """The impact set was read and acknowledged."""

    class GateRequested(gates.GateRequested):
        """A gate was requested, or two joined ones in an emergency, with a digest per field of what is bound."""

    class GateRequestWithdrawn(gates.GateRequestWithdrawn):
        """What a request or an unused grant bound has changed or is not wanted any more: it is withdrawn, or void."""

    class GrantNoted(gates.GrantNoted):
        """The grant of a request was heard: who gave it, under which policy, and until when."""

    class GateRequestEnded(gates.GateRequestEnded):
        """A request or an unused grant ended elsewhere: rejected, withdrawn, expired, revoked or voided."""

    class GrantCrossed(gates.GrantCrossed):
        """A used grant was heard to be expired or revoked: the use and that crossed, and both stay recorded."""

    class PlanningEntered(entries.PlanningEntered):
        """Planning was entered under this grant of G1."""

    class BuildAndTestEntered(entries.BuildAndTestEntered):
        """Build and test was entered under this grant of G2."""

    class CheckInEntered(entries.CheckInEntered):
        """Check-in was entered under this grant of G3."""

    class CheckInRequested(entries.CheckInRequested):
        """The DML was asked to take the items of this build."""

    class DeploymentEntered(entries.DeploymentEntered):
        """Deployment was entered under this grant of G4."""

    class DeploymentRequested(entries.DeploymentRequested):
        """The deployment was asked for, under the grant that was used."""

    class DebtsIncurred(emergency.DebtsIncurred):
        """An emergency used a gate before everything was done; each debt blocks closing."""

    class DebtSettled(emergency.DebtSettled):
        """A debt of an emergency was settled."""

    class DebtFailed(emergency.DebtFailed):
        """A debt of an emergency failed or fell overdue: it counts as a missed target."""

    class ConfirmationRequested(emergency.ConfirmationRequested):
        """The CAB was asked to confirm what two people decided in an emergency."""

    class BuildRecorded(building.BuildRecorded):
        """A build was recorded: its candidates, and its inputs, which were all definitive at that time."""

    class TestRunRecorded(building.TestRunRecorded):
        """The evidence of a test run was bound to the build whose bytes were tested."""

        __test__ = False

    class SignedOff(building.SignedOff):
        """The change manager signed off a build whose required tests all passed."""

    class CheckInCompleted(building.CheckInCompleted):
        """The DML took every item of the package: all of them are definitive."""

    class CheckInRefused(building.CheckInRefused):
        """The DML refused the check-in as a whole."""

    class MediaNoted(building.MediaNoted):
        """An item of this release was quarantined, cleared or withdrawn in the DML."""

    class RehearsalRequested(deployment.RehearsalRequested):
        """A rehearsal of this package and these back-out steps in a sandbox was asked for, under G2."""

    class RehearsalNoted(deployment.RehearsalNoted):
        """A rehearsal finished or was refused, with what was measured."""

    class DeploymentPlanned(deployment.DeploymentPlanned):
        """A deployment plan was written: environments in order, each with its window and waves."""

    class ConflictsNoted(deployment.ConflictsNoted):
        """Change management compared a deployment plan with the change schedule, and found these conflicts, or none."""

    class OwnersInformed(deployment.OwnersInformed):
        """The owners of these dependent services were informed of the deployment."""

    class DeploymentNoted(deployment.DeploymentNoted):
        """Something was heard of a deployment; `crossing` says that it ran although it was withdrawn before."""

    class WentBack(ways_back.WentBack):
        """The release went back to an earlier phase; grants are void, and the candidates of a void build discarded."""

    class CheckInRequestCancelled(ways_back.CheckInRequestCancelled):
        """A check-in that was asked for is no longer wanted."""

    class DeploymentRequestCancelled(ways_back.DeploymentRequestCancelled):
        """A deployment that was asked for and has not started is no longer wanted."""

    class PutOnHold(ways_back.PutOnHold):
        """The release was put on hold: no requests, votes, entries or new deployments."""

    class TakenOffHold(ways_back.TakenOffHold):
        """The release goes on after a hold."""

    class CancellationRequested(ways_back.CancellationRequested):
        """Something ran, or may be about to: the cancellation waits for its end and its review."""

    class Cancelled(ways_back.Cancelled):
        """The release was cancelled; its candidates are discarded and its changes are free again."""

    class ReviewEntered(review.ReviewEntered):
        """The post-implementation review began: a deployment ended, or a kind without deployment is checked in."""

    class ReviewNoted(review.ReviewNoted):
        """The review of this release was heard to be open."""

    class ReviewDecided(review.ReviewDecided):
        """The review ended with a decision: close, cancel, or a way back."""

    class TargetAcceptanceNoted(review.TargetAcceptanceNoted):
        """An authority accepted a missed target in writing."""

    class SuccessorOpened(review.SuccessorOpened):
        """A missed target opened a successor release, which goes through the whole process again."""

    class Closed(review.Closed):
        """The release was closed by the decision of its review."""

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
