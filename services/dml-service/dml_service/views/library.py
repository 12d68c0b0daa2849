"""The media items of the library, what was asked to come in, and what was taken out."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.views import Rows, View, Views, iso

from dml_service.domain import CheckIn, CheckInState, CheckOut, MediaItem, MediaState, Medium, item_id_of
from dml_service.views.projecting import change, ids_of, number, row_of

# What a revocation or a cancellation reaches is read whole: the views return a thousand rows unless told otherwise.
ALL = 1_000_000


def _recorded(rows: Rows, happened: MediaItem.Recorded) -> None:
    medium = happened.medium
    change(
        rows,
        happened,
        number=number(rows, "MED"),
        name=medium.name,
        version=medium.version,
        sha256=medium.sha256,
        size_bytes=medium.size_bytes,
        kind=medium.kind,
        state=MediaState.CANDIDATE,
        superseded=False,
        loaded=False,
        build_ids=[str(happened.build_id)],
        release_ids=[str(happened.release_id)],
        authorization_id=None,
        checked_in_by_release_id=None,
        uses=[],
    )


def _recorded_again(rows: Rows, happened: MediaItem.RecordedAgain) -> None:
    row = row_of(rows, happened)
    candidate = row["state"] == MediaState.DISCARDED
    change(
        rows,
        happened,
        state=MediaState.CANDIDATE if candidate else row["state"],
        build_ids=[*row["build_ids"], str(happened.build_id)],
        release_ids=list(dict.fromkeys([*row["release_ids"], str(happened.release_id)])),
    )


def _discarded(rows: Rows, happened: MediaItem.Discarded) -> None:
    row = row_of(rows, happened)
    build_ids = [one for one in row["build_ids"] if one != str(happened.build_id)]
    change(rows, happened, build_ids=build_ids, state=row["state"] if build_ids else MediaState.DISCARDED)


def _checked_in(rows: Rows, happened: MediaItem.CheckedIn) -> None:
    change(
        rows,
        happened,
        state=MediaState.DEFINITIVE,
        loaded=happened.loaded,
        authorization_id=str(happened.authorization_id),
        checked_in_by_release_id=str(happened.release_id),
    )


def _superseded(rows: Rows, happened: MediaItem.Superseded) -> None:
    change(rows, happened, superseded=True)


def _quarantined(rows: Rows, happened: MediaItem.Quarantined) -> None:
    change(rows, happened, state=MediaState.QUARANTINED)


def _cleared(rows: Rows, happened: MediaItem.Cleared) -> None:
    change(rows, happened, state=MediaState.DEFINITIVE)


def _withdrawn(rows: Rows, happened: MediaItem.Withdrawn) -> None:
    change(rows, happened, state=MediaState.WITHDRAWN)


def _archived(rows: Rows, happened: MediaItem.Archived) -> None:
    change(rows, happened, state=MediaState.ARCHIVED)


def _use_noted(rows: Rows, happened: MediaItem.UseNoted) -> None:
    use = {"release_id": str(happened.use.release_id), "use": happened.use.kind}
    change(rows, happened, uses=[*row_of(rows, happened)["uses"], use])


def _check_in_requested(rows: Rows, happened: CheckIn.Requested) -> None:
    change(
        rows,
        happened,
        release_id=str(happened.release_id),
        build_id=str(happened.build_id),
        kind=happened.kind,
        state=CheckInState.REQUESTED,
        authorization_id=str(happened.grant.authorization_id),
        requested_at=iso(happened.timestamp),
        wait_until=iso(happened.wait_until),
        reasons=[],
        items=[
            {"name": one.name, "version": one.version, "sha256": one.sha256, "item_id": _item_id(one)}
            for one in happened.items
        ],
    )


def _item_id(medium: Medium) -> str:
    return str(item_id_of(medium.name, medium.version, medium.sha256))


def _check_in_completed(rows: Rows, happened: CheckIn.Completed) -> None:
    change(rows, happened, state=CheckInState.COMPLETED)


def _check_in_refused(rows: Rows, happened: CheckIn.Refused) -> None:
    change(rows, happened, state=CheckInState.REFUSED, reasons=list(happened.reasons))


def _check_in_cancelled(rows: Rows, happened: CheckIn.Cancelled) -> None:
    change(rows, happened, state=CheckInState.CANCELLED, reasons=[happened.reason])


def _taken(rows: Rows, happened: CheckOut.Taken) -> None:
    change(
        rows,
        happened,
        number=number(rows, "OUT"),
        taken_by=happened.act.by,
        taken_at=iso(happened.timestamp),
        release_id=str(happened.release_id) if happened.release_id else None,
        purpose=happened.purpose,
        item_ids=[_item_id(one) for one in happened.items],
        item_count=len(happened.items),
    )


MEDIA_ITEMS = View(
    name="media_items",
    fields=(
        *("number", "name", "version", "sha256", "kind", "state", "superseded", "loaded"),
        *("build_ids", "release_ids", "authorization_id", "checked_in_by_release_id"),
    ),
    on={
        MediaItem.Recorded: _recorded,
        MediaItem.RecordedAgain: _recorded_again,
        MediaItem.Discarded: _discarded,
        MediaItem.CheckedIn: _checked_in,
        MediaItem.Superseded: _superseded,
        MediaItem.Quarantined: _quarantined,
        MediaItem.Cleared: _cleared,
        MediaItem.Withdrawn: _withdrawn,
        MediaItem.Archived: _archived,
        MediaItem.UseNoted: _use_noted,
    },
    lists=("build_ids", "release_ids"),
)
CHECK_INS = View(
    name="check_ins",
    fields=("release_id", "build_id", "state", "authorization_id", "requested_at"),
    on={
        CheckIn.Requested: _check_in_requested,
        CheckIn.Completed: _check_in_completed,
        CheckIn.Refused: _check_in_refused,
        CheckIn.Cancelled: _check_in_cancelled,
    },
)
CHECK_OUTS = View(
    name="check_outs",
    fields=("number", "release_id", "taken_by", "item_ids"),
    on={CheckOut.Taken: _taken},
    lists=("item_ids",),
)


def waiting_check_ins(views: Views, *, limit: int, build_id: UUID | None = None) -> list[UUID]:
    """Return check-ins that were not answered yet, the oldest first."""
    where: dict[str, str] = {"state": CheckInState.REQUESTED}
    if build_id is not None:
        where["build_id"] = str(build_id)
    rows = views.find("check_ins", where, order_by="requested_at", limit=limit)
    return [UUID(row["key"]) for row in rows]


def grant_was_used(views: Views, authorization_id: UUID, *, by_other_than: UUID) -> bool:
    """Return whether another check-in was completed under a grant."""
    rows = views.find("check_ins", {"authorization_id": str(authorization_id), "state": CheckInState.COMPLETED})
    return any(row["key"] != str(by_other_than) for row in rows)


def items_under_authorization(views: Views, authorization_id: UUID) -> list[UUID]:
    """Return the media items that came in under a grant."""
    return ids_of(views.find("media_items", {"authorization_id": str(authorization_id)}, limit=ALL))


def items_checked_in_by(views: Views, release_id: UUID) -> list[UUID]:
    """Return the media items that a release took into the library."""
    return ids_of(views.find("media_items", {"checked_in_by_release_id": str(release_id)}, limit=ALL))


def items_with_digest(views: Views, sha256: str) -> list[UUID]:
    """Return the media items with these bytes."""
    return ids_of(views.find("media_items", {"sha256": sha256}))


def items_named(views: Views, name: str, version: str) -> list[UUID]:
    """Return the media items, candidates too, that were offered under a name and version."""
    return ids_of(views.find("media_items", {"name": name, "version": version}))
