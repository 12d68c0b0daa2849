"""Act 3: an emergency at night with two people, and the debts that they settle by day."""

from __future__ import annotations

from fourgates_cli.walkthrough.before import load
from fourgates_cli.walkthrough.builds import Built, build, run_tests, sign_off
from fourgates_cli.walkthrough.changes import authorize_change, confirm, raise_change, try_vote, vote
from fourgates_cli.walkthrough.deployments import (
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
from fourgates_cli.walkthrough.plans import RESTORE, UPGRADE, acknowledge_impact, minimal_plan, write_plan
from fourgates_cli.walkthrough.releases import GATE_NAMES, await_grant, enter, open_release, release_of, request_gates
from fourgates_cli.walkthrough.reviews import await_review, close, evaluate, state, try_close
from fourgates_cli.walkthrough.services import register_service
from fourgates_cli.walkthrough.world import Thing, World

NAME = "1.1.2"
SERVICE = "parcel-tracking"
SUITES: list[Thing] = [
    {"name": "functional", "required": True, "minimum": True},
    {"name": "regression", "required": True, "minimum": False},
]
DEBTS = ("rehearsal", "impact_acknowledgement", "test_suites", "owners_informed", "cab_confirmation")


def act3(world: World) -> None:
    """Stop a leak of phone numbers at three in the morning."""
    world.narrator.act("Act 3: an emergency at three in the morning, with two people")
    _somebody_depends_on_it(world)
    _joined_planning(world)
    built = _build(world)
    _joined_deployment(world, built)
    _debts(world, built)


def _somebody_depends_on_it(world: World) -> None:
    world.narrator.step("Meanwhile another service, the parcel notifier, has come to depend on parcel tracking")
    register_service(
        world, "parcel-notifier", tier="silver", value_case="Customers are told.", depends_on=("parcel-tracking",)
    )
    found = world.bench.write(
        "parcel-notifier.conf", b"tracking = parcel-tracking\n", name="parcel-notifier", version="3.2", kind="document"
    )
    load(world, "parcel-notifier", (found,), title="Load the parcel notifier, which runs already")


def _joined_planning(world: World) -> None:
    narrator = world.narrator
    narrator.step("Phone numbers leak. Nils requests, builds and deploys; Nora signs off and votes for the ECAB")
    url = endpoints(world)["prod-1"]
    leak = {"id": "P-90", "destination": "Bern", "phone": "+41 31 000 00 00"}
    ask_service(url, "POST", "/parcels", leak)
    shown = ask_service(url, "GET", "/parcels/P-90").body
    narrator.fact("phone" in shown, "1.1.1 really shows the phone number", seen=shown)
    change_id = raise_change(
        world, "Stop showing phone numbers", by="nils", service=SERVICE, change_type="emergency", risk="high"
    )
    authorize_change(world, change_id, assessed_by="nora", asked_by="nils", voters=("nora",))
    open_release(
        world, NAME, service=SERVICE, kind="fix", version="1.1.2", change_ids=[change_id], by="nils", emergency=True
    )
    write_plan(world, NAME, minimal_plan(deployment_steps=UPGRADE, back_out_steps=RESTORE, suites=SUITES), by="nils")
    _joined(world, "planning", "build_and_test")
    enter(world, NAME, "planning", by="nils")
    enter(world, NAME, "build_and_test", by="nils")


def _joined(world: World, first: str, second: str) -> None:
    """One vote gives two grants, each used once; nobody votes on their own request, not even at night."""
    narrator = world.narrator
    authorization_id = request_gates(world, NAME, first, second, by="nils")
    narrator.refused(
        try_vote(world, "nils", authorization_id),
        status=403,
        codes=("segregation-of-duties",),
        text="nils cannot decide about his own work, not even at night",
    )
    vote(world, "nora", authorization_id)
    await_grant(world, NAME, authorization_id, by="nils")
    narrator.granted(f"{GATE_NAMES[first]} and {GATE_NAMES[second]} granted by one vote of nora")


def _build(world: World) -> Built:
    built = build(world, NAME, "1.1.2", by="nils")
    run_tests(world, NAME, built, by="nils")
    sign_off(world, NAME, by="nora")
    return built


def _joined_deployment(world: World, built: Built) -> None:
    plan_deployment(world, NAME, by="nils")
    _joined(world, "check_in", "deployment")
    enter(world, NAME, "check_in", by="nils")
    await_items(world, built.candidates, "definitive", by="nils")
    world.by("nils").wait_for(
        release_of(world, NAME), lambda r: r["check_in"]["state"] == "completed", what="the completed check-in"
    )
    enter(world, NAME, "deployment", by="nils")
    await_end(world, NAME, start(world, NAME, by="nils"), "deployed")
    prove_version(world, "1.1.2")
    shown = ask_service(endpoints(world)["prod-1"], "GET", "/parcels/P-90").body
    world.narrator.fact("phone" not in shown, "the phone number is no longer shown", seen=shown)


def _debts(world: World, built: Built) -> None:
    narrator = world.narrator
    narrator.step("By day: what the night left out is a debt with a due date, and each blocks closing")
    debts = {d["code"]: d for d in world.release(NAME)["debts"]}
    narrator.fact(set(debts) == set(DEBTS), f"the log names every debt: {', '.join(sorted(debts))}", seen=debts)
    review_id = await_review(world, NAME)
    evaluate(world, review_id)
    state(world, review_id, "value", "no phone number leaks any more")
    narrator.refused(
        try_close(world, review_id),
        status=409,
        codes=("debt-open",),
        text="closing with open debts is refused, naming each",
    )
    rehearse(world, NAME)
    acknowledge_impact(world, NAME)
    inform_owners(world, NAME)
    run_tests(world, NAME, built, suite="regression", files=("test_tracking.py",))
    confirm(world, NAME, by="cora")
    world.by("rhea").wait_for(
        release_of(world, NAME),
        lambda r: all(d["state"] == "settled" for d in r["debts"]),
        what="all debts to be settled",
    )
    narrator.proved(f"all {len(DEBTS)} debts are settled", kind="state")
    close(world, NAME, review_id)
