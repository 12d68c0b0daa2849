"""The operators' window: the stream of all facts, and the board of releases by phase."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from fourgates.chassis.views import Row, Rows, View, Views, iso

from operations_service.domain import HeardFact

PAGING = ("dev.fourgates.deploy.back_out_failed.v1",)
_RELEASE = "dev.fourgates.release."
_DEPLOY = "dev.fourgates.deploy."
_REVIEW = "dev.fourgates.review."
_KEY_DIGITS = 12

Body = Mapping[str, Any]


def key_of(sequence: int) -> str:
    """Return the key of a fact: its place in the stream, sortable as text."""
    return f"{sequence:0{_KEY_DIGITS}d}"


def _kept(rows: Rows, happened: HeardFact.Kept) -> None:
    sequence = rows.count() + 1
    message, about = happened.message, happened.about
    rows.put(
        key_of(sequence),
        {
            "sequence": sequence,
            "message_id": message.message_id,
            "publisher": message.publisher,
            "type": message.type,
            "subject": message.subject,
            "at": iso(message.happened_at),
            "by": message.done_by,
            "person": message.person,
            "machine": message.machine,
            "cause_id": message.cause_id,
            "correlation_id": message.correlation_id,
            "release_ids": [str(i) for i in about.release_ids],
            "change_ids": [str(i) for i in about.change_ids],
            "service_ids": [str(i) for i in about.service_ids],
            "pages": message.type in PAGING,
            "facts": json.loads(message.body),
        },
    )


FACTS = View(
    name="facts",
    fields=("message_id", "publisher", "type", "release_ids", "change_ids", "service_ids", "correlation_id", "pages"),
    on={HeardFact.Kept: _kept},
    lists=("release_ids", "change_ids", "service_ids"),
)


def _opened(row: Row, body: Body) -> Row:
    return {
        **row,
        "service_id": body["service_id"],
        "kind": body["kind"],
        "version": body["version"],
        "emergency": body["emergency"],
        "requested_by": body["requested_by"],
        "change_ids": body["change_ids"],
    }


def _entered(row: Row, body: Body) -> Row:
    return {**row, "phase": body["phase"], "kind": body["kind"], "version": body["version"]}


def _closed(row: Row, body: Body) -> Row:
    return {**row, "phase": "closed", "outcome": body["outcome"]}


def _deployment(state: str) -> Callable[[Row, Body], Row]:
    return lambda row, body: {**row, "deployment": state, "deployment_id": body["deployment_id"]}


# What each fact does to the row of its release. Those of one release come in order; other services come when they come,
# and each writes only fields of its own.
CHANGES: Mapping[str, Callable[[Row, Body], Row]] = {
    f"{_RELEASE}opened.v1": _opened,
    f"{_RELEASE}changes_carried.v1": lambda row, body: {**row, "change_ids": body["change_ids"]},
    f"{_RELEASE}phase_entered.v1": _entered,
    f"{_RELEASE}went_back.v1": lambda row, body: {**row, "phase": body["to_phase"]},
    f"{_RELEASE}put_on_hold.v1": lambda row, _body: {**row, "on_hold": True},
    f"{_RELEASE}taken_off_hold.v1": lambda row, _body: {**row, "on_hold": False},
    f"{_RELEASE}closed.v1": _closed,
    f"{_RELEASE}cancelled.v1": lambda row, _body: {**row, "phase": "cancelled"},
    f"{_DEPLOY}started.v1": _deployment("running"),
    f"{_DEPLOY}paused.v1": _deployment("paused"),
    f"{_DEPLOY}refused.v1": _deployment("refused"),
    f"{_DEPLOY}aborted.v1": _deployment("aborted"),
    f"{_DEPLOY}deployed.v1": _deployment("deployed"),
    f"{_DEPLOY}backed_out.v1": _deployment("backed_out"),
    f"{_DEPLOY}back_out_failed.v1": _deployment("back_out_failed"),
    f"{_REVIEW}opened.v1": lambda row, body: {**row, "review_id": body["review_id"]},
}


def _on_release(rows: Rows, happened: HeardFact.Kept) -> None:
    change = CHANGES.get(happened.message.type)
    if change is None:
        return
    body: Body = json.loads(happened.message.body)
    release_id = str(body["release_id"])
    row = rows.get(release_id) or {
        "service_id": body["service_id"],
        "kind": None,
        "version": None,
        "emergency": False,
        "requested_by": None,
        "change_ids": [],
        "phase": "requested",
        "on_hold": False,
        "outcome": None,
        "deployment": None,
        "deployment_id": None,
        "review_id": None,
        "last_at": "",
    }
    at = max(row["last_at"], iso(happened.message.happened_at))
    rows.put(release_id, {**change(row, body), "last_at": at})


RELEASES = View(
    name="releases",
    fields=("service_id", "kind", "phase", "on_hold", "emergency", "outcome", "last_at"),
    on={HeardFact.Kept: _on_release},
)

NAMES_SERVICE = "dev.fourgates.dml.service_registered.v1"


def _on_service(rows: Rows, happened: HeardFact.Kept) -> None:
    if happened.message.type == NAMES_SERVICE:
        body: Body = json.loads(happened.message.body)
        rows.put(str(body["service_id"]), {"name": body["name"]})


SERVICES = View(name="services", fields=(), on={HeardFact.Kept: _on_service})

VIEWS: tuple[View, ...] = (FACTS, RELEASES, SERVICES)

PROGRESS = ("requested", "planning", "build_and_test", "check_in", "deployment", "review")
ENDED = ("closed", "cancelled")
PHASES = (*PROGRESS, *ENDED)


def stream(views: Views, *, after: int, types: Sequence[str], limit: int) -> list[Row]:
    """Return the facts behind a place in the stream."""
    where = {"type": list(types)} if types else {}
    return views.find("facts", where, limit=limit, after=(key_of(after),))


def facts_behind(views: Views, *, after: int, limit: int) -> list[Row]:
    """Return every fact behind a place in the stream."""
    return stream(views, after=after, types=(), limit=limit)


def last_place(views: Views) -> int:
    """Return the place of the last fact in the stream, 0 when there is none."""
    found = views.find("facts", order_by="key", descending=True, limit=1)
    return int(found[0]["sequence"]) if found else 0


def about_release(views: Views, release_id: str) -> Callable[[Row], bool]:
    """Return what tells whether a fact names a release, or a change that it carries now."""
    release = views.get("releases", release_id)
    changes = set(release["change_ids"]) if release else set()
    return lambda row: release_id in row["release_ids"] or not changes.isdisjoint(row["change_ids"])


def releases_in(views: Views, phases: Sequence[str], limit: int) -> list[Row]:
    """Return the releases in these phases, those that moved last first."""
    return views.find("releases", {"phase": list(phases)}, order_by="last_at", descending=True, limit=limit)


def service_names(views: Views, service_ids: Collection[str]) -> dict[str, str]:
    """Return the names of services, as far as they were heard of."""
    found = views.find("services", {"key": sorted(service_ids)}, limit=len(service_ids)) if service_ids else []
    return {row["key"]: row["name"] for row in found}


def history(views: Views, release_id: str, limit: int) -> list[Row]:
    """Return what was said about a release and the changes it carries, by all services, in the order it happened."""
    release = views.get("releases", release_id)
    found = {row["key"]: row for row in views.find("facts", {"release_ids": [release_id]}, limit=limit)}
    changes = release["change_ids"] if release else []
    if changes:
        found |= {row["key"]: row for row in views.find("facts", {"change_ids": changes}, limit=limit)}
    return sorted(found.values(), key=lambda row: (row["at"], row["key"]))[:limit]


def causes(views: Views, rows: Sequence[Row], depth_max: int) -> Iterator[Row]:
    """Yield these facts and every heard fact that led to them, each once."""
    known: set[str] = set()
    waiting = list(rows)
    for _ in range(depth_max):
        if not waiting:
            return
        for row in waiting:
            known.add(row["message_id"])
            yield row
        wanted = sorted({row["cause_id"] for row in waiting} - known)
        waiting = views.find("facts", {"message_id": wanted}) if wanted else []
