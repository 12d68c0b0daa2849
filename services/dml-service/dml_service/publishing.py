"""What of the library and of configuration management is said to others, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from fourgates.contracts import Contract
from fourgates.contracts.common import Item, Target
from fourgates.contracts.dml import (
    CheckInCompleted,
    CheckInRefused,
    ImpactComputed,
    ImpactedService,
    MediaCheckedIn,
    MediaCleared,
    MediaQuarantined,
    MediaWithdrawn,
    RelationsChanged,
    ServiceLifecycleEntered,
    ServiceRegistered,
    TargetsSet,
)

from dml_service.domain import (
    Baseline,
    CheckIn,
    CheckOut,
    ConfigurationItem,
    DefinitiveName,
    Impact,
    KnownGrant,
    KnownRelease,
    MediaItem,
    Medium,
    Service,
    ServiceName,
    item_id_of,
)


def _item(medium: Medium) -> Item:
    return Item(
        name=medium.name,
        version=medium.version,
        sha256=medium.sha256,
        size_bytes=medium.size_bytes,
        kind=medium.kind,
        item_id=item_id_of(medium.name, medium.version, medium.sha256),
    )


def _service_registered(service: Service, _happened: Any) -> ServiceRegistered:
    return ServiceRegistered(
        service_id=service.id,
        name=service.name,
        owner_id=service.owner_id,
        tier=service.tier,
        lifecycle=service.lifecycle,
        value_case=service.value_case,
    )


def _targets_set(service: Service, happened: Service.TargetsSet) -> TargetsSet:
    targets = [
        Target(
            target_id=one.target_id,
            name=one.name,
            measure=one.measure,
            comparison=one.comparison,
            goal=one.goal,
            unit=one.unit,
            path=one.path,
            warning_at=one.warning_at,
        )
        for one in happened.targets
    ]
    return TargetsSet(service_id=service.id, revision=happened.revision, targets=targets)


def _relations_changed(service: Service, _happened: Any) -> RelationsChanged:
    return RelationsChanged(
        service_id=service.id,
        depends_on=list(service.depends_on),
        live_dependants=list(service.live_dependants),
    )


def _lifecycle_entered(service: Service, happened: Any) -> ServiceLifecycleEntered:
    release_id: UUID = happened.release_id
    return ServiceLifecycleEntered(service_id=service.id, lifecycle=service.lifecycle, release_id=release_id)


def _media_checked_in(item: MediaItem, happened: MediaItem.CheckedIn) -> MediaCheckedIn:
    return MediaCheckedIn(
        item=_item(item.medium),
        item_id=item.id,
        release_id=happened.release_id,
        build_id=happened.build_id,
        loaded=happened.loaded,
    )


def _media_quarantined(item: MediaItem, happened: MediaItem.Quarantined) -> MediaQuarantined:
    return MediaQuarantined(
        item=_item(item.medium),
        item_id=item.id,
        reason=happened.reason,
        used_by_release_ids=list(item.used_by_release_ids),
    )


def _media_cleared(item: MediaItem, happened: MediaItem.Cleared) -> MediaCleared:
    return MediaCleared(item=_item(item.medium), item_id=item.id, reason=happened.reason)


def _media_withdrawn(item: MediaItem, happened: MediaItem.Withdrawn) -> MediaWithdrawn:
    return MediaWithdrawn(
        item=_item(item.medium),
        item_id=item.id,
        reason=happened.reason,
        used_by_release_ids=list(item.used_by_release_ids),
    )


def _check_in_completed(check_in: CheckIn, _happened: CheckIn.Completed) -> CheckInCompleted:
    return CheckInCompleted(
        release_id=check_in.release_id,
        build_id=check_in.build_id,
        items=[_item(one) for one in check_in.items],
    )


def _check_in_refused(check_in: CheckIn, happened: CheckIn.Refused) -> CheckInRefused:
    return CheckInRefused(release_id=check_in.release_id, build_id=check_in.build_id, reasons=list(happened.reasons))


def _impact_computed(_impact: Impact, happened: Impact.Computed) -> ImpactComputed:
    impacted = [
        ImpactedService(
            service_id=one.service_id, name=one.name, owner_id=one.owner_id, tier=one.tier, relation=one.relation
        )
        for one in happened.impacted
    ]
    return ImpactComputed(
        release_id=happened.release_id,
        service_id=happened.service_id,
        impacted=impacted,
        impact_digest=happened.impact_digest,
    )


PUBLISHED: Mapping[type[Any], Callable[[Any, Any], Contract | None]] = {
    Service.Registered: _service_registered,
    Service.OwnerSet: _service_registered,
    Service.TargetsSet: _targets_set,
    Service.RelationsSet: _relations_changed,
    Service.DependantNoted: _relations_changed,
    Service.DependantGone: _relations_changed,
    Service.WentLive: _lifecycle_entered,
    Service.RetirementBegun: _lifecycle_entered,
    Service.RetirementBackedOut: _lifecycle_entered,
    Service.Retired: _lifecycle_entered,
    MediaItem.CheckedIn: _media_checked_in,
    MediaItem.Quarantined: _media_quarantined,
    MediaItem.Cleared: _media_cleared,
    MediaItem.Withdrawn: _media_withdrawn,
    CheckIn.Completed: _check_in_completed,
    CheckIn.Refused: _check_in_refused,
    Impact.Computed: _impact_computed,
}

INTERNAL: frozenset[type[Any]] = frozenset(
    {
        # Candidates are release-service's to announce; whoever asks for the rest reads it over HTTP.
        MediaItem.Recorded,
        MediaItem.RecordedAgain,
        MediaItem.Discarded,
        MediaItem.Superseded,
        MediaItem.Archived,
        MediaItem.UseNoted,
        DefinitiveName.Bound,
        CheckIn.Requested,
        CheckIn.Cancelled,
        CheckOut.Taken,
        KnownGrant.Revoked,
        KnownRelease.Noted,
        KnownRelease.BuildNoted,
        KnownRelease.BuildVoided,
        KnownRelease.SignOffNoted,
        KnownRelease.SignOffsVoided,
        KnownRelease.Cancelled,
        Service.RetirementDeployed,
        Service.RetirementFailed,
        Service.RetirementClosed,
        Service.RetirementRecommended,
        ServiceName.Taken,
        ConfigurationItem.Registered,
        ConfigurationItem.RelationsSet,
        ConfigurationItem.RunNoted,
        ConfigurationItem.Stopped,
        ConfigurationItem.Retired,
        Baseline.Taken,
    }
)
