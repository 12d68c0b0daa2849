"""What a seed decides: every fault, every choice, every id."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from uuid import UUID


class Crash(BaseException):
    """The process of one service ends here. No `except Exception` of the product may hold it up."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(service)


@dataclass(frozen=True)
class Odds:
    """How often each thing goes wrong, of one."""

    crash_before_commit: float = 0.0
    crash_after_commit: float = 0.0
    store_away: float = 0.0
    answer_of_store_lost: float = 0.0
    read_fails: float = 0.0
    another_first: float = 0.0
    publish_fails: float = 0.0
    publish_unanswered: float = 0.0
    message_lost: float = 0.0
    message_late: float = 0.0
    message_twice: float = 0.0
    message_overtaken: float = 0.0
    poll_fails: float = 0.0
    redelivered: float = 0.0
    offset_lost: float = 0.0
    source_away: float = 0.0
    answer_lost: float = 0.0
    asked_twice: float = 0.0
    killed: float = 0.0

    def scaled(self, by: float) -> Odds:
        """Return the same with every frequency multiplied."""
        return Odds(**{one.name: getattr(self, one.name) * by for one in fields(self)})


CALM = Odds()
ROUGH = Odds(
    crash_before_commit=0.004,
    crash_after_commit=0.004,
    store_away=0.008,
    answer_of_store_lost=0.008,
    read_fails=0.0003,
    another_first=0.03,
    publish_fails=0.03,
    publish_unanswered=0.03,
    message_lost=0.03,
    message_late=0.05,
    message_twice=0.05,
    message_overtaken=0.05,
    poll_fails=0.02,
    redelivered=0.03,
    offset_lost=0.05,
    source_away=0.3,
    answer_lost=0.03,
    asked_twice=0.03,
    killed=0.003,
)


class Chance(random.Random):
    """The one source of everything that is not decided by the product."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.odds = CALM
        self.met: dict[str, int] = {}

    def strikes(self, fault: str) -> bool:
        """Tell whether a fault happens now, and count it."""
        odds: float = getattr(self.odds, fault)
        if not odds or self.random() >= odds:
            return False
        self.met[fault] = self.met.get(fault, 0) + 1
        return True

    def happens(self, odds: float) -> bool:
        """Tell whether something happens now."""
        return self.random() < odds

    def new(self) -> UUID:
        """Return an id in the shape of a UUIDv7."""
        number = self.getrandbits(128)
        return UUID(int=(number & ~(0xF << 76) & ~(0x3 << 62)) | (0x7 << 76) | (0x2 << 62))

    def weighted(self, options: list[tuple[float, Callable[[], None]]]) -> Callable[[], None]:
        """Return one of these, the heavier the likelier."""
        return self.choices([option for _, option in options], [weight for weight, _ in options])[0]
