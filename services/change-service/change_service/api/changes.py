"""Changes over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, HistoryAnswer, Name, NextAnswer, Page, PathId, Strict, Text, filters
from fourgates.chassis.http.reading import next_answer
from fourgates.chassis.views import iso
from pydantic import Field

from change_service.api.authorization_shapes import (
    AuthorizationAnswer,
    location_of_authorization,
    present_authorization,
)
from change_service.api.shapes import EXAMPLE_ID, LIST_MAX, Reader, Reason, Writer, example, from_row
from change_service.domain import (
    Authorization,
    AuthorizationState,
    Change,
    ChangeState,
    ChangeType,
    Content,
    Outcome,
    Risk,
)

States = Annotated[list[ChangeState] | None, Query(description="Only these states.")]
Types = Annotated[list[ChangeType] | None, Query(description="Only these types of change.")]
Risks = Annotated[list[Risk] | None, Query(description="Only these risks.")]
OfNumber = Annotated[Name | None, Query(description="Only the change with this number, as CHG-2001.")]
OfPerson = Annotated[Name | None, Query(description="Only what this person requested.")]
OfService = Annotated[UUID | None, Query(description="Only changes to this service.")]
OfRelease = Annotated[UUID | None, Query(description="Only changes that this release carries.")]
OnHold = Annotated[bool | None, Query(description="Only changes that are on hold, or only those that are not.")]

router = APIRouter(prefix="/v1", tags=["changes"])


class ContentBody(Strict):
    """What a change asks for."""

    model_config = example(
        title="Show the parcel's last scan",
        description="Callers ask where their parcel was seen last; show it on the tracking page.",
        change_type="normal",
        risk="low",
        service_ids=[EXAMPLE_ID],
        alters_service=True,
        retrospective=False,
        reason="a third of all calls ask for it",
    )

    title: Name
    description: Text
    change_type: ChangeType
    risk: Risk
    service_ids: Annotated[list[UUID], Field(max_length=LIST_MAX)]
    alters_service: bool = True
    retrospective: bool = False
    reason: Text

    def content(self) -> Content:
        """Return the content as the domain knows it."""
        return Content(
            title=self.title,
            description=self.description,
            change_type=self.change_type,
            risk=self.risk,
            service_ids=tuple(self.service_ids),
            alters_service=self.alters_service,
            retrospective=self.retrospective,
        )


class AssessmentBody(Strict):
    """What the assessment found, and the risk that follows."""

    model_config = example(risk="medium", findings="Touches the tracking page of every parcel.", reason="assessed")

    risk: Risk
    findings: Text
    reason: Text


class AuthorizationRequestBody(Strict):
    """Ask an authority, or name the change model that authorizes a standard change."""

    model_config = example(model_id=None, reason="assessed and ready")

    model_id: UUID | None = None
    reason: Text


class ReviewBody(Strict):
    """How a change that alters no service turned out."""

    model_config = example(outcome="successful", reason="the contract was renewed as planned")

    outcome: Outcome
    reason: Text


class ChangeRow(Answer):
    """A change in a list."""

    id: UUID
    number: str
    state: ChangeState
    title: str
    description: str
    change_type: ChangeType
    risk: Risk
    service_ids: list[UUID]
    alters_service: bool
    retrospective: bool
    content_digest: str
    requested_by: str
    raised_at: str
    authors: list[str]
    on_hold: bool
    evaluation_id: UUID | None
    authorization_id: UUID | None
    carried_by: UUID | None
    outcome: Outcome | None


class ChangeAnswer(Answer):
    """A change as it stands. Its number is in the list of changes."""

    id: UUID
    state: ChangeState
    title: str
    description: str
    change_type: ChangeType
    risk: Risk
    service_ids: list[UUID]
    alters_service: bool
    retrospective: bool
    content_digest: str
    requested_by: str
    raised_at: str
    authors: list[str]
    assessed_by: str | None
    on_hold: bool
    evaluation_id: UUID | None
    asked_authorization_id: UUID | None
    authorization_id: UUID | None
    model_id: UUID | None
    carried_by: UUID | None
    outcome: Outcome | None


def present_change(change: Change) -> ChangeAnswer:
    """Present a change."""
    reviewed = change.state in {ChangeState.REVIEWED, ChangeState.CLOSED}
    return ChangeAnswer.of(
        id=change.id,
        state=change.state,
        title=change.content.title,
        description=change.content.description,
        change_type=change.content.change_type,
        risk=change.content.risk,
        service_ids=list(change.content.service_ids),
        alters_service=change.content.alters_service,
        retrospective=change.content.retrospective,
        content_digest=change.content_digest,
        requested_by=change.requested_by,
        raised_at=iso(change.raised_at),
        authors=list(change.authors),
        assessed_by=change.assessed_by,
        on_hold=change.on_hold,
        evaluation_id=change.evaluation_id,
        asked_authorization_id=change.asked_authorization_id,
        authorization_id=change.grant.authorization_id if change.grant else None,
        model_id=change.grant.model_id if change.grant else None,
        carried_by=change.carried_by,
        outcome=change.outcome if reviewed else None,
    )


def _location(change: Change) -> str:
    return f"/v1/changes/{change.id}"


@router.post(
    "/changes", operation_id="changes_draft", summary="Draft a change", status_code=201, response_model=ChangeAnswer
)
async def draft_change(body: ContentBody, call: Writer) -> Response:
    """Draft a change; submit it when it says what is wanted."""
    return await call.command(
        lambda use_cases: use_cases.draft_change(
            call.act(body.reason), change_id=call.new_id(), content=body.content()
        ),
        present=present_change,
        status=201,
        location=_location,
    )


@router.get("/changes", operation_id="changes_list", summary="List changes", response_model=Page[ChangeRow])
def list_changes(
    call: Reader,
    *,
    number: OfNumber = None,
    state: States = None,
    change_type: Types = None,
    risk: Risks = None,
    requested_by: OfPerson = None,
    service_id: OfService = None,
    release_id: OfRelease = None,
    on_hold: OnHold = None,
) -> Response:
    """List changes, the oldest first."""
    where = filters(
        number=number,
        state=state,
        change_type=change_type,
        risk=risk,
        requested_by=requested_by,
        service_ids=service_id,
        carried_by=release_id,
        on_hold=on_hold,
    )
    return call.page("changes", where, present=from_row(ChangeRow))


@router.get("/changes/{change_id}", operation_id="changes_get", summary="Show a change", response_model=ChangeAnswer)
async def get_change(change_id: PathId, call: Reader) -> Response:
    """Show a change as it stands."""
    return await call.show(Change, change_id, present_change)


@router.get(
    "/changes/{change_id}/next", operation_id="changes_next", summary="What can be done next", response_model=NextAnswer
)
def next_of_change(change_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a change, by whom, and why not."""
    change = call.get(Change, change_id)
    asked = change.asked_authorization_id
    undecided = asked is not None and call.get(Authorization, asked).state is AuthorizationState.REQUESTED
    return call.answer(next_answer(change.next(call.act(), undecided=undecided)))


