"""Reviews over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fourgates.chassis.http import Call, HistoryAnswer, NextAnswer, Page, PathId, filters, needs
from fourgates.chassis.http.reading import next_answer
from fourgates.chassis.work import NotFound

from review_service.api.shapes import (
    CloseReview,
    EvaluationWithInputs,
    MakeStatement,
    RecommendRetirement,
    RecordFinding,
    RequestAcceptance,
    RequestEvaluation,
    ReviewAnswer,
    ReviewRow,
    present_evaluation,
    present_review,
    present_row,
)
from review_service.application import ReviewUseCases
from review_service.domain import Evaluation, KnownService, ReleaseKind, Result, Review, ReviewState

Reader = Annotated[Call[ReviewUseCases], Depends(needs("review:read"))]
Writer = Annotated[Call[ReviewUseCases], Depends(needs("review:write"))]
States = Annotated[list[ReviewState] | None, Query(description="Only these states.")]
Kinds = Annotated[list[ReleaseKind] | None, Query(description="Only reviews of these kinds of release.")]
OfRelease = Annotated[UUID | None, Query(description="Only the reviews of this release.")]
OfService = Annotated[UUID | None, Query(description="Only the reviews of this service.")]

router = APIRouter(prefix="/v1", tags=["reviews"])


def _location(review: Review) -> str:
    return f"/v1/reviews/{review.id}"


@router.get("/reviews", operation_id="reviews_list", summary="List reviews", response_model=Page[ReviewRow])
def list_reviews(
    call: Reader,
    state: States = None,
    kind: Kinds = None,
    release_id: OfRelease = None,
    service_id: OfService = None,
) -> Response:
    """List reviews, the oldest first."""
    where = filters(state=state, kind=kind, release_id=release_id, service_id=service_id)
    return call.page("reviews", where, present=present_row)


@router.get("/reviews/{review_id}", operation_id="reviews_get", summary="Show a review", response_model=ReviewAnswer)
async def get_review(review_id: PathId, call: Reader) -> Response:
    """Show a review with its evaluations, findings and debts."""
    return await call.show(Review, review_id, present_review)


@router.get(
    "/reviews/{review_id}/next", operation_id="reviews_next", summary="What can be done next", response_model=NextAnswer
)
def next_of_review(review_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a review, by whom, and why not."""
    review = call.get(Review, review_id)
    try:
        lifecycle: str | None = call.get(KnownService, KnownService.id_of(review.service_id)).lifecycle
    except NotFound:
        lifecycle = None
    return call.answer(next_answer(review.next(call.act("to see what can be done next"), lifecycle=lifecycle)))


@router.get(
    "/reviews/{review_id}/history",
    operation_id="reviews_history",
    summary="The events of a review",
    response_model=HistoryAnswer,
)
def history_of_review(review_id: PathId, call: Reader) -> Response:
    """Return the events of a review in order."""
    return call.history(Review, review_id)


@router.get(
    "/reviews/{review_id}/evaluations/{evaluation_id}",
    operation_id="evaluations_get",
    summary="Show an evaluation with its inputs",
    response_model=EvaluationWithInputs,
)
def get_evaluation(review_id: PathId, evaluation_id: PathId, call: Reader) -> Response:
    """Show one verdict with every sample that it was computed from."""
    review = call.get(Review, review_id)
    evaluation = review.evaluation(evaluation_id)
    if evaluation is None:
        raise NotFound("Evaluation", evaluation_id)
    return call.answer(present_evaluation(review, evaluation))


@router.post(
    "/reviews/{review_id}/evaluations",
    operation_id="evaluations_request",
    summary="Measure the targets now",
    status_code=202,
    response_model=ReviewAnswer,
)
async def request_evaluation(review_id: PathId, body: RequestEvaluation, call: Writer) -> Response:
    """Ask for every target to be measured on what was deployed; the verdicts appear in the review."""
    return await call.command(
        lambda use_cases: use_cases.request_evaluation(
            call.act(body.reason), review_id=review_id, request_id=call.new_id()
        ),
        present=present_review,
        status=202,
        location=_location,
    )


@router.post(
    "/reviews/{review_id}/statements",
    operation_id="statements_make",
    summary="State how the value or a retirement turned out",
    status_code=201,
    response_model=ReviewAnswer,
)
async def make_statement(review_id: PathId, body: MakeStatement, call: Writer) -> Response:
    """State what cannot be measured: the value, or the parts of a retirement."""

    def use_case(use_cases: ReviewUseCases) -> Review:
        evaluation = Evaluation(
            evaluation_id=call.new_id(),
            subject=body.subject,
            name=body.subject,
            result=Result(body.result),
            measured=body.measured,
            goal=body.goal,
            unit=body.unit or "",
            missed=False,
            statement=body.statement,
        )
        return use_cases.make_statement(call.act(body.reason), review_id=review_id, evaluation=evaluation)

    return await call.command(use_case, present=present_review, status=201, location=_location)


@router.post(
    "/reviews/{review_id}/findings",
    operation_id="findings_record",
    summary="Record a finding or a lesson",
    status_code=201,
    response_model=ReviewAnswer,
)
async def record_finding(review_id: PathId, body: RecordFinding, call: Writer) -> Response:
    """Record what was found or learned."""
    return await call.command(
        lambda use_cases: use_cases.record_finding(
            call.act(body.reason), review_id=review_id, finding_id=call.new_id(), kind=body.kind, text=body.text
        ),
        present=present_review,
        status=201,
        location=_location,
    )


@router.post(
    "/reviews/{review_id}/acceptance-requests",
    operation_id="acceptance_requests_create",
    summary="Ask an authority to accept a missed target",
    status_code=201,
    response_model=ReviewAnswer,
)
async def request_acceptance(review_id: PathId, body: RequestAcceptance, call: Writer) -> Response:
    """Ask an authority to accept a missed target in writing."""
    return await call.command(
        lambda use_cases: use_cases.request_acceptance(
            call.act(body.reason), review_id=review_id, request_id=call.new_id(), evaluation_id=body.evaluation_id
        ),
        present=present_review,
        status=201,
        location=_location,
    )


@router.post(
    "/reviews/{review_id}/retirement-recommendations",
    operation_id="retirement_recommendations_create",
    summary="Recommend that the service be retired",
    status_code=201,
    response_model=ReviewAnswer,
)
async def recommend_retirement(review_id: PathId, body: RecommendRetirement, call: Writer) -> Response:
    """Recommend that the service be retired."""
    return await call.command(
        lambda use_cases: use_cases.recommend_retirement(call.act(body.reason), review_id=review_id),
        present=present_review,
        status=201,
        location=_location,
    )


@router.post(
    "/reviews/{review_id}/closure",
    operation_id="closures_create",
    summary="End the review with a decision",
    status_code=201,
    response_model=ReviewAnswer,
)
async def close_review(review_id: PathId, body: CloseReview, call: Writer) -> Response:
    """End the review: the release closes, is cancelled, or goes a way back."""
    return await call.command(
        lambda use_cases: use_cases.close_review(call.act(body.reason), review_id=review_id, decision=body.decision),
        present=present_review,
        status=201,
        location=_location,
    )
