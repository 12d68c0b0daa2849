"""What reviews look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fourgates.chassis.http import Answer, Name, Strict, Text
from pydantic import ConfigDict, Field

from review_service.domain import Decision, Evaluation, FindingKind, Review

EXAMPLE_ID = "0192d3a0-0000-7000-8000-000000000001"


def example(**body: Any) -> ConfigDict:
    """Return the configuration of a body with its example."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class RequestEvaluation(Strict):
    """Ask for the targets to be measured now."""

    model_config = example(reason="the first hour is over")

    reason: Text


class MakeStatement(Strict):
    """State how the value, or one part of a retirement, turned out; with the amount where there is one."""

    model_config = example(
        subject="value",
        result="pass",
        statement="calls about parcels fell by a third",
        measured=34.0,
        goal=30.0,
        unit="percent fewer calls",
        reason="the first week was counted",
    )

    subject: Literal["value", "gone_as_planned", "data_disposition", "final_value"]
    result: Literal["pass", "warning", "fail"]
    statement: Text
    measured: float | None = Field(default=None, ge=-1e12, le=1e12)
    goal: float | None = Field(default=None, ge=-1e12, le=1e12)
    unit: Name | None = None
    reason: Text


class RecordFinding(Strict):
    """A finding or a lesson. An issue shows in the outcome."""

    model_config = example(
        kind="lesson", text="rehearse at night, when the load is as it will be", reason="it took longer than rehearsed"
    )

    kind: FindingKind
    text: Text
    reason: Text


class RequestAcceptance(Strict):
    """Ask an authority to accept a missed target in writing; the reason is what they are asked to agree with."""

    model_config = example(evaluation_id=EXAMPLE_ID, reason="the peak week is over and the contract allows one miss")

    evaluation_id: UUID
    reason: Text


class CloseReview(Strict):
    """The decision that ends the review: close, cancel, or a way back."""

    model_config = example(decision="close", reason="all targets are met and the value is seen")

    decision: Decision
    reason: Text


class RecommendRetirement(Strict):
    """Recommend that the service be retired."""

    model_config = example(reason="nobody has used it for a quarter")

    reason: Text


class SampleAnswer(Answer):
    """One probe."""

    url: str
    offset_ms: int
    status: int | None
    latency_ms: float


class EvaluationAnswer(Answer):
    """One verdict, with the measured value and the target."""

    evaluation_id: UUID
    subject: str
    name: str
    result: str
    measured: float | None
    goal: float | None
    unit: str
    missed: bool
    accepted: bool
    linked_change_id: UUID | None
    successor_id: UUID | None
    statement: str
    sample_count: int


class EvaluationWithInputs(EvaluationAnswer):
    """One verdict with every sample that it was computed from."""

    samples: list[SampleAnswer]


class FindingAnswer(Answer):
    """What a reviewer found or learned."""

    finding_id: UUID
    kind: FindingKind
    text: str
    found_by: str


class AcceptanceAnswer(Answer):
    """A written acceptance that was asked for."""

    request_id: UUID
    evaluation_id: UUID
    document_digest: str
    state: str
    authorization_id: UUID | None


class DebtAnswer(Answer):
    """What an emergency left for later."""

    code: str
    detail: str
    due_at: datetime | None
    state: str


class TargetAnswer(Answer):
    """A service level target."""

    target_id: UUID
    name: str
    measure: str
    comparison: str
    goal: float
    unit: str
    path: str
    warning_at: float | None


class ReviewAnswer(Answer):
    """A post-implementation review as it stands."""

    id: UUID
    release_id: UUID
    service_id: UUID
    kind: str
    state: str
    deployment_id: UUID | None
    deployment_outcome: str | None
    opened_at: datetime
    observation_ends_at: datetime
    targets_known: bool
    release_in_review: bool
    cancellation_requested: bool
    targets: list[TargetAnswer]
    statements_asked: list[str]
    evaluations: list[EvaluationAnswer]
    findings: list[FindingAnswer]
    acceptances: list[AcceptanceAnswer]
    debts: list[DebtAnswer]
    retirement_recommended: bool
    decision: str | None
    outcome: str | None
    decided_by: str | None
    reason: str | None


