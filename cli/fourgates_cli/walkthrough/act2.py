"""Act 2: an update that fails, is built again and misses a target; its successor is backed out and redeployed."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import derived_id

from fourgates_cli.login import try_log_in
from fourgates_cli.walkthrough.act2_successor import act2_successor
from fourgates_cli.walkthrough.builds import Built, build, run_tests, sign_off, try_sign_off
from fourgates_cli.walkthrough.changes import authorize_change, raise_change, try_vote, vote
from fourgates_cli.walkthrough.deployments import await_end, plan_deployment, prove_version, rehearse, start
from fourgates_cli.walkthrough.informing import inform_owners
from fourgates_cli.walkthrough.media import await_items, item
from fourgates_cli.walkthrough.plans import RESTORE, UPGRADE, acknowledge_impact, full_plan, write_plan
from fourgates_cli.walkthrough.releases import (
    await_grant,
    enter,
    go_back,
    open_release,
    pass_gate,
    request_gates,
    try_phase,
)
from fourgates_cli.walkthrough.reviews import (
    REVIEWS,
    await_follow_ups,
    await_review,
    close,
    evaluate_while_closing,
    state,
)
from fourgates_cli.walkthrough.world import Thing, World

NAME = "1.1.0"
# The conditions that a missed target adds to the closing of its review.
FOLLOW_UPS = ("linked-change-missing", "successor-missing")
SERVICE = "parcel-tracking"
SUITES: list[Thing] = [
    {"name": "functional", "required": True, "minimum": True},
    {"name": "regression", "required": True, "minimum": False},
]


def act2(world: World) -> None:
    """Update parcel tracking, with everything that can go wrong on the way."""
    world.narrator.act("Act 2: an update to 1.1.0 that goes wrong in every way that the process foresees")
    _request(world)
    _plan_edited_after_its_grant(world)
    built = _first_build_fails(world)
    built = _rebuild(world, built)
    _check_in(world, built)
    _deploy(world)
    _target_missed(world)
    act2_successor(world)


def _request(world: World) -> None:
    narrator = world.narrator
    narrator.step("Carl, who holds the roles of a change authority, requests the update himself: so he does not decide")
    change_id = raise_change(world, "Find parcels by their city", by="carl", service=SERVICE)
    authorize_change(world, change_id, asked_by="carl", voters=("cora",))
    open_release(world, NAME, service=SERVICE, kind="update", version="1.1.0", change_ids=[change_id])
    authorization_id = request_gates(world, NAME, "planning")
    narrator.refused(
        try_vote(world, "carl", authorization_id),
        status=403,
        codes=("segregation-of-duties",),
        text="the requester's vote is refused, naming rule and person",
    )
    _secrets(world)
    vote(world, "cora", authorization_id)
    await_grant(world, NAME, authorization_id)
    narrator.granted("G1 (planning) granted by cora")
    enter(world, NAME, "planning")


def _secrets(world: World) -> None:
    """Nobody is somebody else: a wrong secret and another person's secret get no token."""
    narrator = world.narrator
    for told, secret in (("a wrong secret", "not-her-secret"), ("his own secret", world.secrets["carl"])):
        answer = try_log_in(world.url, "cora", secret, record=world.record)
        seen = f"{answer.status} {answer.body}"
        refused = answer.status == 400 and answer.body["error"] == "invalid_grant"
        narrator.fact(refused, f"carl gets no token as cora with {told}: {answer.status}", seen=seen)
        narrator.seen["refusal"] += 1
    forged = world.by("cora").with_token(world.by("cora").token[:-6] + "AAAAAA")
    answer = forged.ask("GET", "/change/v1/changes")
    narrator.fact(answer.status == 401, "a forged token is refused: 401", seen=answer.status)


def _plan_edited_after_its_grant(world: World) -> None:
    narrator = world.narrator
    plan = full_plan(deployment_steps=UPGRADE, back_out_steps=RESTORE, suites=SUITES)
    write_plan(world, NAME, plan)
    acknowledge_impact(world, NAME)
    authorization_id = request_gates(world, NAME, "build_and_test")
    vote(world, "cora", authorization_id)
    await_grant(world, NAME, authorization_id)
    narrator.granted("G2 (build and test) granted by cora")
    narrator.step("The plan is edited after its grant: the grant is void, and G2 has to be granted anew")
    write_plan(world, NAME, plan | {"strategy": "both nodes at once"}, reason="it would be quicker")
    voided = world.by("mona").wait_for(
        f"/change/v1/authorizations/{authorization_id}", lambda a: a["state"] == "voided", what="the voided grant"
    )
    narrator.state(voided, "state", "voided", "the authorization of G2")
    narrator.refused(
        try_phase(world, NAME, "build_and_test"), status=409, codes=("no-grant",), text="a void grant opens nothing"
    )
    write_plan(world, NAME, plan, reason="the pilot stays")
    pass_gate(world, NAME, "build_and_test")


