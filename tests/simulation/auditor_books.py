"""The books of the auditor: stored events as JSON, found by what they are and what they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One stored event; `moment` is the transaction that stored it, counted over all services."""

    service: str
    position: int
    id: str
    version: int
    topic: str
    state: dict[str, Any]
    moment: int

    @property
    def act(self) -> dict[str, Any]:
        act: dict[str, Any] = self.state["act"]
        return act

    @property
    def person(self) -> str:
        return str(self.act["on_behalf_of"] or self.act["by"])

    @property
    def at(self) -> str:
        return str(self.act["at"])

    def __getitem__(self, name: str) -> Any:
        return self.state[name]

    def __str__(self) -> str:
        return f"{self.topic} ({self.service}-{self.position}, version {self.version} of {self.id})"


class Books:
    """All logs of one run."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.logs: dict[str, list[dict[str, Any]]] = told["logs"]
        self.transactions: list[dict[str, Any]] = told["transactions"]
        self.intents: list[dict[str, Any]] = told["intents"]
        self.given: dict[str, dict[str, Any]] = told["given"]
        self.tracked: dict[str, dict[str, int]] = told["tracked"]
        self.parked: dict[str, list[str]] = told["parked"]
        self.entries: list[Entry] = []
        self.of: dict[str, list[Entry]] = defaultdict(list)
        self.by_topic: dict[str, list[Entry]] = defaultdict(list)
        self.by_message: dict[str, Entry] = {}
        for moment, transaction in enumerate(self.transactions):
            for event in transaction["events"]:
                self._take(Entry(service=transaction["service"], moment=moment, **event))

    def _take(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.of[entry.id].append(entry)
        self.by_topic[entry.topic].append(entry)
        self.by_message[f"{entry.service}-{entry.position}"] = entry

    def facts(self, *topics: str) -> Iterator[Entry]:
        """Yield all events of these names, name by name."""
        for topic in topics:
            yield from self.by_topic.get(topic, ())

    def before(self, entry: Entry, *topics: str) -> list[Entry]:
        """Return what had happened to the same thing before, of these names or at all."""
        story = [e for e in self.of[entry.id] if e.service == entry.service and e.version < entry.version]
        return [e for e in story if not topics or e.topic in topics]

    def last(self, entry: Entry, *topics: str) -> Entry | None:
        """Return the last of these that had happened to the same thing before."""
        found = self.before(entry, *topics)
        return found[-1] if found else None

    def about(self, field: str, *topics: str) -> dict[Any, list[Entry]]:
        """Return events of these names by a field that they carry."""
        found: dict[Any, list[Entry]] = defaultdict(list)
        for entry in self.facts(*topics):
            found[entry[field]].append(entry)
        return found
