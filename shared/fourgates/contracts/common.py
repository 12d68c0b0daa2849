"""The words that several contracts share, and the base that gives each its published type."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

_TYPES: dict[str, type[Contract]] = {}


class Part(BaseModel):
    """A part of a contract. Readers ignore fields they do not know; a time has a zone, and a number is one."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Contract(Part):
    """A published fact. `TYPE` is its name on the wire, for ever."""

    TYPE: ClassVar[str]

    def __init_subclass__(cls, *, type: str, **kwargs: Any) -> None:  # noqa: A002 - reads as the wire does
        """Register the published type. Raises `TypeError` when two contracts claim the same one."""
        super().__init_subclass__(**kwargs)
        if type in _TYPES:
            msg = f"{type} is already {_TYPES[type].__name__}"
            raise TypeError(msg)
        cls.TYPE = type
        _TYPES[type] = cls


def contract_types() -> dict[str, type[Contract]]:
    """Return every contract that has been imported, by published type."""
    return dict(_TYPES)


class Gate(StrEnum):
    """The four authorizations that feed out of change management."""

    PLANNING = "planning"
    BUILD_AND_TEST = "build_and_test"
    CHECK_IN = "check_in"
    DEPLOYMENT = "deployment"


class ReleaseKind(StrEnum):
    """What a release does to its service."""

    NEW = "new"
    UPDATE = "update"
    FIX = "fix"
    MEDIA = "media"
    RETIREMENT = "retirement"
    INITIAL_LOAD = "initial_load"


class ReleaseState(StrEnum):
    """The phases of a release."""

    REQUESTED = "requested"
    PLANNING = "planning"
    BUILD_AND_TEST = "build_and_test"
    CHECK_IN = "check_in"
    DEPLOYMENT = "deployment"
    REVIEW = "review"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class WayBack(StrEnum):
    """The commands that re-open an earlier phase; `close` and `cancel` are the other ends of a review."""

    RESCOPE = "rescope"
    REPLAN = "replan"
    REBUILD = "rebuild"
    REDEPLOY = "redeploy"


class Outcome(StrEnum):
    """How a release ended."""

    SUCCESSFUL = "successful"
    SUCCESSFUL_WITH_ISSUES = "successful_with_issues"
    UNSUCCESSFUL = "unsuccessful"
    BACKED_OUT = "backed_out"


class ChangeType(StrEnum):
    """How a change is authorized."""

    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"


class Risk(StrEnum):
    """The assessed risk of a change."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Decider(Part):
    """One person whose vote made a grant, with what they held and meant at that time."""

    person_id: str
    roles: list[str]
    voted_at: AwareDatetime
    meaning: str
    reason: str


class Grant(Part):
    """A grant as it is used: who authorized what, under which policy, until when."""

    authorization_id: UUID
    request_id: UUID
    gate: Gate
    document_digest: str
    deciders: list[Decider]
    policy_version: int
    rule: str
    granted_at: AwareDatetime
    expires_at: AwareDatetime
    model_id: UUID | None = None


class LineagePerson(Part):
    """A person who had a part in what is decided: requester, author, builder, tester, packager, signer."""

    person_id: str
    part: str


class CarriedChange(Part):
    """A change in a release, with the digest of the content that was heard."""

    change_id: UUID
    content_digest: str


class Item(Part):
    """One piece of media: a name, a version and the digest of its bytes (lower-case hex sha256)."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str
    item_id: UUID | None = None


class Step(Part):
    """One executable step of a deployment or a back-out.

    `action` is one of install, start, stop, probe, restore, remove; `path` and `expect_status` belong to probe.
    """

    name: str
    action: str
    path: str = ""
    expect_status: int = 200
    timeout_s: int = 30


class Target(Part):
    """A service level target: `measure` is availability_percent or latency_p95_ms, `comparison` at_least or at_most."""

    target_id: UUID
    name: str
    measure: str
    comparison: str
    goal: float
    unit: str
    path: str
    warning_at: float | None = None


class PlannedEnvironment(Part):
    """One rung of the ladder: where, in which half-open window and waves, and how long it stands before the next."""

    environment_id: UUID
    window_start: AwareDatetime
    window_end: AwareDatetime
    waves: list[list[str]]
    soak_s: int = 0
