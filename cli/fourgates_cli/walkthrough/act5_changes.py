"""Act 5, changes: edited, held, decided by a group in a CAB meeting, by a delegate, by a model, or given up."""

from __future__ import annotations

from datetime import timedelta

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.act5_people import person_of
from fourgates_cli.walkthrough.changes import AUTHORIZATIONS, CHANGES, read_authorization, try_vote, vote
from fourgates_cli.walkthrough.releases import moment, now
from fourgates_cli.walkthrough.world import Thing, World

MEETINGS = "/change/v1/cab-meetings"
SERVICE = "label-printing"
LANGUAGES = "labels in two languages"


def change_for_a_meeting(world: World) -> None:
    """Edit a change, hold it, and have it decided by two people in a CAB meeting."""
    narrator, rita = world.narrator, world.by("rita")
    narrator.step("Rita drafts a change and edits it; mona puts it on hold, and nothing is requested for it meanwhile")
    change = rita.post(CHANGES, content("Print labels in two langauges", service_ids=[world.services[SERVICE]]))
    here = f"{CHANGES}/{change['id']}"
    world.changes[LANGUAGES] = str(change["id"])
    body = content("Print labels in two languages", service_ids=[world.services[SERVICE]], risk="medium")
    edited = rita.put(f"{here}/content", body, of=here)
    narrator.fact(
        edited["content_digest"] != change["content_digest"],
        "another text has another digest, which is what people would authorize",
        seen=edited,
    )
    rita.post(f"{here}/submission", {"reason": "ready to be assessed"})
    assess(world, str(change["id"]), risk="medium")
    world.by("mona").post(f"{here}/hold", {"reason": "the printers are not paid for yet"})
    narrator.refused(
        try_ask(world, str(change["id"])), status=409, codes=("on-hold",), text="a change on hold is put to nobody"
    )
    resumed = world.by("mona").post(f"{here}/resumption", {"reason": "they are paid for now"})
    narrator.fact(not resumed["on_hold"], "the change is off hold", seen=resumed)
    _decided_in_a_meeting(world, str(change["id"]))


def _decided_in_a_meeting(world: World, change_id: str) -> None:
    narrator, mona = world.narrator, world.by("mona")
    narrator.step("The CAB meets: its agenda names the request, its members vote, its minutes are kept")
    asked = world.by("rita").succeed(try_ask(world, change_id)).body
    narrator.fact(asked["policy_version"] == 2, "the request pins version 2 of the policy", seen=asked)
    meeting = _convene(world, starts_in=timedelta(0), agenda=[], reason="the weekly meeting")
    here = f"{MEETINGS}/{meeting['id']}"
    mona.put(f"{here}/agenda", {"agenda": [asked["id"]], "reason": "one request came in"}, of=here)
    decided = vote(world, "cora", asked["id"])
    narrator.state(decided, "state", "requested", "one vote of two does not authorize it")
    vote(world, "carl", asked["id"])
    await_change(world, change_id, "authorized")
    narrator.granted("change 'Print labels in two languages' authorized by cora and carl in the CAB of the depots")
    attendees = [person_of(world, name) for name in ("cora", "carl", "mona")]
    held = mona.post(
        f"{here}/minutes",
        {"attendee_ids": attendees, "minutes": "Both agree; French first.", "reason": "the meeting was held"},
    )
    narrator.state(held, "state", "held", "the CAB meeting")
    _called_off(world)


def _called_off(world: World) -> None:
    narrator, mona = world.narrator, world.by("mona")
    tomorrow = _convene(world, starts_in=timedelta(days=1), agenda=[], reason="the next one")
    here = f"{MEETINGS}/{tomorrow['id']}"
    narrator.refused(
        mona.try_post(f"{here}/minutes", {"attendee_ids": [], "minutes": "No objections.", "reason": "to be done"}),
        status=409,
        codes=("not-started",),
        text="there are no minutes of a meeting that has not started",
    )
    off = mona.post(f"{here}/cancellation", {"reason": "nothing is on its agenda"})
    narrator.state(off, "state", "called_off", "the meeting of tomorrow")


def _convene(world: World, *, starts_in: timedelta, agenda: list[str], reason: str) -> Thing:
    starts_at = now() + starts_in
    body = {
        "starts_at": moment(starts_at),
        "ends_at": moment(starts_at + timedelta(hours=1)),
        "emergency": False,
        "agenda": agenda,
        "reason": reason,
    }
    return dict(world.by("mona").post(MEETINGS, body))


