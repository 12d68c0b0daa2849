"""What this service does about what it hears of services and of the DML."""

from __future__ import annotations

from fourgates.chassis.aggregate import Act
from fourgates.contracts import common, dml

from release_service.application import ReleaseUseCases
from release_service.domain import ImpactedService, Item, MediaState


def know_registered_service(use_cases: ReleaseUseCases, act: Act, fact: dml.ServiceRegistered) -> None:
    """Whenever a service was registered, it may be released."""
    use_cases.note_service(
        act,
        service_id=fact.service_id,
        name=fact.name,
        owner_id=fact.owner_id,
        tier=fact.tier,
        lifecycle=fact.lifecycle,
    )


def know_targets_of_service(use_cases: ReleaseUseCases, act: Act, fact: dml.TargetsSet) -> None:
    """Whenever the targets of a service were set, know how many its reviews will evaluate."""
    use_cases.note_service(act, service_id=fact.service_id, target_count=len(fact.targets))


def know_lifecycle_of_service(use_cases: ReleaseUseCases, act: Act, fact: dml.ServiceLifecycleEntered) -> None:
    """Whenever a service became live, retiring or retired, its releases know."""
    use_cases.note_service(act, service_id=fact.service_id, lifecycle=fact.lifecycle)


def know_dependants_of_service(use_cases: ReleaseUseCases, act: Act, fact: dml.RelationsChanged) -> None:
    """Whenever relations changed, know which live services keep a service from being retired."""
    use_cases.note_service(act, service_id=fact.service_id, live_dependants=tuple(fact.live_dependants))


def keep_impact_of_release(use_cases: ReleaseUseCases, act: Act, fact: dml.ImpactComputed) -> None:
    """Whenever the impact of a release was computed, it may be acknowledged."""
    services = tuple(
        ImpactedService(one.service_id, one.name, one.owner_id, one.tier, one.relation) for one in fact.impacted
    )
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_impact(act, impact_digest=fact.impact_digest, services=services),
    )


def know_definitive_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaCheckedIn) -> None:
    """Whenever an item became definitive, it may be built with and deployed."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.DEFINITIVE)


def know_quarantined_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaQuarantined) -> None:
    """Whenever an item was quarantined, nothing is built with it and it is not deployed."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.QUARANTINED)


def know_cleared_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaCleared) -> None:
    """Whenever a quarantine was lifted, the item may be used again."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.DEFINITIVE)


def know_withdrawn_medium(use_cases: ReleaseUseCases, act: Act, fact: dml.MediaWithdrawn) -> None:
    """Whenever an item was withdrawn, nothing uses it any more."""
    use_cases.note_medium(act, item=_item(fact.item), state=MediaState.WITHDRAWN)


def complete_check_in(use_cases: ReleaseUseCases, act: Act, fact: dml.CheckInCompleted) -> None:
    """Whenever all items of a release are definitive, it may be deployed; kinds without deployment are reviewed."""
    items = tuple(_item(item) for item in fact.items)
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_check_in_completed(act, build_id=fact.build_id, items=items),
    )


def keep_refusal_of_check_in(use_cases: ReleaseUseCases, act: Act, fact: dml.CheckInRefused) -> None:
    """Whenever a check-in was refused, the release shows why."""
    use_cases.tell_release(
        act,
        fact.release_id,
        lambda release: release.note_check_in_refused(act, build_id=fact.build_id, reasons=tuple(fact.reasons)),
    )


def _item(item: common.Item) -> Item:
    return Item(item.name, item.version, item.sha256, item.size_bytes, item.kind, item.item_id)
