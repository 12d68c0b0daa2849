"""The whole walk-through: who takes part, the acts in order, and the history that the log tells at the end."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fourgates_cli.client import Caller, Recorder
from fourgates_cli.history import in_words
from fourgates_cli.login import log_in
from fourgates_cli.people import PEOPLE, Secrets
from fourgates_cli.walkthrough.act1 import act1
from fourgates_cli.walkthrough.act2 import act2
from fourgates_cli.walkthrough.act3 import act3
from fourgates_cli.walkthrough.act4 import act4
from fourgates_cli.walkthrough.act5 import act5
from fourgates_cli.walkthrough.before import before
from fourgates_cli.walkthrough.narrator import Narrator
from fourgates_cli.walkthrough.releases import release_of
from fourgates_cli.walkthrough.world import World
from fourgates_cli.workbench import Medium, Workbench

TOLD = "1.1.1"


@dataclass(frozen=True)
class Setting:
    """Where the walk-through takes place, and with what."""

    url: str
    secrets: Secrets
    bench: Path
    wheels: tuple[Medium, ...]
    example: Path
    record: Recorder
    # How long to ask again for what is away.
    patience_s: float = 0.0


def walk_through(setting: Setting, narrator: Narrator | None = None) -> World:
    """Walk through every act. Raises at the first thing that is not as it must be."""
    with closing(_world(setting, narrator or Narrator())) as world:
        for act in (before, act1, act2, act3, act4, act5):
            act(world)
        _tell_history(world)
        world.narrator.act(f"Everything expected was seen: {world.narrator.summary()}.")
    return world


def _world(setting: Setting, narrator: Narrator) -> World:
    narrator.act("Everybody logs in with their own secret")
    people = {
        name: Caller(
            setting.url,
            token=log_in(setting.url, name, setting.secrets.of(name), record=setting.record),
            record=setting.record,
            patience_s=setting.patience_s,
        )
        for name in PEOPLE
    }
    narrator.names = {setting.secrets.person_id(name): name for name in PEOPLE}
    narrator.proved(f"{len(people)} people hold a token of their own")
    return World(
        url=setting.url,
        narrator=narrator,
        people=people,
        secrets={name: setting.secrets.of(name) for name in PEOPLE},
        bench=Workbench(setting.bench),
        folder=setting.bench.resolve(),
        example=setting.example,
        wheels=setting.wheels,
        record=setting.record,
    )


def _tell_history(world: World) -> None:
    release = world.release(TOLD)
    world.narrator.act(
        f"The history of {release['number']} ({TOLD}) in words, from its log alone, as the auditor reads it"
    )
    entries = world.by("ada").every(f"{release_of(world, TOLD)}/history")
    for sentence in in_words(entries, world.narrator.names):
        world.narrator.tell(sentence)
    used = [entry for entry in entries if entry["type"].endswith("Entered") and "grant" in entry["facts"]]
    world.narrator.fact(
        len(used) == 5,
        "the log shows five uses of grants, G4 twice, each with its deciders",
        seen=[e["type"] for e in used],
    )
