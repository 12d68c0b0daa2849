"""Act 4: a retirement that is refused while a live service depends on it, then done."""

from __future__ import annotations

from fourgates_cli.client import Unreachable
from fourgates_cli.walkthrough.builds import record_build, record_tests, sign_off
from fourgates_cli.walkthrough.changes import authorize_change, raise_change
from fourgates_cli.walkthrough.deployments import (
    ask_service,
    await_end,
    endpoints,
    plan_deployment,
    rehearse,
    start,
)
from fourgates_cli.walkthrough.informing import inform_owners
from fourgates_cli.walkthrough.media import await_items, check_out
from fourgates_cli.walkthrough.plans import REMOVE, RESTORE, acknowledge_impact, full_plan, write_plan
from fourgates_cli.walkthrough.releases import RELEASES, open_release, pass_gate, try_gates
from fourgates_cli.walkthrough.reviews import await_review, close, state
from fourgates_cli.walkthrough.services import SERVICES, await_lifecycle, set_relations
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import lay_out

NAME = "retirement"
SERVICE = "parcel-tracking"


def act4(world: World) -> None:
    """Retire parcel tracking."""
    world.narrator.act("Act 4: the retirement of parcel tracking")
    _prepare(world)
    _refused_while_depended_on(world)
    _retire(world)
    _final(world)


def _prepare(world: World) -> None:
    world.narrator.step("The decommissioning procedure is the package; it is rehearsed like any other")
    change_id = raise_change(world, "Retire parcel tracking", service=SERVICE)
    authorize_change(world, change_id)
    open_release(world, NAME, service=SERVICE, kind="retirement", version="retirement-1", change_ids=[change_id])
    pass_gate(world, NAME, "planning")
    suites = [{"name": "procedure", "required": True, "minimum": True}]
    write_plan(world, NAME, full_plan(deployment_steps=REMOVE, back_out_steps=RESTORE, suites=suites))
    acknowledge_impact(world, NAME)
    pass_gate(world, NAME, "build_and_test")
    source = lay_out(world.example, "retirement", world.folder / "source" / "retirement")
    content = (source / "procedure.md").read_bytes()
    procedure = world.bench.write(
        "procedure.md", content, name="parcel-tracking-decommissioning", version="1", kind="document"
    )
    record_build(world, NAME, inputs=(), candidates=(procedure,))
    tools = check_out(world, NAME, world.wheels, by="tess", purpose="test")
    record_tests(world, NAME, world.bench.test(procedure, source / "tests", tools, suite="procedure"))
    rehearse(world, NAME)
    sign_off(world, NAME)
    pass_gate(world, NAME, "check_in")
    await_items(world, (procedure,), "definitive")


def _refused_while_depended_on(world: World) -> None:
    world.narrator.step("G4 is refused as long as a live service depends on it")
    plan_deployment(world, NAME)
    inform_owners(world, NAME)
    world.narrator.refused(
        try_gates(world, NAME, "deployment"),
        status=409,
        codes=("live-dependants",),
        text="G4 is refused while the live parcel notifier depends on parcel tracking",
    )
    set_relations(world, "parcel-notifier", ())
    path = f"{SERVICES}/{world.services[SERVICE]}"
    world.by("oskar").wait_for(path, lambda s: not s["live_dependants"], what="no live dependants")
    world.narrator.proved("the notifier no longer depends on it")


def _retire(world: World) -> None:
    world.narrator.step("Now G4 is granted, and the procedure is really carried out")
    urls = endpoints(world)
    pass_gate(world, NAME, "deployment")
    await_lifecycle(world, SERVICE, "retiring")
    body = {"depends_on": [world.services[SERVICE]], "reason": "back to how it was"}
    here = f"{SERVICES}/{world.services['parcel-notifier']}"
    world.narrator.refused(
        world.by("oskar").try_put(f"{here}/relations", body, of=here),
        status=409,
        codes=("service-retiring",),
        text="from here on new relations to it are refused",
    )
    await_end(world, NAME, start(world, NAME), "deployed")
    for node, url in urls.items():
        try:
            answer = ask_service(url, "GET", "/healthz")
        except Unreachable:
            world.narrator.proved(f"nothing answers on {node} any more")
        else:
            world.narrator.failed(f"nothing answers on {node}", seen=answer)


def _final(world: World) -> None:
    world.narrator.step("Its review asks whether it is gone as planned, where the data went, and what the value was")
    review_id = await_review(world, NAME)
    state(world, review_id, "gone_as_planned", "no node runs it")
    state(world, review_id, "data_disposition", "the journals are in the records archive, without phone numbers")
    state(world, review_id, "final_value", "two years of fewer calls; the carriers offer this themselves now")
    close(world, NAME, review_id)
    await_lifecycle(world, SERVICE, "retired")
    change_id = raise_change(world, "Bring parcel tracking back", service=SERVICE)
    body = {
        "service_id": world.services[SERVICE],
        "kind": "update",
        "version": "2.0.0",
        "change_ids": [change_id],
        "emergency": False,
        "reason": "nostalgia",
    }
    rhea = world.by("rhea")
    # The release hears of the new change, and that the service is gone, a moment later.
    answer = rhea.ask_until(lambda: rhea.try_post(RELEASES, body), lambda a: set(a.codes) == {"service-retired"})
    world.narrator.refused(
        answer,
        status=409,
        codes=("service-retired",),
        text="retired is final: no release is opened for it any more",
    )
