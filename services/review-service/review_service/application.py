"""The use cases of review: one transaction each, by people, by what was heard, by the clock and by measuring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from fourgates.chassis.aggregate import Act, derived_id
from fourgates.chassis.views import iso
from fourgates.chassis.work import Work

from review_service.domain import (
    Debt,
    Decision,
    Endpoint,
    EntryKind,
    Evaluation,
    FindingKind,
    KnownFollowUp,
    KnownRelease,
    KnownService,
    LedgerEntry,
    LineagePerson,
    Measurement,
    ObservationRules,
    ReleaseKind,
    Review,
    ReviewedDeployment,
    Sample,
    Target,
    TargetWatch,
    ValueLedger,
)
from review_service.settings import ReviewSettings
from review_service.views import reviews_due, watches_due

RETIRED = "retired"


class Prober(Protocol):
    """Measures a target where a service answers."""

    def measure(self, target: Target, endpoints: tuple[Endpoint, ...]) -> tuple[float | None, tuple[Sample, ...], int]:
        """Return the measured value, every sample, and how many of them told something."""
        ...


class ReviewUseCases:
    """What can be done with reviews, watches and ledgers."""

    def __init__(self, work: Work, settings: ReviewSettings) -> None:
        self._work = work
        self._settings = settings

    # By people.

    def request_evaluation(self, act: Act, *, review_id: UUID, request_id: UUID) -> Review:
        """Ask for the targets to be measured now."""
        return self._decide(act, review_id, lambda review: review.request_evaluation(act, request_id=request_id))

    def make_statement(self, act: Act, *, review_id: UUID, evaluation: Evaluation) -> Review:
        """State how the value, or a part of a retirement, turned out; a value with an amount enters the ledger."""
        review = self._decide(act, review_id, lambda review: review.make_statement(act, evaluation=evaluation))
        if evaluation.measured is not None and evaluation.subject in {"value", "final_value"}:
            ledger = self._ledger(act, review.service_id)
            entry = LedgerEntry(
                entry_id=derived_id(evaluation.evaluation_id, "ledger-entry"),
                kind=EntryKind.REALISED,
                amount=evaluation.measured,
                unit=evaluation.unit,
                statement=evaluation.statement,
                entered_by=act.by,
                review_id=review.id,
            )
            ledger.note_realised(act, entry=entry)
            self._work.save(ledger)
        return review

    def record_finding(self, act: Act, *, review_id: UUID, finding_id: UUID, kind: FindingKind, text: str) -> Review:
        """Record a finding or a lesson."""
        return self._decide(
            act, review_id, lambda review: review.record_finding(act, finding_id=finding_id, kind=kind, text=text)
        )

    def request_acceptance(self, act: Act, *, review_id: UUID, request_id: UUID, evaluation_id: UUID) -> Review:
        """Ask an authority to accept a missed target in writing."""
        return self._decide(
            act,
            review_id,
            lambda review: review.request_acceptance(act, request_id=request_id, evaluation_id=evaluation_id),
        )

    def recommend_retirement(self, act: Act, *, review_id: UUID) -> Review:
        """Recommend that the service be retired."""
        review = self._work.get(Review, review_id)
        review.recommend_retirement(act, lifecycle=self.lifecycle_of(review.service_id))
        self._work.save(review)
        return review

    def close_review(self, act: Act, *, review_id: UUID, decision: Decision) -> Review:
        """End the review with a decision."""
        return self._decide(act, review_id, lambda review: review.close(act, decision=decision))

    def enter_value(self, act: Act, *, service_id: UUID, entry: LedgerEntry) -> ValueLedger:
        """Enter an expectation, or what was realised of one."""
        ledger = self._work.get(ValueLedger, ValueLedger.id_of(service_id))
        ledger.enter(act, entry=entry)
        self._work.save(ledger)
        return ledger

    def lifecycle_of(self, service_id: UUID) -> str | None:
        """Return where a service stands in its life, as heard."""
        known = self._work.find(KnownService, KnownService.id_of(service_id))
        return known.lifecycle if known else None

    # By what was heard of deployments and releases.

    def open_review(
        self,
        act: Act,
        *,
        release_id: UUID,
        service_id: UUID,
        kind: ReleaseKind,
        deployment: ReviewedDeployment | None = None,
    ) -> None:
        """Open the review of a deployment or of a release without one, with all that was heard so far."""
        review_id = Review.id_of(release_id, deployment.deployment_id if deployment else None)
        if self._work.find(Review, review_id) is not None:
            return
        review = Review.open(
            act,
            release_id=release_id,
            service_id=service_id,
            kind=kind,
            observation=self._observation(act.at),
            deployment=deployment,
        )
        watch = self._watch(act, service_id)
        if watch.revision is not None:
            review.pin_targets(act, revision=watch.revision, targets=watch.targets)
        elif review.awaits_targets:
            watch.note_review(act, review_id=review.id)
        release = self._release(act, release_id, service_id)
        release.note_review(act, review_id=review.id)
        review.note_release(act, facts=release.facts_for(deployment.deployment_id if deployment else None))
        self._work.save(release, watch)
        self._save(act, review)

    def note_endpoints(self, act: Act, *, service_id: UUID, endpoints: tuple[Endpoint, ...], as_of: datetime) -> None:
        """Note where a service answers since a deployment or its back-out."""
        watch = self._watch(act, service_id)
        watch.note_endpoints(act, endpoints=endpoints, as_of=as_of)
        self._work.save(watch)

    def note_lineage(self, act: Act, *, release_id: UUID, service_id: UUID, people: tuple[LineagePerson, ...]) -> None:
        """Note people who had a part in a release."""
        self._hear_of(act, release_id, service_id, lambda known: known.note_lineage(act, people=people))

    def note_deployment_request(self, act: Act, *, release_id: UUID, service_id: UUID, deployment_id: UUID) -> None:
        """Note which deployment a release asked for last."""
        self._hear_of(
            act, release_id, service_id, lambda known: known.note_deployment_request(act, deployment_id=deployment_id)
        )

    def note_review_phase(self, act: Act, *, release_id: UUID, service_id: UUID, kind: ReleaseKind) -> None:
        """Note that a release waits for its review; a kind without deployment gets its review now."""
        self._hear_of(act, release_id, service_id, lambda known: known.note_review_phase(act, kind=kind))
        if kind in (ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD):
            self.open_review(act, release_id=release_id, service_id=service_id, kind=kind)

    def note_debts(self, act: Act, *, release_id: UUID, service_id: UUID, debts: tuple[Debt, ...]) -> None:
        """Note what an emergency left for later."""
        self._hear_of(act, release_id, service_id, lambda known: known.note_debts(act, debts=debts))

    def note_debt_settled(self, act: Act, *, release_id: UUID, service_id: UUID, code: str) -> None:
        """Note that a debt was settled."""
        self._hear_of(act, release_id, service_id, lambda known: known.note_debt_settled(act, code=code))

    def note_debt_failed(
        self, act: Act, *, release_id: UUID, service_id: UUID, code: str, reason: str, evaluation_id: UUID
    ) -> None:
        """Note that a debt failed, which counts as a missed target."""
        self._hear_of(
            act,
            release_id,
            service_id,
            lambda known: known.note_debt_failed(act, code=code, reason=reason, evaluation_id=evaluation_id),
        )

    def note_cancellation(self, act: Act, *, release_id: UUID, service_id: UUID, reason: str) -> None:
        """Note that a release is, or is to be, cancelled."""
        self._hear_of(act, release_id, service_id, lambda known: known.note_cancellation(act, reason=reason))

    def begin_measuring(self, act: Act, *, release_id: UUID, service_id: UUID) -> None:
        """Measure the targets of a service from now on, outside reviews, unless it is gone already."""
        if self.lifecycle_of(service_id) == RETIRED:
            return
        watch = self._watch(act, service_id)
        watch.begin_measuring(act, release_id=release_id)
        self._work.save(watch)

    # By what was heard of changes, successors and authorizations.

    def note_linked_change(self, act: Act, *, evaluation_id: UUID, change_id: UUID) -> None:
        """Note that the linked change of a missed target exists."""
        follow_up = self._follow_up(act, evaluation_id)
        follow_up.note_linked_change(act, change_id=change_id)
        self._tell_review(act, follow_up)

    def note_successor(self, act: Act, *, evaluation_id: UUID, successor_id: UUID) -> None:
        """Note that the successor release of a missed target exists."""
        follow_up = self._follow_up(act, evaluation_id)
        follow_up.note_successor(act, successor_id=successor_id)
        self._tell_review(act, follow_up)

    def note_acceptance(
        self,
        act: Act,
        *,
        evaluation_id: UUID,
        request_id: UUID,
        authorization_id: UUID,
        document_digest: str,
        deciders: tuple[str, ...],
    ) -> None:
        """Note that an authority accepted a missed target in writing."""
        self._answer(
            evaluation_id,
            lambda review: review.note_acceptance(
                act,
                request_id=request_id,
                authorization_id=authorization_id,
                document_digest=document_digest,
                deciders=deciders,
            ),
        )

    def note_no_acceptance(
        self, act: Act, *, evaluation_id: UUID, request_id: UUID, reason: str, revoked: bool = False
    ) -> None:
        """Note that an acceptance was rejected, lapsed or was taken back."""
        self._answer(
            evaluation_id,
            lambda review: review.note_no_acceptance(act, request_id=request_id, reason=reason, revoked=revoked),
        )

    # By what was heard of services.

    def note_registration(
        self, act: Act, *, service_id: UUID, name: str, owner_id: str, lifecycle: str, value_case: str
    ) -> None:
        """Note a service, its owner and its value case."""
        known = self._work.find(KnownService, KnownService.id_of(service_id))
        if known is None:
            known = KnownService.note(act, service_id=service_id, name=name, owner_id=owner_id, lifecycle=lifecycle)
        known.note_registration(act, name=name, owner_id=owner_id)
        ledger = self._ledger(act, service_id)
        ledger.note_value_case(act, value_case=value_case)
        self._work.save(known, ledger)

    def note_lifecycle(self, act: Act, *, service_id: UUID, lifecycle: str) -> None:
        """Note where a service stands in its life; a retired one is measured no more and its ledger is final."""
        known = self._work.find(KnownService, KnownService.id_of(service_id))
        if known is None:
            known = KnownService.note(act, service_id=service_id, lifecycle=lifecycle)
        known.note_lifecycle(act, lifecycle=lifecycle)
        self._work.save(known)
        if lifecycle == RETIRED:
            watch, ledger = self._watch(act, service_id), self._ledger(act, service_id)
            watch.end_measuring(act, lifecycle=lifecycle)
            ledger.close(act, lifecycle=lifecycle)
            self._work.save(watch, ledger)

    def note_targets(self, act: Act, *, service_id: UUID, revision: int, targets: tuple[Target, ...]) -> None:
        """Note the targets in force, also for the reviews that wait for them."""
        watch = self._watch(act, service_id)
        waiting = watch.waiting_review_ids
        watch.note_targets(act, revision=revision, targets=targets)
        self._work.save(watch)
        for review_id in waiting:
            review = self._work.get(Review, review_id)
            review.pin_targets(act, revision=revision, targets=targets)
            self._work.save(review)

    # By the clock, and by measuring.

    def go_on_observing(self, act: Act) -> None:
        """Ask for the measurements of open reviews that are due."""
        every_s = self._settings.observe_every_s
        before = iso(act.at - timedelta(seconds=every_s))
        for row in reviews_due(self._work.views, iso(act.at), before, self._settings.due_per_tick_max):
            review = self._work.get(Review, UUID(row["key"]))
            request_id = derived_id(review.id, f"observation/{iso(act.at)}")
            review.go_on_observing(act, request_id=request_id, every_s=every_s)
            self._work.save(review)

    def go_on_measuring(self, act: Act) -> None:
        """Ask for the measurements of watched services that are due."""
        every_s = self._settings.watch_every_s
        before = iso(act.at - timedelta(seconds=every_s))
        for row in watches_due(self._work.views, before, self._settings.due_per_tick_max):
            watch = self._work.get(TargetWatch, UUID(row["key"]))
            request_id = derived_id(watch.id, f"watch/{iso(act.at)}")
            watch.go_on_measuring(act, request_id=request_id, every_s=every_s)
            self._work.save(watch)

    def record_measurement(self, act: Act, *, review_id: UUID, measurement: Measurement) -> None:
        """Record what was measured for a review."""
        self._decide(act, review_id, lambda review: review.record_measurement(act, measurement=measurement))

    def record_watch_measurement(self, act: Act, *, watch_id: UUID, target: Target, measurement: Measurement) -> None:
        """Record what was measured outside reviews."""
        watch = self._work.get(TargetWatch, watch_id)
        watch.record_measurement(act, target=target, measurement=measurement, samples_min=self._settings.samples_min)
        self._work.save(watch)

    # What they share.

    def _observation(self, at: datetime) -> ObservationRules:
        return ObservationRules(
            ends_at=at + timedelta(seconds=self._settings.observation_s),
            extension_s=self._settings.extension_s,
            extensions_max=self._settings.extensions_max,
            samples_min=self._settings.samples_min,
        )

    def _decide(self, act: Act, review_id: UUID, command: Callable[[Review], None]) -> Review:
        review = self._work.get(Review, review_id)
        command(review)
        self._save(act, review)
        return review

    def _save(self, act: Act, review: Review) -> None:
        """Save a review; what follows each of its misses is awaited from now on, and may be known already."""
        for missed in review.missed:
            follow_up = self._follow_up(act, missed.evaluation_id)
            follow_up.note_review(act, review_id=review.id)
            review.note_follow_up(
                act,
                evaluation_id=missed.evaluation_id,
                change_id=follow_up.change_id,
                successor_id=follow_up.successor_id,
            )
            self._work.save(follow_up)
        self._work.save(review)

    def _tell_review(self, act: Act, follow_up: KnownFollowUp) -> None:
        self._work.save(follow_up)
        if follow_up.review_id is not None:
            self._save(act, self._work.get(Review, follow_up.review_id))

    def _answer(self, evaluation_id: UUID, tell: Callable[[Review], None]) -> None:
        follow_up = self._work.find(KnownFollowUp, KnownFollowUp.id_of(evaluation_id))
        if follow_up is not None and follow_up.review_id is not None:
            review = self._work.get(Review, follow_up.review_id)
            tell(review)
            self._work.save(review)

    def _hear_of(self, act: Act, release_id: UUID, service_id: UUID, note: Callable[[KnownRelease], None]) -> None:
        known = self._release(act, release_id, service_id)
        note(known)
        self._work.save(known)
        for review_id in known.review_ids:
            review = self._work.get(Review, review_id)
            deployment_id = review.deployment.deployment_id if review.deployment else None
            review.note_release(act, facts=known.facts_for(deployment_id))
            self._save(act, review)

    def _release(self, act: Act, release_id: UUID, service_id: UUID) -> KnownRelease:
        known = self._work.find(KnownRelease, KnownRelease.id_of(release_id))
        return known or KnownRelease.note(act, release_id=release_id, service_id=service_id)

    def _follow_up(self, act: Act, evaluation_id: UUID) -> KnownFollowUp:
        known = self._work.find(KnownFollowUp, KnownFollowUp.id_of(evaluation_id))
        return known or KnownFollowUp.note(act, evaluation_id=evaluation_id)

    def _watch(self, act: Act, service_id: UUID) -> TargetWatch:
        known = self._work.find(TargetWatch, TargetWatch.id_of(service_id))
        return known or TargetWatch.begin(act, service_id=service_id)

    def _ledger(self, act: Act, service_id: UUID) -> ValueLedger:
        known = self._work.find(ValueLedger, ValueLedger.id_of(service_id))
        return known or ValueLedger.open(act, service_id=service_id)
