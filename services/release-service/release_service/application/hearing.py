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
    Conflict,
    DeploymentState,
    Grant,
    ImpactedService,
    Item,
    KnownChange,
    KnownItem,
    KnownMedium,
    KnownService,
    MediaState,
    Release,
    ReleaseState,
    RequestState,
    ReviewDecision,
    ServiceFacts,
    known_change_id,
    known_medium_id,
    known_service_id,
)

OPEN_STATES: Sequence[str] = tuple(s for s in ReleaseState if s not in {ReleaseState.CLOSED, ReleaseState.CANCELLED})


class Hearing(Commands):
    """Noting what was heard of changes, services, media, authorizations, deployments and reviews."""

    def note_change(self, act: Act, *, change_id: UUID, **heard: Any) -> None:
        """Know a change as it is now, and tell the release that carries it."""
        known = self._work.find(KnownChange, known_change_id(change_id)) or KnownChange.name(act, change_id=change_id)
        change: CarriedChange = replace(known.change, **heard)
        known.note(act, change=change)
        self._work.save(known)
        if known.carried_by is not None:
            self.note(act, known.carried_by, lambda release: release.note_change(act, change=change))

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
            known = KnownMedium.name(act, item=KnownItem(item.name, item.version, item.sha256, state))
        known.note(act, state=state)
        self._work.save(known)
        for release in self._open_releases({"items": item.key}):
            release.note_media(act, key=item.key, state=state)
            self._save(act, release)

    def note_grant(self, act: Act, *, release_id: UUID, grant: Grant) -> None:
        """Keep the grant of a gate."""
        self.note(act, release_id, lambda release: release.note_grant(act, grant=grant))

    def note_request_ended(
        self, act: Act, *, release_id: UUID, request_id: UUID, ended: RequestState, reasons: tuple[str, ...]
    ) -> None:
        """Keep that a request or a grant ended elsewhere."""
        ending = {"request_id": request_id, "ended": ended, "reasons": reasons}
        self.note(act, release_id, lambda release: release.note_request_ended(act, **ending))

    def note_confirmation(
        self, act: Act, *, release_id: UUID, request_id: UUID, confirmed: bool, reasons: tuple[str, ...]
    ) -> None:
        """Keep what the CAB said to an emergency."""
        said = {"request_id": request_id, "confirmed": confirmed, "reasons": reasons}
        self.note(act, release_id, lambda release: release.note_confirmation(act, **said))

    def note_conflicts(self, act: Act, *, release_id: UUID, plan_digest: str, conflicts: tuple[Conflict, ...]) -> None:
        """Keep what the change schedule says to a deployment plan."""
        found = {"plan_digest": plan_digest, "conflicts": conflicts}
        self.note(act, release_id, lambda release: release.note_conflicts(act, **found))

    def note_impact(
        self, act: Act, *, release_id: UUID, impact_digest: str, services: tuple[ImpactedService, ...]
    ) -> None:
        """Keep the impact set of a release."""
        found = {"impact_digest": impact_digest, "services": services}
        self.note(act, release_id, lambda release: release.note_impact(act, **found))

    def note_check_in_completed(self, act: Act, *, release_id: UUID, build_id: UUID, items: tuple[Item, ...]) -> None:
        """Keep that the DML took the items of a release."""
        taken = {"build_id": build_id, "items": items}
        self.note(act, release_id, lambda release: release.note_check_in_completed(act, **taken))

    def note_check_in_refused(self, act: Act, *, release_id: UUID, build_id: UUID, reasons: tuple[str, ...]) -> None:
        """Keep that the DML refused the items of a release."""
        why = {"build_id": build_id, "reasons": reasons}
        self.note(act, release_id, lambda release: release.note_check_in_refused(act, **why))

    def note_rehearsal(
        self,
        act: Act,
        *,
        release_id: UUID,
        rehearsal_id: UUID,
        succeeded: bool,
        duration_s: float,
        notes: tuple[str, ...],
    ) -> None:
        """Keep the result of a rehearsal."""
        result = {"rehearsal_id": rehearsal_id, "succeeded": succeeded, "duration_s": duration_s, "notes": notes}
        self.note(act, release_id, lambda release: release.note_rehearsal(act, **result))

    def note_deployment(
        self, act: Act, *, release_id: UUID, deployment_id: UUID, heard: DeploymentState, detail: str
    ) -> None:
        """Keep what was heard of a deployment."""
        news = {"deployment_id": deployment_id, "heard": heard, "detail": detail}
        self.note(act, release_id, lambda release: release.note_deployment(act, **news))

    def note_review(self, act: Act, *, release_id: UUID, review_id: UUID) -> None:
        """Keep which review was opened."""
        self.note(act, release_id, lambda release: release.note_review(act, review_id=review_id))

    def note_review_closed(self, act: Act, *, release_id: UUID, decision: ReviewDecision) -> None:
        """Do what a review decided."""
        self.note(act, release_id, lambda release: release.note_review_closed(act, decision=decision))

    def note_target_accepted(self, act: Act, *, release_id: UUID, evaluation_id: UUID, authorization_id: UUID) -> None:
        """Keep that a missed target was accepted."""
        accepted = {"evaluation_id": evaluation_id, "authorization_id": authorization_id}
        self.note(act, release_id, lambda release: release.note_target_accepted(act, **accepted))

    def fail_overdue_debts(self, act: Act) -> None:
        """Fail the debts whose date has passed, the oldest first, a bounded number at a time."""
        limit = self._settings.overdue_per_tick_max
        rows = self._work.views.find("releases", {"owes": True}, order_by="due_at", limit=limit)
        for row in rows:
            if row["due_at"] <= iso(act.at):
                self.note(act, UUID(row["key"]), lambda release: release.fail_overdue_debts(act))

    def note(self, act: Act, release_id: UUID, tell: Callable[[Release], None]) -> None:
        """Tell a release something; a release that is not ours is left alone."""
        release = self._work.find(Release, release_id)
        if release is not None:
            tell(release)
            self._save(act, release)

    def _open_releases(self, where: Mapping[str, str]) -> Iterable[Release]:
        limit = self._settings.releases_per_fact_max
        rows = self._work.views.find("releases", {**where, "state": OPEN_STATES}, limit=limit)
        return [self._release(UUID(row["key"])) for row in rows]
