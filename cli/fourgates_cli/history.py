"""A release's history in words, from its log alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Entry = Mapping[str, Any]
_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHOWN_CHARACTERS_MAX = 60


def in_words(entries: Iterable[Entry], names: Mapping[str, str]) -> list[str]:
    """Return one sentence for each event: when, who, what, why, and for a used grant who had authorized it."""
    return [_sentence(entry, names) for entry in entries]


def _sentence(entry: Entry, names: Mapping[str, str]) -> str:
    who = names.get(entry["by"], entry["by"])
    behalf = entry.get("on_behalf_of")
    if behalf and behalf != entry["by"]:
        who = f"{who} on behalf of {names.get(behalf, behalf)}"
    roles = ", ".join(role.replace("_", " ") for role in entry.get("roles") or [])
    told = f"{entry['version']:>4}  {_moment(entry['at'])}  {what_happened(entry['type'])}"
    told += f", by {who}" + (f" ({roles})" if roles else "")
    facts = _facts(entry.get("facts") or {}, names)
    return "\n".join([told, *(f"        {line}" for line in [f"why: {entry['why']}", *facts] if line)])


def what_happened(kind: str) -> str:
    """Return an event's name in words: `release.PlanningEntered` is "Planning entered"."""
    return _INNER_CAPITAL.sub(" ", kind.rsplit(".", maxsplit=1)[-1]).capitalize()


def _facts(facts: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    lines = []
    plain = {name: _plain(value) for name, value in facts.items()}
    shown = [f"{name.replace('_', ' ')} {value}" for name, value in plain.items() if value]
    if shown:
        lines.append("; ".join(shown))
    return [*lines, *(_grant_in_words(grant, names) for grant in _grants(facts))]


def _plain(value: Any) -> str:
    """Return a value that reads well in a sentence, or nothing."""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, str) and len(value) <= _SHOWN_CHARACTERS_MAX and not _ID.fullmatch(value):
        return value.replace("_", " ")
    return ""


def _grants(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [value for value in facts.values() if isinstance(value, dict) and "deciders" in value]


def _grant_in_words(grant: Mapping[str, Any], names: Mapping[str, str]) -> str:
    deciders = ", ".join(
        f"{names.get(decider['person_id'], decider['person_id'])} as {' and '.join(decider['roles']).replace('_', ' ')}"
        for decider in grant["deciders"]
    )
    return (
        f"authorized by {deciders} at {_moment(grant['granted_at'])}, rule {grant['rule']!r} of policy version "
        f"{grant['policy_version']}, until {_moment(grant['expires_at'])}, "
        f"binding {grant['document_digest'][:12]}… (authorization {grant['authorization_id']})"
    )


def _moment(written: object) -> str:
    return str(written)[:19].replace("T", " ")
