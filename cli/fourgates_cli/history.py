"""A release's history in words, from its log alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fourgates_cli.release_words import WORDS, plain

Entry = Mapping[str, Any]
_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_HEARD = re.compile(r"heard dev\.fourgates\.(?P<service>[a-z]+)\.(?P<fact>[a-z_]+)\.v\d+")


def in_words(entries: Iterable[Entry], names: Mapping[str, str]) -> list[str]:
    """Return some lines for each event: when, what, who, why, and for a used grant who had authorized it."""
    return [_named(_told(entry), names) for entry in entries]


def what_happened(kind: str, facts: Mapping[str, Any]) -> str:
    """Return what an event says; one without words of its own is told by its name."""
    name = kind.rsplit(".", maxsplit=1)[-1]
    words = WORDS.get(name)
    try:
        return words(facts) if words else _INNER_CAPITAL.sub(" ", name).lower()
    except (KeyError, TypeError):
        # A log may be older than these words: its event is still told, by its name.
        return _INNER_CAPITAL.sub(" ", name).lower()


def _told(entry: Entry) -> str:
    facts = entry.get("facts") or {}
    lines = [f"{entry['version']:>4}  {_moment(entry['at'])}  {what_happened(entry['type'], facts)}"]
    lines.append(f"by {_who(entry)}; {_why(entry['why'])}")
    if entry["type"].endswith("Entered") and facts.get("grant"):
        lines.append(_authorized(facts["grant"]))
    return "\n        ".join(lines)


def _who(entry: Entry) -> str:
    roles = ", ".join(plain(role) for role in entry.get("roles") or [])
    who = str(entry["by"]) + (f" ({roles})" if roles else "")
    behalf = entry.get("on_behalf_of")
    return f"{who} on behalf of {behalf}" if behalf and behalf != entry["by"] else who


def _why(why: str) -> str:
    heard = _HEARD.fullmatch(why)
    if heard:
        return f"heard from {heard['service']}-service: {plain(heard['fact'])}"
    return f"why: {why}" if why else "no reason given"


def _authorized(grant: Mapping[str, Any]) -> str:
    deciders = " and ".join(
        f"{one['person_id']} ({', '.join(plain(role) for role in one['roles'])}): {one['reason']!r}"
        for one in grant["deciders"]
    )
    return (
        f"AUTHORIZED by {deciders}\n            at {_moment(grant['granted_at'])} by rule {grant['rule']!r} of policy "
        f"version {grant['policy_version']}, valid until {_moment(grant['expires_at'])}, binding "
        f"{grant['document_digest'][:12]}… (authorization {grant['authorization_id']})"
    )


def _named(text: str, names: Mapping[str, str]) -> str:
    for person_id, name in names.items():
        text = text.replace(person_id, name)
    return text


def _moment(written: object) -> str:
    return str(written)[:19].replace("T", " ")
