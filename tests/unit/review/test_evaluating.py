"""What a review evaluates, with which verdict, and what counts as missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fourgates.chassis.testing import NOON, an_act, event_names, refused
from review_service.domain import Comparison, Decision, DeploymentOutcome, FindingKind, ReleaseKind, Result

REVIEWER = an_act("rita", roles=("release_manager",))
NOT_STAYED = (DeploymentOutcome.BACKED_OUT, DeploymentOutcome.BACK_OUT_FAILED)


@pytest.mark.parametrize(
    ("measured", "result"),
    [
        (100.0, Result.PASS),
        (150.0, Result.PASS),
        (151.0, Result.WARNING),
        (200.0, Result.WARNING),
        (201.0, Result.FAIL),
    ],
)
def test_what_must_stay_below_a_goal_warns_before_it_fails(given, measured, result):
    assert given.speed.judge(measured, 10, 5) is result


@pytest.mark.parametrize(
    ("measured", "result"), [(100.0, Result.PASS), (99.5, Result.PASS), (99.2, Result.WARNING), (98.9, Result.FAIL)]
)
def test_what_must_reach_a_goal_warns_before_it_fails(given, measured, result):
    assert given.uptime.judge(measured, 10, 5) is result


def test_a_target_without_a_warning_passes_or_fails(given):
    target = replace(given.uptime, warning_at=None, comparison=Comparison.AT_LEAST)
    assert target.judge(99.0, 10, 5) is Result.PASS


@pytest.mark.parametrize(("measured", "count"), [(None, 10), (100.0, 4)])
def test_too_little_measured_concludes_nothing(given, measured, count):
    assert given.speed.judge(measured, count, 5) is Result.INCONCLUSIVE


def test_an_evaluation_keeps_the_measured_value_the_target_and_the_samples(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(120.0))
    (evaluation,) = review.evaluations
    assert (evaluation.measured, evaluation.goal, evaluation.unit) == (120.0, 200.0, "ms")
    assert evaluation.samples == given.measured(120.0).samples
    assert (evaluation.result, evaluation.missed) == (Result.PASS, False)


def test_a_measurement_that_is_recorded_already_changes_nothing(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(120.0))
    review.record_measurement(given.service_act, measurement=given.measured(500.0))
    assert len(review.evaluations) == 1


def test_a_measurement_of_no_target_of_this_review_changes_nothing(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(120.0, given.uptime))
    assert review.evaluations == ()


def test_a_measurement_after_the_decision_changes_nothing(given):
    review = given.ready()
    review.close(REVIEWER, decision=Decision.CLOSE)
    review.record_measurement(given.service_act, measurement=given.measured(500.0, name="late"))
    assert event_names(review)[-1] == "Closed"


def test_a_failed_target_is_missed_once_and_stays_missed(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(500.0))
    review.record_measurement(given.service_act, measurement=given.measured(600.0, name="second"))
    review.record_measurement(given.service_act, measurement=given.measured(100.0, name="third"))
    assert [e.missed for e in review.evaluations] == [True, False, False]
    assert [e.measured for e in review.missed] == [500.0]


def test_inconclusive_during_the_observation_neither_extends_nor_misses(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(None))
    assert event_names(review)[-1] == "TargetEvaluated"
    assert not review.missed
    assert not review.concluded(str(given.speed.target_id))


def test_inconclusive_at_the_end_extends_up_to_the_limit_and_then_counts_as_missed(given):
    review = given.opened()
    for count in range(3):
        act = an_act("review-service", at=review.observation_ends_at)
        review.record_measurement(act, measurement=given.measured(None, name=str(count)))
        assert len(review.missed) == (1 if count == 2 else 0)
    assert review.extension_count == 2
    assert review.observation_ends_at == NOON + timedelta(hours=1, seconds=1200)
    assert review.missed[0].result is Result.INCONCLUSIVE
    assert review.concluded(str(given.speed.target_id))


def test_inconclusive_at_the_end_does_not_matter_for_a_target_with_a_verdict(given):
    review = given.opened()
    review.record_measurement(given.service_act, measurement=given.measured(100.0))
    act = an_act("review-service", at=review.observation_ends_at)
    review.record_measurement(act, measurement=given.measured(None, name="second"))
    assert review.extension_count == 0


@pytest.mark.parametrize("outcome", NOT_STAYED)
def test_after_a_back_out_everything_is_recorded_as_not_applicable_and_nothing_is_missed(given, outcome):
    review = given.opened(outcome=outcome, targets=(given.speed, given.uptime))
    assert {e.subject for e in review.evaluations} == {
        "value",
        str(given.speed.target_id),
        str(given.uptime.target_id),
    }
    assert {e.result for e in review.evaluations} == {Result.NOT_APPLICABLE}
    assert {e.goal for e in review.evaluations} == {None, 200.0, 99.0}
    assert not review.missed


@pytest.mark.parametrize("outcome", NOT_STAYED)
def test_a_retirement_that_was_backed_out_has_nothing_to_state(given, outcome):
    review = given.opened(ReleaseKind.RETIREMENT, outcome, targets=None)
    assert [e.subject for e in review.evaluations] == ["gone_as_planned", "data_disposition", "final_value"]


def test_targets_are_pinned_once(given):
    review = given.opened()
    review.pin_targets(given.service_act, revision=2, targets=(given.uptime,))
    assert (review.revision, review.targets) == (1, (given.speed,))


@pytest.mark.parametrize("kind", [ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD, ReleaseKind.RETIREMENT])
def test_kinds_without_targets_pin_none(given, kind):
    review = given.opened(kind, None)
    assert review.targets == ()


def test_a_person_asks_for_an_evaluation_on_what_was_deployed(given):
    review = given.opened()
    review.request_evaluation(REVIEWER, request_id=given.an_id("request"))
    requested = review.pending_events[-1]
    assert (requested.targets, requested.endpoints) == ((given.speed,), (given.endpoint,))


def test_an_evaluation_needs_targets_that_were_heard(given):
    with refused("targets-not-heard"):
        given.opened(targets=None).request_evaluation(REVIEWER, request_id=given.an_id("request"))


def test_an_evaluation_needs_a_target(given):
    with refused("no-targets"):
        given.opened(targets=()).request_evaluation(REVIEWER, request_id=given.an_id("request"))


def test_nothing_is_evaluated_after_a_back_out(given):
    with refused("deployment-did-not-stay"):
        given.opened(outcome=DeploymentOutcome.BACKED_OUT).request_evaluation(REVIEWER, request_id=given.an_id("r"))


@pytest.mark.parametrize(
    ("minutes", "due"), [(0, False), (4, False), (5, True)], ids=["at once", "before the interval", "at the interval"]
)
def test_the_clock_measures_at_intervals_while_the_observation_runs(given, minutes, due):
    review = given.ready()
    act = an_act("review-service", at=NOON + timedelta(minutes=minutes))
    review.go_on_observing(act, request_id=given.an_id("tick"), every_s=300)
    assert (event_names(review)[-1] == "EvaluationRequested") is due


def test_the_interval_counts_from_the_last_request(given):
    review = given.opened()
    review.request_evaluation(
        an_act("rita", roles=("service_owner",), at=NOON + timedelta(minutes=4)), request_id=given.an_id("r")
    )
    assert not review.targets_due(NOON + timedelta(minutes=5), 300)
    assert review.targets_due(NOON + timedelta(minutes=9), 300)


def test_after_the_observation_the_clock_measures_only_what_has_no_verdict(given):
    review = given.opened(targets=(given.speed, given.uptime))
    review.record_measurement(given.service_act, measurement=given.measured(100.0))
    assert review.targets_due(NOON + timedelta(minutes=59), 300) == (given.speed, given.uptime)
    assert review.targets_due(NOON + timedelta(hours=1), 300) == (given.uptime,)


@pytest.mark.parametrize("outcome", NOT_STAYED)
def test_the_clock_measures_nothing_after_a_back_out(given, outcome):
    assert given.opened(outcome=outcome).targets_due(NOON + timedelta(hours=1), 300) == ()


def test_a_statement_that_failed_is_missed_once(given):
    review = given.opened(ReleaseKind.RETIREMENT)
    review.make_statement(REVIEWER, evaluation=given.statement("data_disposition", Result.FAIL))
    review.make_statement(REVIEWER, evaluation=given.statement("data_disposition", Result.FAIL, "second"))
    review.make_statement(REVIEWER, evaluation=given.statement("data_disposition", Result.PASS, "third"))
    assert [e.missed for e in review.evaluations] == [True, False, False]


def test_a_statement_must_be_one_that_the_kind_asks_for(given):
    with refused("statement-not-asked"):
        given.opened().make_statement(REVIEWER, evaluation=given.statement("gone_as_planned"))


@pytest.mark.parametrize("result", [Result.INCONCLUSIVE, Result.NOT_APPLICABLE])
def test_a_statement_is_a_verdict(given, result):
    with refused("not-a-verdict"):
        given.opened().make_statement(REVIEWER, evaluation=given.statement(result=result))


def test_nothing_is_stated_after_a_back_out(given):
    with refused("deployment-did-not-stay"):
        given.opened(outcome=DeploymentOutcome.BACKED_OUT).make_statement(REVIEWER, evaluation=given.statement())


def test_anyone_but_a_machine_records_a_finding(given):
    review = given.opened()
    review.record_finding(
        an_act("dora"), finding_id=given.an_id("f"), kind=FindingKind.LESSON, text="rehearse at night"
    )
    assert review.findings[0].found_by == "dora"
    with refused("machine-account"):
        review.record_finding(
            an_act("robot", machine=True), finding_id=given.an_id("g"), kind=FindingKind.LESSON, text="beep"
        )
