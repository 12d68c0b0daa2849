"""Read models of changes and change models."""

from __future__ import annotations

from typing import Any

from fourgates.chassis.views import Rows, View, iso

from change_service.domain import Change, ChangeModel, Content, ModelContent
from change_service.views.plain import plain


def _content(content: Content) -> dict[str, Any]:
    return {**plain(content), "content_digest": content.digest}


def _write(rows: Rows, happened: Any, **fields: Any) -> None:
    key = str(happened.originator_id)
    row = rows.get(key)
    if row is not None:
        rows.put(key, {**row, **fields})


def _drafted(rows: Rows, happened: Change.Drafted) -> None:
    rows.put(
        str(happened.originator_id),
        {
            "number": f"CHG-{2000 + rows.count() + 1}",
            "state": "draft",
            "requested_by": happened.act.person,
            "raised_at": iso(happened.act.at),
            "authors": [happened.act.person],
            "on_hold": False,
            "evaluation_id": None,
            "authorization_id": None,
            "carried_by": None,
            "outcome": None,
            **_content(happened.content),
        },
    )


def _submitted(rows: Rows, happened: Change.Submitted) -> None:
    _write(rows, happened, state="requested")


def _linked(rows: Rows, happened: Change.Linked) -> None:
    _write(rows, happened, evaluation_id=str(happened.evaluation_id))


def _assessed(rows: Rows, happened: Change.Assessed) -> None:
    _write(rows, happened, state="assessed", **_content(happened.content))


def _rewritten(rows: Rows, happened: Change.Rewritten) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    authors = list(dict.fromkeys([*row.get("authors", []), happened.act.person]))
    state = "draft" if row.get("state") == "draft" else "requested"
    _write(rows, happened, state=state, authors=authors, authorization_id=None, **_content(happened.content))


def _authorized(rows: Rows, happened: Change.Authorized) -> None:
    _write(rows, happened, state="authorized", authorization_id=str(happened.grant.authorization_id))


def _grant_lost(rows: Rows, happened: Change.GrantLost) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    lost = "assessed" if row.get("state") in {"authorized", "scheduled"} else row.get("state")
    _write(rows, happened, state=lost, authorization_id=None)


def _rejected(rows: Rows, happened: Change.Rejected) -> None:
    _write(rows, happened, state="rejected")


def _cancelled(rows: Rows, happened: Change.Cancelled) -> None:
    _write(rows, happened, state="cancelled", authorization_id=None)


def _put_on_hold(rows: Rows, happened: Change.PutOnHold) -> None:
    _write(rows, happened, on_hold=True)


def _taken_off_hold(rows: Rows, happened: Change.TakenOffHold) -> None:
    _write(rows, happened, on_hold=False)


def _carried(rows: Rows, happened: Change.Carried) -> None:
    _write(rows, happened, carried_by=str(happened.release_id))


def _after_work(row: dict[str, Any]) -> Any:
    if row.get("state") in {"scheduled", "implementing"}:
        return "authorized" if row.get("authorization_id") else "assessed"
    return row.get("state")


def _dropped(rows: Rows, happened: Change.Dropped) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    _write(rows, happened, carried_by=None, state=_after_work(row))


def _sent_back(rows: Rows, happened: Change.SentBack) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    _write(rows, happened, state=_after_work(row))


def _scheduled(rows: Rows, happened: Change.Scheduled) -> None:
    _write(rows, happened, state="scheduled")


def _implementing(rows: Rows, happened: Change.ImplementationStarted) -> None:
    _write(rows, happened, state="implementing")


def _reviewed(rows: Rows, happened: Change.Reviewed) -> None:
    _write(rows, happened, state="reviewed", outcome=happened.outcome.value)


def _closed(rows: Rows, happened: Change.Closed) -> None:
    _write(rows, happened, state="closed")


CHANGES = View(
    "changes",
    (
        "number",
        "state",
        "change_type",
        "risk",
        "requested_by",
        "service_ids",
        "on_hold",
        "retrospective",
        "carried_by",
        "evaluation_id",
    ),
    {
        Change.Drafted: _drafted,
        Change.Submitted: _submitted,
        Change.Linked: _linked,
        Change.Assessed: _assessed,
        Change.Rewritten: _rewritten,
        Change.Authorized: _authorized,
        Change.GrantLost: _grant_lost,
        Change.Rejected: _rejected,
        Change.Cancelled: _cancelled,
        Change.PutOnHold: _put_on_hold,
        Change.TakenOffHold: _taken_off_hold,
        Change.Carried: _carried,
        Change.Dropped: _dropped,
        Change.SentBack: _sent_back,
        Change.Scheduled: _scheduled,
        Change.ImplementationStarted: _implementing,
        Change.Reviewed: _reviewed,
        Change.Closed: _closed,
    },
    lists=("service_ids",),
)


def _model_version(rows: Rows, happened: Any, content: ModelContent, number: int) -> None:
    before = rows.get(str(happened.originator_id)) or {"model_number": f"MOD-{rows.count() + 1}", "withdrawn": False}
    fresh = {"version_number": number, "author": happened.act.person, "approvals": [], "use_count": 0}
    rows.put(str(happened.originator_id), {**before, **plain(content), **fresh, "approved": False})


def _model_drafted(rows: Rows, happened: ChangeModel.Drafted) -> None:
    _model_version(rows, happened, happened.content, 1)


def _model_revised(rows: Rows, happened: ChangeModel.Revised) -> None:
    _model_version(rows, happened, happened.content, happened.number)


def _model_approved(rows: Rows, happened: ChangeModel.Approved) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    approvals = [*row.get("approvals", []), plain(happened.approval)]
    _write(rows, happened, approvals=approvals, approved=len(approvals) > 1)


def _model_used(rows: Rows, happened: ChangeModel.Used) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    _write(rows, happened, use_count=row.get("use_count", 0) + 1)


def _model_withdrawn(rows: Rows, happened: ChangeModel.Withdrawn) -> None:
    _write(rows, happened, withdrawn=True)


CHANGE_MODELS = View(
    "change_models",
    ("model_number", "approved", "withdrawn", "service_ids", "highest_risk"),
    {
        ChangeModel.Drafted: _model_drafted,
        ChangeModel.Revised: _model_revised,
        ChangeModel.Approved: _model_approved,
        ChangeModel.Used: _model_used,
        ChangeModel.Withdrawn: _model_withdrawn,
    },
    lists=("service_ids",),
)


def _use_counted(rows: Rows, happened: ChangeModel.Used) -> None:
    rows.put(
        f"{happened.originator_id}/{happened.originator_version:09d}",
        {
            "model_id": str(happened.originator_id),
            "change_id": str(happened.change_id),
            "authorization_id": str(happened.authorization_id),
            "used_at": iso(happened.act.at),
            "used_by": happened.act.person,
        },
    )


MODEL_USES = View("model_uses", ("model_id", "change_id"), {ChangeModel.Used: _use_counted})
