"""The course of a deployment: forward, paused, backed out, past the point of no return."""

from __future__ import annotations

import pytest
from deploy_service.domain import DeploymentState, LowerRungFact, Phase, Placed
from fourgates.chassis.aggregate import Unmet
from fourgates.chassis.testing import event_names, refused, replayed


def steps(orders):
    return [(o.node, o.step.name if o.step else "verify") for o in orders]


def test_waves_go_one_node_after_the_other_and_end_verified(kit):
    deployment = kit.started()
    orders = kit.carried_on(deployment)
    assert steps(orders) == [
        *((node, step) for node in ("p1", "p2", "p3") for step in ("install", "start", "probe")),
        *((node, "verify") for node in ("p1", "p2", "p3")),
    ]
    assert deployment.state is DeploymentState.DEPLOYED
    assert [e.node for e in deployment.endpoints] == ["p1", "p2", "p3"]
    assert event_names(deployment)[-2:] == ["EnvironmentStands", "Deployed"]
    assert vars(replayed(deployment)) == {**vars(deployment), "_pending_events": []}


def test_a_failed_step_backs_out_every_touched_node_in_reverse_by_the_rehearsed_steps(kit):
    old = Placed("p1", kit.a_package(), "http://127.0.0.1:9", "o" * 64)
    deployment = kit.started(before=(old,))
    kit.carried_out(deployment, *[kit.DONE] * 4, kit.FAILED)
    assert deployment.state is DeploymentState.BACKING_OUT
    orders = kit.carried_on(deployment)
    assert steps(orders) == [
        *(("p2", name) for name in ("stop", "restore", "probe", "verify")),
        *(("p1", name) for name in ("stop", "restore", "probe", "verify")),
    ]
    assert [o.step for o in orders if o.step and o.node == "p1"] == list(deployment.request.back_out_steps)
    assert deployment.state is DeploymentState.BACKED_OUT
    assert [p.package.version for p in deployment.restored] == ["0.9"]


def test_a_back_out_without_a_restore_leaves_nothing(kit):
    old = Placed("p1", kit.a_package(), "http://127.0.0.1:9", "o" * 64)
    deployment = kit.started(before=(old,), back_out_steps=(kit.STOP, kit.REMOVE))
    kit.carried_out(deployment, kit.FAILED)
    kit.carried_on(deployment)
    assert deployment.restored == ()


def test_a_failed_verification_backs_out(kit):
    deployment = kit.started(deployment_steps=(kit.START,))
    kit.carried_out(deployment, *[kit.DONE] * 3, kit.FAILED)
    assert deployment.state is DeploymentState.BACKING_OUT
    assert "verification failed on p1" in deployment.reason


def test_a_failed_back_out_step_pages_a_person(kit):
    deployment = kit.started()
    kit.carried_out(deployment, kit.FAILED, kit.FAILED)
    assert deployment.state is DeploymentState.BACK_OUT_FAILED
    assert event_names(deployment)[-1] == "BackOutFailed"
    assert deployment.take_order(kit.act()) is None


def test_a_back_out_before_anything_was_touched_ends_at_once(kit):
    deployment = kit.started()
    deployment.back_out(kit.act(), reason="second thoughts")
    assert deployment.state is DeploymentState.BACKED_OUT


def test_past_the_point_of_no_return_a_failure_goes_forward(kit):
    deployment = kit.started(point_of_no_return=2, forward_steps=(kit.START, kit.PROBE))
    kit.carried_out(deployment, kit.DONE, kit.FAILED)
    assert deployment.state is DeploymentState.RUNNING
    orders = kit.carried_on(deployment)
    assert [o.phase for o in orders[:2]] == [Phase.FORWARD, Phase.FORWARD]
    assert steps(orders[2:5]) == [("p2", "install"), ("p2", "start"), ("p2", "probe")]
    assert deployment.state is DeploymentState.DEPLOYED


@pytest.mark.parametrize("forward", [0, 1])
def test_past_the_point_of_no_return_without_a_way_forward_the_back_out_has_failed(kit, forward):
    deployment = kit.started(point_of_no_return=1, forward_steps=(kit.START,) * forward)
    kit.carried_out(deployment, *[kit.FAILED] * (1 + forward))
    assert deployment.state is DeploymentState.BACK_OUT_FAILED


