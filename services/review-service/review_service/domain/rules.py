"""The rules of a review: what stands where, and every condition that refuses a command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from fourgates.chassis.aggregate import Act, Forbidden, NextCommand, Unmet, derived_id

from review_service.domain.values import (
    CONCLUSIVE,
    KINDS_WITH_TARGETS,
    REVIEWERS,
    STATED,
    STATEMENTS,
    Acceptance,
    AcceptanceState,
    DebtState,
    Decision,
    DeploymentOutcome,
    Endpoint,
    Evaluation,
    Finding,
    FindingKind,
    Outcome,
    ReleaseFacts,
    ReleaseKind,
    Result,
    ReviewedDeployment,
    ReviewState,
    Target,
)

# Who signs off is held apart by change management, and may accept what was missed.
SIGNER = "signer"
_HERE = "/review/v1/reviews/{id}"


class ReviewRules:
    """What can be read from a review's state, and the conditions of its commands. It changes nothing."""

    id: UUID
    state: ReviewState
    kind: ReleaseKind
    deployment: ReviewedDeployment | None
    opened_at: datetime
    last_requested_at: datetime | None
    observation_ends_at: datetime
    revision: int | None
    targets: tuple[Target, ...]
    facts: ReleaseFacts
    evaluations: tuple[Evaluation, ...]
    findings: tuple[Finding, ...]
    acceptances: dict[UUID, Acceptance]
    linked_changes: dict[UUID, UUID]
    successors: dict[UUID, UUID]
    retirement_recommended: bool

    @classmethod
    def id_of(cls, release_id: UUID, deployment_id: UUID | None) -> UUID:
        """Return the id of the review of a deployment, or of a release whose kind has none."""
        return derived_id(deployment_id or release_id, "review")

    @property
    def deployment_outcome(self) -> DeploymentOutcome | None:
        """How the deployment under review ended, if its kind has one."""
        return self.deployment.outcome if self.deployment else None

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where the deployed service answers."""
        return self.deployment.endpoints if self.deployment else ()

    @property
    def stayed(self) -> bool:
        """True when what was released is in place: nothing was deployed, or it stands."""
        return self.deployment_outcome in (None, DeploymentOutcome.DEPLOYED)

    @property
    def awaits_targets(self) -> bool:
        """True while this kind's review needs targets and none were heard."""
        return self.kind in KINDS_WITH_TARGETS and self.revision is None

    @property
    def statements_asked(self) -> tuple[str, ...]:
        """The statements that the review of this kind consists of, beside the targets."""
        return STATEMENTS[self.kind]

    @property
    def missed(self) -> tuple[Evaluation, ...]:
        """Every evaluation that asks for a linked change and a successor, or an acceptance."""
        return tuple(e for e in self.evaluations if e.missed)

    @property
    def accepted_ids(self) -> frozenset[UUID]:
        """The missed evaluations that an authority accepted."""
        return frozenset(a.evaluation_id for a in self.acceptances.values() if a.state is AcceptanceState.ACCEPTED)

    def conflict_of(self, asked: Acceptance, deciders: tuple[str, ...]) -> str:
        """Return why these people cannot accept a miss, or nothing: who had a part in the release, or asked, does not.

        More of the lineage may be known by now than when the authority was asked.
        """
        part = {p.person_id for p in (*asked.lineage, *self.facts.lineage) if p.part != SIGNER}
        conflicted = sorted(part & set(deciders))
        if conflicted:
            return f"{', '.join(conflicted)} had a part in what was missed; nobody accepts their own."
        return "" if deciders else "Nobody decided it."

    @property
    def verdicts(self) -> tuple[Evaluation, ...]:
        """The evaluations that count: the latest of each subject, and every missed one."""
        latest = {e.subject: e.evaluation_id for e in self.evaluations}
        return tuple(e for e in self.evaluations if e.missed or latest[e.subject] == e.evaluation_id)

    @property
    def computed_outcome(self) -> Outcome:
        """What became of the release, by what was evaluated and found."""
        if self.deployment_outcome is DeploymentOutcome.BACKED_OUT:
            return Outcome.BACKED_OUT
        if not self.stayed or any(e.evaluation_id not in self.accepted_ids for e in self.missed):
            return Outcome.UNSUCCESSFUL
        warned = any(e.result is Result.WARNING for e in self.verdicts)
        if self.missed or warned or any(f.kind is FindingKind.ISSUE for f in self.findings):
            return Outcome.SUCCESSFUL_WITH_ISSUES
        return Outcome.SUCCESSFUL

    def next(self, act: Act, *, lifecycle: str | None = None) -> tuple[NextCommand, ...]:
        """Return what can be done next, by whom, and why not."""
        commands = [
            NextCommand("evaluate", REVIEWERS, tuple(self.unmet_for_request_evaluation(act))),
            NextCommand("record_finding", ("any person",), tuple(self.unmet_for_record_finding(act))),
            NextCommand("recommend_retirement", REVIEWERS, tuple(self.unmet_for_recommend_retirement(act, lifecycle))),
        ]
        commands += [
            NextCommand(f"state_{code}", REVIEWERS, tuple(self.unmet_for_make_statement(act, code, Result.PASS)))
            for code in self.statements_asked
        ]
        commands += [
            NextCommand(
                f"request_acceptance/{e.evaluation_id}",
                REVIEWERS,
                tuple(self.unmet_for_request_acceptance(act, e.evaluation_id)),
            )
            for e in self.missed
        ]
        commands += [NextCommand(str(d), REVIEWERS, tuple(self.unmet_for_close(act, d))) for d in Decision]
        return tuple(commands)

    def evaluation(self, evaluation_id: UUID) -> Evaluation | None:
        """Return one evaluation, if it was made here."""
        return next((e for e in self.evaluations if e.evaluation_id == evaluation_id), None)

    def was_missed(self, subject: str) -> bool:
        """Return whether a subject was missed already."""
        return any(e.subject == subject for e in self.missed)

    def concluded(self, subject: str) -> bool:
        """Return whether a subject has a verdict. A miss is one, also when it came from running out of time."""
        return any(e.missed or e.result in CONCLUSIVE for e in self.evaluations if e.subject == subject)

    def targets_due(self, at: datetime, every_s: int) -> tuple[Target, ...]:
        """Return the targets to measure by the clock now."""
        asked_at = self.last_requested_at or self.opened_at
        if self.state is ReviewState.CLOSED or not self.stayed or at < asked_at + timedelta(seconds=every_s):
            return ()
        running = at < self.observation_ends_at
        return tuple(t for t in self.targets if running or not self.concluded(str(t.target_id)))

    def ended_without(self, target: Target, at: datetime) -> bool:
        """Return whether the observation is over and a target still has no verdict."""
        return at >= self.observation_ends_at and not self.concluded(str(target.target_id))

    def unmet_for_review(self, act: Act) -> Iterator[Unmet]:
        """What every command of a reviewer needs."""
        if act.machine:
            yield Forbidden(
                "machine-account",
                "A review is a person's judgement.",
                source="token",
                remedy="ask a reviewer",
                person=act.by,
            )
        if not set(REVIEWERS) & set(act.roles):
            yield Forbidden(
                "not-entitled",
                f"A review is made by one of {', '.join(REVIEWERS)}.",
                source="roles",
                remedy="ask a reviewer",
                person=act.by,
            )
        yield from self.unmet_for_open()

    def unmet_for_open(self) -> Iterator[Unmet]:
        """What every command needs: that the review goes on."""
        if self.state is ReviewState.CLOSED:
            yield Unmet("review-closed", "This review is closed.", source="review.Closed", remedy="open a new release")

    def unmet_for_request_evaluation(self, act: Act) -> Iterator[Unmet]:
        """What measuring needs."""
        yield from self.unmet_for_review(act)
        if self.awaits_targets:
            yield Unmet(
                "targets-not-heard",
                "The service level targets of the service have not been heard.",
                source="dml.TargetsSet",
                remedy="set the targets of the service in the DML, or wait for them",
            )
        elif not self.targets:
            yield Unmet(
                "no-targets",
                "There is no service level target to measure.",
                source="review.TargetsPinned",
                remedy=f"make the statements of this kind: POST {_HERE}/statements",
            )
        if not self.stayed:
            yield Unmet(
                "deployment-did-not-stay",
                "After a back-out the targets are not applicable.",
                source="deployment_outcome",
                remedy=f"decide the review: POST {_HERE}/closure",
            )

    def unmet_for_make_statement(self, act: Act, subject: str, result: Result) -> Iterator[Unmet]:
        """What a statement needs."""
        yield from self.unmet_for_review(act)
        if subject not in self.statements_asked:
            yield Unmet(
                "statement-not-asked",
                f"The review of a {self.kind} release does not ask for {subject}.",
                source="kind",
                remedy=f"state one of: {', '.join(self.statements_asked) or 'nothing'}",
            )
        if result not in STATED:
            yield Unmet(
                "not-a-verdict",
                f"{result} is no verdict of a person.",
                source="result",
                remedy="state pass, warning or fail",
            )
        if not self.stayed:
            yield Unmet(
                "deployment-did-not-stay",
                "After a back-out there is nothing to state.",
                source="deployment_outcome",
                remedy=f"decide the review: POST {_HERE}/closure",
            )

    def unmet_for_record_finding(self, act: Act) -> Iterator[Unmet]:
        """What a finding needs."""
        if act.machine:
            yield Forbidden(
                "machine-account", "A finding is a person's.", source="token", remedy="ask a person", person=act.by
            )
        yield from self.unmet_for_open()

    def unmet_for_request_acceptance(self, act: Act, evaluation_id: UUID) -> Iterator[Unmet]:
        """What asking for a written acceptance needs."""
        yield from self.unmet_for_review(act)
        if all(e.evaluation_id != evaluation_id for e in self.missed):
            yield Unmet(
                "not-missed",
                f"Evaluation {evaluation_id} is no missed target of this review.",
                source="review.TargetEvaluated",
                remedy=f"name a missed evaluation of GET {_HERE}",
            )
        standing = (AcceptanceState.REQUESTED, AcceptanceState.ACCEPTED)
        if any(a.evaluation_id == evaluation_id and a.state in standing for a in self.acceptances.values()):
            yield Unmet(
                "acceptance-asked",
                "An authority was asked already, and has not said no.",
                source="review.AcceptanceRequested",
                remedy="wait for the authority",
            )

    def unmet_for_recommend_retirement(self, act: Act, lifecycle: str | None) -> Iterator[Unmet]:
        """What recommending a retirement needs."""
        yield from self.unmet_for_review(act)
        if lifecycle != "live":
            yield Unmet(
                "service-not-live",
                f"Only a live service can be recommended for retirement; this one is {lifecycle or 'unknown'}.",
                source="dml.ServiceLifecycleEntered",
                remedy="wait until the service is live",
            )
        if self.retirement_recommended:
            yield Unmet(
                "retirement-recommended",
                "This review has recommended it already.",
                source="review.RetirementRecommended",
                remedy="open a release of kind retirement",
            )

    def unmet_for_close(self, act: Act, decision: Decision) -> Iterator[Unmet]:
        """What a decision needs: the person, the facts of the release, every evaluation, an answer to every miss."""
        yield from self.unmet_for_review(act)
        yield from self._unmet_facts(decision)
        yield from self._unmet_decision(decision)
        yield from self._unmet_evaluations()
        yield from self._unmet_follow_ups()

    def _unmet_facts(self, decision: Decision) -> Iterator[Unmet]:
        if not self.facts.in_review and not self.facts.cancellation_requested:
            yield Unmet(
                "release-not-in-review",
                "The release has not been heard to wait for this review.",
                source="release.ReviewEntered",
                remedy="wait until the release is in review",
            )
        for debt in self.facts.debts:
            if debt.state is DebtState.OPEN and decision is Decision.CLOSE:
                yield Unmet(
                    "debt-open",
                    f"The debt {debt.code} of the emergency is open: {debt.detail}",
                    source="release.DebtsIncurred",
                    remedy="settle the debt in release-service",
                )

    def _unmet_decision(self, decision: Decision) -> Iterator[Unmet]:
        ways_back = (Decision.RESCOPE, Decision.REPLAN, Decision.REBUILD, Decision.REDEPLOY)
        if decision in ways_back and self.stayed:
            yield Unmet(
                "no-way-back",
                "There is a way back only after a deployment that did not stay.",
                source="deployment_outcome",
                remedy="close, and open a new release",
            )
        if decision is Decision.CANCEL and self.deployment_outcome is DeploymentOutcome.DEPLOYED:
            yield Unmet(
                "deployment-stayed",
                "A release whose deployment stayed is not cancelled.",
                source="deployment_outcome",
                remedy="close, and open a new release",
            )
        cancels = self.facts.cancellation_requested and self.deployment_outcome is not DeploymentOutcome.DEPLOYED
        if decision is not Decision.CANCEL and cancels:
            yield Unmet(
                "cancellation-requested",
                "The release is to be cancelled; once asked for, nothing else is allowed.",
                source="release.CancellationRequested",
                remedy="decide cancel",
            )

    def _unmet_evaluations(self) -> Iterator[Unmet]:
        if self.awaits_targets:
            yield Unmet(
                "targets-not-heard",
                "The service level targets of the service have not been heard.",
                source="dml.TargetsSet",
                remedy="set the targets of the service in the DML, or wait for them",
            )
        for target in self.targets:
            if not self.concluded(str(target.target_id)):
                yield Unmet(
                    "target-not-evaluated",
                    f"The target {target.name} has no conclusive evaluation.",
                    source=f"target {target.target_id}",
                    remedy=f"measure it: POST {_HERE}/evaluations",
                )
        for code in self.statements_asked:
            if not self.concluded(code):
                yield Unmet(
                    "statement-missing",
                    f"Nobody has stated {code}.",
                    source="kind",
                    remedy=f"state it: POST {_HERE}/statements",
                )

    def _unmet_follow_ups(self) -> Iterator[Unmet]:
        for missed in self.missed:
            if missed.evaluation_id in self.accepted_ids:
                continue
            remedy = f"wait for it, or have the miss accepted: POST {_HERE}/acceptance-requests"
            if missed.evaluation_id not in self.linked_changes:
                yield Unmet(
                    "linked-change-missing",
                    f"{missed.name} was missed and its linked change does not exist yet.",
                    source=f"evaluation {missed.evaluation_id}",
                    remedy=remedy,
                )
            if missed.evaluation_id not in self.successors:
                yield Unmet(
                    "successor-missing",
                    f"{missed.name} was missed and its successor release does not exist yet.",
                    source=f"evaluation {missed.evaluation_id}",
                    remedy=remedy,
                )