@router.get(
    "/changes/{change_id}/history",
    operation_id="changes_history",
    summary="The events of a change",
    response_model=HistoryAnswer,
)
def history_of_change(change_id: PathId, call: Reader) -> Response:
    """Return the events of a change in order."""
    return call.history(Change, change_id)


@router.put(
    "/changes/{change_id}/content",
    operation_id="changes_rewrite",
    summary="Edit a change",
    response_model=ChangeAnswer,
)
async def rewrite_change(change_id: PathId, body: ContentBody, call: Writer) -> Response:
    """Replace the content of a change, which voids every authorization of the old content."""
    return await call.command(
        lambda use_cases: use_cases.rewrite_change(call.act(body.reason), change_id=change_id, content=body.content()),
        present=present_change,
        if_match=True,
    )


@router.post(
    "/changes/{change_id}/submission",
    operation_id="changes_submit",
    summary="Request a change",
    response_model=ChangeAnswer,
)
async def submit_change(change_id: PathId, body: Reason, call: Writer) -> Response:
    """Request a drafted change."""
    return await call.command(
        lambda use_cases: use_cases.submit_change(call.act(body.reason), change_id=change_id), present=present_change
    )


@router.post(
    "/changes/{change_id}/assessment",
    operation_id="changes_assess",
    summary="Assess a change",
    response_model=ChangeAnswer,
)
async def assess_change(change_id: PathId, body: AssessmentBody, call: Writer) -> Response:
    """Assess a requested change; the assessed risk becomes part of its content."""
    return await call.command(
        lambda use_cases: use_cases.assess_change(
            call.act(body.reason), change_id=change_id, risk=body.risk, findings=body.findings
        ),
        present=present_change,
    )


