"""Act 1: a new service goes from its request to closed, through all four gates."""

from __future__ import annotations

from fourgates_cli.walkthrough.builds import (
    Built,
    build,
    build_tools,
    run_tests,
    sign_off,
    try_record_build,
    try_record_tests,
    try_sign_off,
)
from fourgates_cli.walkthrough.changes import authorize_change, raise_change
from fourgates_cli.walkthrough.deployments import (
    await_end,
    plan_deployment,
    prove_version,
    register_environments,
    rehearse,
    start,
)
from fourgates_cli.walkthrough.informing import inform_owners
from fourgates_cli.walkthrough.media import await_items, check_out, item, try_check_out
from fourgates_cli.walkthrough.plans import INSTALL, REMOVE, acknowledge_impact, full_plan, write_plan
from fourgates_cli.walkthrough.releases import open_release, pass_gate, try_gates, try_phase
from fourgates_cli.walkthrough.reviews import await_review, close, evaluate, state, try_close
from fourgates_cli.walkthrough.services import await_lifecycle, register_service
from fourgates_cli.walkthrough.world import Thing, World
from fourgates_cli.workbench import BuildFailedError, Medium, lay_out, sha256_of

NAME = "1.0.0"
TARGETS: list[Thing] = [
    {
        "name": "the service answers",
        "measure": "availability_percent",
        "comparison": "at_least",
        "goal": 99.0,
        "unit": "percent",
        "path": "/healthz",
    },
    {
        "name": "parcels are listed fast",
        "measure": "latency_p95_ms",
        "comparison": "at_most",
        "goal": 200.0,
        "unit": "ms",
        "path": "/parcels",
    },
]


def act1(world: World) -> None:
    """Release parcel tracking for the first time."""
    world.narrator.act("Act 1: a new service, parcel tracking 1.0.0")
    _request(world)
    _plan(world)
    _tools_come_from_the_library(world)
    built = _build_and_test(world)
    _check_in(world, built)
    _deploy(world)
    _review(world)


def _request(world: World) -> None:
    narrator = world.narrator
    narrator.step("Service design registers the service with its targets; two changes are raised and authorized")
    register_environments(world)
    register_service(
        world,
        "parcel-tracking",
        tier="gold",
        value_case="Customers see where their parcel is, and call us less.",
        targets=TARGETS,
    )
    first = raise_change(world, "Offer parcel tracking to customers", service="parcel-tracking")
    second = raise_change(world, "Open the parcel API to shops", service="parcel-tracking")
    open_release(world, NAME, service="parcel-tracking", kind="new", version="1.0.0", change_ids=[first, second])
    narrator.step("Nobody plans before G1")
    narrator.refused(
        try_phase(world, NAME, "planning"),
        status=409,
        codes=("no-grant",),
        text="planning cannot be entered without a grant",
    )
    authorize_change(world, first)
    authorize_change(world, second, voters=("carl",))
    pass_gate(world, NAME, "planning")


def _plan(world: World) -> None:
    narrator = world.narrator
    narrator.step("G2 may be requested only with a complete plan; every gap is named at once")
    incomplete = full_plan(deployment_steps=INSTALL, back_out_steps=[])
    incomplete["risks"][0]["contingency_action"] = ""
    incomplete["strategy"] = ""
    write_plan(world, NAME, incomplete)
    narrator.refused(
        try_gates(world, NAME, "build_and_test"),
        status=409,
        codes=("no-contingency-action", "no-back-out-steps", "no-strategy", "impact-not-acknowledged"),
        text="G2 is refused for a plan without contingency action and back-out steps",
    )
    write_plan(world, NAME, full_plan(deployment_steps=INSTALL, back_out_steps=REMOVE))
    acknowledge_impact(world, NAME)
    pass_gate(world, NAME, "build_and_test")


def _tools_come_from_the_library(world: World) -> None:
    narrator = world.narrator
    narrator.step("A tool in quarantine cannot be checked out, nor built with")
    tools = build_tools(world)
    suspect = tools[0]
    item_path = f"/dml/v1/media-items/{item(world, suspect)['id']}"
    taken_before = check_out(world, NAME, tools)
    world.by("mona").post(f"{item_path}/quarantine", {"reason": "a report about this version"})
    narrator.refused(
        try_check_out(world, NAME, tools),
        status=409,
        codes=("not-definitive",),
        text=f"{suspect.name} is not handed out",
    )
    _build_without_fails(world, suspect, tools)
    _build_with_quarantined_is_refused(world, suspect, taken_before)
    world.by("cora").post(f"{item_path}/clearance", {"reason": "the report was about another version"})
    await_items(world, (suspect,), "definitive")
    narrator.proved(f"{suspect.name} is definitive again by a change authority's decision", kind="state")


