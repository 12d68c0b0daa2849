"""Media items over HTTP: what is in the library, where it is used, and how it leaves use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
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
    Text,
    filters,
    needs,
)
from pydantic import ConfigDict

from dml_service.api.services import with_id
from dml_service.application import DmlUseCases
from dml_service.domain import MediaItem, MediaState, UseKind

Reader = Annotated[Call[DmlUseCases], Depends(needs("dml:read"))]
Writer = Annotated[Call[DmlUseCases], Depends(needs("dml:write"))]


class Reason(Strict):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "a vulnerability was published for it"}]})

    reason: Text


class UseAnswer(Answer):
    """A release that packaged the item or built with it."""

    release_id: UUID
    use: UseKind


class MediaItemAnswer(Answer):
    """A media item as it stands."""

    id: UUID
    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str
    state: MediaState
    superseded: bool
    loaded: bool
    build_ids: list[UUID]
    checked_in_by_release_id: UUID | None
    authorization_id: UUID | None
    uses: list[UseAnswer]


class MediaItemRow(Answer):
    """A media item in a list."""

    id: UUID
    number: str
    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str
    state: MediaState
    superseded: bool
    loaded: bool
    build_ids: list[UUID]
    release_ids: list[UUID]
    checked_in_by_release_id: UUID | None
    authorization_id: UUID | None
    uses: list[UseAnswer]


class WhereUsedAnswer(Answer):
    """Where an item is used: releases, what runs now, and who took it out."""

    releases: list[UseAnswer]
    running_on: list[UUID]
    check_outs: list[UUID]


def present(item: MediaItem) -> MediaItemAnswer:
    """Return an item as its reader sees it."""
    return MediaItemAnswer(
        id=item.id,
        name=item.medium.name,
        version=item.medium.version,
        sha256=item.medium.sha256,
        size_bytes=item.medium.size_bytes,
        kind=item.medium.kind,
        state=item.state,
        superseded=item.superseded,
        loaded=item.loaded,
        build_ids=list(item.builds),
        checked_in_by_release_id=item.checked_in_by_release_id,
        authorization_id=item.authorization_id,
        uses=_uses(item),
    )


def _uses(item: MediaItem) -> list[UseAnswer]:
    return [UseAnswer(release_id=one.release_id, use=one.kind) for one in item.uses]


router = APIRouter(prefix="/v1", tags=["media items"])


@router.get("/media-items", operation_id="media_items_list", response_model=Page[MediaItemRow])
def list_media_items(
    call: Reader,
    *,
    name: Annotated[Name | None, Query()] = None,
    version: Annotated[Name | None, Query()] = None,
    sha256: Annotated[Digest | None, Query()] = None,
    kind: Annotated[Name | None, Query()] = None,
    state: Annotated[list[MediaState] | None, Query()] = None,
    release_id: Annotated[PathId | None, Query()] = None,
    build_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List media items in the order in which they were first offered."""
    where = filters(
        name=name, version=version, sha256=sha256, kind=kind, state=state, release_ids=release_id, build_ids=build_id
    )
    return call.page("media_items", where, order_by="number", present=with_id)


@router.get("/media-items/{item_id}", operation_id="media_items_get", response_model=MediaItemAnswer)
async def get_media_item(item_id: PathId, call: Reader) -> Response:
    """Show a media item."""
    return await call.show(MediaItem, item_id, present)


@router.get("/media-items/{item_id}/next", operation_id="media_items_next", response_model=NextAnswer)
def next_of_media_item(item_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a media item, by whom, and why not."""
    return call.next(MediaItem, item_id)


@router.get("/media-items/{item_id}/history", operation_id="media_items_history", response_model=HistoryAnswer)
def history_of_media_item(item_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a media item."""
    return call.history(MediaItem, item_id)


@router.get("/media-items/{item_id}/where-used", operation_id="media_items_where_used", response_model=WhereUsedAnswer)
def where_used(item_id: PathId, call: Reader) -> Response:
    """Tell which releases used a media item, what runs with it now, and who took it out."""
    item = call.get(MediaItem, item_id)
    running = call.views.find("configuration_items", {"target_ids": str(item_id)})
    check_outs = call.views.find("check_outs", {"item_ids": str(item_id)}, order_by="number")
    answer = WhereUsedAnswer(
        releases=_uses(item),
        running_on=[UUID(row["key"]) for row in running],
        check_outs=[UUID(row["key"]) for row in check_outs],
    )
    return call.answer(answer)


async def _command(call: Call[DmlUseCases], use_case: Callable[[DmlUseCases], MediaItem]) -> Response:
    return await call.command(use_case, present=present)


@router.post("/media-items/{item_id}/quarantine", operation_id="media_items_quarantine", response_model=MediaItemAnswer)
async def quarantine(item_id: PathId, body: Reason, call: Writer) -> Response:
    """Put a definitive item under quarantine: nobody checks it out, builds with it or deploys it."""
    return await _command(
        call, lambda uc: uc.quarantine_item(call.act(body.reason), item_id=item_id, reason=body.reason)
    )


@router.post("/media-items/{item_id}/clearance", operation_id="media_items_clear", response_model=MediaItemAnswer)
async def clear(item_id: PathId, body: Reason, call: Writer) -> Response:
    """Make a quarantined item definitive again, by a change authority's decision."""
    return await _command(call, lambda uc: uc.clear_item(call.act(body.reason), item_id=item_id, reason=body.reason))


@router.post("/media-items/{item_id}/withdrawal", operation_id="media_items_withdraw", response_model=MediaItemAnswer)
async def withdraw(item_id: PathId, body: Reason, call: Writer) -> Response:
    """Withdraw an item from use; its bytes and its history stay."""
    return await _command(call, lambda uc: uc.withdraw_item(call.act(body.reason), item_id=item_id, reason=body.reason))


@router.post("/media-items/{item_id}/archiving", operation_id="media_items_archive", response_model=MediaItemAnswer)
async def archive(item_id: PathId, body: Reason, call: Writer) -> Response:
    """Keep a withdrawn or superseded item for the record only."""
    return await _command(call, lambda uc: uc.archive_item(call.act(body.reason), item_id=item_id, reason=body.reason))
