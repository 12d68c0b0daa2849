"""What release management does with what it has heard: facts that can decide a command become events of its own log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from fourgates.chassis.aggregate import Act
from fourgates.chassis.views import iso

from release_service.application.commands import Commands
from release_service.domain import (
    CarriedChange,
    Item,
    KnownChange,
    KnownItem,
    KnownMedium,
    KnownService,
    MediaState,
    Release,
    ReleaseState,
    ServiceFacts,
    known_change_id,
    known_medium_id,
    known_service_id,
)

OPEN_STATES: Sequence[str] = tuple(s for s in ReleaseState if s not in {ReleaseState.CLOSED, ReleaseState.CANCELLED})


def known_item(item: Item, state: MediaState) -> KnownItem:
    """Return an item as it is known from now on."""
    return KnownItem(item.name, item.version, item.sha256, state, item.size_bytes, item.kind, item.item_id)


class Hearing(Commands):
    """Noting what was heard of changes, services and media, and telling releases what concerns them."""

    def note_change(self, act: Act, *, change_id: UUID, **heard: Any) -> None:
        """Know a change as it is now, and tell the release that carries it."""
        known = self._work.find(KnownChange, known_change_id(change_id)) or KnownChange.name(act, change_id=change_id)
        change: CarriedChange = replace(known.change, **heard)
        known.note(act, change=change)
        self._work.save(known)
        if known.carried_by is not None:
            self.tell_release(act, known.carried_by, lambda release: release.note_change(act, change=change))

    def note_service(self, act: Act, *, service_id: UUID, **heard: Any) -> None:
        """Know a service as it is now, and tell its open releases."""
        known = self._work.find(KnownService, known_service_id(service_id))
        known = known or KnownService.name(act, service_id=service_id)
        facts: ServiceFacts = replace(known.facts, **heard)
        known.note(act, facts=facts)
        self._work.save(known)
        for release in self._open_releases({"service_id": str(service_id)}):
            release.note_service(act, service=facts)
            self._save(act, release)

    def note_medium(self, act: Act, *, item: Item, state: MediaState) -> None:
        """Know a media item as it is now, and tell the open releases that built it."""
        known = self._work.find(KnownMedium, known_medium_id(item.key))
        if known is None:
            known = KnownMedium.name(act, item=known_item(item, state))
        known.note(act, state=state)
        self._work.save(known)
        for release in self._open_releases({"items": item.key}):
            release.note_media(act, key=item.key, state=state)
            self._save(act, release)

    def fail_overdue_debts(self, act: Act) -> None:
        """Fail the debts whose date has passed, the oldest first, a bounded number at a time."""
        limit = self._settings.overdue_per_tick_max
        rows = self._work.views.find("releases", {"owes": True}, order_by="due_at", limit=limit)
        for row in rows:
            if row["due_at"] <= iso(act.at):
                self.tell_release(act, UUID(row["key"]), lambda release: release.fail_overdue_debts(act))

    def tell_release(self, act: Act, release_id: UUID, tell: Callable[[Release], None]) -> None:
        """Tell a release something; a release that is not ours is left alone."""
        release = self._work.find(Release, release_id)
        if release is not None:
            tell(release)
            self._save(act, release)

    def _open_releases(self, where: Mapping[str, str]) -> Iterable[Release]:
        limit = self._settings.releases_per_fact_max
        rows = self._work.views.find("releases", {**where, "state": OPEN_STATES}, limit=limit)
        return [self._release(UUID(row["key"])) for row in rows]