def _build_without_fails(world: World, suspect: Medium, tools: tuple[Medium, ...]) -> None:
    rest = check_out(world, NAME, tuple(tool for tool in tools if tool != suspect))
    source = lay_out(world.example, "1.0.0", world.folder / "source" / "without")
    try:
        world.bench.build(source, rest)
    except BuildFailedError as failed:
        said = [line for line in str(failed).splitlines() if "flit" in line]
        world.narrator.fact(
            bool(said), f"the build really fails without {suspect.name}, and says so", seen=str(failed)[-500:]
        )
        world.narrator.aside(said[0])
    else:
        world.narrator.failed(f"the build fails without {suspect.name}", seen="it succeeded")


def _build_with_quarantined_is_refused(world: World, suspect: Medium, taken_before: tuple[Medium, ...]) -> None:
    """A build that was made before the quarantine is refused as well: what counts is the library at that time."""
    narrator = world.narrator
    candidate = world.bench.write("note.txt", b"not a wheel", name="note", version="1", kind="document")
    stranger = world.bench.write(
        "left_pad-1.3.0-py3-none-any.whl", b"never seen", name="left-pad", version="1.3.0", kind="wheel"
    )
    # The unknown input refuses it in any case; that the other one is in quarantine is heard a moment later.
    answer = world.by("bob").ask_until(
        lambda: try_record_build(world, NAME, inputs=(*taken_before, stranger), candidates=(candidate,)),
        lambda answer: suspect.name in answer.reasons,
    )
    narrator.refused(
        answer,
        status=409,
        codes=("input-not-definitive",),
        text="a build with inputs outside the library is refused by name",
    )
    named = " ".join(error["detail"] for error in answer.errors)
    narrator.fact("left-pad" in named, "the refusal names the unknown input left-pad", seen=named)
    narrator.fact(suspect.name in named, f"and the quarantined {suspect.name}", seen=named)


def _build_and_test(world: World) -> Built:
    narrator = world.narrator
    narrator.step("The build runs with checked-out tools; the tests run on the built bytes")
    built = build(world, NAME, "1.0.0")
    narrator.refused(
        try_sign_off(world, NAME),
        status=409,
        codes=("suite-not-passed",),
        text="sign-off before any test ran is refused",
    )
    evidence = run_tests(world, NAME, built)
    narrator.refused(
        try_record_tests(world, NAME, evidence, tested_sha256=sha256_of(b"other bytes")),
        status=409,
        codes=("tested-other-bytes", "evidence-names-other-bytes"),
        text="a report about other bytes is refused",
    )
    narrator.step("The candidate is deployed to a sandbox, its back-out rehearsed and measured, the candidate removed")
    rehearse(world, NAME)
    sign_off(world, NAME)
    return built


def _check_in(world: World, built: Built) -> None:
    world.narrator.step("G3, and the package enters the definitive media library")
    pass_gate(world, NAME, "check_in")
    await_items(world, built.candidates, "definitive")
    world.narrator.proved("the wheel and its bill of materials are definitive", kind="state")


def _deploy(world: World) -> None:
    narrator = world.narrator
    narrator.step("G4, and the package is really deployed: unpacked by digest, started as processes, probed over HTTP")
    plan_deployment(world, NAME)
    inform_owners(world, NAME)
    pass_gate(world, NAME, "deployment", voter="carl")
    deployment_id = start(world, NAME)
    await_end(world, NAME, deployment_id, "deployed")
    prove_version(world, "1.0.0")
    await_lifecycle(world, "parcel-tracking", "live")


def _review(world: World) -> None:
    narrator = world.narrator
    narrator.step("After every deployment comes the review; nothing closes before everything was evaluated")
    review_id = await_review(world, NAME)
    narrator.refused(
        try_close(world, review_id),
        status=409,
        codes=("target-not-evaluated", "statement-missing"),
        text="closing before anything was evaluated is refused",
    )
    verdicts = evaluate(world, review_id)
    narrator.fact(
        all(v["result"] == "pass" for v in verdicts.values()),
        "every target is met on the running process",
        seen=verdicts,
    )
    state(world, review_id, "value", "calls to the hotline went down on the first day")
    close(world, NAME, review_id)
