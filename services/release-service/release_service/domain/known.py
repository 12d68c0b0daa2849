"""What release management has heard of things that others keep, as events of its own log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, derived_id, event, refuse_any

from release_service.domain.states import ChangeState, MediaState
from release_service.domain.values import CarriedChange, KnownItem, ServiceFacts

# Media are known by name and version, because under these the DML keeps one content for ever.
MEDIA = UUID("6f1c8a52-8c0d-5f6e-9d5e-3a0d2f1b7c44")


def known_change_id(change_id: UUID) -> UUID:
    """Return the id under which a change is known here."""
    return derived_id(change_id, "known-change")


def known_service_id(service_id: UUID) -> UUID:
    """Return the id under which a service is known here."""
    return derived_id(service_id, "known-service")


def known_medium_id(key: str) -> UUID:
    """Return the id under which a media item is known here, by its name and version."""
    return derived_id(MEDIA, key)


def unmet_for_knowing(
    service_id: UUID, service: KnownService | None, changes: dict[UUID, KnownChange | None]
) -> Iterator[Unmet]:
    """Yield what was not heard yet of a service and of changes that a new release names."""
    if service is None:
        yield Unmet(
            "service-not-heard",
            f"Nothing was heard yet of the service {service_id}.",
            source="service_id",
            remedy="register it in configuration management, or try again when that has arrived",
        )
    for change_id, change in changes.items():
        if change is None or change.change.state is ChangeState.UNHEARD:
            yield Unmet(
                "change-not-heard-of",
                f"Nothing was heard yet of the change {change_id}.",
                source=f"change_ids.{change_id}",
                remedy="submit it in change management, or try again when that has arrived",
            )


class KnownChange(Aggregate):
    """A change, as it was last heard, and the open release that carries it."""

    TOPIC = "release.KnownChange"

    class Named(Aggregate.Created):
        """A change was named for the first time."""

        change_id: UUID

    class Noted(Aggregate.Event):
        """Something was heard of a change."""

        change: CarriedChange
        source_id: str

    class Carried(Aggregate.Event):
        """A release carries the change from now on."""

        release_id: UUID

    class Dropped(Aggregate.Event):
        """No release carries the change any more."""

        release_id: UUID

    @classmethod
    def name(cls, act: Act, *, change_id: UUID) -> KnownChange:
        """Begin to know a change."""
        return cls(id=known_change_id(change_id), act=act, change_id=change_id)

    def note(self, act: Act, *, change: CarriedChange) -> None:
        """Keep what was heard; what is known already changes nothing."""
        if change != self.change:
            self._noted(act=act, change=change, source_id=act.cause_id)

    def carry(self, act: Act, *, release_id: UUID) -> None:
        """Be carried by a release, and by no other at the same time."""
        refuse_any(self.unmet_for_carry(release_id))
        if self.carried_by is None:
            self._carried(act=act, release_id=release_id)

    def unmet_for_carry(self, release_id: UUID) -> Iterator[Unmet]:
        """Yield when another open release carries the change."""
        if self.carried_by not in {None, release_id}:
            yield Unmet(
                "change-carried-elsewhere",
                f"The change {self.change.title or self.change.change_id} is carried by the release {self.carried_by}.",
                source=f"changes.{self.change.change_id}",
                remedy="finish or cancel that release, or have it drop the change",
            )

    def drop(self, act: Act, *, release_id: UUID) -> None:
        """Be free again."""
        if self.carried_by == release_id:
            self._dropped(act=act, release_id=release_id)

    @event(Named)
    def __init__(self, id: UUID, act: Act, change_id: UUID) -> None:
        self.change = CarriedChange(change_id)
        self.carried_by: UUID | None = None

    @event(Noted)
    def _noted(self, act: Act, change: CarriedChange, source_id: str) -> None:
        self.change = change

    @event(Carried)
    def _carried(self, act: Act, release_id: UUID) -> None:
        self.carried_by = release_id

    @event(Dropped)
    def _dropped(self, act: Act, release_id: UUID) -> None:
        self.carried_by = None


class KnownService(Aggregate):
    """A service, as it was last heard."""

    TOPIC = "release.KnownService"

    class Named(Aggregate.Created):
        """A service was named for the first time."""

        service_id: UUID

    class Noted(Aggregate.Event):
        """Something was heard of a service."""

        facts: ServiceFacts
        source_id: str

    @classmethod
    def name(cls, act: Act, *, service_id: UUID) -> KnownService:
        """Begin to know a service."""
        return cls(id=known_service_id(service_id), act=act, service_id=service_id)

    def note(self, act: Act, *, facts: ServiceFacts) -> None:
        """Keep what was heard; what is known already changes nothing."""
        if facts != self.facts:
            self._noted(act=act, facts=facts, source_id=act.cause_id)

    @event(Named)
    def __init__(self, id: UUID, act: Act, service_id: UUID) -> None:
        self.service_id = service_id
        self.facts = ServiceFacts(name="", owner_id="", tier="", lifecycle="")

    @event(Noted)
    def _noted(self, act: Act, facts: ServiceFacts, source_id: str) -> None:
        self.facts = facts


class KnownMedium(Aggregate):
    """A media item of the DML, as it was last heard."""

    TOPIC = "release.KnownMedium"

    class Named(Aggregate.Created):
        """A media item became definitive."""

        item: KnownItem
        source_id: str

    class Noted(Aggregate.Event):
        """A media item was quarantined, cleared or withdrawn."""

        state: MediaState
        source_id: str

    @classmethod
    def name(cls, act: Act, *, item: KnownItem) -> KnownMedium:
        """Begin to know a media item."""
        key = f"{item.name}@{item.version}"
        return cls(id=known_medium_id(key), act=act, item=item, source_id=act.cause_id)

    def note(self, act: Act, *, state: MediaState) -> None:
        """Keep what was heard; what is known already changes nothing."""
        if state is not self.item.state:
            self._noted(act=act, state=state, source_id=act.cause_id)

    @event(Named)
    def __init__(self, id: UUID, act: Act, item: KnownItem, source_id: str) -> None:
        self.item = item

    @event(Noted)
    def _noted(self, act: Act, state: MediaState, source_id: str) -> None:
        self.item = replace(self.item, state=state)
