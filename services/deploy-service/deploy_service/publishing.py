"""What of deployment is said to others, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fourgates.contracts import Contract
from fourgates.contracts import deploy as contracts
from fourgates.contracts.common import Item as ItemPart
from fourgates.contracts.common import ReleaseKind

from deploy_service.domain import (
    Deployment,
    Endpoint,
    Environment,
    Item,
    KnownAuthorization,
    KnownChange,
    KnownFreeze,
    KnownMedium,
    KnownRelease,
    KnownService,
    Phase,
    Placed,
    Rehearsal,
)


def _named(deployment: Deployment) -> dict[str, Any]:
    request = deployment.request
    return {
        "deployment_id": deployment.id,
        "release_id": request.release_id,
        "service_id": request.service_id,
        "kind": ReleaseKind(request.kind),
    }


def _items(items: Sequence[Item]) -> list[ItemPart]:
    return [
        ItemPart(name=i.name, version=i.version, sha256=i.sha256, size_bytes=i.size_bytes, kind=i.kind) for i in items
    ]


def _endpoints(endpoints: Sequence[Endpoint]) -> list[contracts.Endpoint]:
    return [contracts.Endpoint(environment_id=e.environment_id, node=e.node, url=e.url) for e in endpoints]


def _environment_registered(environment: Environment, _happened: Any) -> contracts.EnvironmentRegistered:
    return contracts.EnvironmentRegistered(
        environment_id=environment.id,
        name=environment.name,
        sandbox=environment.sandbox,
        rung=environment.rung,
        soak_s=environment.soak_s,
        nodes=list(environment.nodes),
    )


def _drift_found(environment: Environment, happened: Environment.DriftFound) -> contracts.DriftFound:
    return contracts.DriftFound(
        environment_id=environment.id,
        node=happened.node,
        service_id=happened.service_id,
        expected=happened.expected,
        found=happened.found,
    )


def _node_retired(environment: Environment, happened: Environment.RemovedFromNode) -> contracts.NodeRetired | None:
    if not happened.retired:
        return None
    return contracts.NodeRetired(
        environment_id=environment.id,
        node=happened.node,
        service_id=happened.service_id,
        release_id=happened.release_id,
    )


def _refused(deployment: Deployment, happened: Deployment.RequestRefused) -> contracts.DeploymentRefused:
    return contracts.DeploymentRefused(**_named(deployment), reasons=list(happened.reasons))


def _started(deployment: Deployment, happened: Deployment.Started) -> contracts.DeploymentStarted:
    return contracts.DeploymentStarted(
        **_named(deployment),
        environment_id=happened.environment_id,
        started_by=happened.act.by,
        started_at=happened.timestamp,
    )


def _step_done(deployment: Deployment, happened: Deployment.StepDone) -> contracts.DeploymentStepDone:
    order = happened.order
    return contracts.DeploymentStepDone(
        **_named(deployment),
        environment_id=order.environment_id,
        node=order.node,
        step="verification" if order.step is None else order.step.name,
        backing_out=order.phase is Phase.BACK_OUT,
        succeeded=happened.result.succeeded,
        duration_s=happened.result.duration_s,
    )


def _paused(deployment: Deployment, happened: Deployment.Paused) -> contracts.DeploymentPaused:
    return contracts.DeploymentPaused(**_named(deployment), reason=happened.reason)


def _deployed(deployment: Deployment, happened: Deployment.Deployed) -> contracts.Deployed:
    return contracts.Deployed(
        **_named(deployment),
        version=deployment.request.version,
        items=_items(deployment.request.items),
        endpoints=_endpoints(deployment.endpoints),
        deployed_at=happened.timestamp,
    )


def _backed_out(deployment: Deployment, happened: Deployment.BackedOut) -> contracts.BackedOut:
    restored: tuple[Placed, ...] = happened.restored
    endpoints = [Endpoint(happened.environment_id, p.node, p.url) for p in restored if p.url is not None]
    return contracts.BackedOut(
        **_named(deployment),
        environment_id=happened.environment_id,
        reason=happened.reason,
        steps_digest=deployment.request.steps_digest,
        restored_version=restored[0].package.version if restored else None,
        endpoints=_endpoints(endpoints),
        backed_out_at=happened.timestamp,
    )


def _back_out_failed(deployment: Deployment, happened: Deployment.BackOutFailed) -> contracts.BackOutFailed:
    return contracts.BackOutFailed(
        **_named(deployment),
        environment_id=happened.environment_id,
        reason=happened.reason,
        failed_at=happened.timestamp,
    )


def _aborted(deployment: Deployment, happened: Deployment.Aborted) -> contracts.DeploymentAborted:
    return contracts.DeploymentAborted(**_named(deployment), reason=happened.reason)


def _rehearsal_refused(rehearsal: Rehearsal, happened: Rehearsal.RequestRefused) -> contracts.RehearsalRefused:
    return contracts.RehearsalRefused(
        rehearsal_id=rehearsal.id, release_id=rehearsal.request.release_id, reasons=list(happened.reasons)
    )


def _rehearsal_finished(rehearsal: Rehearsal, happened: Rehearsal.Finished) -> contracts.RehearsalFinished:
    request = rehearsal.request
    return contracts.RehearsalFinished(
        rehearsal_id=rehearsal.id,
        release_id=request.release_id,
        succeeded=happened.succeeded,
        duration_s=happened.duration_s,
        package_digest=request.package_digest,
        steps_digest=request.steps_digest,
        environment_id=request.environment_id,
        evidence=list(happened.evidence),
    )


PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Contract | None]] = {
    Environment.Registered: _environment_registered,
    Environment.NodeAdded: _environment_registered,
    Environment.DriftFound: _drift_found,
    Environment.RemovedFromNode: _node_retired,
    Deployment.RequestRefused: _refused,
    Deployment.Started: _started,
    Deployment.StepDone: _step_done,
    Deployment.Paused: _paused,
    Deployment.Deployed: _deployed,
    Deployment.BackedOut: _backed_out,
    Deployment.BackOutFailed: _back_out_failed,
    Deployment.Aborted: _aborted,
    Rehearsal.RequestRefused: _rehearsal_refused,
    Rehearsal.Finished: _rehearsal_finished,
}

INTERNAL: frozenset[type[Any]] = frozenset(
    {
        # What others hear is how a deployment starts, goes on and ends; how it is organised is read over HTTP.
        Environment.Occupied,
        Environment.Freed,
        Environment.PlacedOnNode,
        Environment.DriftCheckAsked,
        Environment.DriftEnded,
        Deployment.Planned,
        Deployment.EnvironmentBegan,
        Deployment.StepBegan,
        Deployment.VerificationBegan,
        Deployment.EnvironmentStands,
        Deployment.Resumed,
        Deployment.GoingForwardBegan,
        Deployment.WentForward,
        Deployment.BackOutBegan,
        Rehearsal.Requested,
        Rehearsal.Began,
        Rehearsal.StepDone,
        Rehearsal.Stopped,
        KnownMedium.Heard,
        KnownMedium.StateNoted,
        KnownService.Heard,
        KnownService.LifecycleNoted,
        KnownService.DependantsNoted,
        KnownFreeze.Heard,
        KnownFreeze.LiftedNoted,
        KnownAuthorization.Heard,
        KnownAuthorization.StateNoted,
        KnownChange.Heard,
        KnownChange.StateNoted,
        KnownRelease.Heard,
        KnownRelease.ChangesNoted,
        KnownRelease.HoldNoted,
        KnownRelease.CancellationNoted,
        KnownRelease.WaiversNoted,
    }
)
