"""The assembled service on real processes: what is asked for over the bus and HTTP really happens on nodes."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from deploy_service.app import build
from deploy_service.domain import Deployment, Environment, Rehearsal
from deploy_service.settings import DeploySettings
from fourgates.chassis.followers import EffectRunner
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates.chassis.identity import Principal
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier
from fourgates.contracts.common import Gate, Item, Step

from tests.integration.reactions import deploy_facts as cases

SCOPES = frozenset({"deploy:read", "deploy:execute"})
START = Step(name="start", action="start", path="greeter")
PROBE = Step(name="probe", action="probe", path="/health", timeout_s=1)
INSTALL, STOP = Step(name="install", action="install"), Step(name="stop", action="stop")
RESTORE, REMOVE = Step(name="restore", action="restore"), Step(name="remove", action="remove")


class World(Hearing):
    """The service with its executor, driven by hand."""

    def __init__(self, build, shelf):
        principals = (
            Principal("dan", ("deployer",), SCOPES),
            Principal("rita", ("requester",), SCOPES),
            Principal("ben", ("deployer",), SCOPES),
        )
        super().__init__(build, a_verifier(*principals), a_security_log())
        self.shelf = shelf

    def work(self):
        """Let reactions and the executor come to rest."""
        for _ in range(10):
            self.settle()
            effects = [w for w in self.service.workers if isinstance(w, EffectRunner)]
            steps = [worker.step() for worker in effects]
            if not any(steps):
                return

    def item(self, version, status=200):
        found = self.shelf.package(version, status=status).items[0]
        return Item(name=found.name, version=version, sha256=found.sha256, size_bytes=found.size_bytes, kind=found.kind)

    async def ask(self, method, path, body=None, by="dan"):
        transport = ASGITransport(app=self.service.api)
        headers = {"Authorization": f"Bearer {by}", "Content-Type": "application/json"}
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.request(
                method, path, headers=headers, content=None if body is None else json.dumps(body)
            )
        return answer.status_code, answer.json()


@pytest.fixture
def world(tmp_path, shelf):
    settings = DeploySettings(data_folder=tmp_path, drift_check_s=60)
    world = World(lambda parts: build(parts, settings, media=shelf), shelf)
    cases.environments(world)
    world.hear(cases.REGISTERED)
    world.hear(cases.OPENED)
    yield world
    world.service.on_stop()


def a_release(world, number, version, status=200, **changes):
    """Rehearse, check in and plan a release to staging; return the id of its deployment."""
    item = world.item(version, status)
    common = {
        "release_id": UUID(int=1000 + number),
        "version": version,
        "items": [item],
        "deployment_steps": [INSTALL, START, PROBE],
        "back_out_steps": [STOP, RESTORE, START, PROBE],
        "package_digest": item.sha256,
        **changes,
    }
    rehearsal = cases.REHEARSE.model_copy(update={**common, "rehearsal_id": UUID(int=2000 + number)})
    world.hear(rehearsal)
    world.work()
    world.hear(cases.CHECKED_IN.model_copy(update={"item": item}))
    rung = cases.rung(cases.STAGING, "s1", hours=40)
    update = {**common, "deployment_id": UUID(int=3000 + number), "rehearsal_id": rehearsal.rehearsal_id}
    grant = cases.grant(UUID(int=4000 + number), Gate.DEPLOYMENT)
    world.hear(cases.DEPLOY.model_copy(update={**update, "environments": [rung], "grant": grant}))
    return update["deployment_id"]


def state(world, deployment_id):
    return world.store.load(deployment_id).state


async def nodes(world):
    _, answer = await world.ask("GET", f"/v1/environments/{cases.STAGING}")
    return {placed["node"]: placed for placed in answer["placed"]}


async def test_a_release_comes_goes_wrong_and_is_retired(world, client):
    first = a_release(world, 1, "1.0")
    rehearsal = world.store.load(UUID(int=2001))
    assert isinstance(rehearsal, Rehearsal)
    assert rehearsal.succeeded, rehearsal.evidence
    status, answer = await world.ask("POST", f"/v1/deployments/{first}/starts", {"reason": "now"})
    assert status == 200, answer
    world.work()
    assert state(world, first) == "deployed"
    url = (await nodes(world))["s1"]["url"]
    assert client.request("GET", url).text == "1.0"

    second = a_release(world, 2, "1.1")
    await world.ask("POST", f"/v1/deployments/{second}/starts", {"reason": "now"})
    world.work()
    assert state(world, second) == "deployed"
    assert client.request("GET", url).text == "1.1"

    # Sound in the sandbox, ill where it counts: the journal of production breaks it.
    third = a_release(world, 3, "1.2")
    world.shelf.content[world.store.load(third).request.items[0].sha256] = b"damaged meanwhile"
    await world.ask("POST", f"/v1/deployments/{third}/starts", {"reason": "now"})
    world.work()
    assert state(world, third) == "backed_out", world.store.load(third).reason
    assert client.request("GET", url).text == "1.1"
    assert (await nodes(world))["s1"]["version"] == "1.1"

    retirement = a_release(
        world,
        4,
        "1.1",
        kind=cases.ReleaseKind.RETIREMENT,
        deployment_steps=[STOP, REMOVE],
        back_out_steps=[RESTORE, PROBE],
    )
    assert world.store.load(UUID(int=2004)).succeeded, world.store.load(UUID(int=2004)).evidence
    await world.ask("POST", f"/v1/deployments/{retirement}/starts", {"reason": "now"})
    world.work()
    assert state(world, retirement) == "deployed"
    assert await nodes(world) == {}
    assert world.parked() == []


async def test_a_release_that_fails_its_rehearsal_does_not_start(world):
    deployment_id = a_release(world, 1, "1.0", status=503)
    assert not world.store.load(UUID(int=2001)).succeeded
    status, answer = await world.ask("POST", f"/v1/deployments/{deployment_id}/starts", {"reason": "now"})
    assert status == 409
    assert [error["code"] for error in answer["unmet"]] == ["not-rehearsed"]


async def test_who_may_not_start_is_told_the_rule(world):
    deployment_id = a_release(world, 1, "1.0")
    for by, code in (("rita", "not-entitled"), ("ben", "builder-deploys")):
        status, answer = await world.ask("POST", f"/v1/deployments/{deployment_id}/starts", {"reason": "now"}, by)
        assert status == 403
        assert [error["code"] for error in answer["unmet"]] == [code]


async def test_one_deployment_at_a_time_works_in_an_environment(world):
    first, second = a_release(world, 1, "1.0"), a_release(world, 2, "1.1")
    await world.ask("POST", f"/v1/deployments/{first}/starts", {"reason": "now"})
    status, answer = await world.ask("POST", f"/v1/deployments/{second}/starts", {"reason": "now"})
    assert status == 409
    assert [error["code"] for error in answer["unmet"]] == ["environment-occupied"]
    world.work()
    status, _ = await world.ask("POST", f"/v1/deployments/{second}/starts", {"reason": "now"})
    assert status == 200
    world.work()
    assert state(world, second) == "deployed"


async def test_drift_is_found_and_listed(world, tmp_path):
    deployment_id = a_release(world, 1, "1.0")
    await world.ask("POST", f"/v1/deployments/{deployment_id}/starts", {"reason": "now"})
    world.work()
    (module,) = tmp_path.glob(f"deploy/nodes/{cases.STAGING}/*/*/releases/*/greeter/__init__.py")
    module.write_text("edited = True")
    world.tick(after=timedelta(seconds=60))
    world.work()
    _, drift = await world.ask("GET", "/v1/drift")
    assert [(row["node"], row["version"]) for row in drift["items"]] == [("s1", "1.0")]
    module.write_text("")
    status, _ = await world.ask("POST", f"/v1/environments/{cases.STAGING}/drift-checks", {"reason": "mended"})
    assert status == 202
    world.work()
    assert (await world.ask("GET", "/v1/drift"))[1]["items"] == []


async def test_a_process_that_died_in_the_middle_is_the_same_use(world, tmp_path, shelf):
    deployment_id = a_release(world, 1, "1.0")
    await world.ask("POST", f"/v1/deployments/{deployment_id}/starts", {"reason": "now"})
    # Begun and never told: what a restart finds.
    world.carry_out(lambda uc: uc.take_order(world.act("deploy-service"), deployment_id=deployment_id))
    world.work()
    deployment = world.store.load(deployment_id)
    assert isinstance(deployment, Deployment)
    assert state(world, deployment_id) == "deployed"
    assert isinstance(world.store.load(cases.STAGING), Environment)


async def test_everything_can_be_read(world):
    deployment_id = a_release(world, 1, "1.0")
    paths = [
        "/v1/environments",
        "/v1/environments?sandbox=true",
        f"/v1/environments/{cases.STAGING}/nodes",
        f"/v1/environments/{cases.STAGING}/next",
        f"/v1/environments/{cases.STAGING}/history",
        "/v1/deployments?state=planned",
        f"/v1/deployments/{deployment_id}",
        f"/v1/deployments/{deployment_id}/next",
        f"/v1/deployments/{deployment_id}/history",
        "/v1/rehearsals",
        f"/v1/rehearsals/{UUID(int=2001)}",
        f"/v1/rehearsals/{UUID(int=2001)}/next",
        f"/v1/rehearsals/{UUID(int=2001)}/history",
        "/v1/drift",
    ]
    before = [await world.ask("GET", path) for path in paths]
    assert {status for status, _ in before} == {200}, [p for p, (s, _) in zip(paths, before, strict=True) if s != 200]
    world.service.views.rebuild()
    assert [await world.ask("GET", path) for path in paths] == before
    assert [row["name"] for row in before[1][1]["items"]] == ["sandbox"]


async def test_bad_input_is_refused(world):
    path = "/v1/environments"
    good = {"name": "test", "rung": 1, "nodes": ["t1"], "reason": "more"}
    assert (await world.ask("POST", path, good))[0] == 201
    status, answer = await world.ask("POST", path, {**good, "rung": 0, "nodes": ["t1", "t1"]})
    assert status == 409
    assert {e["code"] for e in answer["unmet"]} == {"name-taken", "rung", "node-twice"}
    assert (await world.ask("POST", path, {**good, "nodes": ["../etc"]}))[0] == 422
    assert (await world.ask("GET", "/v1/deployments/nonsense"))[0] == 404
