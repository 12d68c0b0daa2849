"""Configuration items, what runs where, baselines and impacts."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.views import Rows, View, Views, iso

from dml_service.domain import Baseline, ConfigurationItem, Impact, Relation, RelationKind
from dml_service.views.projecting import change, ids_of, number, row_of


def _configuration_item_registered(rows: Rows, happened: ConfigurationItem.Registered) -> None:
    change(
        rows,
        happened,
        number=number(rows, "CI"),
        name=happened.name,
        kind=happened.kind,
        retired=False,
        target_ids=[],
        service_ids=[],
        running_release_id=None,
        running_version=None,
        url=None,
    )


def _targets_of(relations: tuple[Relation, ...]) -> dict[str, list[str]]:
    return {
        "target_ids": [str(one.target_id) for one in relations],
        "service_ids": [str(one.target_id) for one in relations if one.kind is RelationKind.PART_OF],
    }


def _configuration_relations_set(rows: Rows, happened: ConfigurationItem.RelationsSet) -> None:
    change(rows, happened, **_targets_of(happened.relations))


def _run_noted(rows: Rows, happened: ConfigurationItem.RunNoted) -> None:
    change(
        rows,
        happened,
        **_targets_of(happened.relations),
        running_release_id=str(happened.running.release_id),
        running_version=happened.running.release_version,
        url=happened.running.url,
    )


def _stopped(rows: Rows, happened: ConfigurationItem.Stopped) -> None:
    service_ids = row_of(rows, happened)["service_ids"]
    change(rows, happened, target_ids=service_ids, running_release_id=None, running_version=None, url=None)


def _configuration_item_retired(rows: Rows, happened: ConfigurationItem.Retired) -> None:
    change(rows, happened, retired=True)


def _baseline_taken(rows: Rows, happened: Baseline.Taken) -> None:
    change(
        rows,
        happened,
        number=number(rows, "BL"),
        name=happened.name,
        service_id=str(happened.service_id) if happened.service_id else None,
        digest=happened.digest,
        entry_count=len(happened.entries),
        taken_by=happened.act.by,
        taken_at=iso(happened.timestamp),
    )


def _impact_computed(rows: Rows, happened: Impact.Computed) -> None:
    change(
        rows,
        happened,
        release_id=str(happened.release_id),
        service_id=str(happened.service_id),
        impacted_ids=[str(one.service_id) for one in happened.impacted],
        impact_digest=happened.impact_digest,
        computed_at=iso(happened.timestamp),
    )


CONFIGURATION_ITEMS = View(
    name="configuration_items",
    fields=("number", "name", "kind", "retired", "service_ids", "target_ids", "running_release_id"),
    on={
        ConfigurationItem.Registered: _configuration_item_registered,
        ConfigurationItem.RelationsSet: _configuration_relations_set,
        ConfigurationItem.RunNoted: _run_noted,
        ConfigurationItem.Stopped: _stopped,
        ConfigurationItem.Retired: _configuration_item_retired,
    },
    lists=("service_ids", "target_ids"),
)
BASELINES = View(name="baselines", fields=("number", "name", "service_id"), on={Baseline.Taken: _baseline_taken})
IMPACTS = View(
    name="impacts", fields=("release_id", "service_id", "computed_at"), on={Impact.Computed: _impact_computed}
)


def instances_of_service(views: Views, service_id: UUID) -> list[UUID]:
    """Return the configuration items that are part of a service."""
    return ids_of(views.find("configuration_items", {"service_ids": str(service_id), "retired": False}))


def configured(views: Views, view: str, limit: int) -> list[UUID]:
    """Return everything that a view of configuration holds, up to a limit."""
    where: dict[str, bool] = {"retired": False} if view == "configuration_items" else {}
    return ids_of(views.find(view, where, limit=limit))
