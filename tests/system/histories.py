"""What happened to each aggregate and how it ended, told so that two runs can be compared.

Left out are ids, times, measured values and the digests over them. An id still says of which aggregate it is: it is
told as how that one ended, two references deep. Services hear each other in no common order: of what was heard in a
row, only that of one service keeps its order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import SequenceMatcher, unified_diff
from importlib import import_module
from itertools import groupby
from typing import Any

from fourgates.chassis.store import EventMapper
from fourgates.chassis.store.interface import Recorder

REFERENCES = 2
TOLD_MAX = 10
BATCH = 1000
LEFT_OUT = {
    "digest": re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{16})\b"),
    "measured": re.compile(
        r"(latency_ms|offset_ms|duration_s|back_out_s|measured)\W+[\d.e-]+|(done in|took|rehearsed in|measured) [\d.]+"
    ),
    # Why a probe failed depends on how fast the machine is.
    "seen": re.compile(r"(?<=: )[^:]+(?=, expected \d{3})"),
    "time": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?"),
    "message": re.compile(r"\b(change|release|dml|deploy|review|operations)-\d+\b"),
    "address": re.compile(r"http://127\.0\.0\.1:\d+"),
}
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HEARD = re.compile(r'"why": "heard dev\.fourgates\.(\w+)')
# What the library keeps of an aggregate besides its state.
NOT_STATE = ("_id", "_version", "_created_on", "_modified_on", "_pending_events")


@dataclass
class Told:
    """One aggregate: what happened to it, in order, and how it ended."""

    topics: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    ended: Any = None

    def history(self, meant: Mapping[str, str]) -> str:
        """Return what happened, with the meaning of each id."""
        events = zip(self.topics, self.states, strict=True)
        return "\n".join(f"{topic} {_meaning(state, meant)}" for topic, state in events)

    def end(self, meant: Mapping[str, str]) -> str:
        """Return how it ended, with the meaning of each id; in no order, because some of it was heard in no order."""
        return f"{self.topics[0]} ended\n{_rendered(self.ended, meant)}"


Histories = dict[str, Told]


def histories(recorders: Mapping[str, Recorder], names: Mapping[str, str]) -> Histories:
    """Return every aggregate of these services by its id; `names` are those of known ids."""
    found: Histories = {}
    mapper = EventMapper()
    for service, recorder in recorders.items():
        import_module(f"{service}_service.app")
        folded: dict[str, Any] = {}
        for stored in _stored(recorder):
            one = str(stored.originator_id)
            folded[one] = mapper.to_domain_event(stored).mutate(folded.get(one))
            told = found.setdefault(one, Told())
            told.topics.append(stored.topic)
            told.states.append(_masked(json.dumps(json.loads(stored.state), indent=0, sort_keys=True), names))
        for one, aggregate in folded.items():
            state = {name: value for name, value in vars(aggregate).items() if name not in NOT_STATE}
            found[one].ended = _plain(state, names)
    for told in found.values():
        _put_into_common_order(told)
    return found


def differences(expected: Histories, seen: Histories, *, retold_max: int) -> str:
    """Return what happened in one of two runs only, or nothing when the same happened.

    An aggregate that heard two services in the other order may be told in another way, if it ended the same. There may
    be `retold_max` of these.
    """
    for references in range(REFERENCES + 1):
        before, now = _meanings(expected, references), _meanings(seen, references)
        ends = Counter(t.end(before) for t in expected.values()), Counter(t.end(now) for t in seen.values())
        if ends[0] != ends[1]:
            return "not all ended the same: " + _unlike(*ends)
        told = Counter(t.history(before) for t in expected.values()), Counter(t.history(now) for t in seen.values())
        if (told[0] - told[1]).total() > retold_max:
            return "all ended the same, but were told otherwise: " + _unlike(*told)
    return ""


def _meanings(of: Histories, references: int) -> dict[str, str]:
    """Return what each id means: how its aggregate ended, with what that refers to in turn."""
    meant = dict.fromkeys(of, "")
    for _ in range(references):
        meant = {one: hashlib.sha256(told.end(meant).encode()).hexdigest()[:12] for one, told in of.items()}
    return meant


def _unlike(expected: Counter[str], seen: Counter[str]) -> str:
    """Put each text that is missing beside the one that is most like it."""
    left, told = sorted((seen - expected).elements()), []
    for one in sorted((expected - seen).elements()):
        lines = one.splitlines()
        near = max(left, key=lambda other: SequenceMatcher(None, lines, other.splitlines()).quick_ratio(), default="")
        left = [other for other in left if other != near]
        told.append("\n".join(unified_diff(lines, near.splitlines(), "expected", "seen", lineterm="")))
    told += [f"seen only here:\n{one}" for one in left]
    return f"{len(told)} differ\n" + "\n\n".join(told[:TOLD_MAX])


def _stored(recorder: Recorder) -> Iterator[Any]:
    position = 0
    while batch := recorder.select_notifications(position, BATCH, inclusive_of_start=False):
        position = batch[-1].id
        yield from batch


def _put_into_common_order(told: Told) -> None:
    events = list(zip(told.topics, told.states, strict=True))
    ordered: list[tuple[str, str]] = []
    for heard, row in groupby(events, lambda event: bool(_source(event))):
        in_a_row = list(row)
        ordered += sorted(in_a_row, key=_source) if heard else in_a_row
    told.topics, told.states = [topic for topic, _ in ordered], [state for _, state in ordered]


def _source(event: tuple[str, str]) -> str:
    found = HEARD.search(event[1])
    return found[1] if found else ""


def _masked(text: str, names: Mapping[str, str]) -> str:
    for name, pattern in LEFT_OUT.items():
        text = pattern.sub(f"<{name}>", text)
    return ID.sub(lambda found: names.get(found[0], found[0]), text)


def _plain(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value as masked texts and lists of them; what belongs to a name is a pair."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Mapping):
        return [_pair(str(name), one, names) for name, one in value.items()]
    if isinstance(value, (list, tuple, AbstractSet)):
        return [_plain(one, names) for one in value]
    return _masked(str(value), names)


def _pair(name: str, value: Any, names: Mapping[str, str]) -> Any:
    plain = _plain(value, names)
    return _masked(f"{name}: {plain}", names) if isinstance(plain, str) else (_masked(name, names), plain)


def _rendered(plain: Any, meant: Mapping[str, str]) -> str:
    if isinstance(plain, str):
        return _meaning(plain, meant)
    if isinstance(plain, tuple):
        return f"{_meaning(plain[0], meant)}:\n{_rendered(plain[1], meant)}"
    return "[\n" + "\n".join(sorted(_rendered(one, meant) for one in plain)) + "\n]"


def _meaning(text: str, meant: Mapping[str, str]) -> str:
    return ID.sub(lambda found: f"<id {meant.get(found[0], '')}>", text)
