"""Authorizations over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import CallFactory, HistoryAnswer, Name, NextAnswer, Page, PathId, filters
from fourgates.chassis.http.reading import next_answer

from change_service.api.authorization_shapes import (
    AuthorizationAnswer,
    AuthorizationRow,
    VoteBody,
    WaiverBody,
    location_of_authorization,
    present_authorization,
)
from change_service.api.shapes import Authorizer, Reader, Reason, Writer, from_row
from change_service.application import ChangeUseCases
from change_service.domain import Authorization, AuthorizationState, Ballot, Gate, SubjectKind

States = Annotated[list[AuthorizationState] | None, Query(description="Only these states.")]
Kinds = Annotated[list[SubjectKind] | None, Query(description="Only authorizations of these kinds of subject.")]
OfSubject = Annotated[UUID | None, Query(description="Only what is about this change, release or evaluation.")]
OfRelease = Annotated[UUID | None, Query(description="Only what this release asked for.")]
OfChange = Annotated[UUID | None, Query(description="Only what binds this change.")]
OfGate = Annotated[list[Gate] | None, Query(description="Only these gates.")]
OfPerson = Annotated[Name | None, Query(description="Only what this person requested.")]
OfDecider = Annotated[Name | None, Query(description="Only what this person decided.")]
Escalated = Annotated[bool | None, Query(description="Only what escalated, or only what did not.")]

router = APIRouter(prefix="/v1", tags=["authorizations"])


@router.get(
    "/authorizations",
    operation_id="authorizations_list",
    summary="List authorizations",
    response_model=Page[AuthorizationRow],
)
def list_authorizations(
    call: Reader,
    *,
    state: States = None,
    subject_kind: Kinds = None,
    subject_id: OfSubject = None,
    release_id: OfRelease = None,
    change_id: OfChange = None,
    gate: OfGate = None,
    requested_by: OfPerson = None,
    decided_by: OfDecider = None,
    escalated: Escalated = None,
) -> Response:
    """List authorizations, the oldest request first."""
    where = filters(
        state=state,
        subject_kind=subject_kind,
        subject_id=subject_id,
        release_id=release_id,
        change_ids=change_id,
        gates=gate,
        requested_by=requested_by,
        deciders=decided_by,
        escalated=escalated,
    )
    return call.page("authorizations", where, order_by="requested_at", present=from_row(AuthorizationRow))


@router.get(
    "/authorizations/{authorization_id}",
    operation_id="authorizations_get",
    summary="Show an authorization",
    response_model=AuthorizationAnswer,
)
async def get_authorization(authorization_id: PathId, call: Reader) -> Response:
    """Show an authorization with its document, votes and deciders."""
    return await call.show(Authorization, authorization_id, present_authorization)


@router.get(
    "/authorizations/{authorization_id}/history",
    operation_id="authorizations_history",
    summary="The events of an authorization",
    response_model=HistoryAnswer,
)
def history_of_authorization(authorization_id: PathId, call: Reader) -> Response:
    """Return the events of an authorization in order."""
    return call.history(Authorization, authorization_id)


@router.post(
    "/authorizations/{authorization_id}/votes",
    operation_id="authorizations_vote",
    summary="Vote",
    status_code=201,
    response_model=AuthorizationAnswer,
)
async def vote(authorization_id: PathId, body: VoteBody, call: Authorizer) -> Response:
    """Give a vote on exactly the document whose digest the vote names."""
    return await call.command(
        lambda use_cases: use_cases.vote(
            call.act(body.reason),
            authorization_id=authorization_id,
            ballot=Ballot(body.vote, body.meaning, body.document_digest),
            delegate_to=body.delegate_to,
        ),
        present=present_authorization,
        status=201,
        location=location_of_authorization,
    )


@router.post(
    "/authorizations/{authorization_id}/revocation",
    operation_id="authorizations_revoke",
    summary="Revoke a grant",
    response_model=AuthorizationAnswer,
)
async def revoke(authorization_id: PathId, body: Reason, call: Authorizer) -> Response:
    """Take a grant back. What runs under a used one is paused or backed out by those who hear of it."""
    return await call.command(
        lambda use_cases: use_cases.revoke_authorization(call.act(body.reason), authorization_id=authorization_id),
        present=present_authorization,
    )


@router.post(
    "/authorizations/{authorization_id}/withdrawal",
    operation_id="authorizations_withdraw",
    summary="Withdraw a request",
    response_model=AuthorizationAnswer,
)
async def withdraw(authorization_id: PathId, body: Reason, call: Writer) -> Response:
    """Withdraw the request of a change or of a waiver before it is decided."""
    return await call.command(
        lambda use_cases: use_cases.withdraw_authorization(call.act(body.reason), authorization_id=authorization_id),
        present=present_authorization,
    )


@router.post(
    "/conflict-waivers",
    operation_id="conflict_waivers_request",
    summary="Ask for conflicts to be waived",
    status_code=201,
    response_model=AuthorizationAnswer,
)
async def request_waiver(body: WaiverBody, call: Writer) -> Response:
    """Ask an authority to waive conflicts of a deployment plan by name; the waiver shows for ever."""
    return await call.command(
        lambda use_cases: use_cases.request_waiver(
            call.act(body.reason),
            release_id=body.release_id,
            request_id=call.new_id(),
            conflict_ids=tuple(dict.fromkeys(body.conflict_ids)),
        ),
        present=present_authorization,
        status=201,
        location=location_of_authorization,
    )


def next_route(caller: CallFactory[ChangeUseCases]) -> APIRouter:
    """Return the route that asks the use cases who the caller is as a voter, and how things stand."""
    asking = APIRouter(prefix="/v1", tags=["authorizations"])

    @asking.get(
        "/authorizations/{authorization_id}/next",
        operation_id="authorizations_next",
        summary="What can be done next",
        response_model=NextAnswer,
    )
    def next_of_authorization(authorization_id: PathId, call: Reader) -> Response:
        """Say what can be done next with an authorization, by whom, and why the caller may not."""
        use_cases, act = caller.use_cases(caller.units.open()), call.act()
        authorization = call.get(Authorization, authorization_id)
        standing = use_cases.standing_of(act, authorization)
        return call.answer(next_answer(authorization.next(act, use_cases.voter_of(act), standing)))

    return asking
