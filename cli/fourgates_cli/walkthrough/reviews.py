"""Post-implementation reviews: measuring, stating, deciding."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.releases import release_of
from fourgates_cli.walkthrough.world import Thing, World

REVIEWS = "/review/v1/reviews"
MEASURING_TIMEOUT_S = 120
WATCH_PAUSE_S = 0.002
# What has been settled or opened already, and the review hears a moment later.
HEARD_LATER = frozenset({"debt-open", "linked-change-missing", "successor-missing"})


def await_review(world: World, release: str, *, by: str = "rhea") -> str:
    """Return the id of the review that is open for a release."""
    path = f"{REVIEWS}?release_id={world.releases[release]}&state=open"
    page = world.by(by).wait_for(path, lambda p: bool(p["items"]), what="the review")
    review_id = str(page["items"][0]["id"])
    world.by(by).wait_for(
        f"{REVIEWS}/{review_id}", lambda r: r["release_in_review"] and r["targets_known"], what="the release in review"
    )
    return review_id


def evaluate(world: World, review_id: str, *, by: str = "rhea") -> dict[str, Thing]:
    """Measure every target on the running process; return the verdicts by the name of the target."""
    world.by(by).post(f"{REVIEWS}/{review_id}/evaluations", {"reason": "to know whether the targets are met"})
    review = world.by(by).wait_for(
        f"{REVIEWS}/{review_id}",
        lambda r: {e["subject"] for e in r["evaluations"]} >= {t["target_id"] for t in r["targets"]},
        what="the measurements",
        timeout_s=MEASURING_TIMEOUT_S,
    )
    targets = {t["target_id"] for t in review["targets"]}
    verdicts = {e["name"]: e for e in review["evaluations"] if e["subject"] in targets}
    for name, verdict in verdicts.items():
        measured = f"{verdict['measured']:.1f}" if verdict["measured"] is not None else "nothing"
        world.narrator.aside(
            f"{name}: {verdict['result']}, measured {measured} {verdict['unit']} against {verdict['goal']} "
            f"in {verdict['sample_count']} samples"
        )
    return verdicts


@dataclass
class Closing:
    """What kept a review from being closed while its targets were measured."""

    wanted: frozenset[str]
    foretold: dict[str, Thing] = field(default_factory=dict)
    refusal: Answer | None = None

    def complete(self) -> bool:
        """Return whether every wanted condition was seen."""
        return self.foretold.keys() >= self.wanted


def evaluate_while_closing(
    world: World, review_id: str, *, wanted: Collection[str], by: str = "rhea"
) -> tuple[dict[str, Thing], Closing]:
    """Measure, and meanwhile watch what keeps the review from being closed; return the verdicts and what was seen.

    What a missed target asks for is made by other services within a blink, so its absence has to be caught on the way.
    """
    seen = Closing(frozenset(wanted))
    measured = threading.Event()
    watching = threading.Thread(target=_watch_closing, args=(world, review_id, seen, measured, by), name="watching")
    watching.start()
    try:
        verdicts = evaluate(world, review_id, by=by)
    finally:
        measured.set()
        watching.join()
    return verdicts, seen


def _watch_closing(world: World, review_id: str, seen: Closing, measured: threading.Event, by: str) -> None:
    """Ask what can come next; as soon as a wanted condition stands in the way of closing, try to close."""
    while not seen.complete():
        last_look = measured.is_set()
        commands = world.by(by).get(f"{REVIEWS}/{review_id}/next")["commands"]
        unmet = next(c["unmet"] for c in commands if c["command"] == "close")
        found = {u["code"]: u for u in unmet if u["code"] in seen.wanted}
        seen.foretold |= found
        if found and seen.refusal is None:
            answer = try_close(world, review_id, by=by)
            seen.refusal = answer if set(answer.codes) & seen.wanted else None
        if last_look:
            return
        time.sleep(WATCH_PAUSE_S)


def await_follow_ups(world: World, review_id: str, verdict: Thing, *, by: str = "rhea") -> None:
    """Wait until the review has heard of the linked change and of the successor of a missed target."""
    evaluation_id = verdict["evaluation_id"]
    world.by(by).wait_for(
        f"{REVIEWS}/{review_id}",
        lambda r: any(
            e["linked_change_id"] and e["successor_id"] for e in r["evaluations"] if e["evaluation_id"] == evaluation_id
        ),
        what="the linked change and the successor",
    )


def state(world: World, review_id: str, subject: str, text: str, *, result: str = "pass", by: str = "oskar") -> None:
    """State how one thing turned out that no probe can measure."""
    body = {"subject": subject, "result": result, "statement": text, "reason": text}
    world.by(by).post(f"{REVIEWS}/{review_id}/statements", body)


def try_close(world: World, review_id: str, *, decision: str = "close", by: str = "rhea") -> Answer:
    """Decide a review, and return the answer whatever it says."""
    body = {"decision": decision, "reason": f"the review decides: {decision}"}
    return world.by(by).try_post(f"{REVIEWS}/{review_id}/closure", body)


def close(world: World, release: str, review_id: str, *, decision: str = "close", by: str = "rhea") -> None:
    """Decide a review; when it closes, prove that the release and its changes are closed."""
    person = world.by(by)
    person.succeed(person.insist(lambda: try_close(world, review_id, decision=decision, by=by), while_only=HEARD_LATER))
    world.narrator.proved(f"the review ended with the decision {decision!r}, by {by}")
    if decision != "close":
        return
    closed = world.by(by).wait_for(
        release_of(world, release), lambda r: r["state"] == "closed", what="the release to be closed"
    )
    world.narrator.state(closed, "state", "closed", f"release {closed['number']} ({closed['outcome']})")
    for change in closed["changes"]:
        world.by(by).wait_for(
            f"/change/v1/changes/{change['change_id']}",
            lambda c: c["state"] == "closed",
            what="the change to be closed",
        )
    world.narrator.proved(f"its {len(closed['changes'])} change(s) are closed by the outcome", kind="state")