def _first_build_fails(world: World) -> Built:
    narrator = world.narrator
    narrator.step("The first build: one of the example's tests really fails")
    built = build(world, NAME, "1.1.0-attempt-1")
    evidence = run_tests(world, NAME, built)
    narrator.fact(not evidence.passed, "the report says so, on exactly these bytes", seen=evidence.junit_xml)
    answer = try_sign_off(world, NAME)
    narrator.refused(
        answer, status=409, codes=("suite-not-passed",), text="sign-off is refused with every suite that is not passed"
    )
    told = " ".join(error["detail"] for error in answer.errors)
    narrator.fact("functional" in told and "regression" in told, "both suites are named, not only the first", seen=told)
    return built


def _rebuild(world: World, failed: Built) -> Built:
    narrator = world.narrator
    narrator.step("Rebuild: a new build voids the old one's evidence, its candidate is discarded")
    go_back(world, NAME, "rebuild", reason="the search depends on the case of a city")
    release = world.release(NAME)
    narrator.state(release, "state", "build_and_test", f"release {release['number']}")
    await_items(world, failed.candidates, "discarded")
    narrator.state(item(world, failed.build.wheel), "state", "discarded", "the candidate of the first build")
    built = build(world, NAME, "1.1.0")
    release = world.release(NAME)
    narrator.fact(
        release["build"]["attempt"] == 2, "the attempts are numbered and kept: this is number 2", seen=release["build"]
    )
    run_tests(world, NAME, built)
    run_tests(world, NAME, built, suite="regression", files=("test_tracking.py",))
    rehearse(world, NAME)
    sign_off(world, NAME)
    return built


def _check_in(world: World, built: Built) -> None:
    pass_gate(world, NAME, "check_in")
    await_items(world, built.candidates, "definitive")
    world.narrator.proved("the package of the second build is definitive", kind="state")


def _deploy(world: World) -> None:
    world.narrator.step("The update is deployed on both nodes")
    plan_deployment(world, NAME)
    inform_owners(world, NAME)
    pass_gate(world, NAME, "deployment")
    await_end(world, NAME, start(world, NAME), "deployed")
    prove_version(world, "1.1.0")


def _follow_ups_in_the_log(world: World, review_id: str) -> None:
    """Prove from the log what may have come within a blink: both followed the miss, and the review is not closed."""
    told = [entry["type"].rpartition(".")[2] for entry in world.by("ada").every(f"{REVIEWS}/{review_id}/history")]
    first = {event: told.index(event) for event in ("TargetEvaluated", "LinkedChangeNoted", "SuccessorNoted")}
    world.narrator.fact(
        min(first, key=lambda event: first[event]) == "TargetEvaluated" and "Closed" not in told,
        "both followed the miss before the review could be closed",
        seen=told,
    )


def _target_missed(world: World) -> None:
    narrator = world.narrator
    narrator.step("A target is really missed: lists take too long; closing is refused until the consequences exist")
    review_id = await_review(world, NAME)
    verdicts, closing = evaluate_while_closing(world, review_id, wanted=FOLLOW_UPS)
    slow = verdicts["parcels are listed fast"]
    narrator.state(slow, "result", "fail", f"target {slow['name']!r}, measured {slow['measured']:.0f} {slow['unit']}")
    for code, unmet in closing.foretold.items():
        narrator.proved(f"closing was not possible: {code.replace('-', ' ')}", kind="refusal")
        narrator.aside(f"{unmet['detail']} → {unmet['remedy']}")
    if closing.refusal is not None:
        narrator.refused(closing.refusal, status=409, codes=(), text="closing in that moment was refused")
    evaluation_id = UUID(slow["evaluation_id"])
    change_id = str(derived_id(evaluation_id, "linked-change"))
    world.releases["1.1.1"] = str(derived_id(evaluation_id, "successor-release"))
    world.changes["linked"] = change_id
    await_follow_ups(world, review_id, slow)
    _follow_ups_in_the_log(world, review_id)
    change = world.change(change_id)
    narrator.state(change, "state", "requested", f"linked change {change['title']!r}")
    successor = world.release("1.1.1")
    narrator.state(
        successor, "state", "requested", f"successor release {successor['number']} of kind {successor['kind']}"
    )
    state(world, review_id, "value", "parcels are found by city, but customers wait")
    close(world, NAME, review_id)
