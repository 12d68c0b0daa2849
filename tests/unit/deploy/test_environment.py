"""Environments: who registers them, who may work in them, what stands on their nodes, and drift."""

from __future__ import annotations

from uuid import UUID

import pytest
from deploy_service.domain import NOTHING, Environment, Placed
from fourgates.chassis.testing import event_names, refused, replayed

OTHER = UUID(int=33)


@pytest.fixture
def register(kit):
    def register(**kwargs):
        act = kwargs.pop("act", kit.act())
        given = {
            "environment_id": kit.PRODUCTION,
            "name": "production",
            "sandbox": False,
            "rung": 1,
            "soak_s": 0,
            "nodes": ("p1",),
            "name_taken": False,
        }
        return Environment.register(act, **{**given, **kwargs})

    return register


def standing(kit, environment):
    placed = Placed("p1", kit.a_package(), "http://127.0.0.1:1", "m" * 64)
    environment.place(kit.act(), service_id=kit.SERVICE, placed=(placed,))
    return placed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name_taken": True}, "name-taken"),
        ({"sandbox": True}, "rung"),
        ({"rung": 0}, "rung"),
        ({"nodes": ()}, "no-nodes"),
        ({"nodes": ("p1", "p1")}, "node-twice"),
    ],
)
def test_an_environment_is_registered_by_the_rules(register, change, code):
    with refused(code):
        register(**change)


def test_a_requester_registers_no_environment_and_adds_no_node(kit, register):
    with refused("not-entitled"):
        register(act=kit.act("rita", "requester"))
    with refused("not-entitled"):
        register().add_node(kit.act("rita", "requester"), node="p2")
    with refused("not-entitled"):
        register().ask_drift_check(kit.act("rita", "requester"))


def test_a_node_is_added_once(kit, register):
    environment = register()
    environment.add_node(kit.act(), node="p2")
    assert environment.nodes == ("p1", "p2")
    with refused("node-exists"):
        environment.add_node(kit.act(), node="p2")


def test_one_deployment_at_a_time_works_for_a_service(kit, register):
    environment = register()
    environment.occupy(kit.act(), service_id=kit.SERVICE, deployment_id=kit.DEPLOYMENT)
    with refused("environment-occupied"):
        environment.occupy(kit.act(), service_id=kit.SERVICE, deployment_id=OTHER)
    environment.occupy(kit.act(), service_id=OTHER, deployment_id=OTHER)
    environment.free(kit.act(), service_id=kit.SERVICE, deployment_id=OTHER)
    with refused("environment-occupied"):
        environment.occupy(kit.act(), service_id=kit.SERVICE, deployment_id=OTHER)
    environment.free(kit.act(), service_id=kit.SERVICE, deployment_id=kit.DEPLOYMENT)
    environment.occupy(kit.act(), service_id=kit.SERVICE, deployment_id=OTHER)


def test_what_stands_on_a_node_is_kept_until_it_is_removed(kit, register):
    environment = register()
    placed = standing(kit, environment)
    assert environment.standing_on(kit.SERVICE, ("p1", "p2")) == (placed,)
    environment.remove(kit.act(), service_id=kit.SERVICE, release_id=kit.RELEASE, nodes=("p1",), retired=True)
    assert environment.standing(kit.SERVICE, "p1") is None


def test_after_a_back_out_stands_what_was_restored_and_nothing_else(kit, register):
    environment = register(nodes=("p1", "p2"))
    placed = standing(kit, environment)
    environment.restore(
        kit.act(), service_id=kit.SERVICE, release_id=kit.RELEASE, nodes=("p2", "p1"), restored=(placed,)
    )
    assert environment.standing_on(kit.SERVICE, ("p1", "p2")) == (placed,)


def test_drift_is_found_once_and_ends(kit, register):
    environment = register()
    standing(kit, environment)
    before = len(environment.pending_events)
    for found in ("m" * 64, NOTHING, NOTHING, "x" * 64, "m" * 64, "m" * 64):
        environment.record_inspection(kit.act(), node="p1", service_id=kit.SERVICE, found=found)
    assert event_names(environment)[before:] == ["DriftFound", "DriftFound", "DriftEnded"]
    assert vars(replayed(environment)) == {**vars(environment), "_pending_events": []}


def test_drift_is_not_looked_for_where_nothing_stands_or_a_deployment_works(kit, register):
    environment = register()
    environment.record_inspection(kit.act(), node="p1", service_id=kit.SERVICE, found="x")
    standing(kit, environment)
    environment.occupy(kit.act(), service_id=kit.SERVICE, deployment_id=kit.DEPLOYMENT)
    environment.record_inspection(kit.act(), node="p1", service_id=kit.SERVICE, found="x")
    assert "DriftFound" not in event_names(environment)


def test_next_says_who_may_do_what(kit, register):
    environment = register()
    assert all(command.possible for command in environment.next(kit.act()))
    assert not any(command.possible for command in environment.next(kit.act("rita", "requester")))
    environment.ask_drift_check(kit.act())
    environment.begin_drift_check(kit.act("deploy-service"))
    assert event_names(environment)[-2:] == ["DriftCheckAsked", "DriftCheckAsked"]
