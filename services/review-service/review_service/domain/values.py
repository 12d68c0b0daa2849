"""The words of review: targets, measurements, evaluations, debts, decisions, and how a measurement is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ReleaseKind(StrEnum):
    """What a release does to its service."""

    NEW = "new"
    UPDATE = "update"
    FIX = "fix"
    MEDIA = "media"
    RETIREMENT = "retirement"
    INITIAL_LOAD = "initial_load"


class DeploymentOutcome(StrEnum):
    """How the deployment under review ended."""

    DEPLOYED = "deployed"
    BACKED_OUT = "backed_out"
    BACK_OUT_FAILED = "back_out_failed"


class ReviewState(StrEnum):
    """A review is open until its decision."""

    OPEN = "open"
    CLOSED = "closed"


class Decision(StrEnum):
    """How a review ends: the release closes, is cancelled, or goes a way back."""

    CLOSE = "close"
    CANCEL = "cancel"
    RESCOPE = "rescope"
    REPLAN = "replan"
    REBUILD = "rebuild"
    REDEPLOY = "redeploy"


class Outcome(StrEnum):
    """What became of the release."""

    SUCCESSFUL = "successful"
    SUCCESSFUL_WITH_ISSUES = "successful_with_issues"
    UNSUCCESSFUL = "unsuccessful"
    BACKED_OUT = "backed_out"


class Result(StrEnum):
    """The result of one evaluation."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARNING = "warning"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"


CONCLUSIVE = (Result.PASS, Result.WARNING, Result.FAIL, Result.NOT_APPLICABLE)
STATED = (Result.PASS, Result.WARNING, Result.FAIL)


class Comparison(StrEnum):
    """On which side of the goal a measured value must lie."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class FindingKind(StrEnum):
    """What a reviewer found: an issue shows in the outcome, an observation and a lesson do not."""

    ISSUE = "issue"
    OBSERVATION = "observation"
    LESSON = "lesson"


class DebtState(StrEnum):
    """What became of something that an emergency left for later."""

    OPEN = "open"
    SETTLED = "settled"
    FAILED = "failed"


class AcceptanceState(StrEnum):
    """Where a written acceptance of a missed target stands."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"


@dataclass(frozen=True)
class Target:
    """A service level target, as service design set it."""

    target_id: UUID
    name: str
    measure: str
    comparison: Comparison
    goal: float
    unit: str
    path: str
    warning_at: float | None = None

    def judge(self, measured: float | None, sample_count: int, samples_min: int) -> Result:
        """Return how a measured value stands against this target; too few samples conclude nothing."""
        if measured is None or sample_count < samples_min:
            return Result.INCONCLUSIVE
        if not self._holds(measured, self.goal):
            return Result.FAIL
        if self.warning_at is not None and not self._holds(measured, self.warning_at):
            return Result.WARNING
        return Result.PASS

    def _holds(self, measured: float, against: float) -> bool:
        return measured >= against if self.comparison is Comparison.AT_LEAST else measured <= against


@dataclass(frozen=True)
class Endpoint:
    """Where a node of the service answers."""

    environment_id: UUID
    node: str
    url: str


@dataclass(frozen=True)
class ReviewedDeployment:
    """The deployment under review: how it ended, and where the service answers since."""

    deployment_id: UUID
    outcome: DeploymentOutcome
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One probe: where, when after the measurement began, what was answered (nothing: None) and how fast."""

    url: str
    offset_ms: int
    status: int | None
    latency_ms: float


@dataclass(frozen=True)
class Measurement:
    """What was measured for one target, with every sample that it was computed from."""

    evaluation_id: UUID
    target_id: UUID
    measured: float | None
    samples: tuple[Sample, ...] = ()
    sample_count: int = 0


@dataclass(frozen=True)
class Evaluation:
    """One verdict: its subject (a target, a statement or a debt), the measured value, the target and the inputs.

    `missed` marks the one evaluation of a subject that asks for a linked change and a successor, or an acceptance.
    """

    evaluation_id: UUID
    subject: str
    name: str
    result: Result
    measured: float | None
    goal: float | None
    unit: str
    missed: bool
    target_id: UUID | None = None
    statement: str = ""
    sample_count: int = 0
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What a reviewer found or learned."""

    finding_id: UUID
    kind: FindingKind
    text: str
    found_by: str


@dataclass(frozen=True)
class Debt:
    """What an emergency left for later; a failed one carries the evaluation that stands for it."""

    code: str
    detail: str
    due_at: datetime | None
    state: DebtState = DebtState.OPEN
    reason: str = ""
    evaluation_id: UUID | None = None


@dataclass(frozen=True)
class LineagePerson:
    """A person who had a part in the release."""

    person_id: str
    part: str


@dataclass(frozen=True)
class Acceptance:
    """A written acceptance that was asked for."""

    request_id: UUID
    evaluation_id: UUID
    document_digest: str
    state: AcceptanceState
    authorization_id: UUID | None = None
    lineage: tuple[LineagePerson, ...] = ()


@dataclass(frozen=True)
class ReleaseFacts:
    """What a review has to know of its release: whether it waits for this review, its debts, its end, its people."""

    in_review: bool = False
    cancellation_requested: bool = False
    debts: tuple[Debt, ...] = ()
    lineage: tuple[LineagePerson, ...] = ()


@dataclass(frozen=True)
class ObservationRules:
    """How long a review observes, by how much an inconclusive end extends that, and how often at most."""

    ends_at: datetime
    extension_s: int
    extensions_max: int
    samples_min: int


# What a person has to state, beside the targets, by kind. The review of media and of an initial load is short.
STATEMENTS: dict[ReleaseKind, tuple[str, ...]] = {
    ReleaseKind.NEW: ("value",),
    ReleaseKind.UPDATE: ("value",),
    ReleaseKind.FIX: ("value",),
    ReleaseKind.RETIREMENT: ("gone_as_planned", "data_disposition", "final_value"),
    ReleaseKind.MEDIA: (),
    ReleaseKind.INITIAL_LOAD: (),
}
KINDS_WITH_TARGETS = (ReleaseKind.NEW, ReleaseKind.UPDATE, ReleaseKind.FIX)
REVIEWERS = ("release_manager", "change_manager", "service_owner")
