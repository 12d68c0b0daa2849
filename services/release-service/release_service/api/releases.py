"""Releases over HTTP: opening and finding them, their scope, and how they end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import HistoryAnswer, Name, NextAnswer, Page, PathId, filters

from release_service.api.answers import (
    PackageAnswer,
    ReleaseAnswer,
    ReleaseRow,
    present_package,
    present_release,
    present_row,
)
from release_service.api.bodies import CarryChanges, GoBack, OpenRelease, Reasoned
from release_service.api.callers import Reader, Writer, carry_out
from release_service.domain import Release, ReleaseKind, ReleaseState

router = APIRouter(prefix="/v1", tags=["releases"])


@router.post("/releases", operation_id="releases_open", status_code=201, response_model=ReleaseAnswer)
async def open_release(body: OpenRelease, call: Writer) -> Response:
    """Open a release of a service; its number is shown as soon as it is saved."""
    return await call.command(
        lambda use_cases: use_cases.open_release(
            call.act(body.reason),
            release_id=call.new_id(),
            service_id=body.service_id,
            kind=body.kind,
            version=body.version,
            change_ids=tuple(body.change_ids),
            emergency=body.emergency,
        ),
        present=lambda release: present_release(release, call.views),
        status=201,
        location=lambda release: f"/v1/releases/{release.id}",
        waits=True,
    )


@router.get("/releases", operation_id="releases_list", response_model=Page[ReleaseRow])
def list_releases(
    call: Reader,
    *,
    number: Annotated[Name | None, Query()] = None,
    state: Annotated[list[ReleaseState] | None, Query()] = None,
    kind: Annotated[list[ReleaseKind] | None, Query()] = None,
    service_id: Annotated[PathId | None, Query()] = None,
    change_id: Annotated[PathId | None, Query()] = None,
    predecessor_id: Annotated[PathId | None, Query()] = None,
    emergency: Annotated[bool | None, Query()] = None,
    on_hold: Annotated[bool | None, Query()] = None,
) -> Response:
    """List releases in the order in which they were opened."""
    where = filters(
        number=number,
        state=state,
        kind=kind,
        service_id=service_id,
        change_ids=change_id,
        predecessor_id=predecessor_id,
        emergency=emergency,
        on_hold=on_hold,
    )
    return call.page("releases", where, order_by="sequence", present=present_row)


@router.get("/releases/{release_id}", operation_id="releases_get", response_model=ReleaseAnswer)
async def get_release(release_id: PathId, call: Reader) -> Response:
    """Show a release."""
    return await call.show(Release, release_id, lambda release: present_release(release, call.views), waits=True)


@router.get("/releases/{release_id}/package", operation_id="releases_package", response_model=PackageAnswer)
async def get_package(release_id: PathId, call: Reader) -> Response:
    """Show the package of a release."""
    return await call.show(Release, release_id, present_package)


@router.get("/releases/{release_id}/next", operation_id="releases_next", response_model=NextAnswer)
def next_of_release(release_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a release, by whom, and why not."""
    return call.next(Release, release_id)


@router.get("/releases/{release_id}/history", operation_id="releases_history", response_model=HistoryAnswer)
def history_of_release(release_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a release, each entry with the grant that it used."""
    return call.history(Release, release_id)


@router.put("/releases/{release_id}/changes", operation_id="releases_carry_changes", response_model=ReleaseAnswer)
async def carry_changes(release_id: PathId, body: CarryChanges, call: Writer) -> Response:
    """Replace the changes that a release carries."""
    changes = tuple(body.change_ids)
    return await carry_out(
        call,
        lambda use_cases: use_cases.carry_changes(call.act(body.reason), release_id=release_id, change_ids=changes),
        if_match=True,
    )


@router.post("/releases/{release_id}/ways-back", operation_id="releases_go_back", response_model=ReleaseAnswer)
async def go_back(release_id: PathId, body: GoBack, call: Writer) -> Response:
    """Go back to an earlier phase."""
    return await carry_out(
        call,
        lambda use_cases: use_cases.go_back(
            call.act(body.reason), release_id=release_id, way=body.way, version=body.version
        ),
    )


@router.post("/releases/{release_id}/hold", operation_id="releases_hold", response_model=ReleaseAnswer)
async def put_on_hold(release_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Put a release on hold."""
    return await carry_out(call, lambda use_cases: use_cases.put_on_hold(call.act(body.reason), release_id=release_id))


@router.post("/releases/{release_id}/resumption", operation_id="releases_resume", response_model=ReleaseAnswer)
async def take_off_hold(release_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Let a release go on after a hold."""
    return await carry_out(
        call, lambda use_cases: use_cases.take_off_hold(call.act(body.reason), release_id=release_id)
    )


@router.post("/releases/{release_id}/cancellation", operation_id="releases_cancel", response_model=ReleaseAnswer)
async def cancel_release(release_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Cancel a release; what ran is reviewed first."""
    return await carry_out(
        call, lambda use_cases: use_cases.cancel_release(call.act(body.reason), release_id=release_id)
    )


@router.post(
    "/releases/{release_id}/confirmation-requests",
    operation_id="releases_request_confirmation",
    response_model=ReleaseAnswer,
)
async def request_confirmation(release_id: PathId, body: Reasoned, call: Writer) -> Response:
    """Ask the CAB to confirm what an emergency decided."""
    return await carry_out(
        call,
        lambda use_cases: use_cases.request_confirmation(
            call.act(body.reason), release_id=release_id, request_id=call.new_id()
        ),
    )
