"""What is told of a release: everything that a release manager needs to go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fourgates.chassis.http import Answer
from fourgates.chassis.views import Row, Views

from release_service.api.parts import (
    BuildAnswer,
    ChangeAnswer,
    CheckInAnswer,
    ConflictAnswer,
    DebtAnswer,
    DecisionAnswer,
    DeploymentAnswer,
    DeploymentPlanAnswer,
    GateRequestAnswer,
    ImpactAnswer,
    ItemAnswer,
    PersonAnswer,
    PlanAnswer,
    RehearsalAnswer,
    ServiceAnswer,
    SignOffAnswer,
    SuccessorAnswer,
    TestRunAnswer,
)
from release_service.domain import (
    Outcome,
    Release,
    ReleaseKind,
    ReleaseState,
)
from release_service.views import number_of


class ReleaseAnswer(Answer):
    """A release as it stands."""

    id: UUID
    number: str | None
    service_id: UUID
    service: ServiceAnswer
    kind: ReleaseKind
    version: str
    reason: str
    state: ReleaseState
    emergency: bool
    on_hold: bool
    cancelling: bool
    redeploying: bool
    requested_by: str
    predecessor_id: UUID | None
    evaluation_id: UUID | None
    changes: list[ChangeAnswer]
    plan: PlanAnswer | None
    impact: ImpactAnswer | None
    gate_requests: list[GateRequestAnswer]
    build: BuildAnswer | None
    builds: list[BuildAnswer]
    test_runs: list[TestRunAnswer]
    suites_not_passed: list[str]
    sign_off: SignOffAnswer | None
    check_in: CheckInAnswer | None
    rehearsals: list[RehearsalAnswer]
    deployment_plan: DeploymentPlanAnswer | None
    conflicts: list[ConflictAnswer] | None
    owners_not_informed: list[UUID]
    deployment_id: UUID | None
    deployments: list[DeploymentAnswer]
    review_id: UUID | None
    decision: DecisionAnswer | None
    debts: list[DebtAnswer]
    successors: list[SuccessorAnswer]
    outcome: Outcome | None
    lineage: list[PersonAnswer]


class ReleaseRow(Answer):
    """A release in a list."""

    id: UUID
    number: str
    service_id: UUID
    service_name: str
    kind: ReleaseKind
    version: str
    reason: str
    state: ReleaseState
    emergency: bool
    on_hold: bool
    change_ids: list[UUID]
    predecessor_id: UUID | None
    outcome: Outcome | None
    requested_by: str
    opened_at: datetime


class PackageAnswer(Answer):
    """The package of a release: the items of its present build, and those that they supersede."""

    release_id: UUID
    version: str
    build_id: UUID | None
    package_digest: str | None
    items: list[ItemAnswer]
    supersedes: list[ItemAnswer]


SAME = (
    *("id", "service_id", "service", "kind", "reason", "state", "emergency", "on_hold", "cancelling", "redeploying"),
    *("requested_by", "predecessor_id", "evaluation_id", "plan", "impact", "build", "builds", "test_runs", "sign_off"),
    *("check_in", "deployment_plan", "deployment_id", "review_id", "decision", "outcome"),
)


def present_release(release: Release, views: Views) -> ReleaseAnswer:
    """Return a release as its reader sees it."""
    facts: dict[str, Any] = {name: getattr(release, name) for name in SAME}
    facts |= {
        "number": number_of(views, release.id),
        "version": release.package_version,
        "changes": list(release.changes.values()),
        "gate_requests": list(release.requests.values()),
        "suites_not_passed": release.suites_not_passed(minimum_only=False),
        "rehearsals": list(release.rehearsals.values()),
        "conflicts": release.conflicts.get(release.deployment_plan_digest()),
        "owners_not_informed": release.owners_not_informed(),
        "deployments": [{"deployment_id": one, "state": state} for one, state in release.deployments.items()],
        "debts": list(release.debts.values()),
        "successors": [{"evaluation_id": one, "successor_id": other} for one, other in release.successors.items()],
        "lineage": release.lineage(),
    }
    return ReleaseAnswer.model_validate(facts, from_attributes=True)


def present_package(release: Release) -> PackageAnswer:
    """Return the package of a release."""
    build = release.build
    facts = {
        "release_id": release.id,
        "version": release.package_version,
        "build_id": build.build_id if build else None,
        "package_digest": build.package_digest if build else None,
        "items": build.candidates if build else (),
        "supersedes": release.superseded_items(),
    }
    return PackageAnswer.model_validate(facts, from_attributes=True)


def present_row(row: Row) -> ReleaseRow:
    """Return a release as a list shows it."""
    return ReleaseRow.model_validate({"id": row["key"], **row})