def test_it_goes_forward_once(kit):
    deployment = kit.started(point_of_no_return=1, forward_steps=(kit.START,))
    kit.carried_out(deployment, kit.FAILED, kit.DONE, kit.FAILED)
    assert deployment.state is DeploymentState.BACK_OUT_FAILED


def test_a_failed_step_before_the_point_of_no_return_still_backs_out(kit):
    deployment = kit.started(point_of_no_return=3)
    kit.carried_out(deployment, kit.DONE, kit.FAILED)
    assert deployment.state is DeploymentState.BACKING_OUT


@pytest.fixture
def on_staging(kit):
    """A deployment that stands in staging, verified, and soaks."""
    rungs = (kit.a_rung(kit.STAGING, (("s1",),), soak_s=60), kit.a_rung(hours=2))

    def go(**kwargs):
        request = kit.a_request(**{"environments": rungs, **kwargs})
        deployment = kit.Deployment.plan(
            kit.act("deploy-service"), deployment_id=kit.DEPLOYMENT, request=request, environments=kit.ENVIRONMENTS
        )
        deployment.start(kit.act(), facts=kit.facts(request), before=())
        kit.carried_out(deployment, *[kit.DONE] * 4)
        assert deployment.stands
        return deployment

    return go


def test_the_next_environment_waits_for_the_soak(kit, on_staging):
    deployment = on_staging()
    assert deployment.take_order(kit.act()) is None
    with refused("soak"):
        deployment.begin_next_environment(kit.act(after_s=59), facts=kit.facts(), before=())
    deployment.begin_next_environment(kit.act(after_s=60), facts=kit.facts(), before=())
    assert deployment.environments_begun == (kit.STAGING, kit.PRODUCTION)
    kit.carried_on(deployment, at_s=60)
    assert deployment.state is DeploymentState.DEPLOYED
    assert len(deployment.endpoints) == 4
    assert vars(replayed(deployment)) == {**vars(deployment), "_pending_events": []}


def test_the_environment_itself_may_ask_for_a_longer_soak_but_not_in_an_emergency(kit, on_staging):
    slow = tuple(kit.replace(e, soak_s=600) for e in kit.ENVIRONMENTS)
    for emergency, expected in ((False, 600), (True, 60)):
        rungs = (kit.a_rung(kit.STAGING, (("s1",),), soak_s=60), kit.a_rung(hours=2))
        request = kit.a_request(environments=rungs, emergency=emergency)
        deployment = kit.Deployment.plan(
            kit.act(), deployment_id=kit.DEPLOYMENT, request=request, environments=kit.ENVIRONMENTS
        )
        deployment.start(kit.act(), facts=kit.facts(request, environments=slow), before=())
        assert deployment.soak_s == expected


def test_the_next_environment_waits_for_its_facts_and_its_window(kit, on_staging):
    late = (kit.a_rung(kit.STAGING, (("s1",),)), kit.a_rung(after_h=5))
    deployment = on_staging(environments=late)
    with refused("window-not-begun", "media-quarantined"):
        deployment.begin_next_environment(
            kit.act(after_s=100), facts=kit.facts(media=kit.with_medium("quarantined")), before=()
        )


def test_no_rung_of_the_ladder_is_left_out_between_two_environments(kit, on_staging):
    deployment = on_staging()
    skipped = kit.facts(lower_rungs=(LowerRungFact("acceptance", None, 0),))
    with refused("ladder"):
        deployment.begin_next_environment(kit.act(after_s=60), facts=skipped, before=())


def test_the_next_environment_begins_only_when_the_one_before_stands(kit):
    deployment = kit.started()
    with refused("environment-not-standing"):
        deployment.begin_next_environment(kit.act(), facts=kit.facts(), before=())


def test_a_failure_in_a_later_environment_backs_out_that_one_only(kit, on_staging):
    deployment = on_staging()
    deployment.begin_next_environment(kit.act(after_s=60), facts=kit.facts(), before=())
    kit.carried_out(deployment, kit.FAILED, at_s=60)
    orders = kit.carried_on(deployment, at_s=60)
    assert {o.environment_id for o in orders} == {kit.PRODUCTION}
    assert deployment.state is DeploymentState.BACKED_OUT
    assert deployment.leaving_id == kit.PRODUCTION
    assert [environment_id for environment_id, _ in deployment.standing] == [kit.STAGING]


