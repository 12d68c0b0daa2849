"""What one release does to another, and what is heard too late: on the assembled service, driven by hand."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from deploy_service.app import build
from deploy_service.domain import Deployment, DeploymentState
from fourgates.chassis.aggregate import Refused, derived_id
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier
from fourgates.contracts.change import ChangePutOnHold, ChangeTakenOffHold
from fourgates.contracts.common import ReleaseKind, Step
from fourgates.contracts.deploy import RehearsalFinished
from fourgates.contracts.release import DeploymentRequested
from pydantic import ValidationError

from tests.integration.reactions import deploy_facts as facts


@pytest.fixture
def here():
    return Hearing(build, a_verifier(), a_security_log())


def deployment(here, deployment_id=facts.DEPLOYMENT):
    found = []
    here.carry_out(lambda use_cases: found.append(use_cases._work.get(Deployment, deployment_id)))
    return found[-1]


def start(here, deployment_id=facts.DEPLOYMENT):
    act = here.act("dan", facts.DEPLOYER)
    here.carry_out(lambda use_cases: use_cases.start_deployment(act, deployment_id=deployment_id))


def test_an_environment_between_two_planned_ones_is_not_left_out(here):
    facts.standing(here)
    here.carry_out(
        lambda use_cases: use_cases.register_environment(
            here.act("dan", facts.DEPLOYER),
            environment_id=UUID(int=14),
            name="acceptance",
            sandbox=False,
            rung=2,
            soak_s=0,
            nodes=("a1",),
        )
    )
    here.tick(after=timedelta(seconds=60))
    assert not deployment(here).stands  # Production is on the same rung as acceptance, so nothing was left out.


def test_a_rung_that_the_plan_left_out_keeps_the_deployment_where_it_stands(here):
    facts.environments(here)
    here.carry_out(
        lambda use_cases: use_cases.register_environment(
            here.act("dan", facts.DEPLOYER),
            environment_id=UUID(int=14),
            name="front",
            sandbox=False,
            rung=3,
            soak_s=0,
            nodes=("f1",),
        )
    )
    facts.heard(facts.REGISTERED, facts.OPENED, facts.REHEARSE)(here)
    facts.run(here, rehearsal=True)
    skipping = [facts.rung(facts.STAGING, "s1"), facts.rung(UUID(int=14), "f1", hours=3)]
    facts.heard(facts.CHECKED_IN, facts.DEPLOY.model_copy(update={"environments": skipping}))(here)
    start(here)
    facts.run(here)
    here.tick(after=timedelta(seconds=60))
    standing = deployment(here)
    assert (standing.stands, standing.state) == (True, DeploymentState.RUNNING)


def test_a_change_on_hold_keeps_its_release_from_starting_but_stops_nothing_that_runs(here):
    facts.planned(here)
    here.hear(ChangePutOnHold(change_id=facts.CHANGE, reason="wait"))
    with pytest.raises(Refused) as refused:
        start(here)
    assert refused.value.codes == ("change-on-hold",)
    here.hear(ChangeTakenOffHold(change_id=facts.CHANGE, reason="go on"))
    start(here)
    here.hear(ChangePutOnHold(change_id=facts.CHANGE, reason="wait again"))
    assert deployment(here).state is DeploymentState.RUNNING


def test_a_retirement_stops_when_a_live_dependant_appears_late(here):
    facts.environments(here)
    retiring = {
        "kind": ReleaseKind.RETIREMENT,
        "deployment_steps": [Step(name="stop", action="stop"), Step(name="remove", action="remove")],
        "back_out_steps": [Step(name="restore", action="restore")],
    }
    facts.heard(facts.REGISTERED, facts.OPENED, facts.REHEARSE.model_copy(update=retiring))(here)
    facts.run(here, rehearsal=True)
    facts.heard(facts.CHECKED_IN, facts.DEPLOY.model_copy(update=retiring))(here)
    start(here)
    facts.run(here, orders=1)
    here.hear(facts.RELATIONS)
    stopped = deployment(here)
    assert stopped.state is DeploymentState.PAUSED
    assert "live-dependants" in stopped.reason


def test_a_second_deployment_under_the_same_grant_is_refused(here):
    facts.planned(here)
    again = UUID(int=222)
    here.hear(facts.DEPLOY.model_copy(update={"deployment_id": again}))
    assert [reason.partition(":")[0] for reason in deployment(here, again).reasons] == ["grant-used"]
    assert deployment(here).state is DeploymentState.PLANNED


def test_a_paused_deployment_is_backed_out_when_its_window_ends(here):
    facts.rehearsing(here)
    facts.run(here, rehearsal=True)
    facts.heard(facts.CHECKED_IN, facts.DEPLOY.model_copy(update={"on_window_end": "back_out"}))(here)
    start(here)
    facts.run(here, orders=1)
    here.carry_out(
        lambda use_cases: use_cases.pause_deployment(
            here.act("dan", facts.DEPLOYER), deployment_id=facts.DEPLOYMENT, reason="lunch"
        )
    )
    here.tick(after=timedelta(hours=1))
    assert deployment(here).state is DeploymentState.BACKING_OUT


def test_a_check_in_that_is_told_again_does_not_clear_a_quarantine(here):
    facts.heard(facts.QUARANTINED, facts.CHECKED_IN, given=facts.planned)(here)
    with pytest.raises(Refused) as refused:
        start(here)
    assert refused.value.codes == ("media-quarantined",)


def test_a_freeze_counts_however_many_others_were_set(here):
    facts.planned(here)
    windows = sorted((UUID(int=9000 + n) for n in range(1001)), key=lambda one: str(derived_id(one, "known-freeze")))

    def set_all(use_cases):
        for window_id in windows:
            soon = timedelta(days=1 if window_id == windows[-1] else 0)
            use_cases.note_freeze(
                here.act("deploy-service"),
                window_id=window_id,
                starts_at=NOON - timedelta(days=1),
                ends_at=NOON + soon,
                environment_ids=(),
                service_ids=(),
                reason="year end",
            )

    here.carry_out(set_all)
    with pytest.raises(Refused) as refused:
        start(here)
    assert refused.value.codes == ("freeze",)


def test_a_fact_with_a_time_without_zone_or_a_number_that_is_none_is_no_fact():
    spoken = json.loads(facts.DEPLOY.model_dump_json())
    spoken["environments"][0]["window_end"] = "2026-01-05T12:00:00"
    with pytest.raises(ValidationError, match="timezone"):
        DeploymentRequested.model_validate_json(json.dumps(spoken))
    with pytest.raises(ValidationError):
        RehearsalFinished.model_validate_json(
            json.dumps({"rehearsal_id": str(UUID(int=1)), "duration_s": float("nan")})
        )
