"""Act 5, a release: its scope, a request that is taken back, a hold, and a build that enters the library."""

from __future__ import annotations

from fourgates_cli.walkthrough.act5_changes import LANGUAGES
from fourgates_cli.walkthrough.act5_design import SERVICE
from fourgates_cli.walkthrough.act5_model import ANOTHER_SIZE
from fourgates_cli.walkthrough.builds import build, run_tests, sign_off
from fourgates_cli.walkthrough.changes import try_vote, vote
from fourgates_cli.walkthrough.deployments import rehearse
from fourgates_cli.walkthrough.media import await_items
from fourgates_cli.walkthrough.plans import INSTALL, REMOVE, acknowledge_impact, full_plan, write_plan
from fourgates_cli.walkthrough.releases import (
    await_grant,
    enter,
    open_release,
    pass_gate,
    release_of,
    request_gates,
    try_gates,
)
from fourgates_cli.walkthrough.world import World

NAME = "labels"
VERSION = "1.1.2"


def release_labels(world: World) -> None:
    """Release the service up to its check-in."""
    world.narrator.step("A release of it carries the standard change; on hold, it asks for nothing")
    open_release(world, NAME, service=SERVICE, kind="new", version=VERSION, change_ids=[world.changes[ANOTHER_SIZE]])
    _hold(world)
    _scope(world)
    _gate_in_one_word(world)
    _build(world)


def _hold(world: World) -> None:
    narrator, rhea, here = world.narrator, world.by("rhea"), release_of(world, NAME)
    held = rhea.post(f"{here}/hold", {"reason": "the second change is not decided yet"})
    narrator.fact(held["on_hold"], "the release is on hold", seen=held)
    narrator.refused(
        try_gates(world, NAME, "planning"), status=409, codes=("on-hold",), text="a release on hold requests no gate"
    )
    resumed = rhea.post(f"{here}/resumption", {"reason": "it is decided"})
    narrator.fact(not resumed["on_hold"], "the release is off hold", seen=resumed)


def _scope(world: World) -> None:
    narrator, rhea, here = world.narrator, world.by("rhea"), release_of(world, NAME)
    narrator.step("A request is taken back, because the release is to carry a second change as well")
    authorization_id = request_gates(world, NAME, "planning")
    (request,) = world.release(NAME)["gate_requests"]
    withdrawn = rhea.post(
        f"{here}/gate-requests/{request['request_id']}/withdrawal", {"reason": "the scope is not complete"}
    )
    narrator.state(withdrawn["gate_requests"][0], "state", "withdrawn", "the request of G1")
    world.by("cora").wait_for(
        f"/change/v1/authorizations/{authorization_id}",
        lambda a: a["state"] == "withdrawn",
        what="the withdrawn authorization",
    )
    narrator.refused(
        try_vote(world, "cora", authorization_id),
        status=409,
        codes=("already-decided",),
        text="nobody votes on what was taken back",
    )
    both = [world.changes[ANOTHER_SIZE], world.changes[LANGUAGES]]
    carried = rhea.put(f"{here}/changes", {"change_ids": both, "reason": "both go out together"}, of=here)
    narrator.fact(
        {change["change_id"] for change in carried["changes"]} == set(both),
        "the release carries both changes",
        seen=carried["changes"],
    )


def _gate_in_one_word(world: World) -> None:
    """Ask as another system would, that waits for a gate."""
    narrator, asked = world.narrator, f"/change/v1/gates/{world.releases[NAME]}/planning"
    authorization_id = request_gates(world, NAME, "planning")
    awaiting = world.by("bob").get(asked)
    narrator.state(awaiting, "verdict", "awaiting", "G1 in one word, for systems that wait for it")
    vote(world, "carl", authorization_id)
    await_grant(world, NAME, authorization_id)
    narrator.granted("G1 (planning) granted by carl")
    allowed = world.by("bob").get(asked)
    narrator.state(allowed, "verdict", "allowed", "G1 in one word, after the vote")
    enter(world, NAME, "planning")


def _build(world: World) -> None:
    write_plan(world, NAME, full_plan(deployment_steps=INSTALL, back_out_steps=REMOVE))
    acknowledge_impact(world, NAME)
    pass_gate(world, NAME, "build_and_test")
    built = build(world, NAME, VERSION)
    run_tests(world, NAME, built)
    rehearse(world, NAME)
    sign_off(world, NAME)
    pass_gate(world, NAME, "check_in")
    await_items(world, built.candidates, "definitive")
    package = world.by("rhea").get(f"{release_of(world, NAME)}/package")
    world.narrator.fact(
        {item["sha256"] for item in package["items"]} == {medium.sha256 for medium in built.candidates},
        "its package is what the same source gave before: the same bytes, which are in the library already",
        seen=package,
    )
