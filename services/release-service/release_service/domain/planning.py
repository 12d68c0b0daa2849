"""Scope, plan and impact: what a release carries, how it will be done, and whom it can affect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, refuse_any

from release_service.domain.conditions import STOPPED
from release_service.domain.entries import Entries
from release_service.domain.facts import Facts
from release_service.domain.plan import Plan
from release_service.domain.states import ChangeType, DebtCode, ReleaseState
from release_service.domain.tables import FINAL
from release_service.domain.values import CarriedChange, Impact, ImpactedService, LineagePerson, ServiceFacts


class ChangesCarried(Aggregate.Event):
    """The set of changes that a release carries is now this."""

    changes: tuple[CarriedChange, ...]

    def apply(self, aggregate: Facts) -> None:
        """Carry exactly these."""
        aggregate.changes = {change.change_id: change for change in self.changes}


class ChangeNoted(Aggregate.Event):
    """Something was heard of a carried change."""

    change: CarriedChange

    def apply(self, aggregate: Facts) -> None:
        """Keep it as it is now."""
        aggregate.changes[self.change.change_id] = self.change


class ServiceNoted(Aggregate.Event):
    """Something was heard of the service of this release."""

    service: ServiceFacts

    def apply(self, aggregate: Facts) -> None:
        """Keep it as it is now."""
        aggregate.service = self.service


class PlanWritten(Aggregate.Event):
    """The plan was written; `version` is the package version that it plans."""

    plan: Plan
    version: str

    def apply(self, aggregate: Facts) -> None:
        """Keep the plan, and its writer in the lineage."""
        aggregate.plan = self.plan
        aggregate.package_version = self.version
        aggregate.people[LineagePerson(self.act.person, "author")] = None


class ImpactRequested(Aggregate.Event):
    """Configuration management was asked for the impact of this release."""

    def apply(self, aggregate: Facts) -> None:
        """Nothing changes until the answer is heard."""


class ImpactNoted(Aggregate.Event):
    """The impact set was heard; an acknowledgement of another one is void."""

    impact: Impact

    def apply(self, aggregate: Facts) -> None:
        """Keep the impact set."""
        aggregate.impact = self.impact


class ImpactAcknowledged(Aggregate.Event):
    """The impact set was read and acknowledged."""

    impact_digest: str

    def apply(self, aggregate: Facts) -> None:
        """Keep who acknowledged it."""
        if aggregate.impact:
            aggregate.impact = replace(aggregate.impact, acknowledged_by=self.act.person)


def fitting_changes(changes: Sequence[CarriedChange], service_id: UUID, *, emergency: bool) -> Iterator[Unmet]:
    """Yield what keeps changes from being carried by a release of this service."""
    for change in changes:
        if change.state in STOPPED:
            yield Unmet(
                "change-over",
                f"The change {change.title!r} is {change.state}.",
                source=f"changes.{change.change_id}",
                remedy="raise a new change",
            )
        if change.service_ids and service_id not in change.service_ids:
            yield Unmet(
                "change-of-another-service",
                f"The change {change.title!r} does not name this service.",
                source=f"changes.{change.change_id}",
                remedy="name the service in the change, or release for its own service",
            )
        if emergency and change.service_ids and change.change_type is not ChangeType.EMERGENCY:
            yield Unmet(
                "not-an-emergency-change",
                f"The change {change.title!r} is {change.change_type}, but the release is an emergency.",
                source=f"changes.{change.change_id}",
                remedy="raise an emergency change, or open a release that is none",
            )


class Planning(Entries):
    """Writing scope and plan, and acknowledging impact."""

    def carry_changes(self, act: Act, *, changes: tuple[CarriedChange, ...]) -> None:
        """Carry exactly these changes from now on."""
        refuse_any(self.unmet_for_carry_changes(act, changes))
        self._happened(ChangesCarried, act, changes=changes)
        self._withdraw_stale(act)

    def unmet_for_carry_changes(self, act: Act, changes: tuple[CarriedChange, ...]) -> Iterator[Unmet]:
        """Yield what stands in the way of carrying these changes."""
        yield from self._not_entitled(act, "release_manager", "requester")
        if self.state is not ReleaseState.REQUESTED:
            yield Unmet(
                "not-in-requested",
                f"The scope is set before planning; this release is in {self.state}.",
                source="state",
                remedy="rescope: POST /release/v1/releases/{id}/ways-back",
            )
        yield from fitting_changes(changes, self.service_id, emergency=self.emergency)

    def note_change(self, act: Act, *, change: CarriedChange) -> None:
        """Keep what was heard of a carried change; edited content withdraws what bound it."""
        if self.state not in FINAL and self.changes.get(change.change_id) not in {None, change}:
            self._happened(ChangeNoted, act, change=change)
            self._withdraw_stale(act)

    def note_service(self, act: Act, *, service: ServiceFacts) -> None:
        """Keep what was heard of the service."""
        if self.state not in FINAL and service != self.service:
            self._happened(ServiceNoted, act, service=service)

    def write_plan(self, act: Act, *, plan: Plan, version: str | None = None) -> None:
        """Write the plan; what bound another one is withdrawn or void."""
        refuse_any(self.unmet_for_write_plan(act))
        self._happened(PlanWritten, act, plan=plan, version=version or self.package_version)
        self._withdraw_stale(act)

    def unmet_for_write_plan(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of writing the plan."""
        yield from self._not_entitled(act, "release_manager")
        if self.state is not ReleaseState.PLANNING and not self._early_plan():
            yield Unmet(
                "not-in-planning",
                f"A plan is written in planning; this release is in {self.state}.",
                source="state",
                remedy="replan: POST /release/v1/releases/{id}/ways-back",
            )

    def _early_plan(self) -> bool:
        return self.emergency and self.state is ReleaseState.REQUESTED

    def request_impact(self, act: Act) -> None:
        """Ask configuration management for the impact of this release."""
        refuse_any(self.unmet_for_request_impact(act))
        self._happened(ImpactRequested, act)

    def unmet_for_request_impact(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of asking for the impact."""
        yield from self._not_entitled(act, "release_manager")
        yield from self._over()
        yield from self._impact_settled()

    def _impact_settled(self) -> Iterator[Unmet]:
        if self.state not in {ReleaseState.REQUESTED, ReleaseState.PLANNING} and not self.emergency:
            yield Unmet(
                "impact-bound",
                f"The impact set was bound by G2; this release is in {self.state}.",
                source="state",
                remedy="replan: POST /release/v1/releases/{id}/ways-back",
            )

    def note_impact(self, act: Act, *, impact_digest: str, services: tuple[ImpactedService, ...]) -> None:
        """Keep the impact set that was heard; one that came too late to be bound changes nothing."""
        known = self.impact is not None and self.impact.impact_digest == impact_digest
        if not known and self.state not in FINAL and not tuple(self._impact_settled()):
            self._happened(ImpactNoted, act, impact=Impact(impact_digest, services))
            self._withdraw_stale(act)

    def acknowledge_impact(self, act: Act, *, impact_digest: str) -> None:
        """Acknowledge the impact set that was read."""
        refuse_any(self.unmet_for_acknowledge_impact(act, impact_digest))
        self._happened(ImpactAcknowledged, act, impact_digest=impact_digest)
        self._withdraw_stale(act)
        self._settle(act, DebtCode.IMPACT_ACKNOWLEDGEMENT, f"acknowledged by {act.person}")
        self._settle_owners(act)

    def unmet_for_acknowledge_impact(self, act: Act, impact_digest: str | None) -> Iterator[Unmet]:
        """Yield what stands in the way of acknowledging the impact set."""
        yield from self._not_entitled(act, "release_manager", "service_owner")
        yield from self._over()
        yield from self._impact_settled()
        if self.impact is None:
            yield Unmet(
                "no-impact",
                "No impact set has been heard.",
                source="impact",
                remedy="ask for it: POST /release/v1/releases/{id}/impact-requests",
            )
        elif impact_digest is not None and impact_digest != self.impact.impact_digest:
            yield Unmet(
                "another-impact",
                "The impact set is not the one that was read.",
                source="impact.impact_digest",
                remedy="read the release again and acknowledge what stands there",
            )

    def _settle_owners(self, act: Act) -> None:
        if self.impact and self.impact.acknowledged_by and not self.owners_not_informed():
            self._settle(act, DebtCode.OWNERS_INFORMED, "every owner was informed")
