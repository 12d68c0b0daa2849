"""The post-implementation review: what it evaluates, what a missed target asks for, and when it may close."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, digest_of, event, refuse_any

from review_service.domain.evaluating import (
    acceptance_document,
    acceptance_summary,
    evaluation_of_debt,
    evaluation_of_measurement,
    not_applicable,
)
from review_service.domain.rules import ReviewRules
from review_service.domain.values import (
    Acceptance,
    AcceptanceState,
    Decision,
    Endpoint,
    Evaluation,
    Finding,
    FindingKind,
    LineagePerson,
    Measurement,
    ObservationRules,
    Outcome,
    ReleaseFacts,
    ReleaseKind,
    Result,
    ReviewedDeployment,
    ReviewState,
    Target,
)


class Review(ReviewRules, Aggregate):
    """The review of one deployment, or of a release whose kind has none."""

    TOPIC = "review.Review"

    class Opened(Aggregate.Created):
        """The post-implementation review of a release began."""

        release_id: UUID
        service_id: UUID
        kind: ReleaseKind
        deployment: ReviewedDeployment | None
        observation: ObservationRules

    class TargetsPinned(Aggregate.Event):
        """The service level targets that this review evaluates are these, whatever service design sets later."""

        revision: int
        targets: tuple[Target, ...]

    class ReleaseNoted(Aggregate.Event):
        """What this review has to know of its release is now this."""

        facts: ReleaseFacts

    class EvaluationRequested(Aggregate.Event):
        """Targets are to be measured on what was deployed."""

        request_id: UUID
        targets: tuple[Target, ...]
        endpoints: tuple[Endpoint, ...]

    class TargetEvaluated(Aggregate.Event):
        """A service level target was evaluated, with the measured value, the target and the samples."""

        evaluation: Evaluation

    class StatementMade(Aggregate.Event):
        """A reviewer stated how the value, or one part of a retirement, turned out."""

        evaluation: Evaluation

    class DebtFailed(Aggregate.Event):
        """A debt of an emergency failed, which counts as a missed target."""

        evaluation: Evaluation

    class ObservationExtended(Aggregate.Event):
        """An inconclusive end extended the observation."""

        ends_at: datetime

    class FindingRecorded(Aggregate.Event):
        """A reviewer recorded a finding or a lesson."""

        finding: Finding

    class AcceptanceRequested(Aggregate.Event):
        """An authority was asked to accept a missed target in writing."""

        request_id: UUID
        evaluation_id: UUID
        document: dict[str, str]
        document_digest: str
        summary: str
        lineage: tuple[LineagePerson, ...]

    class TargetAccepted(Aggregate.Event):
        """An authority accepted a missed target in writing."""

        request_id: UUID
        evaluation_id: UUID
        authorization_id: UUID

    class TargetNotAccepted(Aggregate.Event):
        """A written acceptance was rejected, lapsed or was taken back."""

        request_id: UUID
        evaluation_id: UUID
        reason: str

    class LinkedChangeNoted(Aggregate.Event):
        """The linked change of a missed target was heard to exist."""

        evaluation_id: UUID
        change_id: UUID

    class SuccessorNoted(Aggregate.Event):
        """The successor release of a missed target was heard to exist."""

        evaluation_id: UUID
        successor_id: UUID

    class RetirementRecommended(Aggregate.Event):
        """The review recommends that the service be retired."""

        reason: str

    class Closed(Aggregate.Event):
        """The review ended with a decision and an outcome."""

        decision: Decision
        outcome: Outcome
        reason: str
        verdicts: tuple[Evaluation, ...]

    @classmethod
    def open(
        cls,
        act: Act,
        *,
        release_id: UUID,
        service_id: UUID,
        kind: ReleaseKind,
        observation: ObservationRules,
        deployment: ReviewedDeployment | None = None,
    ) -> Review:
        """Begin a review. What did not stay has nothing to state; its targets follow as soon as they are known."""
        review = cls(
            id=cls.id_of(release_id, deployment.deployment_id if deployment else None),
            act=act,
            release_id=release_id,
            service_id=service_id,
            kind=kind,
            deployment=deployment,
            observation=observation,
        )
        if not review.stayed:
            for code in review.statements_asked:
                review._statement_made(act=act, evaluation=not_applicable(review.id, review.deployment_outcome, code))
        return review

    @event(Opened)
    def __init__(
        self,
        id: UUID,
        act: Act,
        release_id: UUID,
        service_id: UUID,
        kind: ReleaseKind,
        deployment: ReviewedDeployment | None,
        observation: ObservationRules,
    ) -> None:
        self.release_id = release_id
        self.service_id = service_id
        self.kind = kind
        self.deployment = deployment
        self.observation = observation
        self.opened_at = act.at
        self.observation_ends_at = observation.ends_at
        self.extension_count = 0
        self.state = ReviewState.OPEN
        self.revision: int | None = None
        self.targets: tuple[Target, ...] = ()
        self.facts = ReleaseFacts()
        self.last_requested_at: datetime | None = None
        self.evaluations: tuple[Evaluation, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.acceptances: dict[UUID, Acceptance] = {}
        self.linked_changes: dict[UUID, UUID] = {}
        self.successors: dict[UUID, UUID] = {}
        self.retirement_recommended = False
        self.decision: Decision | None = None
        self.outcome: Outcome | None = None
        self.decided_by: str | None = None
        self.reason: str | None = None

    def pin_targets(self, act: Act, *, revision: int, targets: tuple[Target, ...]) -> None:
        """Fix the targets of this review, once; those of a deployment that did not stay are not applicable."""
        if not self.awaits_targets:
            return
        self._targets_pinned(act=act, revision=revision, targets=targets)
        if not self.stayed:
            for target in targets:
                self._target_evaluated(act=act, evaluation=not_applicable(self.id, self.deployment_outcome, target))

    @event(TargetsPinned)
    def _targets_pinned(self, act: Act, revision: int, targets: tuple[Target, ...]) -> None:
        self.revision = revision
        self.targets = targets

    def note_release(self, act: Act, *, facts: ReleaseFacts) -> None:
        """Take what was heard of the release; every debt that newly failed is a missed target."""
        if self.state is ReviewState.CLOSED or facts == self.facts:
            return
        self._release_noted(act=act, facts=facts)
        for debt in facts.debts:
            if debt.evaluation_id is not None and self.evaluation(debt.evaluation_id) is None:
                self._debt_failed(act=act, evaluation=evaluation_of_debt(debt, debt.evaluation_id, stayed=self.stayed))

    @event(ReleaseNoted)
    def _release_noted(self, act: Act, facts: ReleaseFacts) -> None:
        self.facts = facts

    @event(DebtFailed)
    def _debt_failed(self, act: Act, evaluation: Evaluation) -> None:
        self.evaluations = (*self.evaluations, evaluation)

    def note_follow_up(
        self, act: Act, *, evaluation_id: UUID, change_id: UUID | None, successor_id: UUID | None
    ) -> None:
        """Note that the linked change or the successor of a missed target exists."""
        if self.state is ReviewState.CLOSED:
            return
        if change_id is not None and evaluation_id not in self.linked_changes:
            self._linked_change_noted(act=act, evaluation_id=evaluation_id, change_id=change_id)
        if successor_id is not None and evaluation_id not in self.successors:
            self._successor_noted(act=act, evaluation_id=evaluation_id, successor_id=successor_id)

    @event(LinkedChangeNoted)
    def _linked_change_noted(self, act: Act, evaluation_id: UUID, change_id: UUID) -> None:
        self.linked_changes[evaluation_id] = change_id

    @event(SuccessorNoted)
    def _successor_noted(self, act: Act, evaluation_id: UUID, successor_id: UUID) -> None:
        self.successors[evaluation_id] = successor_id

    def request_evaluation(self, act: Act, *, request_id: UUID) -> None:
        """Ask for every target to be measured now."""
        refuse_any(self.unmet_for_request_evaluation(act))
        self._evaluation_requested(act=act, request_id=request_id, targets=self.targets, endpoints=self.endpoints)

    def go_on_observing(self, act: Act, *, request_id: UUID, every_s: int) -> None:
        """Ask for what is due: all targets while the observation runs, afterwards those without a conclusion."""
        targets = self.targets_due(act.at, every_s)
        if targets:
            self._evaluation_requested(act=act, request_id=request_id, targets=targets, endpoints=self.endpoints)

    @event(EvaluationRequested)
    def _evaluation_requested(
        self, act: Act, request_id: UUID, targets: tuple[Target, ...], endpoints: tuple[Endpoint, ...]
    ) -> None:
        self.last_requested_at = act.at

    def record_measurement(self, act: Act, *, measurement: Measurement) -> None:
        """Judge what was measured. Inconclusive at the end extends the observation; past the limit it is a miss."""
        target = next((t for t in self.targets if t.target_id == measurement.target_id), None)
        known = self.evaluation(measurement.evaluation_id) is not None
        if target is None or known or self.state is ReviewState.CLOSED:
            return
        result = target.judge(measurement.measured, measurement.sample_count, self.observation.samples_min)
        ended = result is Result.INCONCLUSIVE and self.ended_without(target, act.at)
        extends = ended and self.extension_count < self.observation.extensions_max
        missed = (result is Result.FAIL or (ended and not extends)) and not self.was_missed(str(target.target_id))
        verdict = evaluation_of_measurement(target, measurement, result, missed=missed)
        self._target_evaluated(act=act, evaluation=verdict)
        if extends:
            self._observation_extended(act=act, ends_at=act.at + timedelta(seconds=self.observation.extension_s))

    @event(TargetEvaluated)
    def _target_evaluated(self, act: Act, evaluation: Evaluation) -> None:
        self.evaluations = (*self.evaluations, evaluation)

    @event(ObservationExtended)
    def _observation_extended(self, act: Act, ends_at: datetime) -> None:
        self.observation_ends_at = ends_at
        self.extension_count += 1

    def make_statement(self, act: Act, *, evaluation: Evaluation) -> None:
        """State how the value, or one part of a retirement, turned out. A failure counts as a missed target, once."""
        refuse_any(self.unmet_for_make_statement(act, evaluation.subject, evaluation.result))
        missed = evaluation.result is Result.FAIL and not self.was_missed(evaluation.subject)
        self._statement_made(act=act, evaluation=replace(evaluation, missed=missed))

    @event(StatementMade)
    def _statement_made(self, act: Act, evaluation: Evaluation) -> None:
        self.evaluations = (*self.evaluations, evaluation)

    def record_finding(self, act: Act, *, finding_id: UUID, kind: FindingKind, text: str) -> None:
        """Record a finding or a lesson."""
        refuse_any(self.unmet_for_record_finding(act))
        self._finding_recorded(act=act, finding=Finding(finding_id=finding_id, kind=kind, text=text, found_by=act.by))

    @event(FindingRecorded)
    def _finding_recorded(self, act: Act, finding: Finding) -> None:
        self.findings = (*self.findings, finding)

    def request_acceptance(self, act: Act, *, request_id: UUID, evaluation_id: UUID) -> None:
        """Ask an authority to accept a missed target in writing; who asks cannot be the one who accepts."""
        refuse_any(self.unmet_for_request_acceptance(act, evaluation_id))
        missed = next(e for e in self.missed if e.evaluation_id == evaluation_id)
        document = acceptance_document(self.id, self.release_id, missed, act.why)
        self._acceptance_requested(
            act=act,
            request_id=request_id,
            evaluation_id=evaluation_id,
            document=document,
            document_digest=digest_of(document),
            summary=acceptance_summary(missed),
            lineage=tuple(dict.fromkeys((*self.facts.lineage, LineagePerson(person_id=act.by, part="requester")))),
        )

    @event(AcceptanceRequested)
    def _acceptance_requested(
        self,
        act: Act,
        request_id: UUID,
        evaluation_id: UUID,
        document: dict[str, str],
        document_digest: str,
        summary: str,
        lineage: tuple[LineagePerson, ...],
    ) -> None:
        asked = Acceptance(request_id, evaluation_id, document_digest, AcceptanceState.REQUESTED, None, lineage)
        self.acceptances[request_id] = asked

    def note_acceptance(
        self, act: Act, *, request_id: UUID, authorization_id: UUID, document_digest: str, deciders: tuple[str, ...]
    ) -> None:
        """Note that an authority accepted exactly what it was asked; whoever had a part in it is no authority."""
        asked = self.acceptances.get(request_id)
        if self.state is ReviewState.CLOSED or asked is None or asked.state is not AcceptanceState.REQUESTED:
            return
        if conflict := self.conflict_of(asked, deciders):
            self.note_no_acceptance(act, request_id=request_id, reason=conflict)
        elif asked.document_digest == document_digest:
            self._target_accepted(
                act=act, request_id=request_id, evaluation_id=asked.evaluation_id, authorization_id=authorization_id
            )

    @event(TargetAccepted)
    def _target_accepted(self, act: Act, request_id: UUID, evaluation_id: UUID, authorization_id: UUID) -> None:
        self.acceptances[request_id] = replace(
            self.acceptances[request_id], state=AcceptanceState.ACCEPTED, authorization_id=authorization_id
        )

    def note_no_acceptance(self, act: Act, *, request_id: UUID, reason: str, revoked: bool = False) -> None:
        """Note that an acceptance was rejected or lapsed; once given, only revoking takes it back."""
        asked = self.acceptances.get(request_id)
        awaited = (AcceptanceState.REQUESTED, AcceptanceState.ACCEPTED) if revoked else (AcceptanceState.REQUESTED,)
        if self.state is ReviewState.CLOSED or asked is None or asked.state not in awaited:
            return
        self._target_not_accepted(act=act, request_id=request_id, evaluation_id=asked.evaluation_id, reason=reason)

    @event(TargetNotAccepted)
    def _target_not_accepted(self, act: Act, request_id: UUID, evaluation_id: UUID, reason: str) -> None:
        self.acceptances[request_id] = replace(self.acceptances[request_id], state=AcceptanceState.NOT_ACCEPTED)

    def recommend_retirement(self, act: Act, *, lifecycle: str | None) -> None:
        """Recommend that the service, which is live, be retired."""
        refuse_any(self.unmet_for_recommend_retirement(act, lifecycle))
        self._retirement_recommended(act=act, reason=act.why)

    @event(RetirementRecommended)
    def _retirement_recommended(self, act: Act, reason: str) -> None:
        self.retirement_recommended = True

    def close(self, act: Act, *, decision: Decision) -> None:
        """End the review: the release closes, is cancelled, or goes a way back."""
        refuse_any(self.unmet_for_close(act, decision))
        self._closed(act=act, decision=decision, outcome=self.computed_outcome, reason=act.why, verdicts=self.verdicts)

    @event(Closed)
    def _closed(
        self, act: Act, decision: Decision, outcome: Outcome, reason: str, verdicts: tuple[Evaluation, ...]
    ) -> None:
        self.state = ReviewState.CLOSED
        self.decision = decision
        self.outcome = outcome
        self.reason = reason
        self.decided_by = act.by
