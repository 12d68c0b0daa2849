"""When a review closes: who decides, what must be known, and the answer to every missed target."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fourgates.chassis.aggregate import Refused, derived_id
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed
from review_service.domain import (
    AcceptanceState,
    Debt,
    DebtState,
    Decision,
    DeploymentOutcome,
    FindingKind,
    LineagePerson,
    Outcome,
    ReleaseFacts,
    ReleaseKind,
    Result,
)

REVIEWER = an_act("rita", roles=("release_manager",), why="we learned enough")
WAYS_BACK = (Decision.RESCOPE, Decision.REPLAN, Decision.REBUILD, Decision.REDEPLOY)
NOT_STAYED = (DeploymentOutcome.BACKED_OUT, DeploymentOutcome.BACK_OUT_FAILED)


def all_commands(review, act, given):
    return {
        "evaluate": lambda: review.request_evaluation(act, request_id=given.an_id("r")),
        "state": lambda: review.make_statement(act, evaluation=given.statement()),
        "accept": lambda: review.request_acceptance(act, request_id=given.an_id("r"), evaluation_id=given.an_id("e")),
        "recommend": lambda: review.recommend_retirement(act, lifecycle="live"),
        "close": lambda: review.close(act, decision=Decision.CLOSE),
    }


@pytest.mark.parametrize("command", ["evaluate", "state", "accept", "recommend", "close"])
def test_only_reviewers_review(given, command):
    with refused("not-entitled"):
        all_commands(given.ready(), an_act("bert", roles=("builder", "tester", "auditor")), given)[command]()


@pytest.mark.parametrize("command", ["evaluate", "state", "accept", "recommend", "close"])
def test_no_machine_reviews(given, command):
    with refused("machine-account"):
        all_commands(given.ready(), an_act("robot", roles=("release_manager",), machine=True), given)[command]()


@pytest.mark.parametrize("role", ["release_manager", "change_manager", "service_owner"])
def test_each_reviewer_closes(given, role):
    review = given.ready()
    review.close(an_act("rita", roles=(role,), why="done"), decision=Decision.CLOSE)
    assert (review.decision, review.outcome, review.decided_by) == (Decision.CLOSE, Outcome.SUCCESSFUL, "rita")
    assert (review.reason, len(review.pending_events[-1].verdicts)) == ("done", 2)


@pytest.mark.parametrize("command", ["evaluate", "state", "accept", "recommend", "close"])
def test_a_closed_review_stays_as_it_is(given, command):
    review = given.ready()
    review.close(REVIEWER, decision=Decision.CLOSE)
    with refused("review-closed"):
        all_commands(review, REVIEWER, given)[command]()
    with refused("review-closed"):
        review.record_finding(REVIEWER, finding_id=given.an_id("f"), kind=FindingKind.ISSUE, text="late")


def test_what_is_heard_after_the_decision_changes_nothing(given):
    review = given.ready()
    review.close(REVIEWER, decision=Decision.CLOSE)
    review.note_release(given.service_act, facts=ReleaseFacts(cancellation_requested=True))
    review.note_follow_up(
        given.service_act, evaluation_id=given.an_id("e"), change_id=given.an_id("c"), successor_id=given.an_id("s")
    )
    review.pin_targets(given.service_act, revision=9, targets=())
    assert event_names(review)[-1] == "Closed"


def test_the_release_must_be_heard_to_wait_for_this_review(given):
    review = given.ready()
    review.note_release(given.service_act, facts=ReleaseFacts(in_review=False))
    with refused("release-not-in-review"):
        review.close(REVIEWER, decision=Decision.CLOSE)


def test_nothing_closes_before_the_targets_were_heard(given):
    with refused("targets-not-heard"):
        given.opened(targets=None).close(REVIEWER, decision=Decision.CLOSE)


def test_every_target_and_statement_is_evaluated_before_closing_and_all_that_lack_are_named(given):
    review = given.opened(targets=(given.speed, given.uptime))
    with pytest.raises(Refused) as refusal:
        review.close(REVIEWER, decision=Decision.CLOSE)
    assert refusal.value.codes == ("target-not-evaluated", "target-not-evaluated", "statement-missing")


def test_an_inconclusive_evaluation_is_none(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(None))
    with refused("target-not-evaluated"):
        review.close(REVIEWER, decision=Decision.CLOSE)


@pytest.mark.parametrize("left", ["gone_as_planned", "data_disposition", "final_value"])
def test_a_retirement_closes_when_it_went_as_planned_with_its_data_and_its_final_value(given, left):
    review = given.opened(ReleaseKind.RETIREMENT)
    for subject in ("gone_as_planned", "data_disposition", "final_value"):
        if subject != left:
            review.make_statement(REVIEWER, evaluation=given.statement(subject))
    with refused("statement-missing"):
        review.close(REVIEWER, decision=Decision.CLOSE)
    review.make_statement(REVIEWER, evaluation=given.statement(left))
    review.close(REVIEWER, decision=Decision.CLOSE)
    assert review.outcome is Outcome.SUCCESSFUL


@pytest.mark.parametrize("kind", [ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD])
def test_the_review_of_media_and_of_an_initial_load_is_short(given, kind):
    review = given.opened(kind, None, targets=None)
    review.close(REVIEWER, decision=Decision.CLOSE)
    assert review.outcome is Outcome.SUCCESSFUL


def test_a_missed_target_asks_for_a_linked_change_and_a_successor(given):
    review = given.ready(500.0)
    missed = review.missed[0].evaluation_id
    with refused("linked-change-missing", "successor-missing"):
        review.close(REVIEWER, decision=Decision.CLOSE)
    review.note_follow_up(given.service_act, evaluation_id=missed, change_id=given.an_id("c"), successor_id=None)
    with refused("successor-missing"):
        review.close(REVIEWER, decision=Decision.CLOSE)
    review.note_follow_up(
        given.service_act, evaluation_id=missed, change_id=given.an_id("c"), successor_id=given.an_id("s")
    )
    review.close(REVIEWER, decision=Decision.CLOSE)
    assert review.outcome is Outcome.UNSUCCESSFUL


def test_a_successor_without_a_linked_change_is_not_enough(given):
    review = given.ready(500.0)
    review.note_follow_up(
        given.service_act, evaluation_id=review.missed[0].evaluation_id, change_id=None, successor_id=given.an_id("s")
    )
    with refused("linked-change-missing"):
        review.close(REVIEWER, decision=Decision.CLOSE)


def asked(given):
    review = given.ready(500.0)
    review.note_release(
        given.service_act, facts=ReleaseFacts(in_review=True, lineage=(LineagePerson("bert", "builder"),))
    )
    review.request_acceptance(REVIEWER, request_id=given.an_id("r"), evaluation_id=review.missed[0].evaluation_id)
    return review, review.pending_events[-1]


def test_who_asks_for_an_acceptance_and_who_built_cannot_be_the_one_who_accepts(given):
    _, request = asked(given)
    assert request.lineage == (LineagePerson("bert", "builder"), LineagePerson("rita", "requester"))
    assert "500.0" in request.summary


def test_a_missed_target_that_was_accepted_in_writing_lets_the_review_close_with_issues(given):
    review, request = asked(given)
    review.note_acceptance(
        given.service_act,
        request_id=request.request_id,
        authorization_id=given.an_id("a"),
        document_digest=request.document_digest,
        deciders=("ada",),
    )
    review.close(REVIEWER, decision=Decision.CLOSE)
    assert review.outcome is Outcome.SUCCESSFUL_WITH_ISSUES


def test_an_acceptance_of_something_else_accepts_nothing(given):
    review, request = asked(given)
    for request_id, digest in ((request.request_id, "other"), (given.an_id("unknown"), request.document_digest)):
        review.note_acceptance(
            given.service_act,
            request_id=request_id,
            authorization_id=given.an_id("a"),
            document_digest=digest,
            deciders=("ada",),
        )
    assert not review.accepted_ids


@pytest.mark.parametrize("deciders", [(), ("rita",), ("ada", "ben"), ("tess",)])
def test_nobody_with_a_part_in_it_accepts_a_miss_and_a_part_may_become_known_later(given, deciders):
    review, request = asked(given)
    people = tuple(LineagePerson(person, part) for person, part in (("ben", "builder"), ("tess", "tester")))
    review.note_release(given.service_act, facts=ReleaseFacts(in_review=True, lineage=people))
    review.note_acceptance(
        given.service_act,
        request_id=request.request_id,
        authorization_id=given.an_id("a"),
        document_digest=request.document_digest,
        deciders=deciders,
    )
    assert not review.accepted_ids
    assert review.acceptances[request.request_id].state is AcceptanceState.NOT_ACCEPTED


def test_who_signed_off_may_accept_a_miss(given):
    review, request = asked(given)
    review.note_release(
        given.service_act, facts=ReleaseFacts(in_review=True, lineage=(LineagePerson("mia", "signer"),))
    )
    review.note_acceptance(
        given.service_act,
        request_id=request.request_id,
        authorization_id=given.an_id("a"),
        document_digest=request.document_digest,
        deciders=("mia",),
    )
    assert review.accepted_ids


def test_an_acceptance_that_was_refused_can_be_asked_for_again(given):
    review, request = asked(given)
    with refused("acceptance-asked"):
        review.request_acceptance(REVIEWER, request_id=given.an_id("r2"), evaluation_id=request.evaluation_id)
    review.note_no_acceptance(given.service_act, request_id=request.request_id, reason="no")
    review.request_acceptance(REVIEWER, request_id=given.an_id("r2"), evaluation_id=request.evaluation_id)
    assert review.acceptances[given.an_id("r")].state is AcceptanceState.NOT_ACCEPTED


def test_an_acceptance_that_was_given_is_taken_back_only_by_revoking_it(given):
    review, request = asked(given)
    review.note_acceptance(
        given.service_act,
        request_id=request.request_id,
        authorization_id=given.an_id("a"),
        document_digest=request.document_digest,
        deciders=("ada",),
    )
    with refused("acceptance-asked"):
        review.request_acceptance(REVIEWER, request_id=given.an_id("r2"), evaluation_id=request.evaluation_id)
    review.note_no_acceptance(given.service_act, request_id=request.request_id, reason="expired")
    assert review.accepted_ids
    review.note_no_acceptance(given.service_act, request_id=request.request_id, reason="revoked", revoked=True)
    assert not review.accepted_ids
    review.note_no_acceptance(given.service_act, request_id=given.an_id("unknown"), reason="?", revoked=True)
    assert event_names(review)[-1] == "TargetNotAccepted"


def test_only_what_was_missed_can_be_accepted(given):
    review = given.ready(100.0)
    with refused("not-missed"):
        review.request_acceptance(
            REVIEWER, request_id=given.an_id("r"), evaluation_id=review.evaluations[0].evaluation_id
        )


DUE = NOON + timedelta(days=2)


def with_debt(review, given, **changed):
    debt = Debt(**{"code": "rehearsal", "detail": "rehearse it", "due_at": DUE, **changed})
    review.note_release(given.service_act, facts=ReleaseFacts(in_review=True, debts=(debt,)))
    return review


def test_an_open_debt_blocks_closing_until_it_is_settled(given):
    review = with_debt(given.ready(), given)
    with refused("debt-open"):
        review.close(REVIEWER, decision=Decision.CLOSE)
    with_debt(review, given, state=DebtState.SETTLED)
    review.close(REVIEWER, decision=Decision.CLOSE)


def test_a_debt_that_failed_is_a_missed_target(given):
    review = with_debt(
        given.ready(), given, state=DebtState.FAILED, evaluation_id=given.an_id("debt"), reason="too long"
    )
    with refused("linked-change-missing", "successor-missing"):
        review.close(REVIEWER, decision=Decision.CLOSE)
    with_debt(review, given, state=DebtState.FAILED, evaluation_id=given.an_id("debt"), reason="far too long")
    assert [(e.evaluation_id, e.name, e.statement) for e in review.missed] == [
        (given.an_id("debt"), "rehearsal", "too long")
    ]


def test_after_a_back_out_a_debt_neither_blocks_a_way_back_nor_opens_a_successor(given):
    review = with_debt(given.opened(outcome=DeploymentOutcome.BACKED_OUT), given)
    with refused("debt-open"):
        review.close(REVIEWER, decision=Decision.CLOSE)
    with_debt(review, given, state=DebtState.FAILED, evaluation_id=given.an_id("debt"))
    assert not review.missed
    review.close(REVIEWER, decision=Decision.REDEPLOY)


@pytest.mark.parametrize("decision", WAYS_BACK)
def test_an_open_debt_does_not_stand_in_a_way_back(given, decision):
    review = with_debt(given.opened(outcome=DeploymentOutcome.BACKED_OUT), given)
    review.close(REVIEWER, decision=decision)
    assert review.decision is decision


@pytest.mark.parametrize("decision", WAYS_BACK)
@pytest.mark.parametrize("outcome", [None, DeploymentOutcome.DEPLOYED])
def test_after_a_success_there_is_no_way_back(given, decision, outcome):
    with refused("no-way-back"):
        given.opened(outcome=outcome).close(REVIEWER, decision=decision)


def test_a_release_whose_deployment_stayed_is_not_cancelled(given):
    with refused("deployment-stayed"):
        given.ready().close(REVIEWER, decision=Decision.CANCEL)


@pytest.mark.parametrize("outcome", NOT_STAYED)
@pytest.mark.parametrize("decision", [Decision.CANCEL, Decision.CLOSE, *WAYS_BACK])
def test_after_a_back_out_every_decision_is_open(given, outcome, decision):
    review = given.opened(outcome=outcome)
    review.close(REVIEWER, decision=decision)
    backed_out = outcome is DeploymentOutcome.BACKED_OUT
    assert review.outcome is (Outcome.BACKED_OUT if backed_out else Outcome.UNSUCCESSFUL)


@pytest.mark.parametrize("decision", [Decision.CLOSE, *WAYS_BACK])
def test_once_cancelling_was_asked_for_nothing_else_is_decided(given, decision):
    review = given.opened(outcome=DeploymentOutcome.BACKED_OUT)
    review.note_release(given.service_act, facts=ReleaseFacts(cancellation_requested=True))
    with refused("cancellation-requested"):
        review.close(REVIEWER, decision=decision)
    review.close(REVIEWER, decision=Decision.CANCEL)


def test_a_cancellation_crossing_a_deployment_that_stayed_does_not_lock_the_review(given):
    review = given.ready()
    review.note_release(given.service_act, facts=ReleaseFacts(cancellation_requested=True))
    review.close(REVIEWER, decision=Decision.CLOSE)


def test_a_warning_makes_it_successful_with_issues(given):
    review = given.ready(180.0)
    assert review.computed_outcome is Outcome.SUCCESSFUL_WITH_ISSUES


def test_a_later_pass_outweighs_a_warning(given):
    review = given.ready(180.0)
    review.record_measurement(given.service_act, measurement=given.measured(100.0, name="later"))
    assert review.computed_outcome is Outcome.SUCCESSFUL
    assert [e.result for e in review.verdicts] == [Result.PASS, Result.PASS]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FindingKind.ISSUE, Outcome.SUCCESSFUL_WITH_ISSUES),
        (FindingKind.OBSERVATION, Outcome.SUCCESSFUL),
        (FindingKind.LESSON, Outcome.SUCCESSFUL),
    ],
)
def test_an_issue_shows_in_the_outcome(given, kind, outcome):
    review = given.ready()
    review.record_finding(REVIEWER, finding_id=given.an_id("f"), kind=kind, text="the runbook was old")
    assert review.computed_outcome is outcome


def test_a_review_recommends_the_retirement_of_a_live_service_once(given):
    review = given.ready()
    for lifecycle in (None, "pipeline", "retiring", "retired"):
        with refused("service-not-live"):
            review.recommend_retirement(REVIEWER, lifecycle=lifecycle)
    review.recommend_retirement(REVIEWER, lifecycle="live")
    with refused("retirement-recommended"):
        review.recommend_retirement(REVIEWER, lifecycle="live")


def test_next_says_what_is_possible_and_why_not(given):
    review = given.ready(500.0)
    commands = {c.command: c for c in review.next(REVIEWER, lifecycle="live")}
    assert {c for c in commands if commands[c].possible} == {
        "evaluate",
        "record_finding",
        "recommend_retirement",
        "state_value",
        f"request_acceptance/{review.missed[0].evaluation_id}",
    }
    assert {u.code for u in commands["close"].unmet} == {"linked-change-missing", "successor-missing"}
    assert {u.code for u in commands["redeploy"].unmet} >= {"no-way-back"}


def test_replay_equals_live(given):
    review, _ = asked(given)
    copy = replayed(review)
    assert {k: v for k, v in vars(copy).items() if k != "_pending_events"} == {
        k: v for k, v in vars(review).items() if k != "_pending_events"
    }


def test_the_id_of_a_review_follows_from_its_deployment_or_its_release(given):
    assert given.opened().id == derived_id(given.an_id("deployment"), "review")
    assert given.opened(ReleaseKind.MEDIA, None).id == derived_id(given.an_id("release"), "review")
