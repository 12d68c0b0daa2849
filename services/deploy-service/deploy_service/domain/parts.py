"""The words of deployment as values: media, steps, rungs, grants, and what runs on a node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import digest_of

ACTIONS = ("install", "start", "stop", "probe", "restore", "remove")
NOTHING = "nothing"


class DeploymentState(StrEnum):
    """Where a deployment stands."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    VERIFYING = "verifying"
    DEPLOYED = "deployed"
    BACKING_OUT = "backing_out"
    BACKED_OUT = "backed_out"
    BACK_OUT_FAILED = "back_out_failed"
    ABORTED = "aborted"


ENDED = (
    DeploymentState.DEPLOYED,
    DeploymentState.BACKED_OUT,
    DeploymentState.BACK_OUT_FAILED,
    DeploymentState.ABORTED,
)


class RehearsalState(StrEnum):
    """Where a rehearsal stands."""

    REQUESTED = "requested"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"


class Phase(StrEnum):
    """Which steps an order belongs to."""

    BASELINE = "baseline"
    DEPLOY = "deploy"
    FORWARD = "forward"
    VERIFY = "verify"
    BACK_OUT = "back_out"
    REMOVE = "remove"


@dataclass(frozen=True)
class Item:
    """One piece of media: a name, a version and the digest of its bytes."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str


@dataclass(frozen=True)
class Step:
    """One executable step; `path` is what a start runs and what a probe asks for."""

    name: str
    action: str
    path: str = ""
    expect_status: int = 200
    timeout_s: int = 30


@dataclass(frozen=True)
class Rung:
    """One planned environment: where, in which half-open window, in which waves, how long it must stand."""

    environment_id: UUID
    window_start: datetime
    window_end: datetime
    waves: tuple[tuple[str, ...], ...]
    soak_s: int = 0

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every node of every wave, in order."""
        return tuple(node for wave in self.waves for node in wave)


@dataclass(frozen=True)
class Decider:
    """One person whose vote made a grant."""

    person_id: str
    roles: tuple[str, ...]
    voted_at: datetime
    meaning: str
    reason: str


@dataclass(frozen=True)
class Grant:
    """The grant under which something runs: who authorized what, under which policy version, until when."""

    authorization_id: UUID
    request_id: UUID
    gate: str
    document_digest: str
    deciders: tuple[Decider, ...]
    policy_version: int
    rule: str
    granted_at: datetime
    expires_at: datetime
    model_id: UUID | None = None


@dataclass(frozen=True)
class Package:
    """What runs, or is to run: a version made of items, the module that a start runs, and the release it came with."""

    version: str
    items: tuple[Item, ...]
    module: str
    digest: str
    release_id: UUID


@dataclass(frozen=True)
class Placed:
    """What stands on a node: the package, where it answers, and the digest of what was unpacked."""

    node: str
    package: Package
    url: str | None
    manifest_digest: str


@dataclass(frozen=True)
class DeploymentRequest:
    """Everything that a release asks to be carried out under G4.

    `point_of_no_return` is the number of a deployment step, counted from one: as soon as it has begun on a node,
    only the forward steps help.
    """

    release_id: UUID
    service_id: UUID
    kind: str
    version: str
    items: tuple[Item, ...]
    environments: tuple[Rung, ...]
    deployment_steps: tuple[Step, ...]
    back_out_steps: tuple[Step, ...]
    forward_steps: tuple[Step, ...]
    point_of_no_return: int | None
    package_digest: str
    steps_digest: str
    rehearsal_id: UUID | None
    on_window_end: str
    grant: Grant
    built_by: tuple[str, ...]
    emergency: bool = False

    @property
    def executed_digest(self) -> str:
        """The digest of the steps that a failure runs, which must be those that were rehearsed."""
        return digest_of((self.back_out_steps, self.forward_steps))

    @property
    def retires(self) -> bool:
        """True when the service is to be gone afterwards."""
        return self.kind == "retirement"

    @property
    def package(self) -> Package:
        """The package that is to run afterwards."""
        return Package(self.version, self.items, module_of(self.deployment_steps), self.package_digest, self.release_id)


@dataclass(frozen=True)
class RehearsalRequest:
    """Everything that a release asks to be rehearsed in a sandbox under G2."""

    release_id: UUID
    service_id: UUID
    kind: str
    version: str
    items: tuple[Item, ...]
    deployment_steps: tuple[Step, ...]
    back_out_steps: tuple[Step, ...]
    forward_steps: tuple[Step, ...]
    package_digest: str
    steps_digest: str
    longest_duration_s: int
    environment_id: UUID
    grant: Grant

    @property
    def executed_digest(self) -> str:
        """The digest of the steps that a failure would run."""
        return digest_of((self.back_out_steps, self.forward_steps))

    @property
    def retires(self) -> bool:
        """True when the service is to be gone afterwards."""
        return self.kind == "retirement"

    @property
    def package(self) -> Package:
        """The package that is rehearsed."""
        return Package(self.version, self.items, module_of(self.deployment_steps), self.package_digest, self.release_id)


@dataclass(frozen=True)
class Order:
    """One step to be carried out on one node, or a verification of it (then there is no step)."""

    phase: Phase
    environment_id: UUID
    node: str
    index: int
    step: Step | None


@dataclass(frozen=True)
class Result:
    """What came of an order: whether it succeeded, how long it took, and what was seen."""

    succeeded: bool
    duration_s: float
    detail: str
    url: str | None = None
    manifest_digest: str | None = None


INTERRUPTED = Result(succeeded=False, duration_s=0.0, detail="The service stopped in the middle of it.")


@dataclass(frozen=True)
class Endpoint:
    """Where a node answers."""

    environment_id: UUID
    node: str
    url: str


def digest_of_items(items: tuple[Item, ...]) -> str:
    """Return the digest of what a package consists of, by name, version and bytes."""
    return digest_of(sorted((item.name, item.version, item.sha256) for item in items))


def module_of(steps: tuple[Step, ...]) -> str:
    """Return the module that the start step names, or nothing."""
    return next((step.path for step in steps if step.action == "start"), "")


def impossible_steps(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the names of the steps whose action nobody can carry out."""
    return tuple(step.name for step in steps if step.action not in ACTIONS)
