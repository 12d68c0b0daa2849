"""Environments, rehearsals and deployments, and looking at what really runs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from fourgates_cli.client import Answer, Caller
from fourgates_cli.walkthrough.releases import WINDOW, moment, now, release_of
from fourgates_cli.walkthrough.world import Thing, World

DEPLOYMENTS = "/deploy/v1/deployments"
DEPLOYMENT_TIMEOUT_S = 120
NODES = ("prod-1", "prod-2")
# Environments in the order in which they are deployed to, each with its nodes.
Ladder = Mapping[str, tuple[str, ...]]
PRODUCTION: Ladder = {"production": NODES}
# What others have decided already, and deployment hears a moment later.
HEARD_LATER = frozenset({"freeze", "media-not-definitive", "on-hold", "service-unheard"})


def register_environments(world: World, *, by: str = "rhea") -> None:
    """Register a sandbox, and production with two nodes."""
    for name, sandbox, rung, nodes in (("sandbox", True, 0, ["sandbox-1"]), ("production", False, 1, list(NODES))):
        body = {"name": name, "sandbox": sandbox, "rung": rung, "soak_s": 0, "nodes": nodes, "reason": "they exist"}
        world.environments[name] = str(world.by(by).post("/deploy/v1/environments", body)["id"])


def rehearse(world: World, release: str, *, by: str = "rhea") -> Thing:
    """Deploy the candidate to the sandbox, back it out, and prove that it took no longer than allowed."""
    here = release_of(world, release)
    body = {"environment_id": world.environments["sandbox"], "reason": "to know how long the back-out takes"}
    before = {r["rehearsal_id"] for r in world.release(release)["rehearsals"]}
    world.by(by).post(f"{here}/rehearsals", body)
    known = world.by(by).wait_for(
        here,
        lambda r: any(q["finished"] for q in r["rehearsals"] if q["rehearsal_id"] not in before),
        what="the rehearsal",
        timeout_s=DEPLOYMENT_TIMEOUT_S,
    )
    rehearsal = next(r for r in known["rehearsals"] if r["rehearsal_id"] not in before)
    told = f"rehearsed in the sandbox; the back-out took {rehearsal['duration_s']:.2f} s"
    world.narrator.fact(rehearsal["succeeded"], told, seen=rehearsal)
    return dict(rehearsal)


def plan_deployment(world: World, release: str, *, by: str = "rhea", ladder: Ladder = PRODUCTION) -> Thing:
    """Say where, in which window and in which waves; return the release once the change schedule has looked at it."""
    here = release_of(world, release)
    window = {"window_start": moment(now()), "window_end": moment(now() + WINDOW)}
    environments = [
        window | {"environment_id": world.environments[name], "waves": [[node] for node in nodes], "soak_s": 0}
        for name, nodes in ladder.items()
    ]
    body = {"environments": environments, "on_window_end": "back_out", "reason": "a pilot node first"}
    world.by(by).put(f"{here}/deployment-plan", body, of=here)
    answered = world.by(by).wait_for(
        here, lambda r: r["conflicts"] is not None, what="the answer of the change schedule"
    )
    return dict(answered)


def await_planned(world: World, release: str, *, by: str = "dan") -> str:
    """Wait for the deployment that the release asked for; return its id."""
    deployment_id = str(world.release(release)["deployment_id"])
    path = f"{DEPLOYMENTS}/{deployment_id}"
    world.by(by).wait_for(path, lambda d: d["state"] == "planned", what="the planned deployment")
    return deployment_id


def start(world: World, release: str, *, by: str = "dan") -> str:
    """Start the deployment that the release asked for; return its id."""
    deployment_id = await_planned(world, release, by=by)
    person = world.by(by)
    person.succeed(person.insist(lambda: try_start(world, deployment_id, by=by), while_only=HEARD_LATER))
    return deployment_id


def try_start(world: World, deployment_id: str, *, by: str = "dan") -> Answer:
    """Start a deployment, and return the answer whatever it says."""
    return world.by(by).try_post(f"{DEPLOYMENTS}/{deployment_id}/starts", {"reason": "the window is open"})


def await_end(world: World, release: str, deployment_id: str, state: str) -> Thing:
    """Wait until a deployment has ended, and prove how."""
    ends = ("deployed", "backed_out", "back_out_failed", "aborted")
    path = f"{DEPLOYMENTS}/{deployment_id}"
    deployment = world.by("dan").wait_for(
        path, lambda d: d["state"] in ends, what="the end of the deployment", timeout_s=DEPLOYMENT_TIMEOUT_S
    )
    world.narrator.state(deployment, "state", state, f"deployment {deployment['number']}")
    world.by("rhea").wait_for(
        release_of(world, release), lambda r: r["state"] == "review", what="the release to be in review"
    )
    world.narrator.proved("the release is in review, as after every deployment", kind="state")
    return dict(deployment)


def endpoints(world: World, environment: str = "production") -> dict[str, str]:
    """Return where each node of an environment answers, as deployment says it."""
    found = world.by("dan").get(f"/deploy/v1/environments/{world.environments[environment]}")
    return {placed["node"]: placed["url"] for placed in found["placed"] if placed["url"]}


def ask_service(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
    """Ask the deployed service itself, over HTTP."""
    with Caller(url) as caller:
        return caller.ask(method, path, body=body)


def prove_version(world: World, version: str, environment: str = "production") -> None:
    """Prove over HTTP what runs on every node of an environment."""
    for node, url in endpoints(world, environment).items():
        answer = ask_service(url, "GET", "/version")
        seen = json.dumps(answer.body)
        world.narrator.fact(
            answer.body == {"version": version}, f"{node} answers at {url}: version {version}", seen=seen
        )
        began = time.perf_counter()
        ask_service(url, "GET", "/parcels")
        world.narrator.aside(f"GET {url}/parcels took {(time.perf_counter() - began) * 1000:.0f} ms")
