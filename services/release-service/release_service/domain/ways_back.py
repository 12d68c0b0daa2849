"""Ways back, hold and cancellation: a release never has to be cancelled for want of a way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, refuse_any

from release_service.domain.deployment import Deploying
from release_service.domain.facts import Facts
from release_service.domain.states import CheckInState, DeploymentState, ReleaseState, RequestState, WayBack
from release_service.domain.tables import GATE_OF, WAYS
from release_service.domain.values import Item


class WentBack(Aggregate.Event):
    """The release went back to an earlier phase; grants are void, and the candidates of a void build discarded."""

    way: WayBack
    from_phase: ReleaseState
    to_phase: ReleaseState
    version: str
    voided_request_ids: tuple[UUID, ...]
    discarded_build_id: UUID | None
    discarded_items: tuple[Item, ...]

    def apply(self, aggregate: Facts) -> None:
        """Forget what this way voids."""
        row = WAYS[self.way]
        for gate in row.voided_gates:
            aggregate.used.pop(gate, None)
        if row.voids_build:
            aggregate.build = None
            aggregate.test_runs = ()
        if row.voids_sign_off:
            aggregate.sign_off = None
            aggregate.rehearsals = {}
            aggregate.check_in = None
        aggregate.package_version = self.version
        aggregate.state = self.to_phase
        aggregate.redeploying = self.to_phase is ReleaseState.REVIEW


class CheckInRequestCancelled(Aggregate.Event):
    """A check-in that was asked for is no longer wanted."""

    build_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Wait for it no more."""
        if aggregate.check_in:
            aggregate.check_in = replace(aggregate.check_in, state=CheckInState.REFUSED)


