"""Check-outs and check-ins over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fourgates.chassis.http import (
    Answer,
    Call,
    Digest,
    HistoryAnswer,
    Name,
    NextAnswer,
    Page,
    PathId,
    Strict,
    Subject,
    Text,
    filters,
    needs,
)
from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from dml_service.api.services import with_id
from dml_service.application import Asked, DmlUseCases
from dml_service.domain import CheckIn, CheckInState, CheckOut, Medium, item_id_of

Reader = Annotated[Call[DmlUseCases], Depends(needs("dml:read"))]
Writer = Annotated[Call[DmlUseCases], Depends(needs("dml:write"))]


class AskedBody(Strict):
    """What is asked for: a name and version, or a digest, or all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "setuptools", "version": "80.9.0"}]})

    name: Name | None = None
    version: Name | None = None
    sha256: Digest | None = None

    @model_validator(mode="after")
    def names_something(self) -> Self:
        """Refuse what names nothing."""
        if (self.name is None) != (self.version is None) or (self.name is None and self.sha256 is None):
            raise PydanticCustomError("item", "Give a name and a version, or a sha256, or all of them")
        return self


class TakeCheckOut(Strict):
    """Media to be taken out, for whom and what."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [{"name": "setuptools", "version": "80.9.0"}], "purpose": "to build parcel-tracking 1.0.0"}
            ]
        }
    )

    items: list[AskedBody] = Field(min_length=1, max_length=200)
    release_id: UUID | None = None
    purpose: Text
    reason: Text | None = None


class MediumAnswer(Answer):
    """One item, and where its bytes are."""

    item_id: UUID
    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str
    blob: str


class CheckOutAnswer(Answer):
    """A check-out."""

    id: UUID
    items: list[MediumAnswer]
    release_id: UUID | None
    purpose: str
    taken_by: str
    taken_at: datetime


class CheckOutRow(Answer):
    """A check-out in a list."""

    id: UUID
    number: str
    release_id: UUID | None
    purpose: str
    taken_by: str
    taken_at: datetime
    item_ids: list[UUID]
    item_count: int


class CheckInAnswer(Answer):
    """A request to take media in, and its answer."""

    id: UUID
    release_id: UUID
    build_id: UUID
    kind: str
    state: CheckInState
    items: list[MediumAnswer]
    authorization_id: UUID
    loaded: bool
    wait_until: datetime
    reasons: list[str]


class CheckInItem(Answer):
    """One item of a check-in in a list."""

    item_id: UUID
    name: str
    version: str
    sha256: str


class CheckInRow(Answer):
    """A check-in in a list."""

    id: UUID
    release_id: UUID
    build_id: UUID
    kind: str
    state: CheckInState
    authorization_id: UUID
    requested_at: datetime
    wait_until: datetime
    reasons: list[str]
    items: list[CheckInItem]


def _medium(medium: Medium) -> MediumAnswer:
    return MediumAnswer(
        item_id=item_id_of(medium.name, medium.version, medium.sha256),
        name=medium.name,
        version=medium.version,
        sha256=medium.sha256,
        size_bytes=medium.size_bytes,
        kind=medium.kind,
        blob=f"/v1/blobs/{medium.sha256}",
    )


def present_check_out(check_out: CheckOut) -> CheckOutAnswer:
    """Return a check-out as its reader sees it."""
    return CheckOutAnswer(
        id=check_out.id,
        items=[_medium(one) for one in check_out.items],
        release_id=check_out.release_id,
        purpose=check_out.purpose,
        taken_by=check_out.taken_by,
        taken_at=check_out.taken_at,
    )


def present_check_in(check_in: CheckIn) -> CheckInAnswer:
    """Return a check-in as its reader sees it."""
    return CheckInAnswer(
        id=check_in.id,
        release_id=check_in.release_id,
        build_id=check_in.build_id,
        kind=check_in.kind,
        state=check_in.state,
        items=[_medium(one) for one in check_in.items],
        authorization_id=check_in.grant.authorization_id,
        loaded=check_in.loaded,
        wait_until=check_in.wait_until,
        reasons=list(check_in.reasons),
    )


router = APIRouter(prefix="/v1", tags=["check-outs and check-ins"])


@router.post("/check-outs", operation_id="check_outs_take", status_code=201, response_model=CheckOutAnswer)
async def take_check_out(body: TakeCheckOut, call: Writer) -> Response:
    """Take definitive media out of the library: all that is asked for, or nothing and every reason."""
    return await call.command(
        lambda use_cases: use_cases.take_check_out(
            call.act(body.reason or body.purpose),
            check_out_id=call.new_id(),
            asked=tuple(Asked(name=one.name, version=one.version, sha256=one.sha256) for one in body.items),
            release_id=body.release_id,
            purpose=body.purpose,
        ),
        present=present_check_out,
        status=201,
        location=lambda check_out: f"/v1/check-outs/{check_out.id}",
    )


@router.get("/check-outs", operation_id="check_outs_list", response_model=Page[CheckOutRow])
def list_check_outs(
    call: Reader,
    *,
    release_id: Annotated[PathId | None, Query()] = None,
    taken_by: Annotated[Subject | None, Query()] = None,
    item_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List check-outs, the first one first."""
    where = filters(release_id=release_id, taken_by=taken_by, item_ids=item_id)
    return call.page("check_outs", where, order_by="number", present=with_id)


@router.get("/check-outs/{check_out_id}", operation_id="check_outs_get", response_model=CheckOutAnswer)
async def get_check_out(check_out_id: PathId, call: Reader) -> Response:
    """Show a check-out."""
    return await call.show(CheckOut, check_out_id, present_check_out)


@router.get("/check-outs/{check_out_id}/next", operation_id="check_outs_next", response_model=NextAnswer)
def next_of_check_out(check_out_id: PathId, call: Reader) -> Response:
    """Say what can be done next: nothing, a check-out is a record."""
    return call.next(CheckOut, check_out_id)


@router.get("/check-outs/{check_out_id}/history", operation_id="check_outs_history", response_model=HistoryAnswer)
def history_of_check_out(check_out_id: PathId, call: Reader) -> Response:
    """Tell who took what, when and why."""
    return call.history(CheckOut, check_out_id)


@router.get("/check-ins", operation_id="check_ins_list", response_model=Page[CheckInRow])
def list_check_ins(
    call: Reader,
    *,
    release_id: Annotated[PathId | None, Query()] = None,
    build_id: Annotated[PathId | None, Query()] = None,
    state: Annotated[list[CheckInState] | None, Query()] = None,
) -> Response:
    """List what releases asked to be taken into the library, and how it was answered."""
    where = filters(release_id=release_id, build_id=build_id, state=state)
    return call.page("check_ins", where, order_by="requested_at", present=with_id)


@router.get("/check-ins/{check_in_id}", operation_id="check_ins_get", response_model=CheckInAnswer)
async def get_check_in(check_in_id: PathId, call: Reader) -> Response:
    """Show a check-in."""
    return await call.show(CheckIn, check_in_id, present_check_in)


@router.get("/check-ins/{check_in_id}/next", operation_id="check_ins_next", response_model=NextAnswer)
def next_of_check_in(check_in_id: PathId, call: Reader) -> Response:
    """Say what can be done next: nothing by people, only what is heard moves a check-in."""
    return call.next(CheckIn, check_in_id)


@router.get("/check-ins/{check_in_id}/history", operation_id="check_ins_history", response_model=HistoryAnswer)
def history_of_check_in(check_in_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a check-in."""
    return call.history(CheckIn, check_in_id)
