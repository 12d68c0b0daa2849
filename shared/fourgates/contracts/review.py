"""What review and service level monitoring say."""

from __future__ import annotations

from uuid import UUID

from fourgates.contracts.common import Contract, LineagePerson, Outcome, Part


class ReviewContract(Part):
    """What every fact about a review names."""

    review_id: UUID
    release_id: UUID
    service_id: UUID


class ReviewOpened(ReviewContract, Contract, type="dev.fourgates.review.opened.v1"):
    """The post-implementation review of a release began."""

    kind: str
    deployment_id: UUID | None = None
    deployment_outcome: str | None = None


class Verdict(Part):
    """How one service level target stood, always with the measured value and the target."""

    evaluation_id: UUID
    target_id: UUID | None
    name: str
    result: str
    measured: float | None
    goal: float | None
    unit: str
    samples: int = 0


class TargetMissed(ReviewContract, Contract, type="dev.fourgates.review.target_missed.v1"):
    """A service level target was missed: a linked change and a successor release follow, or a written acceptance."""

    evaluation_id: UUID
    name: str
    measured: float | None
    goal: float | None
    unit: str
    detail: str


class AcceptanceRequested(ReviewContract, Contract, type="dev.fourgates.review.acceptance_requested.v1"):
    """An authority is asked to accept a missed target in writing."""

    request_id: UUID
    evaluation_id: UUID
    document: dict[str, str]
    document_digest: str
    summary: str
    lineage: list[LineagePerson]


class TargetAccepted(ReviewContract, Contract, type="dev.fourgates.review.target_accepted.v1"):
    """An authority accepted a missed target in writing."""

    evaluation_id: UUID
    authorization_id: UUID


class ReviewClosed(ReviewContract, Contract, type="dev.fourgates.review.closed.v1"):
    """A review ended. `decision` is close, cancel or a way back; only close closes the release."""

    decision: str
    outcome: Outcome
    reason: str
    decided_by: str
    verdicts: list[Verdict]
    deployment_id: UUID | None = None


class RetirementRecommended(ReviewContract, Contract, type="dev.fourgates.review.retirement_recommended.v1"):
    """A review recommends that a service be retired."""

    reason: str
