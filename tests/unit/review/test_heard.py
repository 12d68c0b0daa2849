"""What was heard of releases, services and follow-ups, in any order and more than once."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.testing import NOON, an_act, event_names, replayed
from review_service.domain import (
    Debt,
    DebtState,
    KnownFollowUp,
    KnownRelease,
    KnownService,
    LineagePerson,
)

ACT = an_act("review-service", machine=True)
DUE = NOON + timedelta(days=1)
CAB = Debt("cab_confirmation", "the CAB confirms", DUE)


@pytest.fixture
def release(given):
    return KnownRelease.note(ACT, release_id=given.an_id("release"), service_id=given.an_id("service"))


def test_a_release_waits_for_the_review_of_the_deployment_it_asked_for_last(given, release):
    first, second = given.an_id("first"), given.an_id("second")
    release.note_deployment_request(ACT, deployment_id=first)
    assert not release.facts_for(first).in_review
    release.note_review_phase(ACT, kind="update")
    assert release.facts_for(first).in_review
    assert not release.facts_for(second).in_review
    release.note_deployment_request(ACT, deployment_id=second)
    assert not release.facts_for(second).in_review
    release.note_review_phase(ACT, kind="update")
    assert release.facts_for(second).in_review


def test_a_release_without_deployment_waits_for_its_only_review(release):
    assert not release.facts_for(None).in_review
    release.note_review_phase(ACT, kind="media")
    assert release.facts_for(None).in_review


def test_debts_are_incurred_settled_and_failed(given, release):
    release.note_debts(ACT, debts=(CAB, Debt("rehearsal", "rehearse", DUE)))
    release.note_debt_settled(ACT, code="rehearsal")
    release.note_debt_failed(ACT, code="cab_confirmation", reason="no", evaluation_id=given.an_id("e"))
    cab, rehearsal = release.facts_for(None).debts
    assert (cab.state, cab.reason, cab.evaluation_id) == (DebtState.FAILED, "no", given.an_id("e"))
    assert rehearsal.state is DebtState.SETTLED


def test_a_failure_heard_before_its_debt_stays_a_failure(given, release):
    release.note_debt_failed(ACT, code="cab_confirmation", reason="no", evaluation_id=given.an_id("e"))
    release.note_debts(ACT, debts=(CAB,))
    (debt,) = release.facts_for(None).debts
    assert (debt.state, debt.due_at, debt.detail) == (DebtState.FAILED, DUE, "the CAB confirms")


def test_a_debt_that_is_incurred_again_is_open_again(release):
    release.note_debts(ACT, debts=(CAB,))
    release.note_debt_settled(ACT, code="cab_confirmation")
    release.note_debts(ACT, debts=(Debt("cab_confirmation", "again", DUE + timedelta(days=1)),))
    assert release.facts_for(None).debts[0].state is DebtState.OPEN


def test_what_is_heard_of_a_release_twice_is_noted_once(given, release):
    person = LineagePerson("bert", "builder")
    for _ in range(2):
        release.note_lineage(ACT, people=(person, person))
        release.note_deployment_request(ACT, deployment_id=given.an_id("d"))
        release.note_debts(ACT, debts=(CAB,))
        release.note_debt_settled(ACT, code="cab_confirmation")
        release.note_debt_settled(ACT, code="unknown")
        release.note_debt_failed(ACT, code="rehearsal", reason="no", evaluation_id=given.an_id("e"))
        release.note_cancellation(ACT, reason="not wanted")
        release.note_review(ACT, review_id=given.an_id("r"))
        release.note_review_phase(ACT, kind="fix")
    assert event_names(release) == [
        "Noted",
        "LineageNoted",
        "DeploymentRequestNoted",
        "DebtsNoted",
        "DebtSettledNoted",
        "DebtFailedNoted",
        "CancellationNoted",
        "ReviewNoted",
        "ReviewPhaseNoted",
    ]
    assert release.facts_for(given.an_id("d")).lineage == (person,)
    copy = replayed(release)
    assert copy.facts_for(given.an_id("d")) == release.facts_for(given.an_id("d"))
    assert copy.review_ids == release.review_ids == (given.an_id("r"),)


def test_a_service_is_known_in_whatever_order_it_is_heard(given):
    early = KnownService.note(ACT, service_id=given.an_id("s"), name="parcels", owner_id="olga", lifecycle="pipeline")
    early.note_lifecycle(ACT, lifecycle="live")
    late = KnownService.note(ACT, service_id=given.an_id("s"), lifecycle="live")
    for _ in range(2):
        late.note_lifecycle(ACT, lifecycle="live")
        late.note_registration(ACT, name="parcels", owner_id="olga")
    assert event_names(late) == ["Noted", "RegistrationNoted"]
    assert (early.name, early.owner_id, early.lifecycle) == (late.name, late.owner_id, late.lifecycle)


def follow_up_steps(given):
    evaluation = given.an_id("e")
    return {
        "review": lambda f: f.note_review(ACT, review_id=given.an_id("r")),
        "change": lambda f: f.note_linked_change(ACT, change_id=derived_id(evaluation, "linked-change")),
        "successor": lambda f: f.note_successor(ACT, successor_id=derived_id(evaluation, "successor-release")),
    }


@pytest.mark.parametrize("order", list(permutations(["review", "change", "successor"])))
def test_a_follow_up_is_known_in_whatever_order_it_is_heard(given, order):
    follow_up = KnownFollowUp.note(ACT, evaluation_id=given.an_id("e"))
    for step in (*order, *order):
        follow_up_steps(given)[step](follow_up)
    assert len(event_names(follow_up)) == 4
    assert follow_up.review_id == given.an_id("r")
    assert follow_up.change_id
    assert follow_up.successor_id


def test_only_the_change_and_the_release_whose_ids_follow_from_the_miss_answer_it(given):
    follow_up = KnownFollowUp.note(ACT, evaluation_id=given.an_id("e"))
    follow_up.note_linked_change(ACT, change_id=given.an_id("any"))
    follow_up.note_successor(ACT, successor_id=given.an_id("any"))
    assert event_names(follow_up) == ["Noted"]
