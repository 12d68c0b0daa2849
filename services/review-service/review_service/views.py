"""The read models of review: reviews, watches over targets, ledgers of value, recommendations to retire."""

from __future__ import annotations

from typing import Any

from fourgates.chassis.views import Row, Rows, View, Views, iso

from review_service.domain import DeploymentOutcome, EntryKind, Review, TargetWatch, ValueLedger
from review_service.domain.values import CONCLUSIVE


def _on_row(rows: Rows, happened: Any, **changed: Any) -> None:
    key = str(happened.originator_id)
    rows.put(key, {**(rows.get(key) or {}), **changed})


def _review_opened(rows: Rows, happened: Review.Opened) -> None:
    outcome = happened.deployment.outcome if happened.deployment else None
    rows.put(
        str(happened.originator_id),
        {
            "number": f"PIR-{1001 + rows.count()}",
            "release_id": str(happened.release_id),
            "service_id": str(happened.service_id),
            "kind": happened.kind.value,
            "deployment_id": str(happened.deployment.deployment_id) if happened.deployment else None,
            "deployment_outcome": outcome.value if outcome else None,
            "state": "open",
            "opened_at": iso(happened.act.at),
            "stayed": outcome in (None, DeploymentOutcome.DEPLOYED),
            "asked_at": iso(happened.act.at),
            "observation_ends_at": iso(happened.observation.ends_at),
            "targets": 0,
            "unconcluded": [],
            "missed": 0,
            "decision": None,
            "outcome": None,
            "closed_at": None,
        },
    )


def _targets_pinned(rows: Rows, happened: Review.TargetsPinned) -> None:
    targets = [str(t.target_id) for t in happened.targets]
    _on_row(rows, happened, targets=len(targets), unconcluded=targets)


def _evaluation_requested(rows: Rows, happened: Review.EvaluationRequested) -> None:
    _on_row(rows, happened, asked_at=iso(happened.act.at))


def _evaluated(rows: Rows, happened: Any) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    evaluation = happened.evaluation
    concluded = evaluation.missed or evaluation.result in CONCLUSIVE
    _on_row(
        rows,
        happened,
        missed=row.get("missed", 0) + int(evaluation.missed),
        unconcluded=[s for s in row.get("unconcluded", []) if not (concluded and s == evaluation.subject)],
    )


def _observation_extended(rows: Rows, happened: Review.ObservationExtended) -> None:
    _on_row(rows, happened, observation_ends_at=iso(happened.ends_at))


def _review_closed(rows: Rows, happened: Review.Closed) -> None:
    _on_row(
        rows,
        happened,
        state="closed",
        decision=happened.decision.value,
        outcome=happened.outcome.value,
        closed_at=iso(happened.act.at),
    )


REVIEWS = View(
    name="reviews",
    fields=("number", "release_id", "service_id", "kind", "state", "decision", "outcome", "stayed", "asked_at"),
    on={
        Review.Opened: _review_opened,
        Review.TargetsPinned: _targets_pinned,
        Review.EvaluationRequested: _evaluation_requested,
        Review.TargetEvaluated: _evaluated,
        Review.StatementMade: _evaluated,
        Review.DebtFailed: _evaluated,
        Review.ObservationExtended: _observation_extended,
        Review.Closed: _review_closed,
    },
)


def _recommended(rows: Rows, happened: Review.RetirementRecommended) -> None:
    rows.put(
        str(happened.originator_id),
        {
            "review_id": str(happened.originator_id),
            "reason": happened.reason,
            "recommended_by": happened.act.by,
            "recommended_at": iso(happened.act.at),
        },
    )


RECOMMENDATIONS = View(
    name="retirement_recommendations",
    fields=("recommended_at", "recommended_by"),
    on={Review.RetirementRecommended: _recommended},
)


def _watch_begun(rows: Rows, happened: TargetWatch.Begun) -> None:
    _on_row(
        rows,
        happened,
        service_id=str(happened.service_id),
        revision=None,
        targets=[],
        nodes=0,
        measuring=False,
        asked_at=iso(happened.act.at),
        misses=0,
        latest={},
    )


