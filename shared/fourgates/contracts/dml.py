"""What configuration management and the definitive media library say."""

from __future__ import annotations

from uuid import UUID

from fourgates.contracts.common import Contract, Item, Part, Target


class ServiceRegistered(Contract, type="dev.fourgates.dml.service_registered.v1"):
    """A service is known to configuration management."""

    service_id: UUID
    name: str
    owner_id: str
    tier: str
    lifecycle: str
    value_case: str = ""


class TargetsSet(Contract, type="dev.fourgates.dml.targets_set.v1"):
    """Service design set the service level targets of a service; these replace all earlier ones."""

    service_id: UUID
    revision: int
    targets: list[Target]


class ServiceLifecycleEntered(Contract, type="dev.fourgates.dml.service_lifecycle_entered.v1"):
    """A service became pipeline, live, retiring or retired."""

    service_id: UUID
    lifecycle: str
    release_id: UUID | None = None


class RelationsChanged(Contract, type="dev.fourgates.dml.relations_changed.v1"):
    """The services on which a service depends, and the live services that depend on it, are now these."""

    service_id: UUID
    depends_on: list[UUID]
    live_dependants: list[UUID]


class ImpactedService(Part):
    """A service that a release can affect, and who owns it."""

    service_id: UUID
    name: str
    owner_id: str
    tier: str
    relation: str


class ImpactComputed(Contract, type="dev.fourgates.dml.impact_computed.v1"):
    """The impact set of a release, as the relations stood at that moment."""

    release_id: UUID
    service_id: UUID
    impacted: list[ImpactedService]
    impact_digest: str


class MediaCheckedIn(Contract, type="dev.fourgates.dml.media_checked_in.v1"):
    """A media item became definitive: it never changes and is never deleted."""

    item: Item
    item_id: UUID
    release_id: UUID
    build_id: UUID
    loaded: bool


class CheckInCompleted(Contract, type="dev.fourgates.dml.check_in_completed.v1"):
    """All items of a release are definitive."""

    release_id: UUID
    build_id: UUID
    items: list[Item]


class CheckInRefused(Contract, type="dev.fourgates.dml.check_in_refused.v1"):
    """A check-in was refused as a whole; nothing of it entered the library."""

    release_id: UUID
    build_id: UUID
    reasons: list[str]


class MediaQuarantined(Contract, type="dev.fourgates.dml.media_quarantined.v1"):
    """A definitive item is under suspicion: nobody may build with it, deploy it or check it out."""

    item: Item
    item_id: UUID
    reason: str
    used_by_release_ids: list[UUID]


class MediaCleared(Contract, type="dev.fourgates.dml.media_cleared.v1"):
    """An authority decided that a quarantined item is definitive again."""

    item: Item
    item_id: UUID
    reason: str


class MediaWithdrawn(Contract, type="dev.fourgates.dml.media_withdrawn.v1"):
    """An item was withdrawn from use; its bytes and its history stay."""

    item: Item
    item_id: UUID
    reason: str
    used_by_release_ids: list[UUID]
