"""What happened to each aggregate, told so that two runs can be compared.

Left out are ids, times, measured values and the digests over them. An id still says of which aggregate it is: it is
told as the history of that aggregate, two references deep. Services hear each other in no common order: of what was
heard in a row, only that of one service keeps its order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher, unified_diff
from itertools import groupby
from typing import Any

from fourgates.chassis.store.events import Recorder

REFERENCES = 2
TOLD_MAX = 10
BATCH = 1000
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LEFT_OUT = {
    "digest": re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{16})\b"),
    "measured": re.compile(
        r'(latency_ms|offset_ms|duration_s|measured)\\*": ?[\d.e-]+|(done in|took|rehearsed in|measured) [\d.]+'
    ),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?"),
    "message": re.compile(r"\b(change|release|dml|deploy|review|operations)-\d+\b"),
    "address": re.compile(r"http://127\.0\.0\.1:\d+"),
}
ID = re.compile(UUID)
HEARD = re.compile(r'"why": "heard dev\.fourgates\.(\w+)')

Event = tuple[str, str]
Histories = dict[str, list[Event]]


def histories(recorders: Mapping[str, Recorder], names: Mapping[str, str]) -> Histories:
    """Return the events of every aggregate of these services, by its id; `names` are those of known ids."""
    found: Histories = {}
    for recorder in recorders.values():
        for aggregate_id, topic, state in _stored(recorder):
            found.setdefault(aggregate_id, []).append((topic, ID.sub(lambda m: names.get(m[0], m[0]), _told(state))))
    return {one: list(_in_common_order(events)) for one, events in found.items()}


def differences(expected: Histories, seen: Histories) -> str:
    """Return what happened in one of two runs only, or nothing when the same happened."""
    for rounds in range(REFERENCES + 1):
        before, now = _alike(expected, rounds), _alike(seen, rounds)
        if before != now:
            # Deeper, a history differs also because another one does.
            return _unlike((before - now).elements(), (now - before).elements())
    return ""


def _alike(histories: Histories, rounds: int) -> Counter[str]:
    """Return each history as a text, with how many aggregates have it."""
    colours = dict.fromkeys(histories, "")
    for _ in range(rounds):
        colours = {one: _colour(events, colours) for one, events in histories.items()}
    return Counter(_text(events, colours) for events in histories.values())


def _unlike(missing: Iterable[str], more: Iterable[str]) -> str:
    """Put each history that is missing beside the one that is most like it."""
    left, told = sorted(more), []
    for one in sorted(missing):
        lines = one.splitlines()
        near = max(left, key=lambda other: SequenceMatcher(None, lines, other.splitlines()).quick_ratio(), default="")
        left = [other for other in left if other != near]
        told.append("\n".join(unified_diff(lines, near.splitlines(), "expected", "seen", lineterm="")))
    told += [f"seen only here:\n{one}" for one in left]
    return f"{len(told)} histories differ\n" + "\n\n".join(told[:TOLD_MAX])


def _stored(recorder: Recorder) -> Iterator[tuple[str, str, Any]]:
    position = 0
    while batch := recorder.select_notifications(position, BATCH, inclusive_of_start=False):
        position = batch[-1].id
        for one in batch:
            yield str(one.originator_id), one.topic, json.loads(one.state)


def _in_common_order(events: list[Event]) -> Iterator[Event]:
    for heard, row in groupby(events, lambda event: HEARD.search(event[1]) is not None):
        in_a_row = list(row)
        yield from sorted(in_a_row, key=_source) if heard else in_a_row


def _source(event: Event) -> str:
    found = HEARD.search(event[1])
    return found[1] if found else ""


def _told(state: Any) -> str:
    text = json.dumps(state, indent=0, sort_keys=True)
    for name, pattern in LEFT_OUT.items():
        text = pattern.sub(f"<{name}>", text)
    return text


def _colour(events: list[Event], colours: Mapping[str, str]) -> str:
    return hashlib.sha256(_text(events, colours).encode()).hexdigest()[:12]


def _text(events: list[Event], colours: Mapping[str, str]) -> str:
    def meant(found: re.Match[str]) -> str:
        return f"<id {colours.get(found[0], '')}>"

    return "\n".join(f"{topic} {ID.sub(meant, state)}" for topic, state in events)
