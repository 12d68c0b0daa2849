"""Change models over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, HistoryAnswer, Name, NextAnswer, Page, PathId, Strict, Text, filters
from fourgates.chassis.http.reading import next_answer
from pydantic import Field

from change_service.api.shapes import (
    EXAMPLE_ID,
    LIST_MAX,
    Authorizer,
    DeciderAnswer,
    Moment,
    Reader,
    Reason,
    Writer,
    example,
    from_row,
    shown,
)
from change_service.domain import ChangeModel, ModelContent, Risk

Approved = Annotated[bool | None, Query(description="Only models that are approved, or only those that are not.")]
Withdrawn = Annotated[bool | None, Query(description="Only models that are withdrawn, or only those that are not.")]
OfService = Annotated[UUID | None, Query(description="Only models that name this service.")]
OfChange = Annotated[UUID | None, Query(description="Only uses for this change.")]

router = APIRouter(prefix="/v1", tags=["change models"])


class ModelBody(Strict):
    """What a change model covers."""

    model_config = example(
        name="Restart a node",
        description="Restart one node outside its busy hours, by the procedure of the runbook.",
        service_ids=[EXAMPLE_ID],
        highest_risk="low",
        expires_at="2030-01-01T00:00:00Z",
        max_uses=50,
        reason="done every week without trouble",
    )

    name: Name
    description: Text
    service_ids: Annotated[list[UUID], Field(max_length=LIST_MAX)]
    highest_risk: Risk
    expires_at: Moment
    max_uses: int = Field(ge=1, le=100_000)
    reason: Text

    def content(self) -> ModelContent:
        """Return the content as the domain knows it."""
        return ModelContent(
            self.name, self.description, tuple(self.service_ids), self.highest_risk, self.expires_at, self.max_uses
        )


class ModelApprovalBody(Strict):
    """An approval of the version that was read."""

    model_config = example(version_number=1, meaning="I have read the procedure and it is safe", reason="it is sound")

    version_number: int = Field(ge=1, le=1_000_000)
    meaning: Text
    reason: Text


class ModelRow(Answer):
    """A change model in a list."""

    id: UUID
    model_number: str
    version_number: int
    name: str
    description: str
    service_ids: list[UUID]
    highest_risk: Risk
    expires_at: str
    max_uses: int
    use_count: int
    author: str
    approved: bool
    withdrawn: bool


class ModelAnswer(Answer):
    """A change model as it stands."""

    id: UUID
    version_number: int
    name: str
    description: str
    service_ids: list[UUID]
    highest_risk: Risk
    expires_at: str
    max_uses: int
    use_count: int
    author: str
    approvals: list[DeciderAnswer]
    withdrawn: bool


class UseRow(Answer):
    """One counted use of a model."""

    model_id: UUID
    change_id: UUID
    authorization_id: UUID
    used_at: str
    used_by: str


def present_model(model: ChangeModel) -> ModelAnswer:
    """Present a change model."""
    content = model.content
    return shown(
        ModelAnswer,
        id=model.id,
        version_number=model.number,
        name=content.name,
        description=content.description,
        service_ids=content.service_ids,
        highest_risk=content.highest_risk,
        expires_at=content.expires_at,
        max_uses=content.max_uses,
        use_count=len(model.uses),
        author=model.author,
        approvals=model.approvals,
        withdrawn=model.withdrawn,
    )


def _location(model: ChangeModel) -> str:
    return f"/v1/change-models/{model.id}"


@router.post(
    "/change-models",
    operation_id="change_models_draft",
    summary="Draft a change model",
    status_code=201,
    response_model=ModelAnswer,
)
async def draft_model(body: ModelBody, call: Writer) -> Response:
    """Draft a change model; two entitled people who did not write it approve it."""
    return await call.command(
        lambda use_cases: use_cases.draft_model(call.act(body.reason), model_id=call.new_id(), content=body.content()),
        present=present_model,
        status=201,
        location=_location,
    )


@router.get(
    "/change-models", operation_id="change_models_list", summary="List change models", response_model=Page[ModelRow]
)
def list_models(
    call: Reader, approved: Approved = None, withdrawn: Withdrawn = None, service_id: OfService = None
) -> Response:
    """List change models, the oldest first."""
    where = filters(approved=approved, withdrawn=withdrawn, service_ids=service_id)
    return call.page("change_models", where, present=from_row(ModelRow))


@router.get(
    "/change-models/{model_id}",
    operation_id="change_models_get",
    summary="Show a change model",
    response_model=ModelAnswer,
)
async def get_model(model_id: PathId, call: Reader) -> Response:
    """Show a change model as it stands."""
    return await call.show(ChangeModel, model_id, present_model)


@router.get(
    "/change-models/{model_id}/next",
    operation_id="change_models_next",
    summary="What can be done next",
    response_model=NextAnswer,
)
def next_of_model(model_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a change model, by whom, and why not."""
    model = call.get(ChangeModel, model_id)
    return call.answer(next_answer(model.next(call.act())))


@router.get(
    "/change-models/{model_id}/history",
    operation_id="change_models_history",
    summary="The events of a change model",
    response_model=HistoryAnswer,
)
def history_of_model(model_id: PathId, call: Reader) -> Response:
    """Return the events of a change model in order."""
    return call.history(ChangeModel, model_id)


@router.put(
    "/change-models/{model_id}/content",
    operation_id="change_models_revise",
    summary="Revise a change model",
    response_model=ModelAnswer,
)
async def revise_model(model_id: PathId, body: ModelBody, call: Writer) -> Response:
    """Write the next version of a change model; it needs new approvals."""
    return await call.command(
        lambda use_cases: use_cases.revise_model(call.act(body.reason), model_id=model_id, content=body.content()),
        present=present_model,
        if_match=True,
    )


@router.post(
    "/change-models/{model_id}/approvals",
    operation_id="change_models_approve",
    summary="Approve a change model",
    response_model=ModelAnswer,
)
async def approve_model(model_id: PathId, body: ModelApprovalBody, call: Authorizer) -> Response:
    """Approve the version of a change model that was read; the second approval puts it in force."""
    return await call.command(
        lambda use_cases: use_cases.approve_model(
            call.act(body.reason), model_id=model_id, number=body.version_number, meaning=body.meaning
        ),
        present=present_model,
    )


@router.post(
    "/change-models/{model_id}/withdrawal",
    operation_id="change_models_withdraw",
    summary="Withdraw a change model",
    response_model=ModelAnswer,
)
async def withdraw_model(model_id: PathId, body: Reason, call: Writer) -> Response:
    """Let a change model be used no more."""
    return await call.command(
        lambda use_cases: use_cases.withdraw_model(call.act(body.reason), model_id=model_id), present=present_model
    )


@router.get(
    "/change-models/{model_id}/uses",
    operation_id="change_models_uses",
    summary="The uses of a change model",
    response_model=Page[UseRow],
)
def list_uses(model_id: PathId, call: Reader, change_id: OfChange = None) -> Response:
    """List every use of a change model, of all its versions, the oldest first."""
    call.get(ChangeModel, model_id)
    where = filters(model_id=model_id, change_id=change_id)
    return call.page("model_uses", where, present=from_row(UseRow))
