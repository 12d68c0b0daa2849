"""When nothing fails any more, everything that asks for an answer gets one."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.auditor_books import Books, Entry

OVER = ("release.Closed", "release.Cancelled")


def audit(books: Books) -> Iterator[str]:
    """Yield what has no answer, or more than one."""
    yield from gates(books)
    yield from check_ins(books)
    yield from rehearsals(books)
    yield from deployments(books)
    yield from misses(books)
    yield from ends(books)


def gates(books: Books) -> Iterator[str]:
    """A request for a gate opens one authorization, whose decision comes back."""
    opened = [e["question"]["request_id"] for e in books.facts("change.AuthorizationRequested")]
    for asked in books.facts("release.GateRequested"):
        if opened.count(asked["request_id"]) != 1:
            yield f"{asked} opened {opened.count(asked['request_id'])} authorizations"
    for granted in books.facts("change.AuthorizationGranted", "change.AuthorizationRejected"):
        question = books.of[granted.id][0]["question"]
        if question["subject_kind"] == "gate":
            story = books.of[question["release_id"]]
            if not any(_about(e, question["request_id"]) for e in story):
                yield f"{granted} never came back to its release"


def _about(entry: Entry, request_id: str) -> bool:
    if entry.topic == "release.GrantNoted":
        return bool(entry["grant"]["request_id"] == request_id)
    ended = {"release.GateRequestEnded", "release.GateRequestWithdrawn"}
    return entry.topic in ended and entry["request_id"] == request_id


def check_ins(books: Books) -> Iterator[str]:
    """A check-in that is asked for is recorded once, and is completed, refused or cancelled."""
    recorded = [(e["build_id"], e["grant"]["authorization_id"]) for e in books.facts("dml.CheckInRequested")]
    for entered in books.facts("release.CheckInEntered"):
        asked = next(e for e in books.of[entered.id] if e.version > entered.version and "build_id" in e.state)
        place = (asked["build_id"], entered["grant"]["authorization_id"])
        if recorded.count(place) != 1:
            yield f"{entered} is recorded {recorded.count(place)} times in the library"
    for asked in books.facts("dml.CheckInRequested"):
        ended = {"dml.CheckInCompleted", "dml.CheckInRefused", "dml.CheckInCancelled"}
        if not any(e.topic in ended for e in books.of[asked.id]):
            yield f"{asked} waits for ever"


def rehearsals(books: Books) -> Iterator[str]:
    """A rehearsal that is asked for runs to its end or is refused, and the release hears of it."""
    for asked in books.facts("release.RehearsalRequested"):
        rehearsal_id = asked["rehearsal"]["rehearsal_id"]
        story = [e.topic for e in books.of.get(rehearsal_id, ())]
        if not {"deploy.RehearsalFinished", "deploy.RehearsalRequestRefused"} & set(story):
            yield f"{asked} has no end: {story}"
        noted = [e for e in books.of[asked.id] if e.topic == "release.RehearsalNoted"]
        heard = [e for e in noted if e["rehearsal"]["rehearsal_id"] == rehearsal_id]
        went_back = [e for e in books.of[asked.id] if e.topic == "release.WentBack" and e.version > asked.version]
        if not heard and not went_back and not _over(books, asked):
            yield f"{asked} was never heard of again"


def deployments(books: Books) -> Iterator[str]:
    """A deployment that is asked for is planned or refused; its end brings the release into review."""
    reviewed = {(e["deployment"] or {}).get("deployment_id") for e in books.facts("review.Opened")}
    for asked in books.facts("release.DeploymentRequested"):
        story = books.of.get(asked["deployment_id"], [])
        firsts = [e.topic for e in story[:1]]
        if not firsts:
            yield f"{asked} was never heard"
        ended = [e for e in story if e.topic.removeprefix("deploy.Deployment") in {"Deployed", "BackedOut"}]
        if ended and asked["deployment_id"] not in reviewed:
            yield f"{ended[0]} has no review"
        entered = [e for e in books.of[asked.id] if e.topic == "release.ReviewEntered"]
        if ended and not any(e["deployment_id"] == asked["deployment_id"] for e in entered):
            yield f"{ended[0]} did not bring its release into review"


def misses(books: Books) -> Iterator[str]:
    """A missed target has one linked change and one successor, and its review knows both."""
    linked = [e["evaluation_id"] for e in books.facts("change.Linked")]
    opened = [e["evaluation_id"] for e in books.facts("release.Opened")]
    for missed in books.facts("review.TargetEvaluated", "review.DebtFailed"):
        evaluation = missed["evaluation"]
        if not evaluation["missed"]:
            continue
        one = evaluation["evaluation_id"]
        if (linked.count(one), opened.count(one)) != (1, 1):
            yield f"{missed} has {linked.count(one)} linked changes and {opened.count(one)} successors"
        noted = {e.topic for e in books.of[missed.id] if e.state.get("evaluation_id") == one}
        closed = any(e.topic == "review.Closed" for e in books.of[missed.id])
        if not closed and not {"review.LinkedChangeNoted", "review.SuccessorNoted"} <= noted:
            yield f"{missed} does not know its linked change and successor: {noted}"


def ends(books: Books) -> Iterator[str]:
    """The end of a release ends or frees its changes."""
    for closed in books.facts("release.Closed"):
        for change_id in closed["change_ids"]:
            if not any(e.topic == "change.Closed" for e in books.of.get(change_id, ())):
                yield f"{closed} did not close {change_id}"
    for cancelled in books.facts("release.Cancelled"):
        for change_id in cancelled["change_ids"]:
            story = books.of.get(change_id, ())
            carried = [e for e in story if e.topic == "change.Carried" and e["release_id"] == cancelled.id]
            dropped = [e for e in story if e.topic == "change.Dropped" and e["release_id"] == cancelled.id]
            if len(carried) > len(dropped) and not any(e.topic == "change.Closed" for e in story):
                yield f"{cancelled} did not drop {change_id}"


def _over(books: Books, entry: Entry) -> bool:
    return any(e.topic in OVER for e in books.of[entry.id])
