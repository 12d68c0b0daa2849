"""Opening releases and their successors, and setting what they carry."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import Act, derived_id, refuse_any

from release_service.application.base import Base
from release_service.domain import (
    KnownChange,
    KnownService,
    Release,
    ReleaseKind,
    ServiceFacts,
    known_change_id,
    known_service_id,
    next_version,
    unmet_for_knowing,
)

NOTHING_HEARD = ServiceFacts(name="", owner_id="", tier="", lifecycle="")


class Opening(Base):
    """A release and its changes are saved together: a change is carried by one open release at a time."""

    def open_release(
        self,
        act: Act,
        *,
        release_id: UUID,
        service_id: UUID,
        kind: ReleaseKind,
        version: str,
        change_ids: tuple[UUID, ...],
        emergency: bool,
    ) -> Release:
        """Open a release of a service that was heard of, with changes that were heard of."""
        service = self._work.find(KnownService, known_service_id(service_id))
        facts = service.facts if service is not None else NOTHING_HEARD
        known = self._known_changes(change_ids)
        carried = [change for change in known.values() if change is not None]
        changes = tuple(change.change for change in carried)
        unmet = [*unmet_for_knowing(service_id, service, known)]
        unmet += Release.unmet_for_open(act, service_id, facts, changes, emergency=emergency)
        refuse_any((*unmet, *(u for change in carried for u in change.unmet_for_carry(release_id))))
        release = Release.open(
            act,
            release_id=release_id,
            service_id=service_id,
            service=facts,
            kind=kind,
            version=version,
            changes=changes,
            emergency=emergency,
        )
        self._carry(act, release, carried)
        return self._save(act, release)

    def carry_changes(self, act: Act, *, release_id: UUID, change_ids: tuple[UUID, ...]) -> Release:
        """Set the changes that a release carries; those that it drops are free again."""
        release = self._release(release_id)
        known = self._known_changes(change_ids)
        carried = [change for change in known.values() if change is not None]
        changes = tuple(change.change for change in carried)
        unmet = [*unmet_for_knowing(release.service_id, self._service(release), known)]
        unmet += release.unmet_for_carry_changes(act, changes)
        refuse_any((*unmet, *(u for change in carried for u in change.unmet_for_carry(release_id))))
        self._drop(act, release, set(release.changes) - set(change_ids))
        release.carry_changes(act, changes=changes)
        self._carry(act, release, carried)
        return self._save(act, release)

    def open_successor(self, act: Act, *, predecessor_id: UUID, evaluation_id: UUID) -> None:
        """Open the successor of a missed target, with the linked change, which may not have been heard of yet."""
        predecessor = self._work.find(Release, predecessor_id)
        successor_id = derived_id(evaluation_id, "successor-release")
        if predecessor is None or evaluation_id in predecessor.successors:
            return
        change_id = derived_id(evaluation_id, "linked-change")
        change = self._work.find(KnownChange, known_change_id(change_id)) or KnownChange.name(act, change_id=change_id)
        free = not tuple(change.unmet_for_carry(successor_id))
        changes = (change.change,) if free else ()
        self._refresh(act, predecessor)
        if tuple(Release.unmet_for_open(act, predecessor.service_id, predecessor.service, changes, emergency=False)):
            return
        successor = Release.open(
            act,
            release_id=successor_id,
            service_id=predecessor.service_id,
            service=predecessor.service,
            kind=ReleaseKind.FIX,
            version=next_version(predecessor.package_version),
            changes=changes,
            predecessor_id=predecessor.id,
            evaluation_id=evaluation_id,
        )
        if free:
            self._carry(act, successor, [change])
        self._work.save(successor)
        predecessor.record_successor(act, evaluation_id=evaluation_id)
        self._save(act, predecessor)

    def _carry(self, act: Act, release: Release, changes: list[KnownChange]) -> None:
        for change in changes:
            change.carry(act, release_id=release.id)
            self._work.save(change)

    def _known_changes(self, change_ids: tuple[UUID, ...]) -> dict[UUID, KnownChange | None]:
        return {change_id: self._work.find(KnownChange, known_change_id(change_id)) for change_id in change_ids}

    def _service(self, release: Release) -> KnownService | None:
        return self._work.find(KnownService, known_service_id(release.service_id))
