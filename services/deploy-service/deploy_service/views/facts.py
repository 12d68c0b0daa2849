"""The facts that decide a deployment, gathered from the read models; each of them stands in the log of this service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from fourgates.chassis.views import Row, Views

from deploy_service.domain import (
    ENDED_CHANGE,
    Deployment,
    EnvironmentFact,
    Facts,
    FreezeFact,
    Item,
    LowerRungFact,
    MediumFact,
    Package,
    Rehearsal,
    RehearsalFact,
)
from deploy_service.views.projecting import ALL


def known_environments(views: Views) -> tuple[EnvironmentFact, ...]:
    """Return every environment, from the bottom of the ladder up."""
    return tuple(_environment(row) for row in views.find("environments", order_by="rung", limit=ALL))


def known_environment(views: Views, environment_id: UUID) -> EnvironmentFact | None:
    row = views.get("environments", str(environment_id))
    return None if row is None else _environment(row)


def facts_for_deployment(views: Views, deployment: Deployment) -> Facts:
    """Return everything that decides whether this deployment may run."""
    request = deployment.request
    if not request.environments:
        return Facts()
    release = _first(views.find("known_releases", {"release_id": str(request.release_id)})) or {}
    service = _first(views.find("known_services", {"service_id": str(request.service_id)})) or {}
    change_ids: list[str] = release.get("change_ids", [])
    changes = views.find("known_changes", {"change_id": change_ids}) if change_ids else []
    environments = known_environments(views)
    return Facts(
        media=media_facts(views, request.items),
        authorization=authorization_state(views, request.grant.authorization_id),
        freezes=_freezes(views, release.get("waivers", []), deployment),
        lifecycle=service.get("lifecycle"),
        live_dependants=tuple(UUID(one) for one in service.get("live_dependants", [])),
        on_hold=release.get("on_hold", False),
        release_cancelled=release.get("cancelled", False),
        cancelled_change_ids=tuple(UUID(row["change_id"]) for row in changes if row["state"] in ENDED_CHANGE),
        held_change_ids=tuple(UUID(row["change_id"]) for row in changes if row["state"] == "on_hold"),
        rehearsal=_rehearsal(views, request.rehearsal_id),
        lower_rungs=_lower_rungs(views, deployment, environments),
        environments=environments,
    )


def facts_for_rehearsal(views: Views, items: Sequence[Item], authorization_id: UUID, service_id: UUID) -> Facts:
    """Return everything that decides whether a rehearsal may run."""
    service = _first(views.find("known_services", {"service_id": str(service_id)})) or {}
    return Facts(
        media=media_facts(views, items),
        authorization=authorization_state(views, authorization_id),
        lifecycle=service.get("lifecycle"),
    )


def facts_to_go_on_rehearsing(views: Views, rehearsal: Rehearsal) -> Facts:
    request = rehearsal.request
    return facts_for_rehearsal(views, request.items, request.grant.authorization_id, request.service_id)


def media_facts(views: Views, items: Sequence[Item]) -> tuple[MediumFact, ...]:
    """Return each item with the state in which it was heard."""
    keys = {f"{item.name}@{item.version}#{item.sha256}": item for item in items}
    states = {
        row["medium_key"]: row["state"] for row in views.find("known_media", {"medium_key": list(keys)}, limit=ALL)
    }
    return tuple(
        MediumFact(item.name, item.version, item.sha256, states.get(key, "unheard")) for key, item in keys.items()
    )


def authorization_state(views: Views, authorization_id: UUID) -> str:
    row = _first(views.find("known_authorizations", {"authorization_id": str(authorization_id)}))
    return "valid" if row is None else str(row["state"])


def what_runs_today(views: Views, service_id: UUID) -> Package | None:
    """Return the package of a service that stands highest in the ladder, if any stands."""
    rungs = {str(e.environment_id): e.rung for e in known_environments(views)}
    rows = views.find("placements", {"service_id": str(service_id)}, limit=ALL)
    if not rows:
        return None
    highest = max(rows, key=lambda row: (rungs[row["environment_id"]], row["key"]))
    items = tuple(Item(**item) for item in highest["items"])
    digest, release_id = highest["package_digest"], UUID(highest["release_id"])
    return Package(highest["version"], items, highest["module"], digest, release_id)


def _environment(row: Row) -> EnvironmentFact:
    return EnvironmentFact(
        environment_id=UUID(row["key"]),
        name=row["name"],
        sandbox=row["sandbox"],
        rung=row["rung"],
        soak_s=row["soak_s"],
        nodes=tuple(row["nodes"]),
    )


def _freezes(views: Views, waivers: list[Row], deployment: Deployment) -> tuple[FreezeFact, ...]:
    here = str(deployment.rung_due.environment_id)
    # A waiver is about one freeze in one environment, and no other.
    waived = {waiver["window_id"] for waiver in waivers if waiver["environment_id"] == here}
    return tuple(
        FreezeFact(
            window_id=UUID(row["window_id"]),
            starts_at=datetime.fromisoformat(row["starts_at"]),
            ends_at=datetime.fromisoformat(row["ends_at"]),
            environment_ids=tuple(UUID(one) for one in row["environment_ids"]),
            service_ids=tuple(UUID(one) for one in row["service_ids"]),
            reason=row["reason"],
            waived=row["window_id"] in waived,
        )
        for row in views.find("known_freezes", {"lifted": False}, limit=ALL)
    )


def _rehearsal(views: Views, rehearsal_id: UUID | None) -> RehearsalFact | None:
    row = None if rehearsal_id is None else views.get("rehearsals", str(rehearsal_id))
    if row is None or rehearsal_id is None:
        return None
    return RehearsalFact(
        rehearsal_id=rehearsal_id,
        release_id=UUID(row["release_id"]),
        succeeded=row["succeeded"],
        package_digest=row["package_digest"],
        items_digest=row["items_digest"],
        steps_digest=row["steps_digest"],
        executed_digest=row["executed_digest"],
    )


def _lower_rungs(
    views: Views, deployment: Deployment, environments: tuple[EnvironmentFact, ...]
) -> tuple[LowerRungFact, ...]:
    """Return the rungs below the environment that is due, each by the environment where the package stands best.

    A retirement needs a rung below only where the service still stands.
    """
    request = deployment.request
    due = deployment.rung_due.environment_id
    limit = next((e.rung for e in environments if e.environment_id == due), 0)
    lower = [e for e in environments if not e.sandbox and e.rung < limit]
    rows = views.find("placements", {"service_id": str(request.service_id)}, limit=ALL)
    if request.retires:
        still = {row["environment_id"] for row in rows}
        return tuple(LowerRungFact(e.name, None, 0) for e in lower if str(e.environment_id) in still)
    since: dict[str, datetime] = {}
    for row in rows:
        if row["package_digest"] == request.package_digest:
            # An environment has stood as long as the node that came last.
            stood = datetime.fromisoformat(row["since"])
            since[row["environment_id"]] = max(stood, since.get(row["environment_id"], stood))
    facts = []
    for rung in sorted({e.rung for e in lower}):
        there = [e for e in lower if e.rung == rung]
        best = min(there, key=lambda e: (str(e.environment_id) not in since, e.soak_s, e.name))
        soak_s = 0 if request.emergency else best.soak_s
        facts.append(LowerRungFact(best.name, since.get(str(best.environment_id)), soak_s))
    return tuple(facts)


def _first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
