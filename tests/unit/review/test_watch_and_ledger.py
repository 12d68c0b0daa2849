"""The watch over targets after reviews, and the ledger of value."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fourgates.chassis.testing import NOON, an_act, event_names, refused, replayed
from review_service.domain import EntryKind, LedgerEntry, Result, TargetWatch, ValueLedger

ACT = an_act("review-service", machine=True)
OWNER = an_act("olga", roles=("service_owner",))


@pytest.fixture
def watch(given):
    watch = TargetWatch.begin(ACT, service_id=given.an_id("service"))
    watch.note_targets(ACT, revision=1, targets=(given.speed,))
    watch.note_endpoints(ACT, endpoints=(given.endpoint,), as_of=NOON)
    watch.begin_measuring(ACT, release_id=given.an_id("release"))
    return watch


def test_later_facts_win_whatever_the_order(given, watch):
    watch.note_targets(ACT, revision=3, targets=(given.uptime,))
    watch.note_targets(ACT, revision=2, targets=())
    watch.note_endpoints(ACT, endpoints=(), as_of=NOON - timedelta(hours=1))
    assert (watch.revision, watch.targets, watch.endpoints) == (3, (given.uptime,), (given.endpoint,))


def test_reviews_wait_for_targets_only_until_they_come(given, watch):
    fresh = TargetWatch.begin(ACT, service_id=given.an_id("other"))
    for _ in range(2):
        fresh.note_review(ACT, review_id=given.an_id("review"))
    assert fresh.waiting_review_ids == (given.an_id("review"),)
    fresh.note_targets(ACT, revision=1, targets=())
    assert fresh.waiting_review_ids == ()
    watch.note_review(ACT, review_id=given.an_id("review"))
    assert watch.waiting_review_ids == ()
    assert event_names(fresh) == ["Begun", "ReviewNoted", "TargetsNoted"]


def test_measuring_begins_with_a_closed_release_and_goes_on_at_intervals(given, watch):
    for minutes in (0, 59, 60, 61):
        at = NOON + timedelta(minutes=minutes)
        watch.go_on_measuring(an_act(at=at), request_id=given.an_id(str(minutes)), every_s=3600)
    assert event_names(watch)[-2:] == ["MeasuringBegun", "MeasurementRequested"]
    assert watch.last_request_id == given.an_id("60")


def test_nothing_is_measured_of_a_retired_service_or_without_targets_or_endpoints(given, watch):
    late = NOON + timedelta(days=1)
    assert watch.due(late, 60)
    watch.note_endpoints(ACT, endpoints=(), as_of=late)
    assert not watch.due(late, 60)
    watch.note_endpoints(ACT, endpoints=(given.endpoint,), as_of=late + timedelta(hours=1))
    watch.note_targets(ACT, revision=2, targets=())
    assert not watch.due(late, 60)
    watch.note_targets(ACT, revision=3, targets=(given.speed,))
    for _ in range(2):
        watch.end_measuring(ACT, lifecycle="retired")
    assert not watch.due(late, 60)
    watch.begin_measuring(ACT, release_id=given.an_id("release"))
    watch.begin_measuring(ACT, release_id=given.an_id("release"))
    assert event_names(watch)[-2:] == ["MeasuringEnded", "MeasuringBegun"]


def test_a_later_miss_is_recorded_with_its_samples(given, watch):
    for _ in range(2):
        watch.record_measurement(ACT, target=given.speed, measurement=given.measured(500.0), samples_min=5)
    evaluation = watch.latest[given.speed.target_id]
    assert (evaluation.result, evaluation.missed, evaluation.samples) == (
        Result.FAIL,
        True,
        given.measured(500.0).samples,
    )
    assert watch.miss_count == 1
    watch.record_measurement(ACT, target=given.speed, measurement=given.measured(1.0, name="next"), samples_min=5)
    assert (watch.miss_count, watch.latest[given.speed.target_id].result) == (1, Result.PASS)
    assert replayed(watch).latest == watch.latest


def an_entry(given, kind=EntryKind.EXPECTED, unit="EUR", amount=10.0, name="entry"):
    return LedgerEntry(given.an_id(name), kind, amount, unit, "fewer calls", "olga", "2026-Q1")


@pytest.fixture
def ledger(given):
    return ValueLedger.open(ACT, service_id=given.an_id("service"), value_case="fewer calls")


def test_what_was_realised_is_compared_with_what_was_expected(given, ledger):
    ledger.enter(OWNER, entry=an_entry(given))
    ledger.enter(OWNER, entry=an_entry(given, EntryKind.REALISED, amount=4.0))
    ledger.enter(OWNER, entry=an_entry(given, EntryKind.REALISED, amount=3.0))
    assert (ledger.total(EntryKind.EXPECTED, "EUR"), ledger.total(EntryKind.REALISED, "EUR")) == (10.0, 7.0)
    assert ledger.total(EntryKind.EXPECTED, "USD") == 0
    assert replayed(ledger).entries == ledger.entries


def test_nothing_is_realised_that_nobody_expected(given, ledger):
    ledger.enter(OWNER, entry=an_entry(given))
    with refused("no-expectation"):
        ledger.enter(OWNER, entry=an_entry(given, EntryKind.REALISED, unit="USD"))


def test_only_reviewers_enter_value(given, ledger):
    with refused("not-entitled"):
        ledger.enter(an_act("bert", roles=("builder",)), entry=an_entry(given))


def test_no_machine_enters_value(given, ledger):
    with refused("machine-account"):
        ledger.enter(an_act("robot", roles=("service_owner",), machine=True), entry=an_entry(given))


def test_the_ledger_of_a_retired_service_is_final(given, ledger):
    for _ in range(2):
        ledger.close(ACT, lifecycle="retired")
    with refused("ledger-closed"):
        ledger.enter(OWNER, entry=an_entry(given))
    ledger.note_realised(ACT, entry=an_entry(given, EntryKind.REALISED))
    assert event_names(ledger) == ["Opened", "Closed"]


def test_the_value_that_a_review_stated_is_entered_once(given, ledger):
    for _ in range(2):
        ledger.note_realised(ACT, entry=replace(an_entry(given, EntryKind.REALISED), review_id=given.an_id("review")))
    assert event_names(ledger) == ["Opened", "RealisationEntered"]


def test_a_value_case_heard_later_is_noted(ledger):
    for _ in range(2):
        ledger.note_value_case(ACT, value_case="fewer claims")
    assert (ledger.value_case, event_names(ledger)) == ("fewer claims", ["Opened", "ValueCaseNoted"])


def test_next_says_what_can_be_entered(given, ledger):
    assert [c.possible for c in ledger.next(OWNER)] == [True, False]
    ledger.enter(OWNER, entry=an_entry(given))
    assert [c.possible for c in ledger.next(OWNER)] == [True, True]
