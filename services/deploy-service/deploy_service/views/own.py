"""Environments, what runs where, drift, deployments and rehearsals."""

from __future__ import annotations

from typing import Any

from fourgates.chassis.views import Rows, View, iso

from deploy_service.domain import Deployment, DeploymentState, Environment, Rehearsal, RehearsalState, digest_of_items
from deploy_service.views.projecting import change, number, row_of


def _registered(rows: Rows, happened: Environment.Registered) -> None:
    change(
        rows,
        happened,
        name=happened.name,
        sandbox=happened.sandbox,
        rung=happened.rung,
        soak_s=happened.soak_s,
        nodes=list(happened.nodes),
        checked_at=None,
    )


def _node_added(rows: Rows, happened: Environment.NodeAdded) -> None:
    change(rows, happened, nodes=[*row_of(rows, happened)["nodes"], happened.node])


def _checked(rows: Rows, happened: Environment.DriftCheckAsked) -> None:
    change(rows, happened, checked_at=iso(happened.timestamp))


def _key(happened: Any, node: str) -> str:
    return f"{happened.originator_id}/{happened.service_id}/{node}"


def _placed(rows: Rows, happened: Environment.PlacedOnNode) -> None:
    placed = happened.placed
    key = _key(happened, placed.node)
    former = rows.get(key)
    same = former is not None and former["package_digest"] == placed.package.digest
    since = former["since"] if former and same else iso(happened.timestamp)
    rows.put(
        key,
        {
            "environment_id": str(happened.originator_id),
            "node": placed.node,
            "service_id": str(happened.service_id),
            "release_id": str(placed.package.release_id),
            "version": placed.package.version,
            "items": [
                {"name": i.name, "version": i.version, "sha256": i.sha256, "size_bytes": i.size_bytes, "kind": i.kind}
                for i in placed.package.items
            ],
            "module": placed.package.module,
            "package_digest": placed.package.digest,
            "manifest_digest": placed.manifest_digest,
            "url": placed.url,
            "since": since,
            "drifted": False,
            "found": None,
        },
    )


def _removed(rows: Rows, happened: Environment.RemovedFromNode) -> None:
    rows.delete(_key(happened, happened.node))


def _drift_found(rows: Rows, happened: Environment.DriftFound) -> None:
    key = _key(happened, happened.node)
    rows.put(key, {**(rows.get(key) or {}), "drifted": True, "found": happened.found})


def _drift_ended(rows: Rows, happened: Environment.DriftEnded) -> None:
    key = _key(happened, happened.node)
    rows.put(key, {**(rows.get(key) or {}), "drifted": False, "found": None})


def _deployment_planned(rows: Rows, happened: Deployment.Planned) -> None:
    request = happened.request
    change(
        rows,
        happened,
        number=number(rows, "DEP"),
        state=DeploymentState.PLANNED,
        release_id=str(request.release_id),
        service_id=str(request.service_id),
        authorization_id=str(request.grant.authorization_id),
        kind=request.kind,
        version=request.version,
        environment_ids=[str(rung.environment_id) for rung in request.environments],
        planned_at=iso(happened.timestamp),
        stands=False,
    )


def _state(state: DeploymentState, *, stands: bool = False) -> Any:
    def enter(rows: Rows, happened: Any) -> None:
        change(rows, happened, state=state, stands=stands)

    return enter


def _paused(rows: Rows, happened: Deployment.Paused) -> None:
    change(rows, happened, state=DeploymentState.PAUSED, paused_in=row_of(rows, happened)["state"])


def _resumed(rows: Rows, happened: Deployment.Resumed) -> None:
    change(rows, happened, state=row_of(rows, happened)["paused_in"])


def _rehearsal_requested(rows: Rows, happened: Rehearsal.Requested) -> None:
    request = happened.request
    change(
        rows,
        happened,
        number=number(rows, "REH"),
        state=RehearsalState.REQUESTED,
        release_id=str(request.release_id),
        service_id=str(request.service_id),
        version=request.version,
        environment_id=str(request.environment_id),
        package_digest=request.package_digest,
        steps_digest=request.steps_digest,
        items_digest=digest_of_items(request.items),
        executed_digest=request.executed_digest,
        succeeded=False,
        duration_s=None,
    )


def _rehearsal_began(rows: Rows, happened: Rehearsal.Began) -> None:
    change(rows, happened, state=RehearsalState.RUNNING)


def _rehearsal_refused(rows: Rows, happened: Rehearsal.RequestRefused) -> None:
    change(rows, happened, state=RehearsalState.REFUSED)


def _rehearsal_finished(rows: Rows, happened: Rehearsal.Finished) -> None:
    change(
        rows,
        happened,
        state=RehearsalState.FINISHED,
        succeeded=happened.succeeded,
        duration_s=happened.duration_s,
    )


OWN_VIEWS = (
    View(
        name="environments",
        fields=("name", "sandbox", "rung", "checked_at"),
        on={
            Environment.Registered: _registered,
            Environment.NodeAdded: _node_added,
            Environment.DriftCheckAsked: _checked,
        },
    ),
    View(
        name="placements",
        fields=("environment_id", "service_id", "node", "release_id", "package_digest", "drifted"),
        on={
            Environment.PlacedOnNode: _placed,
            Environment.RemovedFromNode: _removed,
            Environment.DriftFound: _drift_found,
            Environment.DriftEnded: _drift_ended,
        },
    ),
    View(
        name="deployments",
        fields=("number", "state", "release_id", "service_id", "authorization_id", "environment_ids", "stands"),
        on={
            Deployment.Planned: _deployment_planned,
            Deployment.RequestRefused: _state(DeploymentState.ABORTED),
            Deployment.Started: _state(DeploymentState.RUNNING),
            Deployment.EnvironmentBegan: _state(DeploymentState.RUNNING),
            Deployment.VerificationBegan: _state(DeploymentState.VERIFYING),
            Deployment.EnvironmentStands: _state(DeploymentState.RUNNING, stands=True),
            Deployment.GoingForwardBegan: _state(DeploymentState.RUNNING),
            Deployment.WentForward: _state(DeploymentState.RUNNING),
            Deployment.Paused: _paused,
            Deployment.Resumed: _resumed,
            Deployment.BackOutBegan: _state(DeploymentState.BACKING_OUT),
            Deployment.Deployed: _state(DeploymentState.DEPLOYED),
            Deployment.BackedOut: _state(DeploymentState.BACKED_OUT),
            Deployment.BackOutFailed: _state(DeploymentState.BACK_OUT_FAILED),
            Deployment.Aborted: _state(DeploymentState.ABORTED),
        },
        lists=("environment_ids",),
    ),
    View(
        name="rehearsals",
        fields=("number", "state", "release_id", "service_id", "environment_id"),
        on={
            Rehearsal.Requested: _rehearsal_requested,
            Rehearsal.Began: _rehearsal_began,
            Rehearsal.RequestRefused: _rehearsal_refused,
            Rehearsal.Finished: _rehearsal_finished,
        },
    ),
)
