"""Act 5, deployments up a ladder: one never starts, one in a freeze is backed out by a person, one is paused."""

from __future__ import annotations

from datetime import datetime, timedelta

from fourgates_cli.walkthrough.act5_release import NAME, VERSION
from fourgates_cli.walkthrough.changes import vote
from fourgates_cli.walkthrough.deployments import (
    DEPLOYMENTS,
    await_end,
    await_planned,
    plan_deployment,
    prove_version,
    start,
    try_start,
)
from fourgates_cli.walkthrough.informing import inform_owners
from fourgates_cli.walkthrough.releases import go_back, moment, now, pass_gate, release_of, try_gates
from fourgates_cli.walkthrough.reviews import await_review, close
from fourgates_cli.walkthrough.world import Thing, World

DEPOT = "depot"
SHOP = "shop"
LADDER = {DEPOT: ("depot-1", "depot-2"), SHOP: ("shop-1",)}
# How long the depot must stand before the shop: long enough for a person to step in.
SOAK_S = 3
ENVIRONMENTS = "/deploy/v1/environments"
WINDOWS = "/change/v1/calendar-windows"
SCHEDULE = "/change/v1/schedule"


def deploy_labels(world: World) -> None:
    """Deploy the release at the third attempt."""
    _ladder(world)
    _never_started(world)
    freeze_id = _freeze(world)
    _backed_out_by_a_person(world)
    _lift(world, freeze_id)
    _paused_and_resumed(world)
    _drift(world)


def _ladder(world: World) -> None:
    narrator = world.narrator
    narrator.step(
        f"A ladder of two environments: the depot must stand {SOAK_S} s before the shop; it gets a second node"
    )
    for name, rung, soak_s in ((DEPOT, 1, SOAK_S), (SHOP, 2, 0)):
        body = {"name": name, "sandbox": False, "rung": rung, "soak_s": soak_s, "nodes": [LADDER[name][0]]}
        registered = world.by("rhea").post(ENVIRONMENTS, body | {"reason": "Bern opens"})
        world.environments[name] = str(registered["id"])
    nodes = f"{ENVIRONMENTS}/{world.environments[DEPOT]}/nodes"
    grown = world.by("dan").post(nodes, {"node": LADDER[DEPOT][1], "reason": "a second printer"})
    narrator.fact(tuple(grown["nodes"]) == LADDER[DEPOT], "the depot has two nodes", seen=grown)


def _never_started(world: World) -> None:
    narrator, rhea = world.narrator, world.by("rhea")
    narrator.step("The first deployment never starts: its release is put on hold, then it is given up")
    plan_deployment(world, NAME, ladder=LADDER)
    inform_owners(world, NAME)
    pass_gate(world, NAME, "deployment")
    deployment_id = await_planned(world, NAME)
    here = f"{DEPLOYMENTS}/{deployment_id}"
    rhea.post(f"{release_of(world, NAME)}/hold", {"reason": "the depot has no power"})
    world.by("dan").wait_for(f"{here}/next", _start_is_held, what="deployment to hear of the hold")
    narrator.refused(
        try_start(world, deployment_id), status=409, codes=("on-hold",), text="nothing starts for a release on hold"
    )
    aborted = world.by("dan").post(f"{here}/abortion", {"reason": "no power before the end of the window"})
    narrator.state(aborted, "state", "aborted", "the deployment, which never started")
    rhea.wait_for(
        release_of(world, NAME),
        lambda r: {one["state"] for one in r["deployments"]} == {"aborted"},
        what="the release to hear of it",
    )
    rhea.post(f"{release_of(world, NAME)}/resumption", {"reason": "there is power again"})
    went_back = go_back(world, NAME, "redeploy", reason="it never started")
    narrator.state(went_back, "state", "check_in", "the release, until a new G4 is used")


def _start_is_held(following: Thing) -> bool:
    (start_command,) = (one for one in following["commands"] if one["command"] == "start")
    return "on-hold" in {unmet["code"] for unmet in start_command["unmet"]}


