"""What is done with media items: candidates heard of, quarantine and its ends, check-outs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from fourgates.chassis.aggregate import Act

from dml_service import views
from dml_service.application.base import UseCases
from dml_service.domain import (
    CheckOut,
    DefinitiveName,
    KnownRelease,
    MediaItem,
    MediaState,
    Medium,
    UseKind,
    Wanted,
    item_id_of,
    name_id_of,
)


@dataclass(frozen=True)
class Asked:
    """What somebody asks for: a name and version, or a digest, or all of them."""

    name: str | None
    version: str | None
    sha256: str | None

    def __str__(self) -> str:
        """Return how the refusal names it."""
        return " ".join(one for one in (self.name, self.version, self.sha256) if one)


class LibraryUseCases(UseCases):
    """Media items and check-outs."""

    def quarantine_item(self, act: Act, *, item_id: UUID, reason: str) -> MediaItem:
        """Put an item under quarantine."""
        return self._command(item_id, lambda item: item.quarantine(act, reason=reason))

    def clear_item(self, act: Act, *, item_id: UUID, reason: str) -> MediaItem:
        """Make a quarantined item definitive again."""
        return self._command(item_id, lambda item: item.clear(act, reason=reason))

    def withdraw_item(self, act: Act, *, item_id: UUID, reason: str) -> MediaItem:
        """Withdraw an item from use."""
        return self._command(item_id, lambda item: item.withdraw(act, reason=reason))

    def archive_item(self, act: Act, *, item_id: UUID, reason: str) -> MediaItem:
        """Keep an item for the record only."""
        return self._command(item_id, lambda item: item.archive(act, reason=reason))

    def _command(self, item_id: UUID, command: Callable[[MediaItem], None]) -> MediaItem:
        item = self._work.get(MediaItem, item_id)
        command(item)
        self._work.save(item)
        return item

    def take_check_out(
        self, act: Act, *, check_out_id: UUID, asked: tuple[Asked, ...], release_id: UUID | None, purpose: str
    ) -> CheckOut:
        """Hand out definitive media, all that is asked for or nothing."""
        check_out = CheckOut.take(
            act,
            check_out_id=check_out_id,
            wanted=tuple(self._wanted(one) for one in asked),
            release_id=release_id,
            purpose=purpose,
        )
        self._work.save(check_out)
        return check_out

    def _wanted(self, asked: Asked) -> Wanted:
        found = [item for item in self._matching(asked) if asked.sha256 in (None, item.medium.sha256)]
        # The same bytes may have come under two names, and a name may have candidates: what is definitive goes first.
        found.sort(key=lambda item: item.state is not MediaState.DEFINITIVE)
        if not found:
            return Wanted(asked=str(asked), medium=None, state=None)
        return Wanted(asked=str(asked), medium=found[0].medium, state=found[0].state)

    def _matching(self, asked: Asked) -> list[MediaItem]:
        if asked.name is None or asked.version is None:
            item_ids = views.items_with_digest(self._work.views, asked.sha256 or "")
        else:
            bound = self._work.find(DefinitiveName, name_id_of(asked.name, asked.version))
            named = views.items_named(self._work.views, asked.name, asked.version)
            item_ids = [bound.item_id] if bound is not None else named
        return [item for item_id in item_ids if (item := self._work.find(MediaItem, item_id)) is not None]

    # What is heard or follows.

    def known_release(self, act: Act, *, release_id: UUID, service_id: UUID) -> KnownRelease:
        """Return what is known of a release, which may begin here."""
        known = self._work.find(KnownRelease, KnownRelease.id_of(release_id))
        if known is None:
            known = KnownRelease.note(act, release_id=release_id, service_id=service_id)
            self._work.save(known)
        return known

    def record_build(
        self,
        act: Act,
        *,
        release_id: UUID,
        service_id: UUID,
        build_id: UUID,
        candidates: tuple[Medium, ...],
        inputs: tuple[Medium, ...],
    ) -> None:
        """Know the candidates of a build, and note what it was built with."""
        known = self.known_release(act, release_id=release_id, service_id=service_id)
        if build_id in known.builds:
            return
        known.note_build(act, build_id=build_id, candidates=candidates, inputs=inputs)
        void = known.cancelled or build_id in known.voided
        for medium in candidates:
            item = self._record_candidate(act, medium=medium, release_id=release_id, build_id=build_id)
            if void:
                item.discard(act, build_id=build_id)
        for medium in inputs:
            used = self._work.find(MediaItem, item_id_of(medium.name, medium.version, medium.sha256))
            if used is not None:
                used.note_use(act, release_id=release_id, kind=UseKind.BUILT_WITH)
                self._work.save(used)
        self._work.save(known)

    def _record_candidate(self, act: Act, *, medium: Medium, release_id: UUID, build_id: UUID) -> MediaItem:
        item = self._work.find(MediaItem, item_id_of(medium.name, medium.version, medium.sha256))
        if item is None:
            item = MediaItem.record(act, medium=medium, release_id=release_id, build_id=build_id)
        else:
            item.record_again(act, release_id=release_id, build_id=build_id)
        self._work.save(item)
        return item

    def void_build(self, act: Act, *, release_id: UUID, service_id: UUID, build_id: UUID) -> None:
        """Discard the candidates of a build that a way back voided."""
        known = self.known_release(act, release_id=release_id, service_id=service_id)
        known.void_build(act, build_id=build_id)
        self._work.save(known)
        for medium in known.builds.get(build_id, ()):
            item = self._work.get(MediaItem, item_id_of(medium.name, medium.version, medium.sha256))
            item.discard(act, build_id=build_id)
            self._work.save(item)

    def cancel_release(self, act: Act, *, release_id: UUID, service_id: UUID, withdraws: bool, reason: str) -> None:
        """Discard every candidate of a cancelled release; one without deployment is backed out by withdrawal."""
        known = self.known_release(act, release_id=release_id, service_id=service_id)
        for build_id in known.builds:
            self.void_build(act, release_id=release_id, service_id=service_id, build_id=build_id)
        known.cancel(act)
        self._work.save(known)
        for item_id in views.items_checked_in_by(self._work.views, release_id) if withdraws else ():
            item = self._work.get(MediaItem, item_id)
            item.withdraw_with_release(act, release_id=release_id, reason=reason)
            self._work.save(item)
