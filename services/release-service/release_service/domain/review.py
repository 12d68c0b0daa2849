"""After the deployment: the review, what it decided, successors of missed targets, and the end."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, derived_id

from release_service.domain.facts import Facts
from release_service.domain.states import DeploymentState, Outcome, ReleaseState, WayBack
from release_service.domain.tables import FINAL
from release_service.domain.values import ReviewDecision
from release_service.domain.ways_back import WaysBack


class ReviewEntered(Aggregate.Event):
    """The post-implementation review began: a deployment ended, or a kind without deployment is checked in."""

    deployment_id: UUID | None
    deployment_state: DeploymentState | None

    def apply(self, aggregate: Facts) -> None:
        """Wait for the review."""
        aggregate.state = ReleaseState.REVIEW
        aggregate.redeploying = False


class ReviewNoted(Aggregate.Event):
    """The review of this release was heard to be open."""

    review_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Keep which one it is."""
        aggregate.review_id = self.review_id


class ReviewDecided(Aggregate.Event):
    """The review ended with a decision: close, cancel, or a way back."""

    decision: ReviewDecision

    def apply(self, aggregate: Facts) -> None:
        """Keep the decision."""
        aggregate.decision = self.decision


class TargetAcceptanceNoted(Aggregate.Event):
    """An authority accepted a missed target in writing."""

    evaluation_id: UUID
    authorization_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Keep it."""
        aggregate.acceptances[self.evaluation_id] = self.authorization_id


class SuccessorOpened(Aggregate.Event):
    """A missed target opened a successor release, which goes through the whole process again."""

    successor_id: UUID
    evaluation_id: UUID
    change_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Keep the successor."""
        aggregate.successors[self.evaluation_id] = self.successor_id


class Closed(Aggregate.Event):
    """The release was closed by the decision of its review."""

    outcome: Outcome
    change_ids: tuple[UUID, ...]

    def apply(self, aggregate: Facts) -> None:
        """End."""
        aggregate.state = ReleaseState.CLOSED
        aggregate.outcome = self.outcome


def next_version(version: str) -> str:
    """Return the version with its last number raised by one, or with `.1` behind it."""
    head, dot, last = version.rpartition(".")
    return f"{head}{dot}{int(last) + 1}" if last.isascii() and last.isdigit() else f"{version}.1"


class Closing(WaysBack):
    """Hearing of the review, and ending as it decided."""

    def _enter_review(self, act: Act) -> None:
        self._happened(ReviewEntered, act, deployment_id=self.deployment_id, deployment_state=self.deployment_state)
        self._finish_review(act)

    def note_review(self, act: Act, *, review_id: UUID) -> None:
        """Keep which review was opened."""
        if self.state not in FINAL and self.review_id != review_id:
            self._happened(ReviewNoted, act, review_id=review_id)

    def note_review_closed(self, act: Act, *, decision: ReviewDecision) -> None:
        """Keep what a review decided, and do it as soon as nothing blocks it."""
        if self.state not in FINAL and self.decision != decision:
            self._happened(ReviewDecided, act, decision=decision)
            self._finish_review(act)

    def note_target_accepted(self, act: Act, *, evaluation_id: UUID, authorization_id: UUID) -> None:
        """Keep that a missed target was accepted in writing."""
        if evaluation_id not in self.acceptances:
            self._happened(TargetAcceptanceNoted, act, evaluation_id=evaluation_id, authorization_id=authorization_id)

    def record_successor(self, act: Act, *, evaluation_id: UUID) -> None:
        """Record the successor that a missed target opens; its id and its change's follow from the evaluation."""
        if evaluation_id not in self.successors:
            self._happened(
                SuccessorOpened,
                act,
                successor_id=derived_id(evaluation_id, "successor-release"),
                evaluation_id=evaluation_id,
                change_id=derived_id(evaluation_id, "linked-change"),
            )

    def _finish_review(self, act: Act) -> None:
        decision = self.decision
        if self.state is not ReleaseState.REVIEW or self.redeploying or decision is None:
            return
        if decision.deployment_id != self.deployment_id:
            return
        if not self.stays_deployed and (self.cancelling or decision.decision == "cancel"):
            self._end_cancelled(act, decision.reason)
        elif self.stays_deployed or decision.decision == "close":
            # A debt blocks closing; this is asked again whenever one is settled or has failed.
            if not self.open_debts():
                self._happened(Closed, act, outcome=decision.outcome, change_ids=tuple(self.changes))
        else:
            self._go_as_decided(act, WayBack(decision.decision))

    def _go_as_decided(self, act: Act, way: WayBack) -> None:
        """Go the way that the review chose; when that way is barred, a release manager chooses another."""
        version = next_version(self.package_version) if self.was_checked_in else self.package_version
        if way in {WayBack.REPLAN, WayBack.REDEPLOY}:
            version = self.package_version
        if not tuple(self.unmet_for_way(way, version)):
            self._go_back(act, way, version)
