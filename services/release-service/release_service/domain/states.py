"""The states, kinds and other closed lists of words of a release."""

from __future__ import annotations

from enum import StrEnum


class ReleaseState(StrEnum):
    """The phases of a release, and its two ends."""

    REQUESTED = "requested"
    PLANNING = "planning"
    BUILD_AND_TEST = "build_and_test"
    CHECK_IN = "check_in"
    DEPLOYMENT = "deployment"
    REVIEW = "review"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Gate(StrEnum):
    """The four authorizations; each opens the phase of its name."""

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


class WayBack(StrEnum):
    """The commands that re-open an earlier phase."""

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
    """How likely and how bad."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ChangeState(StrEnum):
    """What was heard of a change; `unheard` when only its id follows from an evaluation."""

    UNHEARD = "unheard"
    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class RequestState(StrEnum):
    """What became of a request for a gate."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REVOKED = "revoked"
    VOIDED = "voided"
    USED = "used"


class TestResult(StrEnum):
    """How a test run ended."""

    __test__ = False

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    ABORTED = "aborted"


class MediaState(StrEnum):
    """What was heard of a media item."""

    DEFINITIVE = "definitive"
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"


class CheckInState(StrEnum):
    """What became of a check-in that was asked for."""

    REQUESTED = "requested"
    COMPLETED = "completed"
    REFUSED = "refused"


class DeploymentState(StrEnum):
    """What was heard of a deployment that was asked for."""

    REQUESTED = "requested"
    RUNNING = "running"
    DEPLOYED = "deployed"
    BACKED_OUT = "backed_out"
    BACK_OUT_FAILED = "back_out_failed"
    ABORTED = "aborted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OnWindowEnd(StrEnum):
    """What happens to a deployment that still runs when its window ends."""

    PAUSE = "pause"
    BACK_OUT = "back_out"


class Action(StrEnum):
    """What an executable step does."""

    INSTALL = "install"
    START = "start"
    STOP = "stop"
    PROBE = "probe"
    RESTORE = "restore"
    REMOVE = "remove"


class DebtCode(StrEnum):
    """What an emergency may leave for later."""

    REHEARSAL = "rehearsal"
    IMPACT_ACKNOWLEDGEMENT = "impact_acknowledgement"
    TEST_SUITES = "test_suites"
    OWNERS_INFORMED = "owners_informed"
    CAB_CONFIRMATION = "cab_confirmation"


class DebtState(StrEnum):
    """What became of a debt."""

    OPEN = "open"
    SETTLED = "settled"
    FAILED = "failed"
