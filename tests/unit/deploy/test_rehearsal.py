"""The course of a rehearsal: what it runs, what it measures, how it ends."""

from __future__ import annotations

import pytest
from deploy_service.domain import Phase, Rehearsal, RehearsalState
from fourgates.chassis.aggregate import Unmet
from fourgates.chassis.testing import event_names, replayed


@pytest.fixture
def begun(kit):
    def begin(baseline=None, **kwargs):
        return Rehearsal.request_one(
            kit.act("deploy-service"),
            rehearsal_id=kit.REHEARSAL,
            request=kit.a_rehearsal_request(**kwargs),
            environment=kit.ENVIRONMENTS[2],
            facts=kit.facts(),
            baseline=baseline,
        )

    return begin


def run(kit, rehearsal, *results):
    orders = []
    given = list(results)
    while (order := rehearsal.take_order()) is not None:
        orders.append(order)
        rehearsal.record_result(kit.act("deploy-service"), order=order, result=given.pop(0) if given else kit.DONE)
    return [(o.phase, o.step.name if o.step else "verify") for o in orders]


def test_the_candidate_is_deployed_verified_backed_out_and_removed(kit, begun):
    rehearsal = begun()
    assert run(kit, rehearsal) == [
        (Phase.DEPLOY, "install"),
        (Phase.DEPLOY, "start"),
        (Phase.VERIFY, "verify"),
        (Phase.BACK_OUT, "stop"),
        (Phase.BACK_OUT, "restore"),
        (Phase.BACK_OUT, "verify"),
        (Phase.REMOVE, "remove the candidate"),
    ]
    assert rehearsal.state is RehearsalState.FINISHED
    assert rehearsal.succeeded
    assert rehearsal.back_out_s == 2.0
    assert vars(replayed(rehearsal)) == {**vars(rehearsal), "_pending_events": []}


def test_what_runs_today_is_put_there_first_and_the_forward_steps_are_rehearsed_too(kit, begun):
    rehearsal = begun(kit.a_package(), forward_steps=(kit.START,))
    assert rehearsal.before_on("x1").package.version == "0.9"
    phases = [phase for phase, _ in run(kit, rehearsal)]
    assert list(dict.fromkeys(phases)) == [
        Phase.BASELINE,
        Phase.DEPLOY,
        Phase.VERIFY,
        Phase.FORWARD,
        Phase.BACK_OUT,
        Phase.REMOVE,
    ]
    assert phases.count(Phase.VERIFY) == 2


def test_a_failed_step_ends_it_with_the_removal(kit, begun):
    rehearsal = begun()
    assert run(kit, rehearsal, kit.DONE, kit.FAILED)[-1] == (Phase.REMOVE, "remove the candidate")
    assert rehearsal.state is RehearsalState.FINISHED
    assert not rehearsal.succeeded
    assert any("answered 500" in line for line in rehearsal.evidence)


def test_a_removal_that_fails_is_a_failure_and_still_the_end(kit, begun):
    rehearsal = begun()
    run(kit, rehearsal, *[kit.DONE] * 6, kit.FAILED)
    assert rehearsal.state is RehearsalState.FINISHED
    assert not rehearsal.succeeded


def test_a_back_out_that_takes_too_long_is_a_failure(kit, begun):
    rehearsal = begun(longest_duration_s=1)
    run(kit, rehearsal)
    assert not rehearsal.succeeded
    assert not rehearsal.failed


def test_what_is_heard_stops_it_once_and_the_candidate_is_removed(kit, begun):
    rehearsal = begun()
    first = rehearsal.take_order()
    for _ in range(2):
        rehearsal.heed(kit.act(), unmet=(Unmet("grant-revoked", "It was revoked.", "grant", "ask again"),))
    rehearsal.record_result(kit.act(), order=first, result=kit.DONE)
    assert run(kit, rehearsal) == [(Phase.REMOVE, "remove the candidate")]
    assert event_names(rehearsal).count("Stopped") == 1
    assert not rehearsal.succeeded


def test_nothing_is_recorded_after_the_end(kit, begun):
    rehearsal = begun()
    first = rehearsal.take_order()
    run(kit, rehearsal)
    count = len(rehearsal.pending_events)
    rehearsal.record_result(kit.act(), order=first, result=kit.DONE)
    rehearsal.heed(kit.act(), unmet=())
    assert len(rehearsal.pending_events) == count
