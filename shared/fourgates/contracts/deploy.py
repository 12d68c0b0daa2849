"""What deployment says: environments, rehearsals, deployments and how they ended."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime

from fourgates.contracts.common import Contract, Item, Part, ReleaseKind


class EnvironmentRegistered(Contract, type="dev.fourgates.deploy.environment_registered.v1"):
    """An environment is known: its place in the ladder, and whether it is a sandbox."""

    environment_id: UUID
    name: str
    sandbox: bool
    rung: int
    soak_s: int
    nodes: list[str]


class RehearsalFinished(Contract, type="dev.fourgates.deploy.rehearsal_finished.v1"):
    """A package was deployed to a sandbox and backed out by exactly these steps; the candidate was removed again."""

    rehearsal_id: UUID
    release_id: UUID
    succeeded: bool
    duration_s: float
    package_digest: str
    steps_digest: str
    environment_id: UUID
    evidence: list[str]


class RehearsalRefused(Contract, type="dev.fourgates.deploy.rehearsal_refused.v1"):
    """A rehearsal was refused before anything ran."""

    rehearsal_id: UUID
    release_id: UUID
    reasons: list[str]


class DeploymentContract(Part):
    """What every fact about a deployment names."""

    deployment_id: UUID
    release_id: UUID
    service_id: UUID
    kind: ReleaseKind


class DeploymentRefused(DeploymentContract, Contract, type="dev.fourgates.deploy.refused.v1"):
    """A deployment was refused before it started; the reasons say every unmet condition."""

    reasons: list[str]


class DeploymentStarted(DeploymentContract, Contract, type="dev.fourgates.deploy.started.v1"):
    """A deployment started in its first environment."""

    environment_id: UUID
    started_by: str
    started_at: AwareDatetime


class DeploymentStepDone(DeploymentContract, Contract, type="dev.fourgates.deploy.step_done.v1"):
    """One step of a deployment or of its back-out was carried out."""

    environment_id: UUID
    node: str
    step: str
    backing_out: bool
    succeeded: bool
    duration_s: float


class Endpoint(Part):
    """Where a node answers, as deployed."""

    environment_id: UUID
    node: str
    url: str


class Deployed(DeploymentContract, Contract, type="dev.fourgates.deploy.deployed.v1"):
    """A deployment stands in all its environments, verified; what runs is what was authorized."""

    version: str
    items: list[Item]
    endpoints: list[Endpoint]
    deployed_at: AwareDatetime


class BackedOut(DeploymentContract, Contract, type="dev.fourgates.deploy.backed_out.v1"):
    """A deployment failed and was backed out by the rehearsed steps."""

    environment_id: UUID
    reason: str
    steps_digest: str
    restored_version: str | None
    endpoints: list[Endpoint]
    backed_out_at: AwareDatetime


class BackOutFailed(DeploymentContract, Contract, type="dev.fourgates.deploy.back_out_failed.v1"):
    """A back-out failed, or a failure past the point of no return could not go forward: a person is needed now."""

    environment_id: UUID
    reason: str
    failed_at: AwareDatetime


class DeploymentAborted(DeploymentContract, Contract, type="dev.fourgates.deploy.aborted.v1"):
    """A deployment never started: its window passed, a freeze came, or a person stopped it."""

    reason: str


class DeploymentPaused(DeploymentContract, Contract, type="dev.fourgates.deploy.paused.v1"):
    """A running deployment was paused, by its window's end, a hold, or something heard."""

    reason: str


class DriftFound(Contract, type="dev.fourgates.deploy.drift_found.v1"):
    """What runs on a node differs from what was authorized."""

    environment_id: UUID
    node: str
    service_id: UUID
    expected: str
    found: str


class NodeRetired(Contract, type="dev.fourgates.deploy.node_retired.v1"):
    """Nothing of a service runs on a node any more."""

    environment_id: UUID
    node: str
    service_id: UUID
    release_id: UUID
