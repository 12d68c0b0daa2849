"""The twelve invariants of the process, as far as logs show them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.simulation.auditor_books import Books, Entry

ENTRIES = {
    "release.PlanningEntered": ("planning", "requested"),
    "release.BuildAndTestEntered": ("build_and_test", "planning"),
    "release.CheckInEntered": ("check_in", "build_and_test"),
    "release.DeploymentEntered": ("deployment", "check_in"),
}
BOUND = {
    "planning": ("scope.",),
    "build_and_test": ("scope.", "plan."),
    "check_in": ("package.", "build."),
    "deployment": ("package.", "deployment."),
}
WITHOUT_DEPLOYMENT = {"media", "initial_load"}
KIND_SUITES = {"media": {"supplier", "licence", "checksum_or_signature", "scan"}, "initial_load": {"dry_run"}}
ENDS = ("deploy.DeploymentDeployed", "deploy.DeploymentBackedOut", "deploy.DeploymentBackOutFailed")
SIGNER = "signer"


def audit(books: Books) -> Iterator[str]:
    """Yield what breaks an invariant."""
    yield from entries(books)
    yield from grants(books)
    yield from plans_and_changes(books)
    yield from inputs(books)
    yield from evidence(books)
    yield from library(books)
    yield from deployments(books)
    yield from reviews(books)
    yield from retirements(books)


def phase_before(books: Books, entry: Entry) -> str:
    """Return the phase of a release before an event."""
    phase = "requested"
    for earlier in books.before(entry):
        if earlier.topic in ENTRIES:
            phase = ENTRIES[earlier.topic][0]
        elif earlier.topic == "release.WentBack":
            phase = earlier["to_phase"]
        elif earlier.topic == "release.ReviewEntered":
            phase = "review"
        elif earlier.topic in {"release.Closed", "release.Cancelled"}:
            phase = "over"
    return phase


def entries(books: Books) -> Iterator[str]:
    """Invariant 1: no phase is entered without a grant that opens it."""
    used: Counter[tuple[str, str]] = Counter()
    for entry in books.facts(*ENTRIES):
        gate, opens_from = ENTRIES[entry.topic]
        grant = entry["grant"]
        used[grant["authorization_id"], gate] += 1
        phase = phase_before(books, entry)
        redeploys = gate == "deployment" and phase == "review"
        if phase != opens_from and not redeploys:
            yield f"1: {entry} from {phase}"
        for problem in _grant_problems(books, entry, gate, grant):
            yield f"1: {entry}: {problem}"
    for (authorization_id, gate), times in used.items():
        if times > 1:
            yield f"1: the grant {authorization_id} opened {gate} {times} times"


def _grant_problems(books: Books, entry: Entry, gate: str, grant: dict[str, Any]) -> Iterator[str]:
    authorization = books.of.get(grant["authorization_id"], [])
    given = [e for e in authorization if e.topic == "change.AuthorizationGranted" and e.moment < entry.moment]
    asked = [e for e in books.before(entry, "release.GateRequested") if e["request_id"] == grant["request_id"]]
    if not given or not asked:
        yield "nobody granted it before"
        return
    question = authorization[0]["question"]
    if gate not in question["gates"] or question["release_id"] != entry.id:
        yield "the grant is for something else"
    document = asked[0]["document"]
    if len({grant["document_digest"], question["document_digest"], _digest(document)}) > 1:
        yield "the grant does not bind what was asked for"
    yield from _binding_problems(entry, gate, document)
    yield from _moment_problems(books, entry, grant)


def _binding_problems(entry: Entry, gate: str, document: dict[str, str]) -> Iterator[str]:
    bound = {name: value for name, value in document.items() if name.startswith(BOUND[gate])}
    if bound != entry["document"]:
        yield f"what is used is not what was bound: {sorted(bound.items() ^ entry['document'].items())}"


def _moment_problems(books: Books, entry: Entry, grant: dict[str, Any]) -> Iterator[str]:
    if _time(grant["expires_at"]) <= _time(entry.at):
        yield "the grant had expired"
    ended = ("release.GateRequestEnded", "release.GateRequestWithdrawn", "release.GrantCrossed")
    if any(e["request_id"] == grant["request_id"] for e in books.before(entry, *ended)):
        yield "the request had ended"
    if not grant["deciders"] and not grant["model_id"]:
        yield "nobody decided it"
    held = books.last(entry, "release.PutOnHold", "release.TakenOffHold")
    if held is not None and held.topic == "release.PutOnHold":
        yield "the release was on hold"


def grants(books: Books) -> Iterator[str]:
    """Invariant 1: whoever decided was entitled by the pinned rule, and had no part in what was decided."""
    for granted in books.facts("change.AuthorizationGranted"):
        asked = books.of[granted.id][0]
        if granted["model_id"]:
            continue
        cast = [e["vote"] for e in books.before(granted, "change.AuthorizationVoteCast")]
        votes = {vote["identity"]: vote for vote in cast}
        approvals = [v for v in votes.values() if v["kind"] == "approve"]
        if any(v["kind"] == "reject" for v in votes.values()):
            yield f"1: {granted} although it was rejected"
        if {d["person_id"] for d in granted["deciders"]} != {v["person_id"] for v in approvals}:
            yield f"1: {granted} names deciders who did not approve"
        escalated = books.last(granted, "change.AuthorizationEscalated")
        more = set(escalated["roles"]) if escalated else set()
        problems = [(v["person_id"], problem) for v in approvals for problem in _vote_problems(asked, v, more)]
        yield from (f"1: {granted}: {person} {problem}" for person, problem in problems)
        wanted = sum(s["count"] if s["quorum"] == "at_least" else 1 for s in asked["rule"]["steps"])
        if len({v["counts_as"] for v in approvals}) < wanted:
            yield f"1: {granted} by {len(approvals)} of {wanted}"


def _vote_problems(asked: Entry, vote: dict[str, Any], more: set[str]) -> Iterator[str]:
    question, rule = asked["question"], asked["rule"]
    part = {p["person_id"] for p in question["lineage"] if p["part"] != SIGNER}
    if {vote["person_id"], vote["identity"]} & part:
        yield "had a part in it"
    if "machine" in vote["roles"]:
        yield "is a machine"
    if vote["digest"] != question["document_digest"]:
        yield "read something else"
    roles = {role for step in rule["steps"] for role in step["roles"]} | more
    own = vote["counts_as"] == vote["identity"]
    if own and not roles & set(vote["roles"]) and not vote["groups"]:
        yield f"was not entitled by {rule['name']}"
    signed = question["signed_off_by"]
    signer = signed is not None and signed == vote["person_id"]
    if signer and "check_in" in question["gates"] and not rule["signer_may_vote"]:
        yield "signed it off"


def plans_and_changes(books: Books) -> Iterator[str]:
    """Invariants 2 and 3: no build without contingency actions, back-out steps and authorized changes."""
    authorized = {e.id: e.moment for e in reversed(list(books.facts("change.Authorized")))}
    for entry in books.facts("release.BuildAndTestEntered", "release.BuildRecorded"):
        written = books.last(entry, "release.PlanWritten")
        opened = books.of[entry.id][0]
        if written is None or not all(r["contingency_action"].strip() for r in written["plan"]["risks"]):
            yield f"2: {entry} without a contingency action for each risk"
        elif opened["kind"] not in WITHOUT_DEPLOYMENT and not written["plan"]["back_out"]["steps"]:
            yield f"2: {entry} without back-out steps"
        for change_id, state in _carried(books, entry).items():
            if state != "authorized" or authorized.get(change_id, entry.moment) >= entry.moment:
                yield f"3: {entry} with change {change_id}, which is {state}"


def _carried(books: Books, entry: Entry) -> dict[str, str]:
    carried: dict[str, str] = {}
    for earlier in books.before(entry, "release.Opened", "release.ChangesCarried", "release.ChangeNoted"):
        if earlier.topic == "release.ChangeNoted":
            if earlier["change"]["change_id"] in carried:
                carried[earlier["change"]["change_id"]] = earlier["change"]["state"]
        else:
            carried = {c["change_id"]: c["state"] for c in earlier["changes"]}
    return carried


def inputs(books: Books) -> Iterator[str]:
    """Invariant 4: every input of a build was known to be in the library, and had come in."""
    named = {e.id: e["item"] for e in books.facts("release.KnownMediumNamed")}
    media: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for one, item in named.items():
        media[item["name"], item["version"], item["sha256"]] += books.of[one]
    came_in = _came_in(books)
    for build in books.facts("release.BuildRecorded"):
        for item in build["inputs"]:
            key = (item["name"], item["version"], item["sha256"])
            told = [e for e in media[key] if e.moment < build.moment]
            states = [e["item"]["state"] if "item" in e.state else e["state"] for e in told]
            if not states or states[-1] != "definitive":
                yield f"4: {build} with {key}, known as {states}"
            if came_in.get(key, build.moment) >= build.moment:
                yield f"4: {build} with {key}, which was not in the library"


def _came_in(books: Books) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for entry in books.facts("dml.MediaItemCheckedIn"):
        medium = books.of[entry.id][0]["medium"]
        found.setdefault((medium["name"], medium["version"], medium["sha256"]), entry.moment)
    return found


def evidence(books: Books) -> Iterator[str]:
    """Invariant 5: attempts are numbered, evidence is of this build, and sign-off follows passed tests."""
    for build in books.facts("release.BuildRecorded"):
        if build["attempt"] != len(books.before(build, "release.BuildRecorded")) + 1:
            yield f"5: {build} is attempt {build['attempt']}"
    for run in books.facts("release.TestRunRecorded"):
        build = books.last(run, "release.BuildRecorded")
        if build is None or run["build_id"] != build["build_id"] or run["tested_sha256"] not in _outputs(build):
            yield f"5: {run} tested bytes that are not the output of the build"
    yield from sign_offs(books)


def sign_offs(books: Books) -> Iterator[str]:
    """Invariant 5: sign-off is refused while any required test is not passed on this build."""
    for signed in books.facts("release.SignedOff"):
        build = books.last(signed, "release.BuildRecorded")
        if build is None or build["build_id"] != signed["build_id"]:
            yield f"5: {signed} for another build"
            continue
        last: dict[str, str] = {}
        for run in books.before(signed, "release.TestRunRecorded"):
            if run["build_id"] == build["build_id"]:
                last[run["suite"]] = run["result"]
        missing = {suite for suite in _required(books, signed) if last.get(suite) != "passed"}
        if missing:
            yield f"5: {signed} although {missing} had not passed"


def _required(books: Books, entry: Entry) -> set[str]:
    opened = books.of[entry.id][0]
    written = books.last(entry, "release.PlanWritten")
    suites = written["plan"]["tests"]["suites"] if written else ()
    planned = {s["name"] for s in suites if s["required"] and (s["minimum"] or not opened["emergency"])}
    return planned | KIND_SUITES.get(opened["kind"], set())


def _outputs(build: Entry) -> set[str]:
    items = build["candidates"]
    package = _digest(sorted([i["name"], i["version"], i["sha256"]] for i in items))
    return {package, *(i["sha256"] for i in items)}


def library(books: Books) -> Iterator[str]:
    """Invariant 6: only what was signed off and passed G3 came in, and a name has one content for ever."""
    signed = {e["build_id"]: e.moment for e in reversed(list(books.facts("release.SignedOff")))}
    entered = {e["grant"]["authorization_id"]: e for e in books.facts("release.CheckInEntered")}
    content: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in books.facts("dml.MediaItemCheckedIn"):
        medium = books.of[entry.id][0]["medium"]
        content[medium["name"], medium["version"]].add(medium["sha256"])
        if signed.get(entry["build_id"], entry.moment) >= entry.moment:
            yield f"6: {entry} without a sign-off"
        used = entered.get(entry["authorization_id"])
        if used is None or used.moment >= entry.moment or used.id != entry["release_id"]:
            yield f"6: {entry} without G3"
    for name, digests in content.items():
        if len(digests) > 1:
            yield f"6: {name} has {len(digests)} contents"


def deployments(books: Books) -> Iterator[str]:
    """Invariants 7 and 8: definitive media under a used G4, inside the window, with one end for each start."""
    came_in = _came_in(books)
    for planned in books.facts("deploy.DeploymentPlanned"):
        request = planned["request"]
        entered = [e for e in books.facts("release.DeploymentEntered") if e.id == request["release_id"]]
        under = [e for e in entered if e["grant"]["authorization_id"] == request["grant"]["authorization_id"]]
        story = books.of[planned.id]
        began = [e for e in story if e.topic in {"deploy.DeploymentStarted", "deploy.DeploymentEnvironmentBegan"}]
        for start in began:
            if not under or under[0].moment >= start.moment:
                yield f"7: {start} without G4"
            yield from _begins(books, start, request, came_in)
        ends = [e for e in story if e.topic in ENDS]
        if len(ends) > 1 or (ends and not began):
            yield f"8: {planned} has the ends {[e.topic for e in ends]}"
        if ends and story[-1].version > ends[0].version:
            yield f"8: {story[-1]} after the end {ends[0]}"
        yield from _backs_out(story, request)


def _begins(books: Books, start: Entry, request: dict[str, Any], came_in: dict[Any, int]) -> Iterator[str]:
    rung = next((r for r in request["environments"] if r["environment_id"] == start["environment_id"]), None)
    if rung is None:
        yield f"7: {start} in an environment that was not authorized"
    elif not _time(rung["window_start"]) <= _time(start.at) < _time(rung["window_end"]):
        yield f"7: {start} outside its window"
    environment = books.of[start["environment_id"]][0]
    for item in request["items"]:
        if came_in.get((item["name"], item["version"], item["sha256"]), start.moment) >= start.moment:
            yield f"7: {start} with {item['name']}, which was not definitive"
    if environment["sandbox"]:
        yield f"7: {start} in a sandbox"


def _backs_out(story: list[Entry], request: dict[str, Any]) -> Iterator[str]:
    began = [e for e in story if e.topic == "deploy.DeploymentBackOutBegan"]
    for end in [e for e in story if e.topic == "deploy.DeploymentBackedOut"]:
        if not began:
            yield f"8: {end} without a back-out"
    allowed = [(s["name"], s["action"]) for s in request["back_out_steps"]]
    for done in [e for e in story if e.topic == "deploy.DeploymentStepDone"]:
        order = done["order"]
        if order["phase"] == "back_out" and order["step"]:
            if (order["step"]["name"], order["step"]["action"]) not in allowed:
                yield f"8: {done} is no back-out step that was rehearsed"
            if not began or began[0].version > done.version:
                yield f"8: {done} before the back-out began"


def reviews(books: Books) -> Iterator[str]:
    """Invariant 9: nothing closes without a review in which everything was evaluated and every miss is answered."""
    decided = books.about("release_id", "review.Opened")
    for closed in books.facts("release.Closed"):
        ends = [e for o in decided[closed.id] for e in books.of[o.id] if e.topic == "review.Closed"]
        if not any(e.moment < closed.moment for e in ends):
            yield f"9: {closed} without a closed review"
    for closed in books.facts("review.Closed"):
        evaluations = [e["evaluation"] for e in books.before(closed) if "evaluation" in e.state]
        pinned = books.last(closed, "review.TargetsPinned")
        subjects = {e["subject"] for e in evaluations}
        missing = [t["name"] for t in (pinned["targets"] if pinned else ()) if t["target_id"] not in subjects]
        if missing:
            yield f"9: {closed} although nothing is known of {missing}"
        answered = {e["evaluation_id"] for e in books.before(closed, "review.SuccessorNoted", "review.TargetAccepted")}
        for one in evaluations:
            if one.get("missed") and one["evaluation_id"] not in answered:
                yield f"9: {closed} although the miss of {one['name']} is not answered"


def retirements(books: Books) -> Iterator[str]:
    """Invariant 10: a service retires through a release of that kind, and then nothing is deployed for it."""
    retired: dict[str, Entry] = {}
    for entry in books.facts("dml.ServiceRetired"):
        retired[entry.id] = entry
        opened = books.of[entry["release_id"]][0]
        if opened["kind"] != "retirement" or opened["service_id"] != entry.id:
            yield f"10: {entry} by a release of kind {opened['kind']}"
    for start in books.facts("deploy.DeploymentStarted"):
        request = books.of[start.id][0]["request"]
        gone = retired.get(request["service_id"])
        known = [e for e in books.facts("deploy.KnownServiceLifecycleNoted") if e["lifecycle"] == "retired"]
        noted = [e for e in known if books.of[e.id][0]["service_id"] == request["service_id"]]
        if gone is not None and noted and noted[0].moment < start.moment:
            yield f"10: {start} for a service that is retired"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