def _targets_noted(rows: Rows, happened: TargetWatch.TargetsNoted) -> None:
    _on_row(rows, happened, revision=happened.revision, targets=[t.name for t in happened.targets])


def _endpoints_noted(rows: Rows, happened: TargetWatch.EndpointsNoted) -> None:
    _on_row(rows, happened, nodes=len(happened.endpoints))


def _measuring_begun(rows: Rows, happened: TargetWatch.MeasuringBegun) -> None:
    _on_row(rows, happened, measuring=True, asked_at=iso(happened.act.at))


def _measuring_ended(rows: Rows, happened: TargetWatch.MeasuringEnded) -> None:
    _on_row(rows, happened, measuring=False)


def _measurement_requested(rows: Rows, happened: TargetWatch.MeasurementRequested) -> None:
    _on_row(rows, happened, asked_at=iso(happened.act.at))


def _measured(rows: Rows, happened: TargetWatch.Measured) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    evaluation = happened.evaluation
    _on_row(
        rows,
        happened,
        misses=row.get("misses", 0) + int(evaluation.missed),
        latest={**row.get("latest", {}), evaluation.name: evaluation.result.value},
    )


WATCHES = View(
    name="target_watches",
    fields=("service_id", "measuring", "asked_at"),
    on={
        TargetWatch.Begun: _watch_begun,
        TargetWatch.TargetsNoted: _targets_noted,
        TargetWatch.EndpointsNoted: _endpoints_noted,
        TargetWatch.MeasuringBegun: _measuring_begun,
        TargetWatch.MeasuringEnded: _measuring_ended,
        TargetWatch.MeasurementRequested: _measurement_requested,
        TargetWatch.Measured: _measured,
    },
)


def _ledger_opened(rows: Rows, happened: ValueLedger.Opened) -> None:
    _on_row(
        rows,
        happened,
        service_id=str(happened.service_id),
        value_case=happened.value_case,
        expected={},
        realised={},
        entries=0,
        closed=False,
    )


def _value_case_noted(rows: Rows, happened: ValueLedger.ValueCaseNoted) -> None:
    _on_row(rows, happened, value_case=happened.value_case)


def _entered(rows: Rows, happened: Any) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    entry = happened.entry
    side = "expected" if entry.kind is EntryKind.EXPECTED else "realised"
    totals = row.get(side, {})
    _on_row(
        rows,
        happened,
        entries=row.get("entries", 0) + 1,
        **{side: {**totals, entry.unit: totals.get(entry.unit, 0.0) + entry.amount}},
    )


def _ledger_closed(rows: Rows, happened: ValueLedger.Closed) -> None:
    _on_row(rows, happened, closed=True)


LEDGERS = View(
    name="value_ledgers",
    fields=("service_id", "closed"),
    on={
        ValueLedger.Opened: _ledger_opened,
        ValueLedger.ValueCaseNoted: _value_case_noted,
        ValueLedger.ExpectationEntered: _entered,
        ValueLedger.RealisationEntered: _entered,
        ValueLedger.Closed: _ledger_closed,
    },
)

VIEWS: tuple[View, ...] = (REVIEWS, RECOMMENDATIONS, WATCHES, LEDGERS)


# What is due is chosen from all: what waits without being due is older than the rest, and would hide it.
ALL = 1_000_000


def reviews_due(views: Views, now: str, asked_before: str, limit: int) -> list[Row]:
    """Return open reviews to measure: asked long enough ago, and observing or with a target that has no verdict."""
    found = views.find("reviews", {"state": "open", "stayed": True}, order_by="asked_at", limit=ALL)
    due = [
        row
        for row in found
        if row["asked_at"] <= asked_before
        and row["targets"]
        and (now < row["observation_ends_at"] or row["unconcluded"])
    ]
    return due[:limit]


def watches_due(views: Views, asked_before: str, limit: int) -> list[Row]:
    """Return services whose targets are to be measured outside reviews."""
    found = views.find("target_watches", {"measuring": True}, order_by="asked_at", limit=ALL)
    due = [row for row in found if row["asked_at"] <= asked_before and row["targets"] and row["nodes"]]
    return due[:limit]
