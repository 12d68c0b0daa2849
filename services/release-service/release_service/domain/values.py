"""The values that the events of a release carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import digest_of

from release_service.domain.states import (
    Action,
    ChangeState,
    ChangeType,
    CheckInState,
    DebtCode,
    DebtState,
    Gate,
    MediaState,
    OnWindowEnd,
    Outcome,
    RequestState,
    Risk,
    TestResult,
)


@dataclass(frozen=True)
class Item:
    """One piece of media: a name, a version and the digest of its bytes."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str
    item_id: UUID | None = None

    @property
    def key(self) -> str:
        """The name and version, under which the DML keeps one content for ever."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class KnownItem:
    """What was heard of a media item under a name and version."""

    name: str
    version: str
    sha256: str
    state: MediaState
    size_bytes: int = 0
    kind: str = ""
    item_id: UUID | None = None


@dataclass(frozen=True)
class Step:
    """One executable step of a deployment, of its back-out, or of the way forward."""

    name: str
    action: Action
    path: str = ""
    expect_status: int = 200
    timeout_s: int = 30


@dataclass(frozen=True)
class CarriedChange:
    """A change in a release, as it was last heard."""

    change_id: UUID
    state: ChangeState = ChangeState.UNHEARD
    content_digest: str = ""
    title: str = ""
    change_type: ChangeType = ChangeType.NORMAL
    risk: Risk = Risk.MEDIUM
    requested_by: str = ""
    authors: tuple[str, ...] = ()
    service_ids: tuple[UUID, ...] = ()
    alters_service: bool = True
    on_hold: bool = False


@dataclass(frozen=True)
class ServiceFacts:
    """The service of a release, as it was last heard."""

    name: str
    owner_id: str
    tier: str
    lifecycle: str
    target_count: int = 0
    live_dependants: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class LineagePerson:
    """A person who had a part in what is decided."""

    person_id: str
    part: str


@dataclass(frozen=True)
class Decider:
    """One person whose vote made a grant, with what they held and meant at that time."""

    person_id: str
    roles: tuple[str, ...]
    voted_at: datetime
    meaning: str
    reason: str


@dataclass(frozen=True)
class Grant:
    """What was granted: who authorized which digest, under which policy and rule, until when."""

    authorization_id: UUID
    request_id: UUID
    document_digest: str
    deciders: tuple[Decider, ...]
    policy_version: int
    rule: str
    granted_at: datetime
    expires_at: datetime
    model_id: UUID | None = None


@dataclass(frozen=True)
class GateRequest:
    """A request for one gate, or for two joined ones, and what became of it."""

    request_id: UUID
    gates: tuple[Gate, ...]
    document: dict[str, str] = field(hash=False)
    document_digest: str
    owed: tuple[DebtCode, ...]
    requested_by: str
    requested_at: datetime
    state: RequestState = RequestState.REQUESTED
    grant: Grant | None = None
    used: tuple[Gate, ...] = ()
    reasons: tuple[str, ...] = ()
    crossing: str | None = None

    @property
    def open(self) -> bool:
        """True while it can still be granted or used."""
        return self.state in {RequestState.REQUESTED, RequestState.GRANTED}

    @property
    def unused_gates(self) -> tuple[Gate, ...]:
        """The gates that were not entered with it."""
        return tuple(gate for gate in self.gates if gate not in self.used)


@dataclass(frozen=True)
class Build:
    """One numbered build: what went in, what came out, and who built it."""

    build_id: UUID
    attempt: int
    inputs: tuple[Item, ...]
    candidates: tuple[Item, ...]
    built_by: str

    @property
    def package_digest(self) -> str:
        """The digest of the whole package: every item's name, version and bytes."""
        return digest_of(sorted((item.name, item.version, item.sha256) for item in self.candidates))


@dataclass(frozen=True)
class TestRun:
    """One run of a suite, and the digest of the bytes that were tested."""

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


@dataclass(frozen=True)
class SignOff:
    """The change manager's signature under a build."""

    build_id: UUID
    signed_off_by: str
    signed_off_at: datetime


@dataclass(frozen=True)
class CheckIn:
    """A check-in that was asked for, and what the DML answered."""

    build_id: UUID
    state: CheckInState
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal that was asked for and, once finished, what was measured."""

    rehearsal_id: UUID
    environment_id: UUID
    package_digest: str
    steps_digest: str
    finished: bool = False
    succeeded: bool = False
    duration_s: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedEnvironment:
    """One rung of the ladder: where, in which half-open window, in which waves, how long it stands before the next."""

    environment_id: UUID
    window_start: datetime
    window_end: datetime
    waves: tuple[tuple[str, ...], ...]
    soak_s: int = 0


@dataclass(frozen=True)
class DeploymentPlan:
    """Environments in order, and what happens when a window ends while the deployment runs."""

    environments: tuple[PlannedEnvironment, ...]
    on_window_end: OnWindowEnd


@dataclass(frozen=True)
class Conflict:
    """One conflict of a deployment plan with the change schedule, and who waived it."""

    conflict_id: str
    code: str
    detail: str
    environment_id: UUID
    waived_by: str | None = None


@dataclass(frozen=True)
class ImpactedService:
    """A service that a release can affect, and who owns it."""

    service_id: UUID
    name: str
    owner_id: str
    tier: str
    relation: str


@dataclass(frozen=True)
class Impact:
    """The impact set of a release, and who acknowledged it."""

    impact_digest: str
    services: tuple[ImpactedService, ...]
    acknowledged_by: str | None = None


@dataclass(frozen=True)
class Debt:
    """What an emergency left for later, until when, and what became of it."""

    code: DebtCode
    detail: str
    due_at: datetime
    evaluation_id: UUID
    state: DebtState = DebtState.OPEN
    how: str = ""


@dataclass(frozen=True)
class ReviewDecision:
    """How a review ended: close, cancel, or a way back."""

    review_id: UUID
    deployment_id: UUID | None
    decision: str
    outcome: Outcome
    reason: str
    decided_by: str
