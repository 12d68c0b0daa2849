"""Use cases about what is heard of releases: which changes they carry, where they are, and their deployment plans."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import Act

from change_service import views
from change_service.application.base import UseCaseBase
from change_service.domain import (
    Change,
    KnownRelease,
    Outcome,
    Plan,
    SchedulePlan,
    conflicts_of,
    id_of_plan,
)

# These ways back give up the deployment plan; the others keep it.
PLANS_ANEW = frozenset({"rescope", "replan"})


class ReleaseCases(UseCaseBase):
    """Facts about releases, and what they do to the changes and to the change schedule."""

    def _note(self, act: Act, release_id: UUID) -> KnownRelease:
        return self._release(release_id) or KnownRelease.note(act, release_id=release_id)

    def note_content(self, act: Act, *, release_id: UUID, change_ids: tuple[UUID, ...]) -> None:
        """Let a release carry its changes, and drop those that it carries no longer."""
        release = self._note(act, release_id)
        dropped = [change_id for change_id in release.change_ids if change_id not in change_ids]
        release.note_content(act, change_ids=change_ids)
        self._work.save(release)
        for change in self._found(dropped):
            change.drop(act, release_id=release_id, reason="the release carries it no longer")
        for change in self._found(change_ids):
            change.carry(act, release_id=release_id)
            if release.implementing:
                change.implement(act, release_id=release_id)

    def note_hold(self, act: Act, *, release_id: UUID, on_hold: bool) -> None:
        release = self._note(act, release_id)
        release.note_hold(act, on_hold=on_hold)
        self._work.save(release)

    def note_phase(self, act: Act, *, release_id: UUID, phase: str, kind: str) -> None:
        """Take note of a phase; deployment puts the changes on the schedule, and its review takes the plan off it."""
        release = self._note(act, release_id)
        release.note_phase(act, phase=phase, kind=kind)
        self._work.save(release)
        for change in self._found(release.change_ids):
            if phase == "deployment":
                change.schedule(act, release_id=release_id)
            if release.implementing:
                change.implement(act, release_id=release_id)
        if phase == "review":
            self.end_plan(act, release_id=release_id, reason="the deployment is over")

    def note_way_back(self, act: Act, *, release_id: UUID, way: str, from_phase: str, to_phase: str) -> None:
        """Take note of a way back: its changes are authorized again, and editable after a rescope."""
        release = self._note(act, release_id)
        release.note_way_back(act, way=way, from_phase=from_phase, to_phase=to_phase)
        self._work.save(release)
        for change in self._found(release.change_ids):
            if not release.implementing:
                change.send_back(act, release_id=release_id)
            if release.rescoped:
                change.open_scope(act, release_id=release_id)
        if way in PLANS_ANEW:
            self.end_plan(act, release_id=release_id, reason=f"the release went back: {way}")
        else:
            self._resume_plan(act, release_id)

    def note_deployment(self, act: Act, *, release_id: UUID, deployment_id: UUID) -> None:
        """Take note of a deployment that started: its changes are being implemented."""
        release = self._note(act, release_id)
        release.note_deployment(act, deployment_id=deployment_id)
        self._work.save(release)
        for change in self._found(release.change_ids):
            if release.implementing:
                change.implement(act, release_id=release_id)

    def note_closing(self, act: Act, *, release_id: UUID, change_ids: tuple[UUID, ...], outcome: Outcome) -> None:
        """Close the changes with the outcome of their release."""
        release = self._note(act, release_id)
        release.note_end(act, how="closed")
        self._work.save(release)
        for change in self._found(change_ids):
            change.close_with_release(act, release_id=release_id, outcome=outcome)
        self.end_plan(act, release_id=release_id, reason="the release was closed")

    def note_cancellation(self, act: Act, *, release_id: UUID, change_ids: tuple[UUID, ...]) -> None:
        """Free the changes of a cancelled release."""
        release = self._note(act, release_id)
        release.note_end(act, how="cancelled")
        self._work.save(release)
        for change in self._found(change_ids):
            change.drop(act, release_id=release_id, reason="the release was cancelled")
        self.end_plan(act, release_id=release_id, reason="the release was cancelled")

    def _found(self, change_ids: tuple[UUID, ...] | list[UUID]) -> list[Change]:
        """Return the changes that there are, staged: what is done to them is kept."""
        changes = [change for change in self._changes(change_ids).values() if change is not None]
        self._work.save(*changes)
        return changes

    # The change schedule.

    def note_plan(self, act: Act, *, plan: Plan) -> None:
        """Put a deployment plan on the change schedule, and compare it with what else is there."""
        noted = self._work.find(SchedulePlan, id_of_plan(plan.release_id))
        if noted is None:
            noted = SchedulePlan.note(act, plan=plan)
        else:
            noted.replan(act, plan=plan)
        self._compare(act, noted)

    def end_plan(self, act: Act, *, release_id: UUID, reason: str) -> None:
        """Take a deployment plan off the change schedule."""
        plan = self._work.find(SchedulePlan, id_of_plan(release_id))
        if plan is not None:
            plan.end(act, reason=reason)
            self._work.save(plan)

    def _resume_plan(self, act: Act, release_id: UUID) -> None:
        plan = self._work.find(SchedulePlan, id_of_plan(release_id))
        if plan is not None:
            plan.resume(act)
            self._compare(act, plan)

    def compare_schedule(self, act: Act) -> None:
        """Compare every plan with the windows and the other plans that there are now."""
        for plan in views.all_active_plans(self._work.views, self._settings.schedule_max):
            self._compare(act, self._work.get(SchedulePlan, id_of_plan(plan.release_id)))

    def _compare(self, act: Act, noted: SchedulePlan) -> None:
        environment_ids = [rung.environment_id for rung in noted.plan.environments]
        others = views.active_plans(self._work.views, environment_ids, self._settings.schedule_max)
        windows = views.active_windows(self._work.views, self._settings.schedule_max)
        noted.compare(act, conflicts=conflicts_of(noted.plan, windows, others, act.at))
        self._work.save(noted)