class DeploymentRequestCancelled(Aggregate.Event):
    """A deployment that was asked for and has not started is no longer wanted."""

    deployment_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Before a cancellation its answer is awaited, otherwise it counts no more."""
        if not aggregate.cancelling:
            aggregate.deployments[self.deployment_id] = DeploymentState.WITHDRAWN


class PutOnHold(Aggregate.Event):
    """The release was put on hold: no requests, votes, entries or new deployments."""

    def apply(self, aggregate: Facts) -> None:
        """Hold."""
        aggregate.on_hold = True


class TakenOffHold(Aggregate.Event):
    """The release goes on after a hold."""

    def apply(self, aggregate: Facts) -> None:
        """Go on."""
        aggregate.on_hold = False


class CancellationRequested(Aggregate.Event):
    """Something ran, or may be about to: the cancellation waits for its end and its review."""

    def apply(self, aggregate: Facts) -> None:
        """Allow no other way from here."""
        aggregate.cancelling = True


class Cancelled(Aggregate.Event):
    """The release was cancelled; its candidates are discarded and its changes are free again."""

    reason: str
    change_ids: tuple[UUID, ...]
    discarded_items: tuple[Item, ...]

    def apply(self, aggregate: Facts) -> None:
        """End."""
        aggregate.state = ReleaseState.CANCELLED


class WaysBack(Deploying):
    """The five rows of the table, and the hold."""

    def go_back(self, act: Act, *, way: WayBack, version: str | None = None) -> None:
        """Re-open an earlier phase. After a check-in, a way that voids the build takes a new package version."""
        refuse_any(self.unmet_for_go_back(act, way, version))
        self._go_back(act, way, version or self.package_version)

    def unmet_for_go_back(self, act: Act, way: WayBack, version: str | None) -> Iterator[Unmet]:
        """Yield what stands in the way of this way back."""
        yield from self._not_entitled(act, "release_manager", "change_manager")
        yield from self.unmet_for_way(way, version)

    def unmet_for_way(self, way: WayBack, version: str | None) -> Iterator[Unmet]:
        """Yield what stands in the way of this way back, whoever asks."""
        row = WAYS[way]
        if self.state not in row.allowed_in:
            yield Unmet(
                "way-not-allowed-here",
                f"{way} is not allowed in {self.state}.",
                source="state",
                remedy="see which ways there are: GET /release/v1/releases/{id}/next",
            )
        yield from self._nothing_runs()
        yield from self._nothing_stays()
        yield from self._not_cancelling()
        if self.state is ReleaseState.REVIEW and not self.review_went_back and not self.stays_deployed:
            yield Unmet(
                "review-not-ended",
                "The review ends with the decision how it goes on.",
                source="decision",
                remedy="decide it in the review: POST /review/v1/reviews/{id}/closure",
            )
        gate = GATE_OF.get(self._leads_to(way))
        used = self.used_request(gate) if gate else None
        if used is not None and used.crossing == RequestState.REVOKED:
            yield Unmet(
                "way-grant-revoked",
                f"The grant under which {self._leads_to(way)} was entered has been revoked since.",
                source=f"requests.{used.request_id}",
                remedy="go back further",
            )
        if row.voids_build and self.was_checked_in and version in {None, self.package_version}:
            yield Unmet(
                "no-new-version",
                f"After a check-in of version {self.package_version} a new build takes a new package version.",
                source="version",
                remedy="name a new version",
            )

    def _nothing_runs(self) -> Iterator[Unmet]:
        if self.deployment_runs:
            yield Unmet(
                "deployment-runs",
                "A deployment of this release runs.",
                source="deployments",
                remedy="back it out first: POST /deploy/v1/deployments/{id}/back-outs",
            )

    def _nothing_stays(self) -> Iterator[Unmet]:
        if self.stays_deployed:
            yield Unmet(
                "stays",
                "What this release brought stays.",
                source="deployments",
                remedy="open a new release: POST /release/v1/releases",
            )

    def _not_cancelling(self) -> Iterator[Unmet]:
        if self.cancelling:
            yield Unmet(
                "cancellation-asked",
                "The cancellation of this release was asked for; it waits for what ran, and for its review.",
                source="cancelling",
                remedy="finish the review",
            )

    def _leads_to(self, way: WayBack) -> ReleaseState:
        again = way is WayBack.REDEPLOY and self.state is ReleaseState.REVIEW
        return ReleaseState.REVIEW if again else WAYS[way].leads_to

    def _go_back(self, act: Act, way: WayBack, version: str) -> None:
        row = WAYS[way]
        voided = tuple(r for r in self.requests.values() if r.open and set(r.unused_gates) & set(row.voided_gates))
        to_phase = self._leads_to(way)
        discarded = self._discarded() if row.voids_build else ()
        build_id = self.build.build_id if self.build and discarded else None
        for request in voided:
            self._end_request(act, request.request_id, f"{way}: {act.why}"[:2000])
        self._call_off(act, check_in=row.voids_sign_off)
        self._happened(
            WentBack,
            act,
            way=way,
            from_phase=self.state,
            to_phase=to_phase,
            version=version,
            voided_request_ids=tuple(r.request_id for r in voided),
            discarded_build_id=build_id,
            discarded_items=discarded,
        )

    def _discarded(self) -> tuple[Item, ...]:
        candidates = self.build.candidates if self.build else ()
        return tuple(item for item in candidates if item.key not in self.checked_in)

    def _call_off(self, act: Act, *, check_in: bool) -> None:
        """Call off what was asked of others and has not been answered."""
        if check_in and self.check_in and self.check_in.state is CheckInState.REQUESTED:
            self._happened(CheckInRequestCancelled, act, build_id=self.check_in.build_id)
        if self.deployment_state is DeploymentState.REQUESTED:
            self._happened(DeploymentRequestCancelled, act, deployment_id=self.deployment_id)

    def put_on_hold(self, act: Act) -> None:
        """Forbid requests, entries and new deployments for a while."""
        refuse_any(self.unmet_for_put_on_hold(act))
        self._happened(PutOnHold, act)

    def unmet_for_put_on_hold(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of a hold."""
        yield from self._not_entitled(act, "release_manager", "change_manager")
        yield from self._over()
        yield from self._held()

    def take_off_hold(self, act: Act) -> None:
        """Go on after a hold."""
        refuse_any(self.unmet_for_take_off_hold(act))
        self._happened(TakenOffHold, act)

    def unmet_for_take_off_hold(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of going on."""
        yield from self._not_entitled(act, "release_manager", "change_manager")
        yield from self._over()
        if not self.on_hold:
            yield Unmet("not-on-hold", "The release is not on hold.", "on_hold", "nothing needs to be done")

    def cancel(self, act: Act) -> None:
        """Cancel the release; what ran, or may be about to, is awaited and reviewed first."""
        refuse_any(self.unmet_for_cancel(act))
        if self.waits_for_review or self.deployment_state is DeploymentState.REQUESTED:
            self._happened(CancellationRequested, act)
            self._end_all_requests(act)
            self._call_off(act, check_in=True)
        else:
            self._end_cancelled(act, act.why)

    def unmet_for_cancel(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of cancelling."""
        yield from self._not_entitled(act, "release_manager", "change_manager")
        yield from self._over()
        yield from self._nothing_runs()
        yield from self._nothing_stays()
        yield from self._not_cancelling()

    def _end_all_requests(self, act: Act) -> None:
        for request in tuple(self.requests.values()):
            if request.open:
                self._end_request(act, request.request_id, f"cancelled: {act.why}"[:2000])

    def _end_cancelled(self, act: Act, reason: str) -> None:
        self._end_all_requests(act)
        discarded = self._discarded()
        self._call_off(act, check_in=True)
        self._happened(Cancelled, act, reason=reason, change_ids=tuple(self.changes), discarded_items=discarded)
