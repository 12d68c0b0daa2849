"""Plans: what a release means to do, how it is taken back, and how it is tested."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fourgates_cli.walkthrough.releases import moment, now, release_of
from fourgates_cli.walkthrough.world import Thing, World

MODULE = "parcel_tracking"
LONGEST_BACK_OUT_S = 60
STEP_TIMEOUT_S = 5


def step(name: str, action: str, *, path: str = "") -> Thing:
    """Return one executable step."""
    return {"name": name, "action": action, "path": path, "expect_status": 200, "timeout_s": STEP_TIMEOUT_S}


INSTALL = [
    step("unpack the wheel by its digest", "install"),
    step("start the service", "start", path=MODULE),
    step("see that it is healthy", "probe", path="/healthz"),
]
UPGRADE = [step("stop the old version", "stop"), *INSTALL]
RESTORE = [
    step("stop the new version", "stop"),
    step("put back what ran before", "restore"),
    step("see that it is healthy", "probe", path="/healthz"),
]
REMOVE = [step("stop the service", "stop"), step("remove it from the node", "remove")]


def full_plan(
    *, deployment_steps: list[Thing], back_out_steps: list[Thing], suites: list[Thing] | None = None
) -> Thing:
    """Return a complete plan."""
    starts_at = now()
    return {
        "schedule": {"starts_at": moment(starts_at), "ends_at": moment(starts_at + timedelta(days=1))},
        "risks": [
            {
                "name": "customers see no parcels",
                "rating": "medium",
                "contingency_action": "the hotline answers from the depot's own list until the back-out has ended",
            }
        ],
        "deployment_steps": deployment_steps,
        "back_out": {
            "steps": back_out_steps,
            "owner": "dan",
            "trigger": "a step or the verification fails",
            "longest_duration_s": LONGEST_BACK_OUT_S,
        },
        "tests": {
            "suites": suites or [{"name": "functional", "required": True, "minimum": True}],
            "acceptance_criteria": ["every test of the suite passes on exactly the built bytes"],
        },
        "strategy": "a pilot node first, then the other one",
    }


def minimal_plan(*, deployment_steps: list[Thing], back_out_steps: list[Thing], suites: list[Thing]) -> Thing:
    """Return what an emergency never leaves out: the steps, the back-out, and the declared minimum of tests."""
    plan = full_plan(deployment_steps=deployment_steps, back_out_steps=back_out_steps, suites=suites)
    return plan | {"schedule": None, "strategy": "", "tests": {"suites": suites, "acceptance_criteria": []}}


def media_plan() -> Thing:
    """Return the plan of a release without deployment: its back-out is the withdrawal of the items."""
    plan = full_plan(deployment_steps=[], back_out_steps=[])
    plan["tests"]["suites"] = []
    plan["strategy"] = ""
    plan["back_out"] |= {"longest_duration_s": 0, "owner": "rhea", "trigger": "an item turns out to be unsound"}
    return plan


def write_plan(world: World, release: str, plan: Thing, *, by: str = "rhea", reason: str = "planned") -> Any:
    """Write the plan of a release."""
    here = release_of(world, release)
    return world.by(by).put(f"{here}/plan", plan | {"reason": reason}, of=here)


def acknowledge_impact(world: World, release: str, *, by: str = "rhea") -> None:
    """Ask configuration management for the impact set, read it, and acknowledge it."""
    here = release_of(world, release)
    world.by(by).post(f"{here}/impact-requests", {"reason": "to know whom it can affect"})
    known = world.by(by).wait_for(here, lambda r: r["impact"] is not None, what="the impact set")
    digest = known["impact"]["impact_digest"]
    body = {"impact_digest": digest, "reason": "read and acknowledged"}
    world.by(by).post(f"{here}/impact-acknowledgements", body)
    services = ", ".join(s["name"] for s in known["impact"]["services"]) or "nobody else"
    world.narrator.aside(f"impact set acknowledged by {by}: {services}")
