"""Any order of what a review hears, measures and is asked: no release closes without an answer to everything."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

import hypothesis.strategies as st
from fourgates.chassis.aggregate import Refused, derived_id
from fourgates.chassis.testing import NOON, an_act, replayed
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from review_service.domain import (
    Comparison,
    Debt,
    DebtState,
    Decision,
    DeploymentOutcome,
    Evaluation,
    FindingKind,
    KnownFollowUp,
    KnownRelease,
    Measurement,
    ObservationRules,
    Outcome,
    ReleaseKind,
    Result,
    Review,
    ReviewedDeployment,
    Sample,
    Target,
)

ROOT = UUID(int=3)
TARGETS = tuple(
    Target(uuid5(ROOT, name), name, "latency_p95_ms", Comparison.AT_MOST, 200.0, "ms", "/", 150.0)
    for name in ("a", "b")
)
CONCLUSIVE = {Result.PASS, Result.WARNING, Result.FAIL, Result.NOT_APPLICABLE}
SUBJECTS = ("value", "gone_as_planned", "data_disposition", "final_value")
WITH_TARGETS = {ReleaseKind.NEW, ReleaseKind.UPDATE, ReleaseKind.FIX}
WITHOUT_DEPLOYMENT = {ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD}
WAYS_BACK = {Decision.RESCOPE, Decision.REPLAN, Decision.REBUILD, Decision.REDEPLOY}
DEBTS = ("rehearsal", "cab_confirmation")


class ReviewMachine(RuleBasedStateMachine):
    """Every command and every fact, refused or not; the memory of the machine is what the law is checked against."""

    @initialize(kind=st.sampled_from(ReleaseKind), outcome=st.sampled_from(DeploymentOutcome))
    def open_review(self, kind: ReleaseKind, outcome: DeploymentOutcome) -> None:
        self.now: datetime = NOON
        self.count = 0
        self.heard_change: set[UUID] = set()
        self.heard_successor: set[UUID] = set()
        self.accepted: set[UUID] = set()
        self.asked: dict[UUID, tuple[UUID, str]] = {}
        self.missed_before: tuple[Evaluation, ...] = ()
        self.verdict_at_end: tuple[object, ...] | None = None
        self.deployment_id = None if kind in WITHOUT_DEPLOYMENT else uuid5(ROOT, "deployment")
        deployment = ReviewedDeployment(self.deployment_id, outcome) if self.deployment_id else None
        self.release = KnownRelease.note(
            self.act(), release_id=uuid5(ROOT, "release"), service_id=uuid5(ROOT, "service")
        )
        self.review = Review.open(
            self.act(),
            release_id=uuid5(ROOT, "release"),
            service_id=uuid5(ROOT, "service"),
            kind=kind,
            observation=ObservationRules(NOON + timedelta(hours=1), 600, 1, 3),
            deployment=deployment,
        )

    def act(self):
        return an_act("rita", roles=("release_manager",), at=self.now)

    def an_id(self) -> UUID:
        self.count += 1
        return uuid5(ROOT, str(self.count))

    def attempt(self, command) -> None:
        before = self.review.version
        try:
            command()
        except Refused:
            before_and_after = (before, self.review.version)
        else:
            before_and_after = (0, 0)
        assert before_and_after[0] == before_and_after[1], "what was refused leaves no event"

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(revision=st.integers(1, 3), count=st.integers(0, 2))
    def targets_are_heard(self, revision: int, count: int) -> None:
        self.review.pin_targets(self.act(), revision=revision, targets=TARGETS[:count])

    def inform(self) -> None:
        self.review.note_release(self.act(), facts=self.release.facts_for(self.deployment_id))

    @rule()
    def release_enters_review(self) -> None:
        if self.deployment_id:
            self.release.note_deployment_request(self.act(), deployment_id=self.deployment_id)
        self.release.note_review_phase(self.act(), kind="update")
        self.inform()

    @rule(code=st.sampled_from(DEBTS), state=st.sampled_from(DebtState))
    def debt_is_heard_of(self, code: str, state: DebtState) -> None:
        if state is DebtState.OPEN:
            self.release.note_debts(self.act(), debts=(Debt(code, code, NOON),))
        elif state is DebtState.SETTLED:
            self.release.note_debt_settled(self.act(), code=code)
        else:
            self.release.note_debt_failed(self.act(), code=code, reason="no", evaluation_id=uuid5(ROOT, code))
        self.inform()

    @rule()
    def cancellation_is_heard_of(self) -> None:
        self.release.note_cancellation(self.act(), reason="not wanted")
        self.inform()

    @rule()
    def evaluation_is_asked_for(self) -> None:
        self.attempt(lambda: self.review.request_evaluation(self.act(), request_id=self.an_id()))

    @rule()
    def clock_ticks(self) -> None:
        self.review.go_on_observing(self.act(), request_id=self.an_id(), every_s=300)

    @rule(
        measured_target=st.sampled_from(TARGETS),
        value=st.sampled_from([None, 100.0, 180.0, 500.0]),
        repeat=st.booleans(),
    )
    def target_is_measured(self, measured_target: Target, value: float | None, repeat: bool) -> None:
        measurement = Measurement(self.an_id(), measured_target.target_id, value, (Sample("u", 0, 200, 1.0),), 5)
        for _ in range(1 + repeat):
            self.review.record_measurement(self.act(), measurement=measurement)

    @rule(subject=st.sampled_from(SUBJECTS), result=st.sampled_from(Result))
    def statement_is_made(self, subject: str, result: Result) -> None:
        evaluation = Evaluation(self.an_id(), subject, subject, result, None, None, "", missed=False)
        self.attempt(lambda: self.review.make_statement(self.act(), evaluation=evaluation))

    @rule(kind=st.sampled_from(FindingKind))
    def finding_is_recorded(self, kind: FindingKind) -> None:
        self.attempt(lambda: self.review.record_finding(self.act(), finding_id=self.an_id(), kind=kind, text="so"))

    @precondition(lambda self: self.review.missed)
    @rule(data=st.data(), change=st.booleans(), successor=st.booleans())
    def follow_up_is_heard_of(self, data, change: bool, successor: bool) -> None:
        missed = data.draw(st.sampled_from(self.review.missed)).evaluation_id
        follow_up = KnownFollowUp.note(self.act(), evaluation_id=missed)
        if change:
            follow_up.note_linked_change(self.act(), change_id=derived_id(missed, "linked-change"))
        if successor:
            follow_up.note_successor(self.act(), successor_id=derived_id(missed, "successor-release"))
        if self.verdict_at_end is None:
            self.heard_change |= {missed} if change else set()
            self.heard_successor |= {missed} if successor else set()
        self.review.note_follow_up(
            self.act(), evaluation_id=missed, change_id=follow_up.change_id, successor_id=follow_up.successor_id
        )

    @precondition(lambda self: self.review.evaluations)
    @rule(data=st.data())
    def acceptance_is_asked_for(self, data) -> None:
        wanted = data.draw(st.sampled_from(self.review.evaluations)).evaluation_id
        request_id = self.an_id()
        self.attempt(lambda: self.review.request_acceptance(self.act(), request_id=request_id, evaluation_id=wanted))
        if request_id in self.review.acceptances:
            self.asked[request_id] = (wanted, self.review.acceptances[request_id].document_digest)

    @precondition(lambda self: self.asked and self.verdict_at_end is None)
    @rule(data=st.data(), answer=st.sampled_from(["accept", "reject", "revoke"]))
    def acceptance_is_answered(self, data, answer: str) -> None:
        request_id = data.draw(st.sampled_from(sorted(self.asked)))
        evaluation_id, digest = self.asked[request_id]
        before = self.review.version
        if answer == "accept":
            self.review.note_acceptance(
                self.act(),
                request_id=request_id,
                authorization_id=self.an_id(),
                document_digest=digest,
                deciders=("ada",),
            )
            self.accepted |= {evaluation_id} if self.review.version > before else set()
        else:
            self.review.note_no_acceptance(self.act(), request_id=request_id, reason="no", revoked=answer == "revoke")
            # An evaluation is accepted by one standing request at most, so its refusal ends the acceptance.
            self.accepted -= {evaluation_id} if self.review.version > before else set()

    @rule(decision=st.sampled_from(Decision))
    def it_is_decided(self, decision: Decision) -> None:
        was_open = self.review.decision is None
        self.attempt(lambda: self.review.close(self.act(), decision=decision))
        if was_open and self.review.decision is not None:
            self.check_the_end(self.review.decision)
            self.verdict_at_end = (self.review.decision, self.review.outcome, self.review.evaluations)

    def check_the_end(self, decision: Decision) -> None:
        review, outcome = self.review, self.review.deployment_outcome
        stayed = outcome in (None, DeploymentOutcome.DEPLOYED)
        results: dict[str, set[Result]] = {}
        for e in review.evaluations:
            results.setdefault(e.subject, set()).add(Result.FAIL if e.missed else e.result)
        asked = {str(t.target_id) for t in review.targets} | set(review.statements_asked)
        assert review.revision is not None or review.kind not in WITH_TARGETS, "targets were heard"
        assert all(results.get(subject, set()) & CONCLUSIVE for subject in asked), "all was evaluated"
        for e in review.missed:
            assert stayed, "after a back-out nothing is missed"
            answered = e.evaluation_id in self.heard_change and e.evaluation_id in self.heard_successor
            assert answered or e.evaluation_id in self.accepted, "every miss is answered"
        assert decision not in WAYS_BACK or not stayed
        assert decision is not Decision.CANCEL or outcome is not DeploymentOutcome.DEPLOYED
        states = {d.state for d in self.release.facts_for(self.deployment_id).debts}
        assert decision is not Decision.CLOSE or DebtState.OPEN not in states
        unanswered = any(e.evaluation_id not in self.accepted for e in review.missed)
        assert (review.outcome is Outcome.BACKED_OUT) == (outcome is DeploymentOutcome.BACKED_OUT)
        assert not unanswered or review.outcome is Outcome.UNSUCCESSFUL

    @invariant()
    def every_failed_measurement_of_what_stayed_was_missed_once(self) -> None:
        if self.review.deployment_outcome in (DeploymentOutcome.BACKED_OUT, DeploymentOutcome.BACK_OUT_FAILED):
            return
        failed = {e.subject for e in self.review.evaluations if e.result is Result.FAIL}
        missed = [e.subject for e in self.review.evaluations if e.missed]
        assert failed <= set(missed)
        assert len(missed) == len(set(missed))

    @invariant()
    def a_miss_is_never_undone(self) -> None:
        assert self.review.missed[: len(self.missed_before)] == self.missed_before
        self.missed_before = self.review.missed

    @invariant()
    def a_decision_is_final(self) -> None:
        if self.verdict_at_end is not None:
            assert (self.review.decision, self.review.outcome, self.review.evaluations) == self.verdict_at_end

    @invariant()
    def an_open_review_has_a_way_out(self) -> None:
        # Every unmet condition of some decision can be met by a person, by the clock or by what is awaited.
        if self.verdict_at_end is not None:
            return
        never = {"review-closed", "no-way-back", "deployment-stayed", "cancellation-requested", "not-entitled"}
        assert any(not ({u.code for u in self.review.unmet_for_close(self.act(), d)} & never) for d in Decision)

    @invariant()
    def replay_equals_live(self) -> None:
        for live in (self.review, self.release):
            copy = replayed(live)
            assert {k: v for k, v in vars(copy).items() if k != "_pending_events"} == {
                k: v for k, v in vars(live).items() if k != "_pending_events"
            }


ReviewMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestReview = ReviewMachine.TestCase
