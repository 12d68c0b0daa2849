"""How media enter the library: the request of a release, checked item by item, taken as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, Unmet, derived_id

from dml_service import views
from dml_service.application.library import LibraryUseCases
from dml_service.application.services import ServiceUseCases
from dml_service.domain import (
    CheckIn,
    CheckInState,
    DefinitiveName,
    KnownGrant,
    KnownRelease,
    MediaItem,
    Medium,
    UsedGrant,
    item_id_of,
    name_id_of,
)


class CheckInUseCases(LibraryUseCases, ServiceUseCases):
    """Check-ins, and the grants that let them in."""

    def request_check_in(
        self,
        act: Act,
        *,
        release_id: UUID,
        service_id: UUID,
        build_id: UUID,
        kind: str,
        items: tuple[Medium, ...],
        grant: UsedGrant,
        loaded: bool,
        supersedes_item_ids: tuple[UUID, ...],
    ) -> None:
        """Record the request of a release once, and answer it as soon as its build is known."""
        # A grant is used once, so it tells one request from the next.
        check_in_id = derived_id(build_id, f"check-in/{grant.authorization_id}")
        if self._work.find(CheckIn, check_in_id) is not None:
            return
        check_in = CheckIn.request(
            act,
            check_in_id=check_in_id,
            release_id=release_id,
            service_id=service_id,
            build_id=build_id,
            kind=kind,
            items=items,
            grant=grant,
            loaded=loaded,
            supersedes_item_ids=supersedes_item_ids,
            wait_until=act.at + timedelta(seconds=self._settings.check_in_wait_s),
        )
        self._work.save(check_in)
        self._take_up(act, check_in)

    def take_up_check_ins_of_build(self, act: Act, *, build_id: UUID) -> None:
        """Answer the requests that waited for a build."""
        self._take_up_all(act, views.waiting_check_ins(self._work.views, limit=100, build_id=build_id))

    def take_up_waiting_check_ins(self, act: Act) -> None:
        """Answer the requests whose build is known by now or whose time is over."""
        limit = self._settings.check_ins_per_tick_max
        self._take_up_all(act, views.waiting_check_ins(self._work.views, limit=limit))

    def _take_up_all(self, act: Act, check_in_ids: list[UUID]) -> None:
        for check_in_id in check_in_ids:
            check_in = self._work.get(CheckIn, check_in_id)
            if check_in.state is CheckInState.REQUESTED:
                self._take_up(act, check_in)

    def note_sign_off(self, act: Act, *, release_id: UUID, service_id: UUID, build_id: UUID) -> None:
        """Note that a build was signed off, which its check-in may wait for."""
        known = self.known_release(act, release_id=release_id, service_id=service_id)
        known.note_sign_off(act, build_id=build_id)
        self._work.save(known)

    def void_sign_offs(self, act: Act, *, release_id: UUID) -> None:
        """Note that a way back voided what was signed off."""
        known = self._work.find(KnownRelease, KnownRelease.id_of(release_id))
        if known is not None:
            known.void_sign_offs(act)
            self._work.save(known)

    def cancel_check_in(self, act: Act, *, build_id: UUID, reason: str) -> None:
        """Note that a release no longer wants a check-in that waits."""
        for check_in_id in views.waiting_check_ins(self._work.views, limit=100, build_id=build_id):
            check_in = self._work.get(CheckIn, check_in_id)
            check_in.cancel(act, reason=reason)
            self._work.save(check_in)

    def revoke_grant(self, act: Act, *, authorization_id: UUID, reason: str) -> None:
        """Note a revocation; what came in under the grant is quarantined, what waits will be refused."""
        if self._work.find(KnownGrant, KnownGrant.id_of(authorization_id)) is None:
            self._work.save(KnownGrant.revoke(act, authorization_id=authorization_id, reason=reason))
        for item_id in views.items_under_authorization(self._work.views, authorization_id):
            item = self._work.get(MediaItem, item_id)
            item.quarantine_by_revocation(act, authorization_id=authorization_id, reason=reason)
            self._work.save(item)

    def _take_up(self, act: Act, check_in: CheckIn) -> None:
        known = self._work.find(KnownRelease, KnownRelease.id_of(check_in.release_id))
        build_known = known is not None and known.knows(check_in.build_id)
        if check_in.must_wait(act, ready=known is not None and known.ready(check_in.build_id)):
            return
        used = views.grant_was_used(self._work.views, check_in.grant.authorization_id, by_other_than=check_in.id)
        revoked = self._work.find(KnownGrant, KnownGrant.id_of(check_in.grant.authorization_id))
        unmet = list(check_in.unmet_for_completion(revoked=revoked, build_known=build_known, grant_used=used))
        sizes = {one.sha256: self.blobs.sound_size(one.sha256) for one in check_in.items}
        if known is not None and build_known:
            unmet.extend(known.unmet_for_check_in(build_id=check_in.build_id, items=check_in.items))
            for medium in check_in.items:
                unmet.extend(self._unmet_for_item(check_in, medium, sizes[medium.sha256]))
        if unmet:
            check_in.refuse(act, unmet=tuple(unmet))
        else:
            self._complete(act, check_in, sizes, revoked)
        self._work.save(check_in)

    def _unmet_for_item(self, check_in: CheckIn, medium: Medium, stored_bytes: int | None) -> Iterator[Unmet]:
        item = self._work.find(MediaItem, item_id_of(medium.name, medium.version, medium.sha256))
        if item is not None:
            yield from item.unmet_for_check_in(
                build_id=check_in.build_id, size_bytes=medium.size_bytes, stored_bytes=stored_bytes
            )
        name = self._work.find(DefinitiveName, name_id_of(medium.name, medium.version))
        if name is not None:
            yield from name.unmet_for_binding(medium)

    def _complete(self, act: Act, check_in: CheckIn, sizes: dict[str, int | None], revoked: KnownGrant | None) -> None:
        for medium in check_in.items:
            item = self._work.get(MediaItem, item_id_of(medium.name, medium.version, medium.sha256))
            item.check_in(
                act,
                release_id=check_in.release_id,
                build_id=check_in.build_id,
                size_bytes=medium.size_bytes,
                stored_bytes=sizes[medium.sha256],
                authorization_id=check_in.grant.authorization_id,
                document_digest=check_in.grant.document_digest,
                loaded=check_in.loaded,
            )
            self._work.save(item)
            if self._work.find(DefinitiveName, name_id_of(medium.name, medium.version)) is None:
                self._work.save(DefinitiveName.bind(act, medium=medium))
        self._supersede(act, check_in)
        if check_in.loaded:
            # What is loaded already runs.
            self.bring_service_live(act, service_id=check_in.service_id, release_id=check_in.release_id)
        check_in.complete(act, revoked=revoked)

    def _supersede(self, act: Act, check_in: CheckIn) -> None:
        for item_id in check_in.supersedes_item_ids:
            older = self._work.find(MediaItem, item_id) if item_id not in check_in.item_ids else None
            if older is not None:
                older.supersede(act, release_id=check_in.release_id)
                self._work.save(older)
