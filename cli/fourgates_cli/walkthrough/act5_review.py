"""Act 5, a review: what was learned, a missed target that is accepted in writing, and the value of the service."""

from __future__ import annotations

from fourgates_cli.walkthrough.act5_design import FAST
from fourgates_cli.walkthrough.act5_design import SERVICE as SERVICE_NAME
from fourgates_cli.walkthrough.act5_release import NAME
from fourgates_cli.walkthrough.changes import AUTHORIZATIONS, CHANGES, authorization_of, read_authorization, vote
from fourgates_cli.walkthrough.releases import RELEASES
from fourgates_cli.walkthrough.reviews import REVIEWS, await_follow_ups, await_review, close, evaluate, state
from fourgates_cli.walkthrough.services import SERVICES, await_lifecycle
from fourgates_cli.walkthrough.world import Thing, World

LEDGERS = "/review/v1/value-ledgers"
UNIT = "EUR a month"


def review_labels(world: World) -> None:
    """Review the release, and close it with a target that was missed."""
    review_id = await_review(world, NAME)
    missed = _missed(world, review_id)
    _found(world, review_id)
    _accepted(world, review_id, missed)
    _value(world)
    state(world, review_id, "value", "parcels with labels are sorted by machines")
    _recommended(world, review_id)
    close(world, NAME, review_id)
    _needed_no_more(world, missed)


def _missed(world: World, review_id: str) -> Thing:
    narrator = world.narrator
    narrator.step("A target is missed: its goal was typed in the wrong unit, and nobody can meet it")
    verdict = evaluate(world, review_id)[FAST]
    narrator.state(verdict, "result", "fail", f"target {FAST!r}")
    await_follow_ups(world, review_id, verdict)
    inputs = world.by("rhea").get(f"{REVIEWS}/{review_id}/evaluations/{verdict['evaluation_id']}")
    narrator.fact(
        len(inputs["samples"]) == verdict["sample_count"],
        f"the verdict shows its inputs: {len(inputs['samples'])} samples",
        seen=inputs["samples"][:2],
    )
    return dict(inputs)


def _found(world: World, review_id: str) -> None:
    body = {"kind": "lesson", "text": "Read a target aloud with its unit.", "reason": "the goal was meant in seconds"}
    review = world.by("rhea").post(f"{REVIEWS}/{review_id}/findings", body)
    world.narrator.fact(len(review["findings"]) == 1, "the review keeps what was learned", seen=review["findings"])


def _accepted(world: World, review_id: str, missed: Thing) -> None:
    narrator, rhea = world.narrator, world.by("rhea")
    narrator.step("An authority accepts the missed target in writing")
    body = {"evaluation_id": missed["evaluation_id"], "reason": "0.05 ms was meant as 0.5 s, which is met by far"}
    review = rhea.post(f"{REVIEWS}/{review_id}/acceptance-requests", body)
    narrator.refused(
        rhea.try_post(f"{REVIEWS}/{review_id}/acceptance-requests", body),
        status=409,
        codes=("acceptance-asked",),
        text="an authority is asked once",
    )
    authorization_id = authorization_of(review["acceptances"][0]["request_id"])
    read_authorization(world, authorization_id, by="cora")
    vote(world, "cora", authorization_id, reason="the customers notice nothing of it")
    rhea.wait_for(
        f"{REVIEWS}/{review_id}",
        lambda r: any(e["accepted"] for e in r["evaluations"]),
        what="the accepted target",
    )
    used = world.by("cora").wait_for(
        f"{AUTHORIZATIONS}/{authorization_id}", lambda a: a["state"] == "used", what="the used grant"
    )
    narrator.state(used, "state", "used", "the acceptance granted by cora")


def _value(world: World) -> None:
    narrator, oskar = world.narrator, world.by("oskar")
    narrator.step("The ledger of value: what is expected, and what was realised of it")
    entries = f"{LEDGERS}/{world.services[SERVICE_NAME]}/entries"
    realised = {"kind": "realised", "amount": 450.0, "unit": UNIT, "statement": "counted", "reason": "first month"}
    narrator.refused(
        oskar.try_post(entries, realised),
        status=409,
        codes=("no-expectation",),
        text="nothing is realised of what nobody expected",
    )
    expected = {"kind": "expected", "amount": 400.0, "statement": "fewer parcels sorted by hand", "reason": "planned"}
    oskar.post(entries, expected | {"unit": UNIT})
    ledger = oskar.post(entries, realised)
    narrator.fact(
        (ledger["expected"], ledger["realised"]) == ({UNIT: 400.0}, {UNIT: 450.0}),
        f"450 {UNIT} were realised of 400 expected",
        seen=ledger,
    )


def _recommended(world: World, review_id: str) -> None:
    narrator = world.narrator
    narrator.step("The carriers will print labels themselves next year: the review recommends to retire the service")
    await_lifecycle(world, SERVICE_NAME, "live")
    oskar = world.by("oskar")
    body = {"reason": "the carriers print labels from next year on"}
    path = f"{REVIEWS}/{review_id}/retirement-recommendations"
    # The review hears a moment later that the service is live.
    oskar.succeed(oskar.insist(lambda: oskar.try_post(path, body), while_only={"service-not-live"}))
    service = oskar.wait_for(
        f"{SERVICES}/{world.services[SERVICE_NAME]}",
        lambda s: s["retirement_recommended_by"] == [review_id],
        what="the service to know the recommendation",
    )
    narrator.state(service, "lifecycle", "live", "the service, recommended for retirement")


def _needed_no_more(world: World, missed: Thing) -> None:
    narrator = world.narrator
    narrator.step("The successor and its change, which the miss had opened, are not needed any more: cancelled")
    review_path = f"{REVIEWS}?release_id={world.releases[NAME]}&state=closed"
    world.by("rhea").wait_for(review_path, lambda page: bool(page["items"]), what="the closed review")
    cancelled = world.by("rhea").post(
        f"{RELEASES}/{missed['successor_id']}/cancellation", {"reason": "the missed target was accepted"}
    )
    narrator.state(cancelled, "state", "cancelled", f"successor {cancelled['number']}")
    change = world.by("mona").post(
        f"{CHANGES}/{missed['linked_change_id']}/cancellation", {"reason": "the missed target was accepted"}
    )
    narrator.state(change, "state", "cancelled", f"linked change {change['title']!r}")
