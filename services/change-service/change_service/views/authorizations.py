"""Read models of authorizations and of the versions of the authority policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fourgates.chassis.views import Row, Rows, View, Views, iso

from change_service.domain import AuthorityPolicy, Authorization
from change_service.views.plain import plain

OPEN = ("requested", "granted")


def _requested(rows: Rows, happened: Authorization.Requested) -> None:
    question = happened.question
    rows.put(
        str(happened.originator_id),
        {
            "number": f"AUT-{rows.count() + 1}",
            "state": "requested",
            "request_id": str(question.request_id),
            "subject_kind": question.subject_kind.value,
            "subject_id": str(question.subject_id),
            "release_id": plain(question.release_id),
            "gates": plain(question.gates),
            "change_ids": [str(bound.change_id) for bound in question.changes],
            "summary": question.summary,
            "document_digest": question.document_digest,
            "emergency": question.emergency,
            "requested_by": happened.act.person,
            "requested_at": iso(happened.act.at),
            "rule": happened.rule.name,
            "policy_version": happened.policy_version,
            "due_at": iso(happened.request_expires_at),
            "escalates_at": iso(happened.escalates_at),
            "escalated": False,
            "vote_count": 0,
            "deciders": [],
            "used_gates": [],
            "reasons": [],
        },
    )


def _write(rows: Rows, happened: Any, **fields: Any) -> None:
    row = rows.get(str(happened.originator_id))
    if row is not None:
        rows.put(str(happened.originator_id), {**row, **fields})


def _ended(rows: Rows, happened: Any, state: str, reason: str) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    used = row.get("used_gates") or row.get("state") == "used"
    _write(rows, happened, state="used" if used else state, reasons=[*row.get("reasons", []), reason])


def _vote_cast(rows: Rows, happened: Authorization.VoteCast) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    _write(rows, happened, vote_count=row.get("vote_count", 0) + 1)


def _escalated(rows: Rows, happened: Authorization.Escalated) -> None:
    _write(rows, happened, escalated=True, reasons=[happened.reason])


def _granted(rows: Rows, happened: Authorization.Granted) -> None:
    deciders = [decider.person_id for decider in happened.deciders]
    _write(rows, happened, state="granted", due_at=iso(happened.expires_at), deciders=deciders)


def _rejected(rows: Rows, happened: Authorization.Rejected) -> None:
    _write(rows, happened, state="rejected", reasons=list(happened.reasons))


def _withdrawn(rows: Rows, happened: Authorization.Withdrawn) -> None:
    _write(rows, happened, state="withdrawn", reasons=[happened.reason])


def _expired(rows: Rows, happened: Authorization.Expired) -> None:
    _ended(rows, happened, "expired", f"expired at {iso(happened.expired_at)}")


def _revoked(rows: Rows, happened: Authorization.Revoked) -> None:
    _ended(rows, happened, "revoked", f"revoked: {happened.reason}")


def _voided(rows: Rows, happened: Authorization.Voided) -> None:
    _ended(rows, happened, "voided", f"voided: {happened.reason}")


def _used(rows: Rows, happened: Authorization.Used) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    used = [*row.get("used_gates", []), *plain(happened.gates)]
    over = row.get("state") != "granted" or set(used) >= set(row.get("gates", []))
    _write(rows, happened, used_gates=used, state="used" if over else row.get("state"))


AUTHORIZATIONS = View(
    "authorizations",
    (
        "number",
        "state",
        "subject_kind",
        "subject_id",
        "release_id",
        "gates",
        "change_ids",
        "requested_by",
        "requested_at",
        "deciders",
        "emergency",
        "escalated",
        "due_at",
        "escalates_at",
    ),
    {
        Authorization.Requested: _requested,
        Authorization.VoteCast: _vote_cast,
        Authorization.Escalated: _escalated,
        Authorization.Granted: _granted,
        Authorization.Rejected: _rejected,
        Authorization.Withdrawn: _withdrawn,
        Authorization.Expired: _expired,
        Authorization.Revoked: _revoked,
        Authorization.Voided: _voided,
        Authorization.Used: _used,
    },
    lists=("gates", "change_ids", "deciders"),
)


def open_authorizations(views: Views, **where: str) -> list[UUID]:
    """Return the requests and unused grants that match."""
    return [UUID(row["key"]) for row in views.find("authorizations", {"state": OPEN, **where})]


def due_authorizations(views: Views, at: datetime, limit: int) -> list[UUID]:
    """Return the requests and grants whose time has come, the oldest first."""
    rows = views.find("authorizations", {"state": OPEN}, order_by="due_at", limit=limit)
    return [UUID(row["key"]) for row in rows if row["due_at"] <= iso(at)]


def due_escalations(views: Views, at: datetime, limit: int) -> list[UUID]:
    """Return the requests that nobody decided in time, the oldest first."""
    rows = views.find(
        "authorizations", {"state": "requested", "escalated": False}, order_by="escalates_at", limit=limit
    )
    return [UUID(row["key"]) for row in rows if row["escalates_at"] <= iso(at)]


def authorizations_of_release(views: Views, release_id: UUID, **where: str) -> list[Row]:
    """Return everything that a release asked for, the latest first."""
    return views.find(
        "authorizations", {"release_id": str(release_id), **where}, order_by="requested_at", descending=True
    )


def _version(rows: Rows, happened: Any, number: int, proposed_by: str) -> None:
    rows.put(
        f"{happened.originator_id}/{number:09d}",
        {
            "policy_id": str(happened.originator_id),
            "number": number,
            "rules": plain(happened.rules),
            "proposed_by": proposed_by,
            "approved_by": happened.act.person,
            "approved_at": iso(happened.act.at),
        },
    )


def _installed(rows: Rows, happened: AuthorityPolicy.Installed) -> None:
    _version(rows, happened, 1, happened.act.person)


def _approved(rows: Rows, happened: AuthorityPolicy.Approved) -> None:
    _version(rows, happened, happened.number, happened.proposed_by)


POLICY_VERSIONS = View(
    "policy_versions",
    ("policy_id", "number"),
    {AuthorityPolicy.Installed: _installed, AuthorityPolicy.Approved: _approved},
)
