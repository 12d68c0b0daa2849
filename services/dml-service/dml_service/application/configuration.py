"""What is done with configuration items: by hand, from what deployment reports, and as a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, digest_of

from dml_service import views
from dml_service.application.base import UseCases
from dml_service.domain import (
    Baseline,
    BaselineEntry,
    ConfigurationItem,
    Lifecycle,
    MediaItem,
    Relation,
    RelationTarget,
    Running,
    Service,
    instance_id_of,
    node_id_of,
)


@dataclass(frozen=True)
class Place:
    """Where a service answers."""

    environment_id: UUID
    node: str
    url: str


class ConfigurationUseCases(UseCases):
    """Configuration items and baselines."""

    def register_configuration_item(
        self, act: Act, *, configuration_item_id: UUID, name: str, kind: str, attributes: dict[str, str]
    ) -> ConfigurationItem:
        """Register a configuration item."""
        item = ConfigurationItem.register(
            act, configuration_item_id=configuration_item_id, name=name, kind=kind, attributes=attributes
        )
        self._work.save(item)
        return item

    def set_configuration_relations(
        self, act: Act, *, configuration_item_id: UUID, relations: tuple[Relation, ...]
    ) -> ConfigurationItem:
        """Replace the relations of a configuration item."""
        item = self._work.get(ConfigurationItem, configuration_item_id)
        item.set_relations(act, targets=tuple(self._relation_target(one) for one in relations))
        self._work.save(item)
        return item

    def _relation_target(self, relation: Relation) -> RelationTarget:
        service = self._work.find(Service, relation.target_id)
        item = self._work.find(ConfigurationItem, relation.target_id)
        medium = self._work.find(MediaItem, relation.target_id)
        gone = (service is not None and service.lifecycle in (Lifecycle.RETIRING, Lifecycle.RETIRED)) or (
            item is not None and item.retired
        )
        known = any(one is not None for one in (service, item, medium))
        return RelationTarget(relation=relation, known=known, gone=gone)

    def retire_configuration_item(self, act: Act, *, configuration_item_id: UUID, reason: str) -> ConfigurationItem:
        """Take a configuration item out of use."""
        item = self._work.get(ConfigurationItem, configuration_item_id)
        item.retire(act, reason=reason)
        self._work.save(item)
        return item

    def take_baseline(self, act: Act, *, baseline_id: UUID, name: str, service_id: UUID | None) -> Baseline:
        """Take a snapshot of one service with its parts, or of everything."""
        if service_id is None:
            limit = self._settings.baseline_entries_max + 1
            services = views.configured(self._work.views, "services", limit)
            parts = views.configured(self._work.views, "configuration_items", limit)
        else:
            services = [self._work.get(Service, service_id).id]
            parts = views.instances_of_service(self._work.views, service_id)
        items = [self._work.get(ConfigurationItem, one) for one in parts]
        used = dict.fromkeys(one for item in items if item.running for one in item.running.item_ids)
        entries = (
            *(_service_entry(self._work.get(Service, one)) for one in services),
            *(_configuration_entry(item) for item in items),
            *(_media_entry(medium) for one in used if (medium := self._work.find(MediaItem, one)) is not None),
        )
        baseline = Baseline.take(
            act,
            baseline_id=baseline_id,
            name=name,
            service_id=service_id,
            entries=entries,
            entries_max=self._settings.baseline_entries_max,
        )
        self._work.save(baseline)
        return baseline

    # What deployment reports.

    def note_running(
        self,
        act: Act,
        *,
        service_id: UUID,
        release_id: UUID,
        version: str,
        item_ids: tuple[UUID, ...],
        places: tuple[Place, ...],
        since: datetime,
    ) -> None:
        """Note what runs where after a deployment."""
        for place in places:
            running = Running(
                release_id=release_id, release_version=version, url=place.url, item_ids=item_ids, since=since
            )
            self._note_running_at(act, service_id=service_id, place=place, running=running)

    def note_backed_out(
        self,
        act: Act,
        *,
        service_id: UUID,
        release_id: UUID,
        environment_id: UUID,
        restored_version: str | None,
        places: tuple[Place, ...],
        since: datetime,
    ) -> None:
        """Note what runs where after a back-out: what ran there before, or nothing."""
        if restored_version is None:
            self._stop_instances(
                act, service_id=service_id, release_id=release_id, environment_id=environment_id, since=since
            )
            return
        for place in places:
            instance = self._work.find(ConfigurationItem, instance_id_of(service_id, place.environment_id, place.node))
            earlier = [one for one in (instance.ran if instance else ()) if one.release_version == restored_version]
            if earlier:
                running = Running(
                    release_id=earlier[-1].release_id,
                    release_version=restored_version,
                    url=place.url,
                    item_ids=earlier[-1].item_ids,
                    since=since,
                )
                self._note_running_at(act, service_id=service_id, place=place, running=running)

    def note_node_retired(
        self, act: Act, *, service_id: UUID, release_id: UUID, environment_id: UUID, node: str
    ) -> None:
        """Note that nothing of a service runs on a node any more."""
        instance = self._work.find(ConfigurationItem, instance_id_of(service_id, environment_id, node))
        if instance is not None:
            instance.note_stopped(act, release_id=release_id, stopped_at=act.at)
            self._work.save(instance)

    def _stop_instances(
        self, act: Act, *, service_id: UUID, release_id: UUID, environment_id: UUID, since: datetime
    ) -> None:
        for one in views.instances_of_service(self._work.views, service_id):
            instance = self._work.get(ConfigurationItem, one)
            here = instance.attributes.get("environment_id") == str(environment_id)
            if here and instance.running is not None and instance.running.release_id == release_id:
                instance.note_stopped(act, release_id=release_id, stopped_at=since)
                self._work.save(instance)

    def _note_running_at(self, act: Act, *, service_id: UUID, place: Place, running: Running) -> None:
        node_id = node_id_of(place.environment_id, place.node)
        attributes = {"environment_id": str(place.environment_id), "node": place.node}
        if self._work.find(ConfigurationItem, node_id) is None:
            self._discover(act, node_id, name=place.node, kind="node", attributes=attributes)
        instance_id = instance_id_of(service_id, place.environment_id, place.node)
        instance = self._work.find(ConfigurationItem, instance_id)
        if instance is None:
            service = self._work.find(Service, service_id)
            name = f"{service.name if service else service_id} on {place.node}"
            instance = self._discover(act, instance_id, name=name, kind="instance", attributes=attributes)
        instance.note_running(act, running=running, service_id=service_id, node_id=node_id)

    def _discover(
        self, act: Act, configuration_item_id: UUID, *, name: str, kind: str, attributes: dict[str, str]
    ) -> ConfigurationItem:
        item = ConfigurationItem.discover(
            act, configuration_item_id=configuration_item_id, name=name, kind=kind, attributes=attributes
        )
        self._work.save(item)
        return item


def _service_entry(service: Service) -> BaselineEntry:
    content = (
        *(service.name, service.owner_id, service.tier, service.value_case, service.lifecycle),
        *(service.depends_on, service.targets),
    )
    return BaselineEntry("service", service.id, service.name, service.version, digest_of(content))


def _configuration_entry(item: ConfigurationItem) -> BaselineEntry:
    content = (item.name, item.kind, item.attributes, item.relations, item.running)
    return BaselineEntry("configuration_item", item.id, item.name, item.version, digest_of(content))


def _media_entry(item: MediaItem) -> BaselineEntry:
    content = (item.medium, item.state)
    return BaselineEntry("media_item", item.id, str(item.medium), item.version, digest_of(content))
