"""Before the acts: the tools and third-party wheels that builds use enter the library by an initial load."""

from __future__ import annotations

from fourgates_cli.walkthrough.builds import record_build, record_tests, sign_off
from fourgates_cli.walkthrough.changes import authorize_change, raise_change
from fourgates_cli.walkthrough.dry_run import dry_run_report
from fourgates_cli.walkthrough.media import await_items, item
from fourgates_cli.walkthrough.plans import acknowledge_impact, media_plan, write_plan
from fourgates_cli.walkthrough.releases import open_release, pass_gate
from fourgates_cli.walkthrough.reviews import await_review, close
from fourgates_cli.walkthrough.services import register_service
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import Medium


def before(world: World) -> None:
    """Load the tools and wheels under an authorized change."""
    narrator = world.narrator
    narrator.act("Before: an initial load of the build's tools and third-party wheels")
    narrator.step("The toolchain is a service like any other")
    register_service(world, "toolchain", tier="internal", value_case="Builds use known tools only.")
    load(world, "toolchain", world.wheels, title="Load the tools and wheels that builds use")
    loaded = item(world, world.wheels[0])
    narrator.fact(loaded["loaded"], f"{loaded['name']} {loaded['version']} is marked as loaded for ever", seen=loaded)


def load(world: World, service: str, media: tuple[Medium, ...], *, title: str) -> None:
    """Take media that run already into the library: a change, G1 to G3, and a short review."""
    name = f"load of {service}"
    narrator = world.narrator
    change_id = raise_change(world, title, service=service)
    authorize_change(world, change_id)
    open_release(world, name, service=service, kind="initial_load", version="1", change_ids=[change_id])
    pass_gate(world, name, "planning")
    write_plan(world, name, media_plan())
    acknowledge_impact(world, name)
    pass_gate(world, name, "build_and_test")
    narrator.step(f"The dry run's difference is the evidence: {_count(media)}, not in the library yet")
    release = record_build(world, name, inputs=(), candidates=media)
    report = dry_run_report(world, release["build"]["package_digest"], media)
    record_tests(world, name, report)
    sign_off(world, name)
    pass_gate(world, name, "check_in")
    await_items(world, media, "definitive")
    narrator.proved(f"{_count(media)} definitive", kind="state")
    close(world, name, await_review(world, name))


def _count(media: tuple[Medium, ...]) -> str:
    return f"{len(media)} item{'' if len(media) == 1 else 's'}"