def _freeze(world: World) -> str:
    narrator, rhea = world.narrator, world.by("rhea")
    narrator.step("A freeze is set, and the plan lies in it: G4 is refused until an authority waives it by name")
    body = {
        "kind": "freeze",
        "starts_at": moment(now()),
        "ends_at": moment(now() + timedelta(days=2)),
        "environment_ids": [world.environments[DEPOT]],
        "service_ids": [],
        "reason": "the depot counts its stock",
    }
    freeze = world.by("mona").post(WINDOWS, body)
    plan_deployment(world, NAME, ladder=LADDER)
    release = rhea.wait_for(release_of(world, NAME), lambda r: bool(r["conflicts"]), what="the conflict")
    narrator.refused(
        try_gates(world, NAME, "deployment"),
        status=409,
        codes=("schedule-conflict",),
        text="G4 is refused while the plan conflicts with the freeze",
    )
    named = {
        "release_id": world.releases[NAME],
        "conflict_ids": [conflict["conflict_id"] for conflict in release["conflicts"]],
        "reason": "labels are needed to count the stock",
    }
    asked = rhea.post("/change/v1/conflict-waivers", named)
    vote(world, "eve", asked["id"], reason="without labels nothing can be counted")
    rhea.wait_for(
        release_of(world, NAME),
        lambda r: all(conflict["waived_by"] for conflict in r["conflicts"]),
        what="the release to hear of the waiver",
    )
    narrator.granted("the freeze is waived by name, an override by eve")
    planned = rhea.get(f"{SCHEDULE}/{world.releases[NAME]}")
    narrator.fact(
        all(conflict["waived_by"] for conflict in planned["conflicts"]),
        "the change schedule shows the conflict and who waived it",
        seen=planned["conflicts"],
    )
    return str(freeze["id"])


def _backed_out_by_a_person(world: World) -> None:
    narrator = world.narrator
    narrator.step("The second deployment starts in the freeze, is paused, and backed out by dan")
    pass_gate(world, NAME, "deployment", voter="carl")
    deployment_id = start(world, NAME)
    _pause(world, deployment_id, reason="the labels come out empty")
    world.by("dan").post(f"{DEPLOYMENTS}/{deployment_id}/back-out", {"reason": "the ribbon is missing"})
    ended = await_end(world, NAME, deployment_id, "backed_out")
    narrator.fact("ribbon" in ended["reason"], f"it says why: {ended['reason']}", seen=ended)
    placed = world.by("dan").get(f"{ENVIRONMENTS}/{world.environments[DEPOT]}")["placed"]
    narrator.fact(not placed, "nothing stands in the depot, as before", seen=placed)
    close(world, NAME, await_review(world, NAME), decision="redeploy")
    world.by("rhea").wait_for(release_of(world, NAME), lambda r: r["redeploying"], what="the way back")


def _lift(world: World, freeze_id: str) -> None:
    narrator = world.narrator
    lifted = world.by("mona").post(f"{WINDOWS}/{freeze_id}/lifting", {"reason": "the stock is counted"})
    narrator.fact(not lifted["active"], "the freeze is lifted", seen=lifted)
    told = [entry["type"] for entry in world.by("ada").every(f"{SCHEDULE}/{world.releases[NAME]}/history")]
    narrator.fact(any(one.endswith("Waived") for one in told), "that it was waived stays told for ever", seen=told)


def _paused_and_resumed(world: World) -> None:
    narrator = world.narrator
    narrator.step("The third deployment is paused, resumed, and stands in the depot, then in the shop")
    planned = plan_deployment(world, NAME, ladder=LADDER)
    narrator.fact(planned["conflicts"] == [], "the new plan is free of conflicts", seen=planned["conflicts"])
    pass_gate(world, NAME, "deployment")
    deployment_id = start(world, NAME)
    _pause(world, deployment_id, reason="dan looks at the first label")
    world.by("dan").post(f"{DEPLOYMENTS}/{deployment_id}/resumption", {"reason": "it is fine"})
    await_end(world, NAME, deployment_id, "deployed")
    _soaked(world, deployment_id)
    for name in LADDER:
        prove_version(world, VERSION, name)


def _soaked(world: World, deployment_id: str) -> None:
    log = world.by("ada").every(f"{DEPLOYMENTS}/{deployment_id}/history")
    stood_at, began_at = (
        next(datetime.fromisoformat(entry["at"]) for entry in log if entry["type"].endswith(event))
        for event in ("EnvironmentStands", "EnvironmentBegan")
    )
    stood_s = (began_at - stood_at).total_seconds()
    world.narrator.fact(stood_s >= SOAK_S, f"the depot stood {stood_s:.1f} s before the shop began", seen=log)


def _pause(world: World, deployment_id: str, *, reason: str) -> None:
    """Pause a deployment as soon as the depot stands, before the shop begins."""
    world.by("dan").wait_for(
        f"{DEPLOYMENTS}/{deployment_id}",
        lambda d: d["environments"][0]["standing"] is not None,
        what="the depot to stand",
    )
    paused = world.by("dan").post(f"{DEPLOYMENTS}/{deployment_id}/pause", {"reason": reason})
    world.narrator.state(paused, "state", "paused", f"deployment {paused['number']}")


def _drift(world: World) -> None:
    narrator, here = world.narrator, f"{ENVIRONMENTS}/{world.environments[DEPOT]}"
    narrator.step("What really runs in the depot is compared with what was authorized")
    world.by("dan").post(f"{here}/drift-checks", {"reason": "after a deployment with interruptions"})
    drifted = world.by("dan").get(f"/deploy/v1/drift?environment_id={world.environments[DEPOT]}")["items"]
    narrator.fact(not drifted, "no node runs anything else", seen=drifted)
