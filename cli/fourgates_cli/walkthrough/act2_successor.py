"""Act 2, continued: the successor is backed out by the rehearsed steps, reviewed, and deployed again."""

from __future__ import annotations

from fourgates_cli.walkthrough.builds import build, run_tests, sign_off
from fourgates_cli.walkthrough.changes import authorize_change
from fourgates_cli.walkthrough.deployments import (
    DEPLOYMENTS,
    ask_service,
    await_end,
    endpoints,
    plan_deployment,
    prove_version,
    rehearse,
    start,
)
from fourgates_cli.walkthrough.informing import inform_owners
from fourgates_cli.walkthrough.media import await_items
from fourgates_cli.walkthrough.plans import RESTORE, UPGRADE, acknowledge_impact, full_plan, write_plan
from fourgates_cli.walkthrough.releases import pass_gate, release_of
from fourgates_cli.walkthrough.reviews import REVIEWS, await_review, close, evaluate, state
from fourgates_cli.walkthrough.world import World

NAME = "1.1.1"


def act2_successor(world: World) -> None:
    """Release what the missed target asked for."""
    _through_the_whole_process_again(world)
    _backed_out(world)
    _redeployed(world)


def _through_the_whole_process_again(world: World) -> None:
    world.narrator.step("The successor goes through the whole process again: change, G1, plan, G2, build, tests, G3")
    authorize_change(world, world.changes["linked"], asked_by="rhea")
    pass_gate(world, NAME, "planning")
    write_plan(world, NAME, full_plan(deployment_steps=UPGRADE, back_out_steps=RESTORE))
    acknowledge_impact(world, NAME)
    pass_gate(world, NAME, "build_and_test")
    built = build(world, NAME, "1.1.1")
    run_tests(world, NAME, built)
    rehearse(world, NAME)
    sign_off(world, NAME)
    pass_gate(world, NAME, "check_in")
    await_items(world, built.candidates, "definitive")


def _backed_out(world: World) -> None:
    narrator = world.narrator
    narrator.step("A shop posts a parcel without destination, which 1.1.0 takes; 1.1.1 is not healthy with it")
    url = endpoints(world)["prod-1"]
    posted = ask_service(url, "POST", "/parcels", {"id": "P-77"})
    narrator.fact(posted.status == 201, "1.1.0 really takes it; the sandbox has no such parcel", seen=posted)
    plan_deployment(world, NAME)
    inform_owners(world, NAME)
    pass_gate(world, NAME, "deployment")
    deployment_id = start(world, NAME)
    await_end(world, NAME, deployment_id, "backed_out")
    _steps_were_the_rehearsed_ones(world, deployment_id)
    prove_version(world, "1.1.0")


def _steps_were_the_rehearsed_ones(world: World, deployment_id: str) -> None:
    log = world.by("ada").every(f"{DEPLOYMENTS}/{deployment_id}/history")
    orders = [entry["facts"]["order"] for entry in log if entry["type"].endswith("StepDone")]
    backing_out = [order["step"]["name"] for order in orders if order["phase"] == "back_out" and order["step"]]
    planned = [step["name"] for step in RESTORE]
    world.narrator.fact(
        backing_out[: len(planned)] == planned and set(backing_out) == set(planned),
        f"the back-out ran exactly the rehearsed steps: {', '.join(planned)}",
        seen=backing_out,
    )


def _redeployed(world: World) -> None:
    narrator = world.narrator
    narrator.step(
        "The review finds the cause and decides to redeploy; the parcel is corrected, and the same bytes go out"
    )
    review_id = await_review(world, NAME)
    review = world.by("rhea").get(f"{REVIEWS}/{review_id}")
    results = {e["result"] for e in review["evaluations"]}
    narrator.fact(results == {"not_applicable"}, "after a back-out no target is applicable", seen=results)
    close(world, NAME, review_id, decision="redeploy")
    world.by("rhea").wait_for(release_of(world, NAME), lambda r: r["redeploying"], what="the way back")
    corrected = ask_service(endpoints(world)["prod-1"], "PUT", "/parcels/P-77", {"destination": "Bern"})
    narrator.fact(corrected.status == 200, "the parcel has a destination now", seen=corrected)
    plan_deployment(world, NAME)
    pass_gate(world, NAME, "deployment", voter="carl")
    await_end(world, NAME, start(world, NAME), "deployed")
    prove_version(world, "1.1.1")
    review_id = await_review(world, NAME)
    verdicts = evaluate(world, review_id)
    narrator.fact(
        all(v["result"] in {"pass", "warning"} for v in verdicts.values()), "every target is met again", seen=verdicts
    )
    state(world, review_id, "value", "customers find their parcels by city, and do not wait")
    close(world, NAME, review_id)
