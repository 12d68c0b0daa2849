"""The parts of what is told of a release."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fourgates.chassis.http import Answer

from release_service.domain import (
    ChangeState,
    ChangeType,
    CheckInState,
    DebtCode,
    DebtState,
    DeploymentState,
    Gate,
    OnWindowEnd,
    Outcome,
    RequestState,
    Risk,
    TestResult,
)


class ServiceAnswer(Answer):
    """The service of a release, as it was last heard."""

    name: str
    owner_id: str
    tier: str
    lifecycle: str
    target_count: int
    live_dependants: list[UUID]


class ChangeAnswer(Answer):
    """A carried change, as it was last heard."""

    change_id: UUID
    state: ChangeState
    content_digest: str
    title: str
    change_type: ChangeType
    risk: Risk
    requested_by: str
    on_hold: bool


class StepAnswer(Answer):
    """One executable step."""

    name: str
    action: str
    path: str
    expect_status: int
    timeout_s: int


class ScheduleAnswer(Answer):
    """When the work is planned."""

    starts_at: datetime
    ends_at: datetime


class RiskAnswer(Answer):
    """A named risk with its contingency action."""

    name: str
    rating: Risk
    contingency_action: str


class BackOutAnswer(Answer):
    """How a deployment is taken back."""

    steps: list[StepAnswer]
    owner: str
    trigger: str
    longest_duration_s: int
    point_of_no_return: int | None
    forward_steps: list[StepAnswer]


class SuiteAnswer(Answer):
    """A test suite."""

    name: str
    required: bool
    minimum: bool


class TestsAnswer(Answer):
    """The test plan."""

    __test__ = False

    suites: list[SuiteAnswer]
    acceptance_criteria: list[str]


class PlanAnswer(Answer):
    """The plan, with the digest of its steps."""

    schedule: ScheduleAnswer | None
    risks: list[RiskAnswer]
    deployment_steps: list[StepAnswer]
    back_out: BackOutAnswer
    tests: TestsAnswer
    strategy: str
    steps_digest: str


class ImpactedServiceAnswer(Answer):
    """A service that the release can affect."""

    service_id: UUID
    name: str
    owner_id: str
    tier: str
    relation: str


class ImpactAnswer(Answer):
    """The impact set, and who acknowledged it."""

    impact_digest: str
    services: list[ImpactedServiceAnswer]
    acknowledged_by: str | None


class DeciderAnswer(Answer):
    """One person whose vote made a grant."""

    person_id: str
    roles: list[str]
    voted_at: datetime
    meaning: str
    reason: str


class GrantAnswer(Answer):
    """A grant: who authorized what, under which policy, until when."""

    authorization_id: UUID
    document_digest: str
    deciders: list[DeciderAnswer]
    policy_version: int
    rule: str
    granted_at: datetime
    expires_at: datetime
    model_id: UUID | None


class GateRequestAnswer(Answer):
    """A request for a gate, what it binds, and what became of it."""

    request_id: UUID
    gates: list[Gate]
    state: RequestState
    used: list[Gate]
    document: dict[str, str]
    document_digest: str
    owed: list[DebtCode]
    requested_by: str
    requested_at: datetime
    reasons: list[str]
    crossing: str | None
    grant: GrantAnswer | None


class ItemAnswer(Answer):
    """One piece of media."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str
    item_id: UUID | None


class BuildAnswer(Answer):
    """A numbered build."""

    build_id: UUID
    attempt: int
    package_digest: str
    inputs: list[ItemAnswer]
    candidates: list[ItemAnswer]
    built_by: str


class TestRunAnswer(Answer):
    """Evidence that is bound to the present build."""

    __test__ = False

    test_run_id: UUID
    build_id: UUID
    suite: str
    result: TestResult
    tested_sha256: str
    evidence_sha256: str
    tests: int
    failures: int
    tested_by: str


class SignOffAnswer(Answer):
    """The change manager's signature."""

    build_id: UUID
    signed_off_by: str
    signed_off_at: datetime


class CheckInAnswer(Answer):
    """What the DML answered."""

    build_id: UUID
    state: CheckInState
    reasons: list[str]


class RehearsalAnswer(Answer):
    """A rehearsal, and what was measured."""

    rehearsal_id: UUID
    environment_id: UUID
    package_digest: str
    steps_digest: str
    finished: bool
    succeeded: bool
    duration_s: float
    notes: list[str]


class EnvironmentAnswer(Answer):
    """One rung of the ladder."""

    environment_id: UUID
    window_start: datetime
    window_end: datetime
    waves: list[list[str]]
    soak_s: int


class DeploymentPlanAnswer(Answer):
    """Environments in order."""

    environments: list[EnvironmentAnswer]
    on_window_end: OnWindowEnd


class ConflictAnswer(Answer):
    """One conflict with the change schedule."""

    conflict_id: str
    code: str
    detail: str
    environment_id: UUID
    waived_by: str | None


class DeploymentAnswer(Answer):
    """What was last heard of a deployment."""

    deployment_id: UUID
    state: DeploymentState


class DecisionAnswer(Answer):
    """How a review ended."""

    review_id: UUID
    deployment_id: UUID | None
    decision: str
    outcome: Outcome
    reason: str
    decided_by: str


class DebtAnswer(Answer):
    """What an emergency left for later."""

    code: DebtCode
    detail: str
    due_at: datetime
    state: DebtState
    how: str
    evaluation_id: UUID


class SuccessorAnswer(Answer):
    """The release that answers a missed target."""

    evaluation_id: UUID
    successor_id: UUID


class PersonAnswer(Answer):
    """A person who had a part in the release."""

    person_id: str
    part: str