def test_a_back_out_during_the_soak_backs_out_what_stands(kit, on_staging):
    deployment = on_staging()
    deployment.back_out(kit.act(), reason="looks wrong")
    orders = kit.carried_on(deployment)
    assert {o.environment_id for o in orders} == {kit.STAGING}
    assert deployment.state is DeploymentState.BACKED_OUT
    assert deployment.standing == ()


def test_past_the_point_of_no_return_what_stands_stays_when_the_rest_is_given_up(kit, on_staging):
    deployment = on_staging(point_of_no_return=1)
    deployment.back_out(kit.act(), reason="enough")
    assert deployment.state is DeploymentState.BACKED_OUT
    assert deployment.leaving_id == kit.PRODUCTION
    assert deployment.standing


@pytest.mark.parametrize(("plan", "state"), [("pause", "paused"), ("back_out", "backed_out")])
def test_the_window_of_the_next_environment_ends_before_it_began(kit, on_staging, plan, state):
    deployment = on_staging(on_window_end=plan)
    deployment.end_window(kit.act(after_s=7200))
    assert deployment.state == state
    assert [environment_id for environment_id, _ in deployment.standing] == [kit.STAGING]


@pytest.mark.parametrize(("plan", "state"), [("pause", "paused"), ("back_out", "backing_out")])
def test_a_window_that_ends_during_a_pause_backs_out_when_the_plan_says_so(kit, plan, state):
    deployment = kit.started(on_window_end=plan)
    kit.carried_out(deployment, kit.DONE)
    deployment.pause(kit.act(), reason="lunch")
    deployment.end_window(kit.act(after_s=3600))
    assert deployment.state == state
    assert event_names(deployment).count("Paused") == 1


def test_a_window_that_ends_during_a_pause_past_the_point_of_no_return_is_left_to_a_person(kit):
    deployment = kit.started(on_window_end="back_out", point_of_no_return=1)
    kit.carried_out(deployment, kit.DONE)
    deployment.pause(kit.act(), reason="lunch")
    deployment.end_window(kit.act(after_s=3600))
    assert deployment.state is DeploymentState.PAUSED


def test_a_paused_deployment_gives_up_the_next_environment_and_keeps_what_stands(kit, on_staging):
    deployment = on_staging(on_window_end="back_out")
    deployment.pause(kit.act(), reason="lunch")
    deployment.end_window(kit.act(after_s=7200))
    assert deployment.state is DeploymentState.BACKED_OUT
    assert [environment_id for environment_id, _ in deployment.standing] == [kit.STAGING]


def test_a_window_that_ends_pauses_as_the_plan_says(kit):
    deployment = kit.started()
    deployment.end_window(kit.act(after_s=3599))
    assert deployment.state is DeploymentState.RUNNING
    deployment.end_window(kit.act(after_s=3600))
    assert deployment.state is DeploymentState.PAUSED
    assert "window ended" in deployment.reason


def test_a_window_that_ends_backs_out_as_the_plan_says(kit):
    deployment = kit.started(on_window_end="back_out")
    kit.carried_out(deployment, kit.DONE)
    deployment.end_window(kit.act(after_s=3600))
    assert deployment.state is DeploymentState.BACKING_OUT


def test_past_the_point_of_no_return_the_end_of_a_window_pauses(kit):
    deployment = kit.started(on_window_end="back_out", point_of_no_return=1)
    kit.carried_out(deployment, kit.DONE)
    deployment.end_window(kit.act(after_s=3600))
    assert deployment.state is DeploymentState.PAUSED


def test_the_end_of_a_window_leaves_alone_what_waits_or_backs_out(kit):
    waiting = kit.planned()
    waiting.end_window(kit.act(after_s=3600))
    assert waiting.state is DeploymentState.PLANNED


@pytest.mark.parametrize(("back_out", "state"), [(False, "paused"), (True, "backing_out")])
def test_what_is_heard_stops_running_work(kit, back_out, state):
    deployment = kit.started()
    kit.carried_out(deployment, kit.DONE)
    unmet = (Unmet("grant-revoked", "The grant was revoked.", "authorization", "redeploy"),)
    deployment.heed(kit.act("deploy-service"), unmet=unmet, back_out=back_out)
    assert deployment.state == state
    assert "grant-revoked" in deployment.reason


