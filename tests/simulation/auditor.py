"""An auditor who knows the process and every acknowledged command, and nothing of the code that he audits.

He reads what is stored as JSON, the transactions in their order, what people were answered, and what the bus was
given. This file checks that nothing was lost, doubled or changed; the two beside it check the twelve invariants, and
that everything that asks for an answer has got one.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.simulation import auditor_answers, auditor_invariants
from tests.simulation.auditor_books import Books, Entry

SHARDS = 64
FOUND_MAX = 60


def audit(told: dict[str, Any], *, at_rest: bool) -> list[str]:
    """Return everything that is wrong; `at_rest` says that everything had the time to come to its end."""
    books = Books(told)
    checks = [unchanged, versions, complete_acts, causes, acknowledged, once, in_order, published]
    found = [problem for check in checks for problem in check(books)]
    found += auditor_invariants.audit(books)
    if at_rest:
        found += [*heads(books), *kept_by_operators(books), *auditor_answers.audit(books)]
    return found[:FOUND_MAX]


def unchanged(books: Books) -> Iterator[str]:
    """What is stored is what was committed, in that order: nothing edited, deleted or slipped in."""
    for service, log in books.logs.items():
        committed = [e for t in books.transactions if t["service"] == service for e in t["events"]]
        if committed != log:
            differs = next((a for a, b in zip(committed, log, strict=False) if a != b), None)
            yield f"the log of {service} is not what was committed: {len(log)} of {len(committed)}, {differs}"


def versions(books: Books) -> Iterator[str]:
    """The versions of each aggregate have no gap and no double."""
    stories: dict[tuple[str, str], list[int]] = defaultdict(list)
    for entry in books.entries:
        stories[entry.service, entry.id].append(entry.version)
    for one, numbers in stories.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{one} has the versions {numbers}"


def complete_acts(books: Books) -> Iterator[str]:
    """Invariant 11: every event says who, when, why, and what caused it."""
    for entry in books.entries:
        missing = [name for name in ("by", "at", "why", "cause_id", "correlation_id") if not entry.act.get(name)]
        if missing:
            yield f"{entry} does not say {missing}"


def causes(books: Books) -> Iterator[str]:
    """Every cause is a request that somebody sent, an earlier event, the clock, or the installation."""
    asked = {request: i for i in books.intents for request in i["requests"]}
    for entry in books.entries:
        cause = entry.act["cause_id"]
        if cause in asked:
            if (asked[cause]["person"], asked[cause]["service"]) != (entry.act["by"], entry.service):
                yield f"{entry} is by {entry.act['by']}, who did not send {cause}"
        elif cause not in {f"{entry.service}-clock", "installation"}:
            yield from _caused(books, entry, cause)


def _caused(books: Books, entry: Entry, cause: str) -> Iterator[str]:
    earlier = books.by_message.get(cause)
    if earlier is None:
        yield f"{entry} is caused by {cause}, which is not stored"
        return
    if earlier.moment >= entry.moment:
        yield f"{entry} was stored before its cause {earlier}"
    if earlier.act["correlation_id"] != entry.act["correlation_id"]:
        yield f"{entry} does not belong together with its cause {earlier}"
    if entry.act["on_behalf_of"] != earlier.person:
        yield f"{entry} is on behalf of {entry.act['on_behalf_of']}, its cause {earlier} is by {earlier.person}"


def acknowledged(books: Books) -> Iterator[str]:
    """What was acknowledged is stored exactly once, what was refused not at all, and nothing twice."""
    made: dict[str, set[int]] = defaultdict(set)
    for entry in books.entries:
        made[entry.act["cause_id"]].add(entry.moment)
    for intent in books.intents:
        moments = set[int]().union(*(made.get(request, set()) for request in intent["requests"]))
        name = f"{intent['method']} {intent['path']} by {intent['person']}"
        if len(moments) > 1:
            yield f"{name} took effect {len(moments)} times"
        if 400 <= intent["status"] < 500 and moments:
            yield f"{name} was refused with {intent['status']}, and is stored"
        if intent["status"] == 201 and not moments:
            yield f"{name} was acknowledged, and is not stored"
        version = intent["version"] if 200 <= intent["status"] < 300 and intent["thing"] else 0
        if version and len(books.of.get(intent["thing"], ())) < version:
            yield f"{name} was acknowledged as version {version}, which is not stored"


def once(books: Books) -> Iterator[str]:
    """Whatever was heard took effect in one transaction, which remembers that it was heard, and nobody did before."""
    spans = _spans(books)
    effects: dict[tuple[str, str], set[int]] = defaultdict(set)
    for entry in books.entries:
        if entry.act["why"].startswith("heard "):
            effects[entry.service, entry.act["cause_id"]].add(entry.moment)
    for (listener, cause), moments in effects.items():
        heard = books.by_message.get(cause)
        if len(moments) > 1:
            yield f"{cause} took effect {len(moments)} times in {listener}"
        if heard is None:
            continue
        name = f"/fourgates/{heard.service}/{shard_of(heard.id)}"
        for moment in moments:
            before, reached = spans[moment].get(name, (0, 0))
            if not before < heard.position <= reached:
                yield f"{listener} reacted to {cause} and did not remember it in the same transaction"


def _spans(books: Books) -> list[dict[str, tuple[int, int]]]:
    """Return for each transaction from where to where it moved each position."""
    saved: dict[tuple[str, str], int] = defaultdict(int)
    spans = []
    for transaction in books.transactions:
        positions = {(transaction["service"], name): reached for name, reached in transaction["positions"].items()}
        spans.append({place[1]: (saved[place], reached) for place, reached in positions.items()})
        saved.update(positions)
    return spans


def in_order(books: Books) -> Iterator[str]:
    """Saved positions only grow, and what is heard of a shard is heard in its order."""
    saved: dict[tuple[str, str], int] = {}
    heard: dict[tuple[str, str, int], int] = {}
    for moment, transaction in enumerate(books.transactions):
        listener = transaction["service"]
        for name, position in transaction["positions"].items():
            if position <= saved.get((listener, name), 0):
                yield f"{listener} saved {name} as {position} after {saved[listener, name]}"
            saved[listener, name] = position
        for cause in dict.fromkeys(e["state"]["act"]["cause_id"] for e in transaction["events"]):
            one = books.by_message.get(cause)
            if one is None or one.service == listener:
                continue
            place = (listener, one.service, shard_of(one.id))
            if one.position < heard.get(place, 0):
                yield f"{listener} heard {cause} after {heard[place]} of the same shard (transaction {moment})"
            heard[place] = max(heard.get(place, 0), one.position)


def published(books: Books) -> Iterator[str]:
    """Nothing was published that was not stored before; every message names the one before it in its shard."""
    before: dict[tuple[str, int], int] = {}
    messages = sorted(books.given.values(), key=lambda m: int(m["ce_pos"]))
    for message in messages:
        stored = books.by_message.get(message["ce_id"])
        if stored is None or stored.moment >= message["moment"]:
            yield f"{message['ce_id']} was published before it was stored"
            continue
        place = (message["ce_source"], shard_of(stored.id))
        if int(message["ce_prev"]) != before.get(place, 0):
            yield f"{message['ce_id']} says it follows {message['ce_prev']}, and follows {before.get(place, 0)}"
        before[place] = int(message["ce_pos"])


def heads(books: Books) -> Iterator[str]:
    """At rest, every follower has followed to the end, nothing waits, and nothing is parked."""
    for service, log in books.logs.items():
        head = log[-1]["position"] if log else 0
        tracked = books.tracked[service]
        followers = ["relay", "own", *(name for name in tracked if name.startswith("effect/"))]
        for name in followers:
            if tracked.get(name, 0) != head:
                yield f"{service} has followed its log as {name} to {tracked.get(name, 0)} of {head}"
        for begun in [name for name in tracked if name.endswith("/begun")]:
            yield from _heard_all(books, service, begun.removesuffix("/begun"))
        for parked in books.parked[service]:
            yield f"{service} parked a message: {parked}"


def _heard_all(books: Books, listener: str, source: str) -> Iterator[str]:
    said = books.tracked[source.rpartition("/")[2]]
    for shard in range(SHARDS):
        head = said.get(f"relay/{shard}", 0)
        if (heard := books.tracked[listener].get(f"{source}/{shard}", 0)) != head:
            yield f"{listener} has heard {source}/{shard} to {heard} of {head}"


def kept_by_operators(books: Books) -> Iterator[str]:
    """Operations listens to everything: every published fact is kept there exactly once."""
    kept = [e["message"] for e in books.facts("operations.HeardFactKept")]
    words = {(m["type"], m["subject"], m["cause_id"], m["body"]) for m in kept}
    ids = {m["message_id"] for m in kept}
    if len(ids) != len(kept):
        yield "operations keeps a message twice"
    for message in books.given.values():
        same = (message["ce_type"], message["ce_subject"], message["ce_causationid"], message["body"])
        if message["ce_id"] not in ids and same not in words:
            yield f"{message['ce_id']}, {message['ce_type']}, is not kept by operations"


def shard_of(aggregate_id: str) -> int:
    """Return the shard in which order holds for an aggregate."""
    return zlib.crc32(UUID(aggregate_id).bytes) % SHARDS
