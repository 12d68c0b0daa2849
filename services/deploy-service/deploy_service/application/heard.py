"""Use cases that keep what was heard from other services, each in the log of its own thing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, derived_id

from deploy_service.application.base import UseCases, known_medium_id
from deploy_service.domain import (
    KnownAuthorization,
    KnownChange,
    KnownFreeze,
    KnownMedium,
    KnownRelease,
    KnownService,
    Waiver,
)


class HeardUseCases(UseCases):
    """What is heard is kept, with its source, and decides nothing by itself."""

    def note_medium(self, act: Act, *, name: str, version: str, sha256: str, state: str) -> None:
        known_id = known_medium_id(name, version, sha256)
        medium = self._work.find(KnownMedium, known_id)
        if medium is None:
            medium = KnownMedium.hear(act, known_id=known_id, name=name, version=version, sha256=sha256, state=state)
        medium.note_state(act, state=state)
        self._work.save(medium)

    def note_checked_in(self, act: Act, *, name: str, version: str, sha256: str) -> None:
        """Note a check-in; what is known already is not cleared by a check-in that is told again."""
        if self._work.find(KnownMedium, known_medium_id(name, version, sha256)) is None:
            self.note_medium(act, name=name, version=version, sha256=sha256, state="definitive")

    def note_lifecycle(self, act: Act, *, service_id: UUID, lifecycle: str) -> None:
        service = self._service(act, service_id)
        service.note_lifecycle(act, lifecycle=lifecycle)
        self._work.save(service)

    def note_dependants(self, act: Act, *, service_id: UUID, live_dependants: tuple[UUID, ...]) -> None:
        service = self._service(act, service_id)
        service.note_dependants(act, live_dependants=live_dependants)
        self._work.save(service)

    def _service(self, act: Act, service_id: UUID) -> KnownService:
        known_id = derived_id(service_id, "known-service")
        found = self._work.find(KnownService, known_id)
        return found or KnownService.hear(act, known_id=known_id, service_id=service_id)

    def note_freeze(
        self,
        act: Act,
        *,
        window_id: UUID,
        starts_at: datetime,
        ends_at: datetime,
        environment_ids: tuple[UUID, ...],
        service_ids: tuple[UUID, ...],
        reason: str,
    ) -> None:
        known_id = derived_id(window_id, "known-freeze")
        if self._work.find(KnownFreeze, known_id) is None:
            freeze = KnownFreeze.hear(
                act,
                known_id=known_id,
                window_id=window_id,
                starts_at=starts_at,
                ends_at=ends_at,
                environment_ids=environment_ids,
                service_ids=service_ids,
                reason=reason,
            )
            self._work.save(freeze)

    def note_freeze_lifted(self, act: Act, *, window_id: UUID) -> None:
        freeze = self._work.find(KnownFreeze, derived_id(window_id, "known-freeze"))
        if freeze is not None:
            freeze.note_lifted(act)
            self._work.save(freeze)

    def note_authorization(self, act: Act, *, authorization_id: UUID, state: str, reason: str) -> None:
        known_id = derived_id(authorization_id, "known-authorization")
        known = self._work.find(KnownAuthorization, known_id)
        if known is None:
            known = KnownAuthorization.hear(
                act, known_id=known_id, authorization_id=authorization_id, state=state, reason=reason
            )
        known.note_state(act, state=state, reason=reason)
        self._work.save(known)

    def note_change(self, act: Act, *, change_id: UUID, state: str, reason: str) -> None:
        known_id = derived_id(change_id, "known-change")
        known = self._work.find(KnownChange, known_id)
        if known is None:
            known = KnownChange.hear(act, known_id=known_id, change_id=change_id, state=state, reason=reason)
        known.note_state(act, state=state, reason=reason)
        self._work.save(known)

    def note_changes_of_release(
        self, act: Act, *, release_id: UUID, service_id: UUID, change_ids: tuple[UUID, ...]
    ) -> None:
        release = self._release(act, release_id, service_id)
        release.note_changes(act, change_ids=change_ids)
        self._work.save(release)

    def note_hold(self, act: Act, *, release_id: UUID, service_id: UUID, on_hold: bool) -> None:
        release = self._release(act, release_id, service_id)
        release.note_hold(act, on_hold=on_hold)
        self._work.save(release)

    def note_cancellation(self, act: Act, *, release_id: UUID, service_id: UUID, reason: str) -> None:
        release = self._release(act, release_id, service_id)
        release.note_cancellation(act, reason=reason)
        self._work.save(release)

    def note_waivers(self, act: Act, *, release_id: UUID, waivers: tuple[Waiver, ...]) -> None:
        release = self._release(act, release_id, None)
        release.note_waivers(act, waivers=waivers)
        self._work.save(release)

    def _release(self, act: Act, release_id: UUID, service_id: UUID | None) -> KnownRelease:
        known_id = derived_id(release_id, "known-release")
        found = self._work.find(KnownRelease, known_id)
        return found or KnownRelease.hear(act, known_id=known_id, release_id=release_id, service_id=service_id)
