"""Act 5, a standard change: authorized by a change model that two people approved, within its scope and uses."""

from __future__ import annotations

from datetime import timedelta

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.act5_changes import SERVICE, await_change, content, submit, try_ask
from fourgates_cli.walkthrough.act5_people import person_of
from fourgates_cli.walkthrough.changes import CHANGES
from fourgates_cli.walkthrough.releases import moment, now
from fourgates_cli.walkthrough.world import Thing, World

MODELS = "/change/v1/change-models"
ANOTHER_SIZE = "labels of another size"


def standard_change(world: World) -> None:
    """Draft, revise and approve a model; authorize one standard change by it, and no second one."""
    narrator, mona = world.narrator, world.by("mona")
    narrator.step("A change model: drafted by mona, revised, and approved by two people who did not write it")
    model = mona.post(MODELS, _model(world, max_uses=50))
    here = f"{MODELS}/{model['id']}"
    world.by("cora").succeed(_try_approve(world, "cora", model))
    revised = mona.put(f"{here}/content", _model(world, max_uses=1), of=here)
    narrator.fact(
        revised["version_number"] == 2 and not revised["approvals"],
        "a revision is a new version, and voids the approval of the one before",
        seen=revised,
    )
    narrator.refused(
        _try_approve(world, "mona", revised), status=403, codes=("four-eyes",), text="its author does not approve it"
    )
    world.by("cora").succeed(_try_approve(world, "cora", revised))
    first = submit(world, _standard(world))
    narrator.refused(
        try_ask(world, first, model_id=model["id"]),
        status=409,
        codes=("model-not-approved",),
        text="one approval of two authorizes nothing",
    )
    world.by("carl").succeed(_try_approve(world, "carl", revised))
    _use(world, str(model["id"]), first)
    world.changes[ANOTHER_SIZE] = first
    gone = mona.post(f"{here}/withdrawal", {"reason": "sizes are kept in the order now"})
    narrator.fact(gone["withdrawn"], "the model is withdrawn", seen=gone)


def _use(world: World, model_id: str, change_id: str) -> None:
    narrator = world.narrator
    granted = world.by("rita").succeed(try_ask(world, change_id, model_id=model_id)).body
    narrator.fact(
        {one["person_id"] for one in granted["deciders"]} == {person_of(world, name) for name in ("cora", "carl")},
        "the deciders of the standard change are the approvers of its model",
        seen=granted["deciders"],
    )
    await_change(world, change_id, "authorized")
    narrator.granted("change 'Print labels of another size' authorized by its change model at once")
    uses = world.by("rita").get(f"{MODELS}/{model_id}/uses")["items"]
    narrator.fact([use["change_id"] for use in uses] == [change_id], "its use is counted: 1 of 1", seen=uses)
    second = submit(world, _standard(world))
    narrator.refused(
        try_ask(world, second, model_id=model_id),
        status=409,
        codes=("model-used-up",),
        text="the model allows no second use",
    )
    world.by("mona").post(f"{CHANGES}/{second}/cancellation", {"reason": "one other size is enough"})


def _model(world: World, *, max_uses: int) -> Thing:
    return {
        "name": "Print labels of another size",
        "description": "Another entry in the table of sizes, by the procedure of the runbook.",
        "service_ids": [world.services[SERVICE]],
        "highest_risk": "low",
        "expires_at": moment(now() + timedelta(days=90)),
        "max_uses": max_uses,
        "reason": "done every month without trouble",
    }


def _standard(world: World) -> Thing:
    ids = [world.services[SERVICE]]
    return content("Print labels of another size", service_ids=ids, change_type="standard")


def _try_approve(world: World, name: str, model: Thing) -> Answer:
    body = {"version_number": model["version_number"], "meaning": "I have read the procedure", "reason": "it is sound"}
    return world.by(name).try_post(f"{MODELS}/{model['id']}/approvals", body)
