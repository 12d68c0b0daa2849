"""Every reason for which a deployment or a rehearsal is refused, or may not go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from deploy_service.domain import DeploymentState, FreezeFact, LowerRungFact, Rehearsal, RehearsalState, Step
from deploy_service.domain.conditions import HOPELESS
from fourgates.chassis.testing import NOON, refused

STRANGE = Step("dance", "dance")


def codes(reasons):
    return {reason.partition(":")[0] for reason in reasons}


PLANS = {
    "environment-unknown": lambda k: {"environments": (k.a_rung(UUID(int=99)),)},
    "environment-is-sandbox": lambda k: {"environments": (k.a_rung(k.SANDBOX, (("x1",),)),)},
    "node-unknown": lambda k: {"environments": (k.a_rung(waves=(("p9",),)),)},
    "node-twice": lambda k: {"environments": (k.a_rung(waves=(("p1",), ("p1",))),)},
    "no-nodes": lambda k: {"environments": (k.a_rung(waves=((),)),)},
    "ladder-order": lambda k: {"environments": (k.a_rung(), k.a_rung(k.STAGING, (("s1",),)))},
    "unknown-action": lambda k: {"forward_steps": (STRANGE,)},
    "no-back-out-steps": lambda k: {"back_out_steps": ()},
    "nothing-starts": lambda k: {"deployment_steps": (k.INSTALL,)},
    "nothing-stops": lambda k: {"kind": "retirement"},
    "kind-without-deployment": lambda k: {"kind": "media"},
    "environment-twice": lambda k: {"environments": (k.a_rung(), k.a_rung())},
    "wrong-gate": lambda k: {"grant": k.a_grant("check_in")},
    "grant-undecided": lambda k: {"grant": k.a_grant(deciders=())},
}


@pytest.mark.parametrize("code", PLANS)
def test_a_request_that_cannot_be_carried_out_is_refused_and_recorded(kit, code):
    deployment = kit.planned(**PLANS[code](kit))
    assert codes(deployment.reasons) == {code}
    assert deployment.state is DeploymentState.ABORTED


def test_one_grant_is_one_deployment(kit):
    deployment = kit.Deployment.plan(
        kit.act("deploy-service"),
        deployment_id=kit.DEPLOYMENT,
        request=kit.a_request(),
        environments=kit.ENVIRONMENTS,
        grant_used=True,
    )
    assert codes(deployment.reasons) == {"grant-used"}


def test_a_request_without_environments_is_refused(kit):
    assert codes(kit.planned(environments=()).reasons) == {"no-nodes"}


def test_every_reason_is_given_at_once(kit):
    deployment = kit.planned(back_out_steps=(), environments=(kit.a_rung(UUID(int=99)), kit.a_rung(kit.SANDBOX)))
    assert codes(deployment.reasons) == {
        "no-back-out-steps",
        "environment-unknown",
        "environment-is-sandbox",
        "node-unknown",
    }


def a_freeze(kit, **kwargs):
    given = {
        "window_id": UUID(int=7),
        "starts_at": NOON,
        "ends_at": NOON + timedelta(hours=1),
        "environment_ids": (),
        "service_ids": (),
        "reason": "year end",
    }
    return FreezeFact(**{**given, **kwargs})


GOING_ON = {
    "media-quarantined": lambda k: {"media": k.with_medium("quarantined")},
    "media-withdrawn": lambda k: {"media": k.with_medium("withdrawn")},
    "grant-revoked": lambda k: {"authorization": "revoked"},
    "freeze": lambda k: {"freezes": (a_freeze(k),)},
    "change-cancelled": lambda k: {"cancelled_change_ids": (UUID(int=8),)},
    "release-cancelled": lambda k: {"release_cancelled": True},
    "service-retired": lambda k: {"lifecycle": "retired"},
}
STARTING = {
    **GOING_ON,
    "media-not-definitive": lambda k: {"media": k.with_medium("unheard")},
    "grant-expired": lambda k: {"authorization": "expired"},
    "grant-voided": lambda k: {"authorization": "voided"},
    "on-hold": lambda k: {"on_hold": True},
    "change-on-hold": lambda k: {"held_change_ids": (UUID(int=8),)},
    "service-unheard": lambda k: {"lifecycle": None},
    "service-retiring": lambda k: {"lifecycle": "retiring"},
    "not-rehearsed": lambda k: {"rehearsal": None},
    "package-not-rehearsed": lambda k: {"rehearsal": replace(k.facts().rehearsal, package_digest="0" * 64)},
    "steps-not-rehearsed": lambda k: {"rehearsal": replace(k.facts().rehearsal, steps_digest="0" * 64)},
    "ladder": lambda k: {"lower_rungs": (LowerRungFact("staging", None, 0),)},
}


@pytest.mark.parametrize("code", STARTING)
def test_a_start_is_refused_while_the_facts_forbid_it(kit, code):
    deployment = kit.planned()
    facts = kit.facts(deployment.request, **STARTING[code](kit))
    assert [u.code for u in deployment.unmet_for_start(kit.act(), facts)] == [code]
    with refused(code):
        deployment.start(kit.act(), facts=facts, before=())
    assert deployment.state is DeploymentState.PLANNED


@pytest.mark.parametrize("code", GOING_ON)
def test_going_on_after_a_pause_is_refused_while_the_facts_forbid_it(kit, code):
    deployment = kit.started()
    deployment.pause(kit.act(), reason="lunch")
    with refused(code):
        deployment.resume(kit.act(), facts=kit.facts(**GOING_ON[code](kit)))


def test_what_matters_at_the_start_only_does_not_stop_going_on(kit):
    deployment = kit.started()
    deployment.pause(kit.act(), reason="lunch")
    deployment.resume(
        kit.act(),
        facts=kit.facts(on_hold=True, held_change_ids=(UUID(int=8),), authorization="expired", rehearsal=None),
    )
    assert deployment.state is DeploymentState.RUNNING


def test_other_back_out_steps_than_the_rehearsed_ones_are_refused_even_under_the_same_digest(kit):
    deployment = kit.planned()
    other = replace(kit.facts().rehearsal, executed_digest="0" * 64)
    with refused("steps-not-rehearsed"):
        deployment.start(kit.act(), facts=kit.facts(rehearsal=other), before=())


def test_other_items_than_the_rehearsed_ones_are_refused_even_under_the_same_digest(kit):
    request = kit.a_request()
    deployment = kit.planned(items=(replace(kit.WHEEL, sha256="b" * 64),))
    facts = kit.facts(deployment.request, rehearsal=kit.facts(request).rehearsal)
    with refused("package-not-rehearsed"):
        deployment.start(kit.act(), facts=facts, before=())


def test_the_rehearsal_of_another_release_does_not_count(kit):
    other = replace(kit.facts().rehearsal, release_id=UUID(int=77))
    with refused("not-rehearsed"):
        kit.planned().start(kit.act(), facts=kit.facts(rehearsal=other), before=())


def test_a_failed_rehearsal_does_not_count(kit):
    failed = replace(kit.facts().rehearsal, succeeded=False)
    with refused("not-rehearsed"):
        kit.planned().start(kit.act(), facts=kit.facts(rehearsal=failed), before=())


def test_an_emergency_may_follow_up_its_rehearsal_but_an_ordinary_release_may_not(kit):
    emergency = kit.planned(rehearsal_id=None, emergency=True)
    emergency.start(kit.act(), facts=kit.facts(rehearsal=None), before=())
    assert emergency.state is DeploymentState.RUNNING
    with refused("not-rehearsed"):
        kit.planned(rehearsal_id=None).start(kit.act(), facts=kit.facts(rehearsal=None), before=())


def test_a_grant_expires_by_its_own_time(kit):
    late = kit.a_rung(hours=48)
    with refused("grant-expired"):
        kit.planned(environments=(late,)).start(kit.act(after_s=86_400), facts=kit.facts(), before=())


@pytest.mark.parametrize(("after_s", "code"), [(0, "window-not-begun"), (7200, "window-ended")])
def test_a_start_outside_the_window_is_refused(kit, after_s, code):
    deployment = kit.planned(environments=(kit.a_rung(after_h=1),))
    with refused(code):
        deployment.start(kit.act(after_s=after_s), facts=kit.facts(), before=())


def test_the_window_includes_its_start(kit):
    deployment = kit.planned(environments=(kit.a_rung(after_h=1),))
    deployment.start(kit.act(after_s=3600), facts=kit.facts(), before=())
    assert deployment.state is DeploymentState.RUNNING


@pytest.mark.parametrize(
    "change",
    [
        {"waived": True},
        {"starts_at": NOON + timedelta(seconds=1)},
        {"starts_at": NOON - timedelta(hours=1), "ends_at": NOON},
        {"environment_ids": (UUID(int=11),)},
        {"service_ids": (UUID(int=99),)},
    ],
)
def test_a_freeze_that_does_not_cover_the_place_and_time_or_is_waived_stops_nothing(kit, change):
    kit.planned().start(kit.act(), facts=kit.facts(freezes=(a_freeze(kit, **change),)), before=())


def test_a_freeze_that_names_the_environment_and_the_service_covers_them(kit):
    freeze = a_freeze(kit, environment_ids=(kit.PRODUCTION,), service_ids=(kit.SERVICE,))
    with refused("freeze"):
        kit.planned().start(kit.act(), facts=kit.facts(freezes=(freeze,)), before=())


def test_the_environment_below_must_have_stood_its_time(kit):
    def soaking(seconds):
        return kit.facts(lower_rungs=(LowerRungFact("staging", NOON - timedelta(seconds=seconds), 60),))

    with refused("ladder"):
        kit.planned().start(kit.act(), facts=soaking(59), before=())
    kit.planned().start(kit.act(), facts=soaking(60), before=())


def test_a_service_with_live_dependants_is_not_retired_but_may_be_updated(kit):
    dependants = {"live_dependants": (UUID(int=9),)}
    retirement = kit.planned(kind="retirement", deployment_steps=(kit.STOP, kit.REMOVE))
    with refused("live-dependants"):
        retirement.start(kit.act(), facts=kit.facts(**dependants), before=())
    retirement.start(kit.act(), facts=kit.facts(), before=())
    retirement.pause(kit.act(), reason="a service that depends on it went live")
    with refused("live-dependants"):
        retirement.resume(kit.act(), facts=kit.facts(**dependants))
    kit.planned().start(kit.act(), facts=kit.facts(**dependants), before=())


def test_a_retiring_service_is_retired_and_what_ran_of_it_before_goes_on(kit):
    retiring = {"lifecycle": "retiring"}
    kit.planned(kind="retirement", deployment_steps=(kit.STOP,)).start(
        kit.act(), facts=kit.facts(**retiring), before=()
    )
    update = kit.started()
    update.pause(kit.act(), reason="lunch")
    update.resume(kit.act(), facts=kit.facts(**retiring))
    assert update.state is DeploymentState.RUNNING


def test_who_built_it_does_not_deploy_it_but_in_an_emergency(kit):
    with refused("builder-deploys"):
        kit.planned().start(kit.act("ben"), facts=kit.facts(), before=())
    kit.planned(emergency=True).start(kit.act("ben"), facts=kit.facts(), before=())


@pytest.mark.parametrize(
    ("command", "role"),
    [("start", "tester"), ("pause", "tester"), ("resume", "tester"), ("back_out", "tester"), ("abort", "tester")],
)
def test_each_command_takes_its_role(kit, command, role):
    deployment = kit.planned()
    offered = {c.command: c for c in deployment.next(kit.act("tom", role), kit.facts())}
    assert "not-entitled" in [u.code for u in offered[command].unmet]


def test_commands_are_refused_in_the_wrong_state(kit):
    waiting, running = kit.planned(), kit.started()
    with refused("not-planned"):
        running.start(kit.act(), facts=kit.facts(), before=())
    with refused("not-running"):
        waiting.pause(kit.act(), reason="lunch")
    with refused("not-paused"):
        running.resume(kit.act(), facts=kit.facts())
    with refused("nothing-to-back-out"):
        waiting.back_out(kit.act(), reason="no")
    with refused("has-started"):
        running.abort(kit.act(), reason="no")
    waiting.abort(kit.act(), reason="no need")
    assert waiting.state is DeploymentState.ABORTED


def test_nobody_goes_on_after_the_window_but_may_back_out(kit):
    deployment = kit.started()
    deployment.end_window(kit.act(after_s=3600))
    with refused("outside-window"):
        deployment.resume(kit.act(after_s=3600), facts=kit.facts())
    deployment.back_out(kit.act(after_s=3600), reason="too late")
    assert deployment.state is DeploymentState.BACKED_OUT


def test_no_wait_meets_what_is_hopeless():
    assert {*STARTING, "window-ended"} > HOPELESS


REHEARSALS = {
    "wrong-gate": lambda k: ({"grant": k.a_grant("deployment")}, {}),
    "grant-undecided": lambda k: ({"grant": k.a_grant("build_and_test", deciders=())}, {}),
    "no-back-out-steps": lambda k: ({"back_out_steps": ()}, {}),
    "unknown-action": lambda k: ({"deployment_steps": (STRANGE,)}, {}),
    "grant-revoked": lambda k: ({}, {"authorization": "revoked"}),
    "media-not-usable": lambda k: ({}, {"media": k.with_medium("quarantined")}),
    "service-retired": lambda k: ({}, {"lifecycle": "retired"}),
}


@pytest.mark.parametrize("code", REHEARSALS)
def test_a_rehearsal_that_may_not_be_carried_out_is_refused_and_recorded(kit, code):
    request, facts = REHEARSALS[code](kit)
    rehearsal = Rehearsal.request_one(
        kit.act("deploy-service"),
        rehearsal_id=kit.REHEARSAL,
        request=kit.a_rehearsal_request(**request),
        environment=kit.ENVIRONMENTS[2],
        facts=kit.facts(**facts),
        baseline=None,
    )
    assert codes(rehearsal.reasons) == {code}
    assert rehearsal.state is RehearsalState.REFUSED
    assert rehearsal.take_order() is None


@pytest.mark.parametrize(("place", "code"), [(None, "environment-unknown"), (1, "environment-is-no-sandbox")])
def test_a_candidate_is_rehearsed_in_a_sandbox_only(kit, place, code):
    rehearsal = Rehearsal.request_one(
        kit.act("deploy-service"),
        rehearsal_id=kit.REHEARSAL,
        request=kit.a_rehearsal_request(),
        environment=None if place is None else kit.ENVIRONMENTS[place],
        facts=kit.facts(),
        baseline=None,
    )
    assert codes(rehearsal.reasons) == {code}
