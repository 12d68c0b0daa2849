"""A service from its pipeline to its retirement: owner, targets, and the services that it depends on."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from fourgates.chassis.aggregate import (
    Act,
    Aggregate,
    Forbidden,
    NextCommand,
    Unmet,
    event,
    refuse_any,
)

from dml_service.domain.entitlement import unentitled
from dml_service.domain.service_parts import RUNNING, Dependency, Lifecycle, Retirement, ServiceLevelTarget

REGISTRARS = ("service_owner", "change_manager")
KEEPERS = ("service_owner", "change_manager")


class Service(Aggregate):
    """A service that configuration management knows."""

    TOPIC = "dml.Service"

    class Registered(Aggregate.Created):
        """A service was registered, with its owner, tier and value case."""

        name: str
        owner_id: str
        tier: str
        value_case: str

    class TargetsSet(Aggregate.Event):
        """Service design set the service level targets; these replace all earlier ones."""

        revision: int
        targets: tuple[ServiceLevelTarget, ...]

    class RelationsSet(Aggregate.Event):
        """The service now depends on exactly these services."""

        depends_on: tuple[UUID, ...]

    class OwnerSet(Aggregate.Event):
        """The service has a new owner."""

        owner_id: str

    class DependantNoted(Aggregate.Event):
        """Another service depends on this one, and stands so."""

        dependant_id: UUID
        lifecycle: Lifecycle

    class DependantGone(Aggregate.Event):
        """Another service no longer depends on this one."""

        dependant_id: UUID

    class WentLive(Aggregate.Event):
        """The service was deployed for the first time, or ran already when it was loaded."""

        release_id: UUID

    class RetirementBegun(Aggregate.Event):
        """A retirement used its deployment gate: nothing new may depend on the service."""

        release_id: UUID
        deployment_id: UUID

    class RetirementDeployed(Aggregate.Event):
        """The decommissioning was carried out; its review follows."""

        release_id: UUID
        deployment_id: UUID

    class RetirementFailed(Aggregate.Event):
        """The back-out of a retirement failed: the service is neither gone nor what it was, until its review ends."""

        release_id: UUID
        deployment_id: UUID

    class RetirementBackedOut(Aggregate.Event):
        """A retirement was backed out, went back or was cancelled: the service is what it was before."""

        release_id: UUID
        deployment_id: UUID
        lifecycle: Lifecycle

    class RetirementClosed(Aggregate.Event):
        """The release of a retirement was closed, and nothing is left of it but to be retired."""

        release_id: UUID

    class Retired(Aggregate.Event):
        """The service is gone for ever."""

        release_id: UUID

    class RetirementRecommended(Aggregate.Event):
        """A review recommended that the service be retired."""

        release_id: UUID
        review_id: UUID
        reason: str

    # What people ask for.

    @classmethod
    def register(cls, act: Act, *, service_id: UUID, name: str, owner_id: str, tier: str, value_case: str) -> Service:
        """Register a service in its pipeline."""
        refuse_any(cls.unmet_for_registration(act))
        return cls(id=service_id, act=act, name=name, owner_id=owner_id, tier=tier, value_case=value_case)

    @staticmethod
    def unmet_for_registration(act: Act) -> Iterator[Unmet]:
        """Yield why somebody cannot register services."""
        yield from unentitled(act, REGISTRARS, "register a service")

    def set_targets(self, act: Act, *, targets: tuple[ServiceLevelTarget, ...]) -> None:
        """Replace the service level targets by a new revision."""
        refuse_any(self.unmet_for_targets(act, targets))
        self._targets_set(act=act, revision=self.targets_revision + 1, targets=targets)

    def unmet_for_targets(self, act: Act, targets: tuple[ServiceLevelTarget, ...]) -> Iterator[Unmet]:
        """Yield why these targets cannot be set."""
        yield from self._unmet_for_keeping(act)
        if len({target.name for target in targets}) != len(targets):
            yield Unmet(
                "target-named-twice",
                "Two service level targets have the same name.",
                source="/targets",
                remedy="give each target a name of its own",
            )

    def set_relations(self, act: Act, *, dependencies: tuple[Dependency, ...]) -> None:
        """Replace the set of services on which this one depends."""
        refuse_any(self.unmet_for_relations(act, dependencies))
        self._relations_set(act=act, depends_on=tuple(dict.fromkeys(d.service_id for d in dependencies)))

    def unmet_for_relations(self, act: Act, dependencies: tuple[Dependency, ...]) -> Iterator[Unmet]:
        """Yield why the service cannot depend on these."""
        yield from self._unmet_for_keeping(act)
        for number, one in enumerate(dependencies):
            if one.lifecycle is None:
                yield Unmet(
                    "service-unknown",
                    f"Service {one.service_id} is not registered.",
                    source=f"/depends_on/{number}",
                    remedy="register it: POST /dml/v1/services",
                )
            gone = one.lifecycle in (Lifecycle.RETIRING, Lifecycle.RETIRED)
            if gone and one.service_id not in self.depends_on:
                yield Unmet(
                    "service-retiring",
                    f"Service {one.service_id} is {one.lifecycle}; nothing new depends on it.",
                    source=f"/depends_on/{number}",
                    remedy="depend on a service that stays",
                )
            if self.id == one.service_id or self.id in one.reaches:
                yield Unmet(
                    "dependency-cycle",
                    f"Service {one.service_id} is or depends on this service, so this one cannot depend on it.",
                    source=f"/depends_on/{number}",
                    remedy="leave it out, or end the other relation first",
                )

    def set_owner(self, act: Act, *, owner_id: str) -> None:
        """Hand the service to a new owner."""
        refuse_any(self._unmet_for_keeping(act))
        self._owner_set(act=act, owner_id=owner_id)

    def _unmet_for_keeping(self, act: Act) -> Iterator[Unmet]:
        is_owner = "service_owner" in act.roles and act.person == self.owner_id
        if not is_owner and "change_manager" not in act.roles:
            yield Forbidden(
                "not-the-owner",
                f"Only the owner of {self.name} or a change manager says what it is.",
                source="service.owner_id",
                remedy="ask the owner",
                person=act.person,
            )
        if self.lifecycle is Lifecycle.RETIRED:
            yield Unmet(
                "service-retired",
                f"{self.name} is retired, which is final.",
                source="service.lifecycle",
                remedy="register a new service",
            )

    # What is heard or follows.

    def note_dependant(self, act: Act, *, dependant_id: UUID, lifecycle: Lifecycle) -> None:
        """Note a service that depends on this one, and how it stands."""
        if self.dependants.get(dependant_id) is not lifecycle:
            self._dependant_noted(act=act, dependant_id=dependant_id, lifecycle=lifecycle)
            self._retire_when_due(act)

    def note_dependant_gone(self, act: Act, *, dependant_id: UUID) -> None:
        """Note that a service no longer depends on this one."""
        if dependant_id in self.dependants:
            self._dependant_gone(act=act, dependant_id=dependant_id)
            self._retire_when_due(act)

    def go_live(self, act: Act, *, release_id: UUID) -> None:
        """Note that the service runs; it enters live once, from its pipeline."""
        if self.lifecycle is Lifecycle.PIPELINE:
            self._went_live(act=act, release_id=release_id)

    def begin_retirement(self, act: Act, *, release_id: UUID, deployment_id: UUID) -> None:
        """Begin a retirement, unless it is known to have ended already or another one is under way."""
        if deployment_id not in self.ended_deployments and self.lifecycle in (Lifecycle.PIPELINE, Lifecycle.LIVE):
            self._retirement_begun(act=act, release_id=release_id, deployment_id=deployment_id)

    def note_retirement_deployed(self, act: Act, *, release_id: UUID, deployment_id: UUID) -> None:
        """Note that the decommissioning was carried out, whether or not its begin was heard."""
        self.begin_retirement(act, release_id=release_id, deployment_id=deployment_id)
        retirement = self.retirement
        if retirement is not None and retirement.deployment_id == deployment_id and not retirement.deployed:
            self._retirement_deployed(act=act, release_id=release_id, deployment_id=deployment_id)
            self._retire_when_due(act)

    def note_retirement_failed(self, act: Act, *, release_id: UUID, deployment_id: UUID) -> None:
        """Note that a retirement could not be backed out, whether or not its begin was heard."""
        self.begin_retirement(act, release_id=release_id, deployment_id=deployment_id)
        retirement = self.retirement
        if retirement is not None and retirement.deployment_id == deployment_id and not retirement.failed:
            self._retirement_failed(act=act, release_id=release_id, deployment_id=deployment_id)
            self._give_up_when_closed(act)

    def back_out_retirement(self, act: Act, *, release_id: UUID, deployment_id: UUID) -> None:
        """Note that a retirement ended without effect, even when its begin is heard later."""
        if deployment_id in self.ended_deployments or self.lifecycle is Lifecycle.RETIRED:
            return
        under_way = self.retirement is not None and self.retirement.deployment_id == deployment_id
        lifecycle = self.lifecycle_before_retirement if under_way else self.lifecycle
        self._retirement_backed_out(act=act, release_id=release_id, deployment_id=deployment_id, lifecycle=lifecycle)

    def give_up_retirement(self, act: Act, *, release_id: UUID) -> None:
        """End the retirement that this release has under way: it went back or was cancelled."""
        if self.retirement is not None and self.retirement.release_id == release_id:
            self.back_out_retirement(act, release_id=release_id, deployment_id=self.retirement.deployment_id)

    def note_retirement_closed(self, act: Act, *, release_id: UUID) -> None:
        """Note that the release of a retirement was closed as deployed; retired follows when all else is known."""
        if release_id not in self.closed_retirements:
            self._retirement_closed(act=act, release_id=release_id)
            self._give_up_when_closed(act)
            self._retire_when_due(act)

    def recommend_retirement(self, act: Act, *, release_id: UUID, review_id: UUID, reason: str) -> None:
        """Mark the service as recommended for retirement, once for each review."""
        if review_id not in self.retirement_recommended_by:
            self._retirement_recommended(act=act, release_id=release_id, review_id=review_id, reason=reason)

    def _give_up_when_closed(self, act: Act) -> None:
        """A failed retirement whose release is closed is over: the service needs another one."""
        retirement = self.retirement
        if retirement is not None and retirement.failed and retirement.release_id in self.closed_retirements:
            self.give_up_retirement(act, release_id=retirement.release_id)

    def _retire_when_due(self, act: Act) -> None:
        retirement = self.retirement
        if (
            retirement is not None
            and retirement.deployed
            and retirement.release_id in self.closed_retirements
            and not self.live_dependants
        ):
            self._retired(act=act, release_id=retirement.release_id)

    @property
    def live_dependants(self) -> tuple[UUID, ...]:
        """The services that run and depend on this one."""
        return tuple(sorted(one for one, lifecycle in self.dependants.items() if lifecycle in RUNNING))

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return what can come next, by whom, and why not."""
        unmet = tuple(self._unmet_for_keeping(act))
        return tuple(NextCommand(command, KEEPERS, unmet) for command in ("targets", "relations", "owner"))

    # What each event does to the state.

    @event(Registered)
    def __init__(self, id: UUID, act: Act, name: str, owner_id: str, tier: str, value_case: str) -> None:
        self.name = name
        self.owner_id = owner_id
        self.tier = tier
        self.value_case = value_case
        self.lifecycle = Lifecycle.PIPELINE
        self.lifecycle_before_retirement = Lifecycle.PIPELINE
        self.depends_on: tuple[UUID, ...] = ()
        self.dependants: dict[UUID, Lifecycle] = {}
        self.targets: tuple[ServiceLevelTarget, ...] = ()
        self.targets_revision = 0
        self.retirement: Retirement | None = None
        self.ended_deployments: frozenset[UUID] = frozenset()
        self.closed_retirements: frozenset[UUID] = frozenset()
        self.retirement_recommended_by: tuple[UUID, ...] = ()
        self.lifecycle_release_id: UUID | None = None

    @event(TargetsSet)
    def _targets_set(self, act: Act, revision: int, targets: tuple[ServiceLevelTarget, ...]) -> None:
        self.targets_revision = revision
        self.targets = targets

    @event(RelationsSet)
    def _relations_set(self, act: Act, depends_on: tuple[UUID, ...]) -> None:
        self.depends_on = depends_on

    @event(OwnerSet)
    def _owner_set(self, act: Act, owner_id: str) -> None:
        self.owner_id = owner_id

    @event(DependantNoted)
    def _dependant_noted(self, act: Act, dependant_id: UUID, lifecycle: Lifecycle) -> None:
        self.dependants = {**self.dependants, dependant_id: lifecycle}

    @event(DependantGone)
    def _dependant_gone(self, act: Act, dependant_id: UUID) -> None:
        self.dependants = {one: state for one, state in self.dependants.items() if one != dependant_id}

    @event(WentLive)
    def _went_live(self, act: Act, release_id: UUID) -> None:
        self.lifecycle = Lifecycle.LIVE
        self.lifecycle_release_id = release_id

    @event(RetirementBegun)
    def _retirement_begun(self, act: Act, release_id: UUID, deployment_id: UUID) -> None:
        self.lifecycle_before_retirement = self.lifecycle
        self.lifecycle = Lifecycle.RETIRING
        self.lifecycle_release_id = release_id
        self.retirement = Retirement(release_id=release_id, deployment_id=deployment_id)

    @event(RetirementDeployed)
    def _retirement_deployed(self, act: Act, release_id: UUID, deployment_id: UUID) -> None:
        self.retirement = Retirement(release_id=release_id, deployment_id=deployment_id, deployed=True)

    @event(RetirementFailed)
    def _retirement_failed(self, act: Act, release_id: UUID, deployment_id: UUID) -> None:
        self.retirement = Retirement(release_id=release_id, deployment_id=deployment_id, failed=True)

    @event(RetirementBackedOut)
    def _retirement_backed_out(self, act: Act, release_id: UUID, deployment_id: UUID, lifecycle: Lifecycle) -> None:
        self.ended_deployments |= {deployment_id}
        self.lifecycle = lifecycle
        if self.retirement is not None and self.retirement.deployment_id == deployment_id:
            self.retirement = None
            self.lifecycle_release_id = release_id

    @event(RetirementClosed)
    def _retirement_closed(self, act: Act, release_id: UUID) -> None:
        self.closed_retirements |= {release_id}

    @event(Retired)
    def _retired(self, act: Act, release_id: UUID) -> None:
        self.lifecycle = Lifecycle.RETIRED
        self.lifecycle_release_id = release_id
        self.retirement = None

    @event(RetirementRecommended)
    def _retirement_recommended(self, act: Act, release_id: UUID, review_id: UUID, reason: str) -> None:
        self.retirement_recommended_by = (*self.retirement_recommended_by, review_id)
