"""How an evaluation comes about: from a measurement, from a failed debt, or because nothing stayed to be measured."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import derived_id, digest_of

from review_service.domain.values import Debt, DeploymentOutcome, Evaluation, Measurement, Result, Target


def evaluation_of_measurement(target: Target, measurement: Measurement, result: Result, *, missed: bool) -> Evaluation:
    """Return the evaluation of a target by what was measured."""
    return Evaluation(
        evaluation_id=measurement.evaluation_id,
        subject=str(target.target_id),
        name=target.name,
        result=result,
        measured=measurement.measured,
        goal=target.goal,
        unit=target.unit,
        missed=missed,
        target_id=target.target_id,
        sample_count=measurement.sample_count,
        samples=measurement.samples,
    )


def evaluation_of_debt(debt: Debt, evaluation_id: UUID, *, stayed: bool) -> Evaluation:
    """Return the evaluation that a failed debt counts as: a miss, but after a back-out nothing opens a successor."""
    return Evaluation(
        evaluation_id=evaluation_id,
        subject=f"debt/{debt.code}",
        name=debt.code,
        result=Result.FAIL if stayed else Result.NOT_APPLICABLE,
        measured=None,
        goal=None,
        unit="",
        missed=stayed,
        statement=debt.reason,
    )


def not_applicable(review_id: UUID, outcome: DeploymentOutcome | None, what: Target | str) -> Evaluation:
    """Return the record that a target or a statement cannot be evaluated, for its deployment did not stay."""
    target = what if isinstance(what, Target) else None
    subject = str(target.target_id) if target else str(what)
    return Evaluation(
        evaluation_id=derived_id(review_id, f"not-applicable/{subject}"),
        subject=subject,
        name=target.name if target else subject,
        result=Result.NOT_APPLICABLE,
        measured=None,
        goal=target.goal if target else None,
        unit=target.unit if target else "",
        missed=False,
        target_id=target.target_id if target else None,
        statement=f"the deployment ended as {outcome}",
    )


def acceptance_document(review_id: UUID, release_id: UUID, missed: Evaluation, reason: str) -> dict[str, str]:
    """Return what a written acceptance binds: this miss, with its inputs, and the reason for accepting it."""
    return {
        "review": str(review_id),
        "release": str(release_id),
        "evaluation": digest_of(missed),
        "reason": digest_of(reason),
    }


def acceptance_summary(missed: Evaluation) -> str:
    """Return in one sentence what an authority is asked to accept."""
    return (
        f"Accept that {missed.name} was missed: measured {missed.measured}, target {missed.goal} {missed.unit}".strip()
    )
