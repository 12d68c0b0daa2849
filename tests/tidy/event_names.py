"""The stored names of aggregates and events, which are for ever: new ones are added, none is renamed or removed."""

from __future__ import annotations

from pathlib import Path

from fourgates.chassis.dead_letters import DeadLetter
from house import PACKAGES, aggregates, declared, events

# What the chassis itself keeps in the log of each service.
CHASSIS = (DeadLetter, *declared(DeadLetter))
FROZEN = Path(__file__).with_name("event_names.txt")


def names_in_code() -> list[str]:
    """Every name that the log may hold: those of the events, and those of the aggregates that first events carry."""
    of_services = [cls.TOPIC for package in PACKAGES for cls in (*aggregates(package), *events(package))]
    return [*of_services, *(cls.TOPIC for cls in CHASSIS)]


def frozen_names() -> set[str]:
    return set(FROZEN.read_text().split()) if FROZEN.exists() else set()


def add_new_names() -> None:
    """Write the frozen names and the new ones."""
    FROZEN.write_text("".join(f"{name}\n" for name in sorted(frozen_names() | set(names_in_code()))))


if __name__ == "__main__":
    add_new_names()