def test_a_pause_waits_for_the_step_in_flight_and_resuming_goes_on(kit):
    deployment = kit.started()
    order = deployment.take_order(kit.act())
    deployment.pause(kit.act(), reason="lunch")
    deployment.record_result(kit.act(), order=order, result=kit.DONE)
    assert deployment.take_order(kit.act()) is None
    deployment.resume(kit.act(), facts=kit.facts())
    assert deployment.take_order(kit.act()).step == kit.START


def test_a_pause_in_the_verification_returns_to_it(kit):
    deployment = kit.started()
    kit.carried_out(deployment, *[kit.DONE] * 9)
    deployment.take_order(kit.act())
    deployment.pause(kit.act(), reason="lunch")
    deployment.resume(kit.act(), facts=kit.facts())
    assert deployment.state is DeploymentState.VERIFYING


def test_a_step_that_fails_during_a_pause_backs_out(kit):
    deployment = kit.started()
    order = deployment.take_order(kit.act())
    deployment.pause(kit.act(), reason="lunch")
    deployment.record_result(kit.act(), order=order, result=kit.FAILED)
    assert deployment.state is DeploymentState.BACKING_OUT


def test_a_restart_repeats_the_step_in_flight(kit):
    deployment = kit.started()
    first = deployment.take_order(kit.act())
    assert deployment.take_order(kit.act()) == first
    assert event_names(deployment).count("StepBegan") == 1


def test_a_step_whose_result_never_came_before_a_back_out_counts_as_interrupted(kit):
    deployment = kit.started()
    deployment.take_order(kit.act())
    deployment.back_out(kit.act(), reason="now")
    order = deployment.take_order(kit.act())
    assert order.phase is Phase.BACK_OUT
    assert deployment.state is DeploymentState.BACKING_OUT


def test_a_late_result_is_kept_and_changes_nothing(kit):
    deployment = kit.started()
    order = deployment.take_order(kit.act())
    deployment.back_out(kit.act(), reason="now")
    deployment.record_result(kit.act(), order=order, result=kit.FAILED)
    assert deployment.state is DeploymentState.BACKING_OUT
    assert deployment.take_order(kit.act()).phase is Phase.BACK_OUT


def test_a_result_told_twice_counts_once(kit):
    deployment = kit.started()
    (order,) = kit.carried_out(deployment, kit.DONE)
    deployment.record_result(kit.act(), order=order, result=kit.FAILED)
    assert deployment.done == 1
    assert deployment.state is DeploymentState.RUNNING


def test_a_result_after_the_end_changes_nothing(kit):
    deployment = kit.started(point_of_no_return=1, forward_steps=(kit.START,))
    kit.carried_out(deployment, kit.FAILED)
    order = deployment.take_order(kit.act())
    deployment.back_out(kit.act(), reason="give up")
    assert deployment.state is DeploymentState.BACK_OUT_FAILED
    deployment.record_result(kit.act(), order=order, result=kit.FAILED)
    assert event_names(deployment).count("BackOutFailed") == 1


def test_a_retirement_leaves_nothing(kit):
    deployment = kit.started(kind="retirement", deployment_steps=(kit.STOP, kit.REMOVE))
    kit.carried_on(deployment, kit.GONE)
    assert deployment.state is DeploymentState.DEPLOYED
    assert deployment.endpoints == ()
    assert deployment.standing == ((kit.PRODUCTION, ()),)


def test_what_can_no_longer_start_is_dropped_and_what_runs_is_not(kit):
    waiting, running = kit.planned(), kit.started()
    waiting.drop(kit.act("deploy-service"), reason="its window passed")
    running.drop(kit.act("deploy-service"), reason="its window passed")
    assert waiting.state is DeploymentState.ABORTED
    assert running.state is DeploymentState.RUNNING
    assert waiting.next(kit.act(), kit.facts()) == ()


def test_what_can_be_done_next_is_what_can_be_done(kit):
    deployment = kit.planned()
    possible = {c.command for c in deployment.next(kit.act(), kit.facts()) if c.possible}
    assert possible == {"start", "abort"}
    deployment.start(kit.act(), facts=kit.facts(), before=())
    assert {c.command for c in deployment.next(kit.act(), kit.facts()) if c.possible} == {"pause", "back_out"}
