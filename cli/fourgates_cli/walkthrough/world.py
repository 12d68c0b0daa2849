"""What the acts share: the people with their own logins, the workbench, and the ids of what was made so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fourgates_cli.client import Caller, Recorder
from fourgates_cli.walkthrough.narrator import Narrator
from fourgates_cli.workbench import Medium, Workbench

Thing = dict[str, Any]


@dataclass
class World:
    """The state of the walk-through: only ids and logins; everything else is asked anew over HTTP."""

    url: str
    narrator: Narrator
    people: Mapping[str, Caller]
    secrets: Mapping[str, str]
    bench: Workbench
    folder: Path
    example: Path
    wheels: tuple[Medium, ...]
    record: Recorder
    environments: dict[str, str] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def by(self, name: str) -> Caller:
        """Return the login of a person."""
        return self.people[name]

    def close(self) -> None:
        """Close everybody's connections; the tokens stay readable."""
        for person in self.people.values():
            person.close()

    def release(self, name: str) -> Thing:
        """Return a release as it stands now."""
        return dict(self.by("rhea").get(release_path(self.releases[name])))

    def change(self, change_id: str) -> Thing:
        """Return a change as it stands now."""
        return dict(self.by("mona").get(f"/change/v1/changes/{change_id}"))


def release_path(release_id: str) -> str:
    """Return where a release is found."""
    return f"/release/v1/releases/{release_id}"
