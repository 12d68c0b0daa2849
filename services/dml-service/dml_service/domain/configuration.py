"""Configuration items with typed relations, what runs where, and baselines of it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, derived_id, digest_of, event, refuse_any

from dml_service.domain.entitlement import unentitled

CONFIGURERS = ("change_manager", "release_manager", "service_owner", "deployer")


class RelationKind(StrEnum):
    """How one thing relates to another."""

    DEPENDS_ON = "depends_on"
    RUNS_ON = "runs_on"
    PART_OF = "part_of"
    USES = "uses"


@dataclass(frozen=True)
class Relation:
    """A typed relation to a configuration item, a service or a media item."""

    kind: RelationKind
    target_id: UUID


@dataclass(frozen=True)
class RelationTarget:
    """A relation that is asked for, and how its target stands: unknown, gone or there."""

    relation: Relation
    known: bool
    gone: bool


@dataclass(frozen=True)
class Running:
    """What runs as a configuration item since when, by which release."""

    release_id: UUID
    release_version: str
    url: str
    item_ids: tuple[UUID, ...]
    since: datetime


def node_id_of(environment_id: UUID, node: str) -> UUID:
    """Return the id of the configuration item of a node."""
    return derived_id(environment_id, f"node/{node}")


def instance_id_of(service_id: UUID, environment_id: UUID, node: str) -> UUID:
    """Return the id of the configuration item of a service on a node."""
    return derived_id(service_id, f"{environment_id}/{node}")


class ConfigurationItem(Aggregate):
    """Something that configuration management keeps track of."""

    TOPIC = "dml.ConfigurationItem"

    class Registered(Aggregate.Created):
        """A configuration item was registered."""

        name: str
        kind: str
        attributes: dict[str, str]

    class RelationsSet(Aggregate.Event):
        """The relations of the configuration item are now exactly these."""

        relations: tuple[Relation, ...]

    class RunNoted(Aggregate.Event):
        """A release runs here, as deployment reported it."""

        running: Running
        relations: tuple[Relation, ...]

    class Stopped(Aggregate.Event):
        """Nothing of the service runs here any more."""

        release_id: UUID
        stopped_at: datetime

    class Retired(Aggregate.Event):
        """The configuration item is no longer in use; its history stays."""

        reason: str

    @classmethod
    def register(
        cls, act: Act, *, configuration_item_id: UUID, name: str, kind: str, attributes: dict[str, str]
    ) -> ConfigurationItem:
        """Register a configuration item by hand."""
        refuse_any(unentitled(act, CONFIGURERS, "register a configuration item"))
        return cls.discover(
            act, configuration_item_id=configuration_item_id, name=name, kind=kind, attributes=attributes
        )

    @classmethod
    def discover(
        cls, act: Act, *, configuration_item_id: UUID, name: str, kind: str, attributes: dict[str, str]
    ) -> ConfigurationItem:
        """Register a configuration item that deployment reported."""
        return cls(id=configuration_item_id, act=act, name=name, kind=kind, attributes=attributes)

    def set_relations(self, act: Act, *, targets: tuple[RelationTarget, ...]) -> None:
        """Replace the relations of the configuration item."""
        refuse_any(self.unmet_for_relations(act, targets))
        self._relations_set(act=act, relations=tuple(dict.fromkeys(t.relation for t in targets)))

    def unmet_for_relations(self, act: Act, targets: tuple[RelationTarget, ...]) -> Iterator[Unmet]:
        """Yield why the configuration item cannot have these relations."""
        yield from self._unmet_for_keeping(act, "relate a configuration item")
        for number, target in enumerate(targets):
            if not target.known:
                yield Unmet(
                    "target-unknown",
                    f"{target.relation.target_id} is no configuration item, service or media item.",
                    source=f"/relations/{number}",
                    remedy="register it first",
                )
            if target.gone and target.relation not in self.relations:
                yield Unmet(
                    "target-retiring",
                    f"{target.relation.target_id} is retiring or retired; nothing new relates to it.",
                    source=f"/relations/{number}",
                    remedy="relate to something that stays",
                )
            if target.relation.target_id == self.id:
                yield Unmet(
                    "relation-to-itself",
                    "A configuration item has no relation to itself.",
                    source=f"/relations/{number}",
                    remedy="leave it out",
                )

    def retire(self, act: Act, *, reason: str) -> None:
        """Take the configuration item out of use."""
        refuse_any(self.unmet_for_retiring(act))
        self._retired(act=act, reason=reason)

    def unmet_for_retiring(self, act: Act) -> Iterator[Unmet]:
        """Yield why the configuration item cannot be taken out of use."""
        yield from self._unmet_for_keeping(act, "retire a configuration item")
        if self.running is not None:
            yield Unmet(
                "still-running",
                f"{self.name} runs release {self.running.release_version}.",
                source="configuration_item.running",
                remedy="retire the service by a release of kind retirement",
            )

    def _unmet_for_keeping(self, act: Act, command: str) -> Iterator[Unmet]:
        yield from unentitled(act, CONFIGURERS, command)
        if self.retired:
            yield Unmet(
                "configuration-item-retired",
                f"{self.name} is retired, which is final.",
                source="configuration_item.retired",
                remedy="register a new configuration item",
            )

    def note_running(self, act: Act, *, running: Running, service_id: UUID, node_id: UUID) -> None:
        """Note what runs here; what is older than the last fact changes nothing."""
        if self.last_reported_at is None or running.since > self.last_reported_at:
            uses = tuple(Relation(RelationKind.USES, item_id) for item_id in running.item_ids)
            places = (Relation(RelationKind.PART_OF, service_id), Relation(RelationKind.RUNS_ON, node_id))
            self._run_noted(act=act, running=running, relations=(*places, *uses))

    def note_stopped(self, act: Act, *, release_id: UUID, stopped_at: datetime) -> None:
        """Note that nothing runs here any more; what is older than the last fact changes nothing."""
        if self.running is not None and stopped_at > self.running.since:
            self._stopped(act=act, release_id=release_id, stopped_at=stopped_at)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return what can come next, by whom, and why not."""
        keeping = tuple(self._unmet_for_keeping(act, "relate a configuration item"))
        return (
            NextCommand("relations", CONFIGURERS, keeping),
            NextCommand("retirement", CONFIGURERS, tuple(self.unmet_for_retiring(act))),
        )

    @event(Registered)
    def __init__(self, id: UUID, act: Act, name: str, kind: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.relations: tuple[Relation, ...] = ()
        self.running: Running | None = None
        self.ran: tuple[Running, ...] = ()
        self.last_reported_at: datetime | None = None
        self.retired = False

    @event(RelationsSet)
    def _relations_set(self, act: Act, relations: tuple[Relation, ...]) -> None:
        self.relations = relations

    @event(RunNoted)
    def _run_noted(self, act: Act, running: Running, relations: tuple[Relation, ...]) -> None:
        self.running = running
        self.ran = (*self.ran, running)
        self.relations = relations
        self.last_reported_at = running.since

    @event(Stopped)
    def _stopped(self, act: Act, release_id: UUID, stopped_at: datetime) -> None:
        self.running = None
        self.relations = tuple(one for one in self.relations if one.kind is RelationKind.PART_OF)
        self.last_reported_at = stopped_at

    @event(Retired)
    def _retired(self, act: Act, reason: str) -> None:
        self.retired = True


@dataclass(frozen=True)
class BaselineEntry:
    """One thing in a baseline, as it was: its version in the log and the digest of its content."""

    kind: str
    id: UUID
    name: str
    version: int
    digest: str


class Baseline(Aggregate):
    """A snapshot of configuration, kept for ever."""

    TOPIC = "dml.Baseline"

    class Taken(Aggregate.Created):
        """A snapshot of configuration was taken."""

        name: str
        service_id: UUID | None
        entries: tuple[BaselineEntry, ...]
        digest: str

    @classmethod
    def take(
        cls,
        act: Act,
        *,
        baseline_id: UUID,
        name: str,
        service_id: UUID | None,
        entries: tuple[BaselineEntry, ...],
        entries_max: int,
    ) -> Baseline:
        """Take a snapshot of these entries."""
        refuse_any(cls.unmet_for_taking(act, entries, entries_max))
        return cls(
            id=baseline_id, act=act, name=name, service_id=service_id, entries=entries, digest=digest_of(entries)
        )

    @staticmethod
    def unmet_for_taking(act: Act, entries: tuple[BaselineEntry, ...], entries_max: int) -> Iterator[Unmet]:
        """Yield why the snapshot cannot be taken."""
        yield from unentitled(act, CONFIGURERS, "take a baseline")
        if not entries:
            yield Unmet(
                "nothing-to-keep",
                "Nothing is configured in this scope.",
                source="/service_id",
                remedy="register a service or a configuration item first",
            )
        if len(entries) > entries_max:
            yield Unmet(
                "baseline-too-large",
                f"The scope holds more than {entries_max} things.",
                source="/service_id",
                remedy="take a baseline of one service",
            )

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return nothing: a baseline is a record."""
        return ()

    @event(Taken)
    def __init__(
        self,
        id: UUID,
        act: Act,
        name: str,
        service_id: UUID | None,
        entries: tuple[BaselineEntry, ...],
        digest: str,
    ) -> None:
        self.name = name
        self.service_id = service_id
        self.entries = entries
        self.digest = digest
        self.taken_by = act.by
        self.taken_at = act.at
