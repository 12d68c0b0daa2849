"""The words that all aggregates of change management share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Forbidden

REQUESTER = "requester"
SERVICE_OWNER = "service_owner"
RELEASE_MANAGER = "release_manager"
CHANGE_MANAGER = "change_manager"
CHANGE_AUTHORITY = "change_authority"
CAB_MEMBER = "cab_member"
ECAB_MEMBER = "ecab_member"
MACHINE = "machine"
ROLES = (
    REQUESTER,
    SERVICE_OWNER,
    RELEASE_MANAGER,
    "builder",
    "tester",
    CHANGE_MANAGER,
    CHANGE_AUTHORITY,
    CAB_MEMBER,
    ECAB_MEMBER,
    "deployer",
    "auditor",
    MACHINE,
)


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


RISK_ORDER = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


class Gate(StrEnum):
    """The four authorizations that feed out of change management."""

    PLANNING = "planning"
    BUILD_AND_TEST = "build_and_test"
    CHECK_IN = "check_in"
    DEPLOYMENT = "deployment"


class Outcome(StrEnum):
    """How a change or a release ended."""

    SUCCESSFUL = "successful"
    SUCCESSFUL_WITH_ISSUES = "successful_with_issues"
    UNSUCCESSFUL = "unsuccessful"
    BACKED_OUT = "backed_out"


class SubjectKind(StrEnum):
    """What an authorization is about."""

    CHANGE = "change"
    GATE = "gate"
    ACCEPTANCE = "acceptance"
    OVERRIDE = "override"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True)
class LineagePerson:
    """A person who had a part in what is decided."""

    person_id: str
    part: str


@dataclass(frozen=True)
class CarriedChange:
    """A change that a release carries, with the digest of the content that the release knows."""

    change_id: UUID
    content_digest: str


@dataclass(frozen=True)
class Decider:
    """One person whose vote made a grant, with what they held and meant at that time."""

    person_id: str
    roles: tuple[str, ...]
    voted_at: datetime
    meaning: str
    reason: str


def unmet_entitlement(act: Act, roles: tuple[str, ...], rule: str) -> Iterator[Forbidden]:
    """Name the rule when the actor holds none of the roles that it asks for."""
    if not set(roles) & set(act.roles):
        yield Forbidden(
            "not-entitled",
            f"{rule} needs one of the roles {', '.join(roles)}.",
            source="roles",
            remedy=f"ask somebody who is {' or '.join(roles)}",
            person=act.person,
        )


def overlaps(one_start: datetime, one_end: datetime, other_start: datetime, other_end: datetime) -> bool:
    """Return whether two half-open spans share a moment."""
    return one_start < other_end and other_start < one_end
