"""Facts in words: what happened, who did it, when, and what was said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fourgates.chassis.views import Row

SAID_MAX = 8
SAID_CHARS_MAX = 300
WHOLE_CHARS_MAX = 4000
# Ids and digests tell a reader nothing; they stand in the whole fact.
_OPAQUE = re.compile(r".*(_id|_ids|_digest|digest|sha256)")
_SLUG = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHOWN_OF_ID = 8
# The process writes these with a hyphen.
_WRITTEN = {"check_in": "check-in"}


@dataclass(frozen=True)
class Happened:
    """One fact as a page shows it."""

    place: int
    at: str
    publisher: str
    what: str
    who: str
    person: str
    said: tuple[tuple[str, str], ...]
    whole: str
    # The release that it is about, if that is not the one whose history it stands in.
    other_release: str


def happened(row: Row, names: Mapping[str, str], *, release_id: str) -> Happened:
    """Return a fact in the history of a release in words."""
    kind, _, subject_id = row["subject"].partition("/")
    whole = json.dumps(row["facts"], indent=2, ensure_ascii=False)
    return Happened(
        place=row["sequence"],
        at=row["at"],
        publisher=row["publisher"],
        what=what(row["type"], row["facts"]),
        who=who(row, names),
        person=row["person"],
        said=tuple(saying(row["facts"], names))[:SAID_MAX],
        whole=cut(whole, WHOLE_CHARS_MAX),
        other_release=subject_id if kind == "release" and subject_id != release_id else "",
    )


def what(type_name: str, facts: Mapping[str, Any]) -> str:
    """Return what happened: `Phase entered: build and test`."""
    words = type_name.split(".")[3].replace("_", " ").capitalize()
    phase = facts.get("phase") or facts.get("to_phase")
    return f"{words}: {plain(phase)}" if isinstance(phase, str) else words


def who(row: Row, names: Mapping[str, str]) -> str:
    """Return who did it: a person, or a service for a person."""
    person = name_of(row["person"], names)
    return person if row["by"] == row["person"] else f"{name_of(row['by'], names)}, for {person}"


def name_of(subject: str, names: Mapping[str, str]) -> str:
    """Return a person's name if it is known here; else the opaque id, shortened."""
    if subject in names:
        return names[subject]
    return f"person {subject[-_SHOWN_OF_ID:]}" if _UUID.fullmatch(subject) else subject


def saying(facts: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what a fact says in few words, each with what it is about."""
    for name, value in facts.items():
        values = value if isinstance(value, list) else [value]
        if _OPAQUE.fullmatch(name) or name in {"phase", "to_phase"} or not all(map(_tells, values)):
            continue
        text = ", ".join(plain(one, names) for one in values)
        if text:
            yield name.replace("_", " "), cut(text, SAID_CHARS_MAX)


def _tells(value: Any) -> bool:
    return value is not None and value is not False and value != "" and not isinstance(value, (dict, list))


def plain(value: Any, names: Mapping[str, str] | None = None) -> str:
    """Return one value as a reader would write it."""
    if value is True:
        return "yes"
    text = _WRITTEN.get(str(value), str(value))
    if _SLUG.fullmatch(text):
        return text.replace("_", " ")
    return name_of(text, names) if names and text in names else text


def cut(text: str, chars_max: int) -> str:
    """Return a text, and say so when it was too long."""
    return text if len(text) <= chars_max else f"{text[:chars_max]} … (cut here)"


def moment(at: str) -> str:
    """Return a time as people read it, in UTC."""
    read = datetime.fromisoformat(at)
    return f"{read.day} {read:%b %Y, %H:%M:%S} UTC"
