"""What review says to the others: its events as published contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fourgates.contracts import Contract
from fourgates.contracts.common import LineagePerson, Outcome
from fourgates.contracts.review import (
    AcceptanceRequested,
    RetirementRecommended,
    ReviewClosed,
    ReviewOpened,
    TargetAccepted,
    TargetMissed,
    Verdict,
)

from review_service.domain import (
    Evaluation,
    KnownFollowUp,
    KnownRelease,
    KnownService,
    Review,
    TargetWatch,
    ValueLedger,
)


def _names(review: Review) -> dict[str, Any]:
    return {"review_id": review.id, "release_id": review.release_id, "service_id": review.service_id}


def _review_opened(review: Review, happened: Review.Opened) -> ReviewOpened:
    deployment = happened.deployment
    return ReviewOpened(
        **_names(review),
        kind=happened.kind.value,
        deployment_id=deployment.deployment_id if deployment else None,
        deployment_outcome=deployment.outcome.value if deployment else None,
    )


def _target_missed(review: Review, happened: Any) -> TargetMissed | None:
    evaluation: Evaluation = happened.evaluation
    if not evaluation.missed:
        return None
    return TargetMissed(
        **_names(review),
        evaluation_id=evaluation.evaluation_id,
        name=evaluation.name,
        measured=evaluation.measured,
        goal=evaluation.goal,
        unit=evaluation.unit,
        detail=evaluation.statement or f"{evaluation.name} is {evaluation.result.value}",
    )


def _acceptance_requested(review: Review, happened: Review.AcceptanceRequested) -> AcceptanceRequested:
    return AcceptanceRequested(
        **_names(review),
        request_id=happened.request_id,
        evaluation_id=happened.evaluation_id,
        document=happened.document,
        document_digest=happened.document_digest,
        summary=happened.summary,
        lineage=[LineagePerson(person_id=p.person_id, part=p.part) for p in happened.lineage],
    )


def _target_accepted(review: Review, happened: Review.TargetAccepted) -> TargetAccepted:
    return TargetAccepted(
        **_names(review), evaluation_id=happened.evaluation_id, authorization_id=happened.authorization_id
    )


def _verdict(evaluation: Evaluation) -> Verdict:
    return Verdict(
        evaluation_id=evaluation.evaluation_id,
        target_id=evaluation.target_id,
        name=evaluation.name,
        result=evaluation.result.value,
        measured=evaluation.measured,
        goal=evaluation.goal,
        unit=evaluation.unit,
        samples=evaluation.sample_count,
    )


def _review_closed(review: Review, happened: Review.Closed) -> ReviewClosed:
    return ReviewClosed(
        **_names(review),
        decision=happened.decision.value,
        outcome=Outcome(happened.outcome.value),
        reason=happened.reason,
        decided_by=happened.act.by,
        verdicts=[_verdict(evaluation) for evaluation in happened.verdicts],
        deployment_id=review.deployment.deployment_id if review.deployment else None,
    )


def _retirement_recommended(review: Review, happened: Review.RetirementRecommended) -> RetirementRecommended:
    return RetirementRecommended(**_names(review), reason=happened.reason)


PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Contract | None]] = {
    Review.Opened: _review_opened,
    Review.TargetEvaluated: _target_missed,
    Review.StatementMade: _target_missed,
    Review.DebtFailed: _target_missed,
    Review.AcceptanceRequested: _acceptance_requested,
    Review.TargetAccepted: _target_accepted,
    Review.RetirementRecommended: _retirement_recommended,
    Review.Closed: _review_closed,
}

INTERNAL: frozenset[type[Any]] = frozenset(
    {
        Review.TargetsPinned,
        Review.ReleaseNoted,
        Review.EvaluationRequested,
        Review.ObservationExtended,
        Review.FindingRecorded,
        Review.TargetNotAccepted,
        Review.LinkedChangeNoted,
        Review.SuccessorNoted,
        KnownFollowUp.Noted,
        KnownFollowUp.ReviewNoted,
        KnownFollowUp.LinkedChangeNoted,
        KnownFollowUp.SuccessorNoted,
        KnownRelease.Noted,
        KnownRelease.LineageNoted,
        KnownRelease.DeploymentRequestNoted,
        KnownRelease.ReviewPhaseNoted,
        KnownRelease.DebtsNoted,
        KnownRelease.DebtSettledNoted,
        KnownRelease.DebtFailedNoted,
        KnownRelease.CancellationNoted,
        KnownRelease.ReviewNoted,
        KnownService.Noted,
        KnownService.RegistrationNoted,
        KnownService.LifecycleNoted,
        TargetWatch.Begun,
        TargetWatch.TargetsNoted,
        TargetWatch.EndpointsNoted,
        TargetWatch.ReviewNoted,
        TargetWatch.MeasuringBegun,
        TargetWatch.MeasuringEnded,
        TargetWatch.MeasurementRequested,
        TargetWatch.Measured,
        ValueLedger.Opened,
        ValueLedger.ValueCaseNoted,
        ValueLedger.ExpectationEntered,
        ValueLedger.RealisationEntered,
        ValueLedger.Closed,
    }
)
