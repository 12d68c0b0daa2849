"""What is watched of a service after its reviews: the targets in force, where it answers, and how it stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, derived_id, event

from review_service.domain.evaluating import evaluation_of_measurement
from review_service.domain.values import Endpoint, Evaluation, Measurement, Result, Target


class TargetWatch(Aggregate):
    """The watch over the service level targets of one service. It measures once a release was closed."""

    TOPIC = "review.TargetWatch"

    class Begun(Aggregate.Created):
        """A service is known to have targets or endpoints."""

        service_id: UUID

    class TargetsNoted(Aggregate.Event):
        """The targets in force are these; they replace all earlier ones."""

        revision: int
        targets: tuple[Target, ...]

    class EndpointsNoted(Aggregate.Event):
        """The service answers at these endpoints."""

        endpoints: tuple[Endpoint, ...]
        as_of: datetime

    class ReviewNoted(Aggregate.Event):
        """A review waits for the targets of this service."""

        review_id: UUID

    class MeasuringBegun(Aggregate.Event):
        """A release of the service was closed: from now on its targets are measured outside reviews."""

        release_id: UUID

    class MeasuringEnded(Aggregate.Event):
        """The service was retired: nothing is measured any more."""

        lifecycle: str

    class MeasurementRequested(Aggregate.Event):
        """The targets in force are to be measured."""

        request_id: UUID
        targets: tuple[Target, ...]
        endpoints: tuple[Endpoint, ...]

    class Measured(Aggregate.Event):
        """A target in force was measured outside any review; a miss shows here."""

        evaluation: Evaluation

    @classmethod
    def id_of(cls, service_id: UUID) -> UUID:
        """Return the id of the watch over a service."""
        return derived_id(service_id, "target-watch")

    @classmethod
    def begin(cls, act: Act, *, service_id: UUID) -> TargetWatch:
        """Begin to watch a service."""
        return cls(id=cls.id_of(service_id), act=act, service_id=service_id)

    @event(Begun)
    def __init__(self, id: UUID, act: Act, service_id: UUID) -> None:
        self.service_id = service_id
        self.began_at = act.at
        self.revision: int | None = None
        self.targets: tuple[Target, ...] = ()
        self.endpoints: tuple[Endpoint, ...] = ()
        self.endpoints_as_of: datetime | None = None
        self.waiting_review_ids: tuple[UUID, ...] = ()
        self.measuring = False
        self.last_requested_at: datetime | None = None
        self.last_request_id: UUID | None = None
        self.latest: dict[UUID, Evaluation] = {}
        self.miss_count = 0

    def note_targets(self, act: Act, *, revision: int, targets: tuple[Target, ...]) -> None:
        """Note the targets in force; an older revision that arrives late is ignored."""
        if self.revision is None or revision > self.revision:
            self._targets_noted(act=act, revision=revision, targets=targets)

    @event(TargetsNoted)
    def _targets_noted(self, act: Act, revision: int, targets: tuple[Target, ...]) -> None:
        self.revision = revision
        self.targets = targets
        self.waiting_review_ids = ()

    def note_endpoints(self, act: Act, *, endpoints: tuple[Endpoint, ...], as_of: datetime) -> None:
        """Note where the service answers; an older deployment that is heard late is ignored."""
        if self.endpoints_as_of is None or as_of > self.endpoints_as_of:
            self._endpoints_noted(act=act, endpoints=endpoints, as_of=as_of)

    @event(EndpointsNoted)
    def _endpoints_noted(self, act: Act, endpoints: tuple[Endpoint, ...], as_of: datetime) -> None:
        self.endpoints = endpoints
        self.endpoints_as_of = as_of

    def note_review(self, act: Act, *, review_id: UUID) -> None:
        """Remember a review that waits for the targets."""
        if self.revision is None and review_id not in self.waiting_review_ids:
            self._review_noted(act=act, review_id=review_id)

    @event(ReviewNoted)
    def _review_noted(self, act: Act, review_id: UUID) -> None:
        self.waiting_review_ids = (*self.waiting_review_ids, review_id)

    def begin_measuring(self, act: Act, *, release_id: UUID) -> None:
        """Measure from now on."""
        if not self.measuring:
            self._measuring_begun(act=act, release_id=release_id)

    @event(MeasuringBegun)
    def _measuring_begun(self, act: Act, release_id: UUID) -> None:
        self.measuring = True
        self.last_requested_at = act.at

    def end_measuring(self, act: Act, *, lifecycle: str) -> None:
        """Measure no more."""
        if self.measuring:
            self._measuring_ended(act=act, lifecycle=lifecycle)

    @event(MeasuringEnded)
    def _measuring_ended(self, act: Act, lifecycle: str) -> None:
        self.measuring = False

    def go_on_measuring(self, act: Act, *, request_id: UUID, every_s: int) -> None:
        """Ask for a measurement when one is due."""
        if self.due(act.at, every_s):
            self._measurement_requested(act=act, request_id=request_id, targets=self.targets, endpoints=self.endpoints)

    def due(self, at: datetime, every_s: int) -> bool:
        """Return whether a measurement is due."""
        asked_at = self.last_requested_at or self.began_at
        return self.measuring and bool(self.targets and self.endpoints) and at >= asked_at + timedelta(seconds=every_s)

    @event(MeasurementRequested)
    def _measurement_requested(
        self, act: Act, request_id: UUID, targets: tuple[Target, ...], endpoints: tuple[Endpoint, ...]
    ) -> None:
        self.last_requested_at = act.at
        self.last_request_id = request_id

    def record_measurement(self, act: Act, *, target: Target, measurement: Measurement, samples_min: int) -> None:
        """Judge what was measured against the target that was asked about."""
        known = self.latest.get(target.target_id)
        if known is not None and known.evaluation_id == measurement.evaluation_id:
            return
        result = target.judge(measurement.measured, measurement.sample_count, samples_min)
        missed = result is Result.FAIL
        self._measured(act=act, evaluation=evaluation_of_measurement(target, measurement, result, missed=missed))

    @event(Measured)
    def _measured(self, act: Act, evaluation: Evaluation) -> None:
        if evaluation.target_id is not None:
            self.latest[evaluation.target_id] = evaluation
        self.miss_count += int(evaluation.missed)
