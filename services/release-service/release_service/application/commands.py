"""The commands that people give a release: one transaction each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act

from release_service.application.opening import Opening
from release_service.domain import (
    DeploymentPlan,
    Gate,
    Item,
    KnownItem,
    Plan,
    Release,
    ReleaseState,
    WayBack,
)


def _described(item: Item, known: KnownItem | None) -> Item:
    """Return an input, which a builder names by its digest, with what the DML says of it."""
    if known is None:
        return item
    return replace(item, size_bytes=known.size_bytes, kind=known.kind, item_id=known.item_id)


class Commands(Opening):
    """Planning, gates, building, deploying, and the ways back."""

    def write_plan(self, act: Act, *, release_id: UUID, plan: Plan, version: str | None) -> Release:
        """Write the plan of a release."""
        release = self._release(release_id)
        release.write_plan(act, plan=plan, version=version)
        return self._save(act, release)

    def request_impact(self, act: Act, *, release_id: UUID) -> Release:
        """Ask for the impact of a release."""
        release = self._release(release_id)
        release.request_impact(act)
        return self._save(act, release)

    def acknowledge_impact(self, act: Act, *, release_id: UUID, impact_digest: str) -> Release:
        """Acknowledge the impact set that was read."""
        release = self._release(release_id)
        release.acknowledge_impact(act, impact_digest=impact_digest)
        return self._save(act, release)

    def request_gates(self, act: Act, *, release_id: UUID, request_id: UUID, gates: tuple[Gate, ...]) -> Release:
        """Ask for a gate, or for two joined ones."""
        release = self._release(release_id)
        self._refresh(act, release)
        release.request_gates(act, request_id=request_id, gates=gates)
        return self._save(act, release)

    def withdraw_gate_request(self, act: Act, *, release_id: UUID, request_id: UUID) -> Release:
        """Take a request back, or make its unused grant void."""
        release = self._release(release_id)
        release.withdraw_gate_request(act, request_id=request_id)
        return self._save(act, release)

    def enter_phase(self, act: Act, *, release_id: UUID, phase: ReleaseState, deployment_id: UUID) -> Release:
        """Use a grant and enter the phase that it opens."""
        release = self._release(release_id)
        self._refresh(act, release)
        due_at = act.at + timedelta(hours=self._settings.debt_due_hours)
        release.enter_phase(act, phase=phase, deployment_id=deployment_id, debts_due_at=due_at)
        return self._save(act, release)

    def record_build(
        self, act: Act, *, release_id: UUID, build_id: UUID, inputs: tuple[Item, ...], candidates: tuple[Item, ...]
    ) -> Release:
        """Record a build whose inputs are all known to be definitive."""
        release = self._release(release_id)
        self._refresh(act, release)
        known = self._known_items((*inputs, *candidates))
        described = tuple(_described(item, known.get(item.key)) for item in inputs)
        release.record_build(act, build_id=build_id, inputs=described, candidates=candidates, known=known)
        return self._save(act, release)

    def record_test_run(
        self, act: Act, *, release_id: UUID, test_run_id: UUID, suite: str, tested_sha256: str, report: str
    ) -> Release:
        """Bind the report of a test run to the present build. Raises `BadEvidence` when it cannot be read."""
        release = self._release(release_id)
        evidence = self._evidence.read(report)
        release.record_test_run(
            act,
            test_run_id=test_run_id,
            suite=suite,
            result=evidence.result,
            tested_sha256=tested_sha256,
            evidence_sha256=evidence.sha256,
            evidence_names=evidence.names,
            tests=evidence.tests,
            failures=evidence.failures,
        )
        return self._save(act, release)

    def record_sign_off(self, act: Act, *, release_id: UUID) -> Release:
        """Sign off the present build."""
        release = self._release(release_id)
        release.record_sign_off(act)
        return self._save(act, release)

    def request_rehearsal(self, act: Act, *, release_id: UUID, rehearsal_id: UUID, environment_id: UUID) -> Release:
        """Ask for a rehearsal in a sandbox."""
        release = self._release(release_id)
        release.request_rehearsal(act, rehearsal_id=rehearsal_id, environment_id=environment_id)
        return self._save(act, release)

    def plan_deployment(self, act: Act, *, release_id: UUID, plan: DeploymentPlan) -> Release:
        """Write the deployment plan."""
        release = self._release(release_id)
        release.plan_deployment(act, plan=plan)
        return self._save(act, release)

    def inform_owners(self, act: Act, *, release_id: UUID, service_ids: tuple[UUID, ...]) -> Release:
        """Record that owners were informed."""
        release = self._release(release_id)
        release.inform_owners(act, service_ids=service_ids)
        return self._save(act, release)

    def go_back(self, act: Act, *, release_id: UUID, way: WayBack, version: str | None) -> Release:
        """Go back to an earlier phase."""
        release = self._release(release_id)
        release.go_back(act, way=way, version=version)
        return self._save(act, release)

    def put_on_hold(self, act: Act, *, release_id: UUID) -> Release:
        """Put a release on hold."""
        release = self._release(release_id)
        release.put_on_hold(act)
        return self._save(act, release)

    def take_off_hold(self, act: Act, *, release_id: UUID) -> Release:
        """Let a release go on."""
        release = self._release(release_id)
        release.take_off_hold(act)
        return self._save(act, release)

    def cancel_release(self, act: Act, *, release_id: UUID) -> Release:
        """Cancel a release."""
        release = self._release(release_id)
        release.cancel(act)
        return self._save(act, release)

    def request_confirmation(self, act: Act, *, release_id: UUID, request_id: UUID) -> Release:
        """Ask the CAB to confirm an emergency."""
        release = self._release(release_id)
        release.request_confirmation(act, request_id=request_id)
        return self._save(act, release)
