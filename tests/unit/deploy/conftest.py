"""Requests, facts and deployments that the tests of deployment share, as the fixture `kit`."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from deploy_service.domain import (
    Decider,
    Deployment,
    DeploymentRequest,
    EnvironmentFact,
    Facts,
    Grant,
    Item,
    MediumFact,
    Package,
    RehearsalFact,
    RehearsalRequest,
    Result,
    Rung,
    Step,
    digest_of_items,
)
from fourgates.chassis.testing import NOON, an_act

STAGING, PRODUCTION, SANDBOX = UUID(int=11), UUID(int=12), UUID(int=13)
SERVICE, RELEASE, DEPLOYMENT, REHEARSAL = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
WHEEL = Item("parcel-tracking", "1.0.0", "a" * 64, 10, "wheel")
INSTALL, START = Step("install", "install"), Step("start", "start", "parcel_tracking")
PROBE, STOP = Step("probe", "probe", "/health"), Step("stop", "stop")
RESTORE, REMOVE = Step("restore", "restore"), Step("remove", "remove")
GONE = Result(succeeded=True, duration_s=1.0, detail="nothing")
DONE = Result(succeeded=True, duration_s=1.0, detail="done", url="http://127.0.0.1:1", manifest_digest="m" * 64)
FAILED = Result(succeeded=False, duration_s=1.0, detail="answered 500")
ENVIRONMENTS = (
    EnvironmentFact(STAGING, "staging", sandbox=False, rung=1, soak_s=0, nodes=("s1",)),
    EnvironmentFact(PRODUCTION, "production", sandbox=False, rung=2, soak_s=0, nodes=("p1", "p2", "p3")),
    EnvironmentFact(SANDBOX, "sandbox", sandbox=True, rung=0, soak_s=0, nodes=("x1",)),
)


def act(by="dora", *roles, after_s=0, **kwargs):
    return an_act(by, roles=roles or ("deployer",), at=NOON + timedelta(seconds=after_s), **kwargs)


def a_grant(gate="deployment", **kwargs):
    given = {
        "authorization_id": UUID(int=5),
        "request_id": UUID(int=6),
        "gate": gate,
        "document_digest": "d" * 64,
        "deciders": (Decider("cora", ("change_authority",), NOON, "approve", "tested"),),
        "policy_version": 1,
        "rule": "normal",
        "granted_at": NOON,
        "expires_at": NOON + timedelta(days=1),
    }
    return Grant(**{**given, **kwargs})


def a_rung(environment_id=PRODUCTION, waves=(("p1",), ("p2", "p3")), *, hours=1, soak_s=0, after_h=0):
    begin = NOON + timedelta(hours=after_h)
    return Rung(environment_id, begin, begin + timedelta(hours=hours), waves, soak_s)


def a_request(**kwargs):
    given = {
        "release_id": RELEASE,
        "service_id": SERVICE,
        "kind": "update",
        "version": "1.0.0",
        "items": (WHEEL,),
        "environments": (a_rung(),),
        "deployment_steps": (INSTALL, START, PROBE),
        "back_out_steps": (STOP, RESTORE, PROBE),
        "forward_steps": (),
        "point_of_no_return": None,
        "package_digest": "p" * 64,
        "steps_digest": "e" * 64,
        "rehearsal_id": REHEARSAL,
        "on_window_end": "pause",
        "grant": a_grant(),
        "built_by": ("ben",),
    }
    return DeploymentRequest(**{**given, **kwargs})


def a_rehearsal_request(**kwargs):
    given = {
        "release_id": RELEASE,
        "service_id": SERVICE,
        "kind": "update",
        "version": "1.0.0",
        "items": (WHEEL,),
        "deployment_steps": (INSTALL, START),
        "back_out_steps": (STOP, RESTORE),
        "forward_steps": (),
        "package_digest": "p" * 64,
        "steps_digest": "e" * 64,
        "longest_duration_s": 10,
        "environment_id": SANDBOX,
        "grant": a_grant("build_and_test"),
    }
    return RehearsalRequest(**{**given, **kwargs})


def facts(request=None, **kwargs):
    """Return the facts under which a deployment may run, but for what is told."""
    request = request or a_request()
    given = {
        "media": tuple(MediumFact(i.name, i.version, i.sha256, "definitive") for i in request.items),
        "lifecycle": "live",
        "rehearsal": RehearsalFact(
            REHEARSAL,
            request.release_id,
            succeeded=True,
            package_digest=request.package_digest,
            items_digest=digest_of_items(request.items),
            steps_digest=request.steps_digest,
            executed_digest=request.executed_digest,
        ),
        "environments": ENVIRONMENTS,
    }
    return Facts(**{**given, **kwargs})


def planned(known=ENVIRONMENTS, **kwargs):
    return Deployment.plan(
        act("deploy-service"), deployment_id=DEPLOYMENT, request=a_request(**kwargs), environments=known
    )


def started(before=(), **kwargs):
    deployment = planned(**kwargs)
    assert not deployment.reasons, deployment.reasons
    deployment.start(act(), facts=facts(deployment.request), before=before)
    return deployment


def carried_out(deployment, *results, at_s=0):
    """Carry out one order after the other with these results, then return the orders."""
    orders = []
    for result in results:
        order = deployment.take_order(act("deploy-service", after_s=at_s))
        assert order is not None
        orders.append(order)
        deployment.record_result(act("deploy-service", after_s=at_s), order=order, result=result)
    return orders


def carried_on(deployment, result=DONE, *, at_s=0):
    """Carry out all that there is to do, and return the orders."""
    orders = []
    while deployment.script() and deployment.take_order(act("deploy-service", after_s=at_s)) is not None:
        orders += carried_out(deployment, result, at_s=at_s)
    return orders


def a_package(version="0.9"):
    return Package(version, (), "old", "o" * 64, UUID(int=20))


def with_medium(state):
    return (replace(facts().media[0], state=state),)


@pytest.fixture
def kit():
    return sys.modules[__name__]