@router.post(
    "/changes/{change_id}/authorization-requests",
    operation_id="changes_request_authorization",
    summary="Put a change to an authority",
    status_code=201,
    response_model=AuthorizationAnswer,
)
async def request_authorization(change_id: PathId, body: AuthorizationRequestBody, call: Writer) -> Response:
    """Ask an authority to authorize a change; a standard change is authorized by its model at once."""
    return await call.command(
        lambda use_cases: use_cases.request_change_authorization(
            call.act(body.reason), change_id=change_id, request_id=call.new_id(), model_id=body.model_id
        ),
        present=present_authorization,
        status=201,
        location=location_of_authorization,
    )


@router.post(
    "/changes/{change_id}/hold",
    operation_id="changes_hold",
    summary="Put a change on hold",
    response_model=ChangeAnswer,
)
async def hold_change(change_id: PathId, body: Reason, call: Writer) -> Response:
    """Put a change on hold: no requests and no votes until it goes on."""
    return await call.command(
        lambda use_cases: use_cases.hold_change(call.act(body.reason), change_id=change_id), present=present_change
    )


@router.post(
    "/changes/{change_id}/resumption",
    operation_id="changes_resume",
    summary="Take a change off hold",
    response_model=ChangeAnswer,
)
async def resume_change(change_id: PathId, body: Reason, call: Writer) -> Response:
    """Let a change go on after a hold."""
    return await call.command(
        lambda use_cases: use_cases.resume_change(call.act(body.reason), change_id=change_id), present=present_change
    )


@router.post(
    "/changes/{change_id}/cancellation",
    operation_id="changes_cancel",
    summary="Cancel a change",
    response_model=ChangeAnswer,
)
async def cancel_change(change_id: PathId, body: Reason, call: Writer) -> Response:
    """Cancel a change that is not being implemented; it stops a release that carries it."""
    return await call.command(
        lambda use_cases: use_cases.cancel_change(call.act(body.reason), change_id=change_id), present=present_change
    )


@router.post(
    "/changes/{change_id}/review",
    operation_id="changes_review",
    summary="Review a change that alters no service",
    response_model=ChangeAnswer,
)
async def review_change(change_id: PathId, body: ReviewBody, call: Writer) -> Response:
    """Review a change that alters no service; all others are reviewed with their release."""
    return await call.command(
        lambda use_cases: use_cases.review_change(call.act(body.reason), change_id=change_id, outcome=body.outcome),
        present=present_change,
    )


@router.post(
    "/changes/{change_id}/closure",
    operation_id="changes_close",
    summary="Close a change that was reviewed on its own",
    response_model=ChangeAnswer,
)
async def close_change(change_id: PathId, body: Reason, call: Writer) -> Response:
    """Close a change that was reviewed on its own."""
    return await call.command(
        lambda use_cases: use_cases.close_change(call.act(body.reason), change_id=change_id), present=present_change
    )
