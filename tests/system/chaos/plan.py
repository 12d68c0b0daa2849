"""What is to fail in each round, and when: it follows from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

# Each fault, and the ways in which it comes; a way that stands twice comes twice as often.
FAULTS: dict[str, tuple[str, ...]] = {
    "kill -9 of a service": ("change", "release", "change", "change"),
    "kill -9 of PostgreSQL": ("postgres",),
    "kill -9 of Kafka": ("kafka",),
    "replies dropped": ("database", "client"),
    "disk full": ("disk",),
    "pool exhausted": ("pool", "connections"),
}
# The fault comes at one of these writes of a round, and so long after it at most: a write takes about as long.
FIRST_WRITE, LAST_WRITE = 20, 150
WITHIN_S = 0.012
# How long what is away stays away, besides what its start takes.
AWAY_S_MAX = 1.0
# Replies that are dropped in one round.
DROPPED = (3, 12)


@dataclass(frozen=True)
class Round:
    """One round: which fault, in which way, at which of its writes."""

    number: int
    fault: str
    way: str
    at_write: int
    after_s: float
    away_s: float
    dropped: int

    def __str__(self) -> str:
        return f"{self.fault} ({self.way}) {self.after_s * 1000:.1f} ms after write {self.at_write}"


def rounds(count: int, seed: int, *, only: Sequence[str] = ()) -> list[Round]:
    """Return so many rounds. All faults come equally often, in an order by chance, and so do the ways of each.

    Of the ways only some come when they are named.
    """
    chance = random.Random(seed)
    faults = {fault: [way for way in ways if not only or way in only] for fault, ways in FAULTS.items()}
    planned: list[Round] = []
    deck: list[str] = []
    turns = dict.fromkeys(FAULTS, 0)
    for number in range(1, count + 1):
        if not deck:
            deck = chance.sample([fault for fault, ways in faults.items() if ways], sum(map(bool, faults.values())))
        fault = deck.pop()
        ways = faults[fault]
        planned.append(
            Round(
                number=number,
                fault=fault,
                way=ways[turns[fault] % len(ways)],
                at_write=chance.randint(FIRST_WRITE, LAST_WRITE),
                after_s=chance.uniform(0, WITHIN_S),
                away_s=chance.uniform(0, AWAY_S_MAX),
                dropped=chance.randint(*DROPPED),
            )
        )
        turns[fault] += 1
    return planned