def change_without_a_service(world: World) -> None:
    """Have a change that alters no service decided by a delegate, and closed by its own review."""
    narrator, cora = world.narrator, world.by("cora")
    narrator.step("Cora goes on leave and lends her authority to eve, who decides in her place")
    ends_at = moment(now() + timedelta(days=7))
    delegations = f"/change/v1/people/{person_of(world, 'cora')}/delegations"
    body = {"delegate_id": person_of(world, "eve"), "roles": ["change_authority"], "ends_at": ends_at}
    lent = cora.post(delegations, body | {"reason": "on leave"})
    change_id = submit(world, content("Renew the contract for label paper", alters_service=False))
    assess(world, change_id)
    asked = world.by("rita").succeed(try_ask(world, change_id)).body
    decided = vote(world, "eve", asked["id"], reason="as cora would")
    narrator.fact(
        [one["counts_as"] for one in decided["votes"]] == [person_of(world, "cora")],
        "eve's vote counts as cora's, and says so",
        seen=decided["votes"],
    )
    await_change(world, change_id, "authorized")
    narrator.granted("change 'Renew the contract for label paper' authorized by eve for cora")
    (delegation,) = lent["delegations"]
    cora.post(f"{delegations}/{delegation['delegation_id']}/ending", {"reason": "back from leave"})
    _closed_by_its_own_review(world, change_id)


def _closed_by_its_own_review(world: World, change_id: str) -> None:
    narrator, mona = world.narrator, world.by("mona")
    narrator.step("A change that alters no service is closed by its own review; one that does only by a release")
    outcome = {"outcome": "successful", "reason": "the contract is signed"}
    narrator.refused(
        mona.try_post(f"{CHANGES}/{world.changes[LANGUAGES]}/review", outcome),
        status=409,
        codes=("alters-a-service",),
        text="a change that alters a service has no review of its own",
    )
    reviewed = mona.post(f"{CHANGES}/{change_id}/review", outcome)
    narrator.state(reviewed, "state", "reviewed", "the renewed contract")
    closed = mona.post(f"{CHANGES}/{change_id}/closure", {"reason": "nothing is left to do"})
    narrator.state(closed, "state", "closed", "the renewed contract")


def change_given_up(world: World) -> None:
    """Take a grant back, withdraw the next request, and give the change up."""
    narrator = world.narrator
    narrator.step("A grant is revoked, the next request withdrawn, and the change given up")
    change_id = submit(world, content("Print on golden paper", service_ids=[world.services[SERVICE]]))
    assess(world, change_id)
    first = str(world.by("rita").succeed(try_ask(world, change_id)).body["id"])
    narrator.refused(
        try_vote(world, "eve", first),
        status=403,
        codes=("not-entitled",),
        text="eve cannot decide any more: cora is back",
    )
    vote(world, "carl", first)
    await_change(world, change_id, "authorized")
    revoked = world.by("mona").post(f"{AUTHORIZATIONS}/{first}/revocation", {"reason": "the paper mill has burnt down"})
    narrator.state(revoked, "state", "revoked", "the grant")
    await_change(world, change_id, "assessed")
    narrator.proved("the change has lost its grant, and is assessed again", kind="state")
    second = str(world.by("rita").succeed(try_ask(world, change_id)).body["id"])
    read_authorization(world, second, by="cora")
    withdrawn = world.by("rita").post(f"{AUTHORIZATIONS}/{second}/withdrawal", {"reason": "no other mill was found"})
    narrator.state(withdrawn, "state", "withdrawn", "the second request")
    narrator.refused(
        try_vote(world, "cora", second), status=409, codes=("already-decided",), text="nobody votes on it any more"
    )
    cancelled = world.by("rita").post(f"{CHANGES}/{change_id}/cancellation", {"reason": "no golden paper is to be had"})
    narrator.state(cancelled, "state", "cancelled", "the change")


def content(
    title: str,
    *,
    service_ids: list[str] | None = None,
    change_type: str = "normal",
    risk: str = "low",
    alters_service: bool = True,
) -> Thing:
    """Return what a change asks for."""
    return {
        "title": title,
        "description": f"{title}.",
        "change_type": change_type,
        "risk": risk,
        "service_ids": service_ids or [],
        "alters_service": alters_service,
        "reason": title,
    }


def submit(world: World, body: Thing, *, by: str = "rita") -> str:
    """Draft a change and request it; return its id."""
    change = world.by(by).post(CHANGES, body)
    world.by(by).post(f"{CHANGES}/{change['id']}/submission", {"reason": "ready to be assessed"})
    world.narrator.aside(f"change {body['title']!r}, raised by {by}")
    return str(change["id"])


def assess(world: World, change_id: str, *, risk: str = "low") -> None:
    """Assess a change."""
    body = {"risk": risk, "findings": "assessed as stated", "reason": "assessed as stated"}
    world.by("mona").post(f"{CHANGES}/{change_id}/assessment", body)


def try_ask(world: World, change_id: str, *, model_id: str | None = None, by: str = "rita") -> Answer:
    """Put a change to an authority, or name its model, and return the answer whatever it says."""
    body = {"model_id": model_id, "reason": "please decide"}
    return world.by(by).try_post(f"{CHANGES}/{change_id}/authorization-requests", body)


def await_change(world: World, change_id: str, state: str) -> Thing:
    """Wait until a change is in a state."""
    path = f"{CHANGES}/{change_id}"
    return dict(world.by("mona").wait_for(path, lambda c: c["state"] == state, what=f"the change to be {state}"))