class ReviewRow(Answer):
    """A review in a list."""

    id: UUID
    number: str
    release_id: UUID
    service_id: UUID
    kind: str
    deployment_id: UUID | None
    deployment_outcome: str | None
    state: str
    missed: int
    decision: str | None
    outcome: str | None
    opened_at: datetime
    closed_at: datetime | None


def evaluation_fields(review: Review, evaluation: Evaluation) -> dict[str, Any]:
    """Return the fields of an evaluation, with what answers it when it is missed."""
    return {
        "evaluation_id": evaluation.evaluation_id,
        "subject": evaluation.subject,
        "name": evaluation.name,
        "result": evaluation.result.value,
        "measured": evaluation.measured,
        "goal": evaluation.goal,
        "unit": evaluation.unit,
        "missed": evaluation.missed,
        "accepted": evaluation.evaluation_id in review.accepted_ids,
        "linked_change_id": review.linked_changes.get(evaluation.evaluation_id),
        "successor_id": review.successors.get(evaluation.evaluation_id),
        "statement": evaluation.statement,
        "sample_count": evaluation.sample_count,
    }


def present_evaluation(review: Review, evaluation: Evaluation) -> EvaluationWithInputs:
    """Present one verdict with its inputs."""
    samples = [
        SampleAnswer(url=s.url, offset_ms=s.offset_ms, status=s.status, latency_ms=s.latency_ms)
        for s in evaluation.samples
    ]
    return EvaluationWithInputs(**evaluation_fields(review, evaluation), samples=samples)


def present_targets(targets: tuple[Any, ...]) -> list[TargetAnswer]:
    """Present service level targets."""
    return [
        TargetAnswer(
            target_id=t.target_id,
            name=t.name,
            measure=t.measure,
            comparison=t.comparison.value,
            goal=t.goal,
            unit=t.unit,
            path=t.path,
            warning_at=t.warning_at,
        )
        for t in targets
    ]


def present_review(review: Review) -> ReviewAnswer:
    """Present a review."""
    return ReviewAnswer(
        id=review.id,
        release_id=review.release_id,
        service_id=review.service_id,
        kind=review.kind.value,
        state=review.state.value,
        deployment_id=review.deployment.deployment_id if review.deployment else None,
        deployment_outcome=review.deployment_outcome.value if review.deployment_outcome else None,
        opened_at=review.opened_at,
        observation_ends_at=review.observation_ends_at,
        targets_known=not review.awaits_targets,
        release_in_review=review.facts.in_review,
        cancellation_requested=review.facts.cancellation_requested,
        targets=present_targets(review.targets),
        statements_asked=list(review.statements_asked),
        evaluations=[EvaluationAnswer(**evaluation_fields(review, e)) for e in review.evaluations],
        findings=[
            FindingAnswer(finding_id=f.finding_id, kind=f.kind, text=f.text, found_by=f.found_by)
            for f in review.findings
        ],
        acceptances=[
            AcceptanceAnswer(
                request_id=a.request_id,
                evaluation_id=a.evaluation_id,
                document_digest=a.document_digest,
                state=a.state.value,
                authorization_id=a.authorization_id,
            )
            for a in review.acceptances.values()
        ],
        debts=[
            DebtAnswer(code=d.code, detail=d.detail, due_at=d.due_at, state=d.state.value) for d in review.facts.debts
        ],
        retirement_recommended=review.retirement_recommended,
        decision=review.decision.value if review.decision else None,
        outcome=review.outcome.value if review.outcome else None,
        decided_by=review.decided_by,
        reason=review.reason,
    )


def present_row(row: dict[str, Any]) -> ReviewRow:
    """Present a review in a list."""
    return ReviewRow.model_validate({"id": row["key"], **{k: row[k] for k in ReviewRow.model_fields if k != "id"}})
