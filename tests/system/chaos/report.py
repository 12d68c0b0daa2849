"""What was seen in all rounds, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.system.chaos.counting import Found
from tests.system.chaos.faults import Struck
from tests.system.chaos.load import Tally
from tests.system.chaos.plan import FAULTS, Round

_HEAD = (
    "fault",
    "rounds",
    "acknowledged",
    "sent again",
    "refused 503",
    "unanswered",
    "stored",
    "handled",
    "lost",
    "doubled",
    "kills",
    "on an unanswered write",
    "again after, at most",
    "all handled after, at most",
)


@dataclass
class Seen:
    """What one round showed. Times in seconds, from the moment at which the fault was lifted."""

    planned: Round
    tally: Tally
    struck: Struck
    found: Found
    submitted: int
    # Until a write was acknowledged again, and until everything was handled after the load had ended.
    again_s: float
    handled_s: float
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        return [*self.found.lost, *self.found.doubled, *self.wrong]

    def __str__(self) -> str:
        what = f"{len(self.problems)} problems" if self.problems else "nothing lost, nothing doubled"
        return (
            f"{self.planned.number:4}  {self.planned}: {self.tally.acknowledged} acknowledged, {self.tally.again} sent"
            f" again, {self.tally.refused} refused, {self.struck.dropped} replies dropped; again after"
            f" {self.again_s:.2f} s, all handled after {self.handled_s:.2f} s; {what}"
        )


def table(rounds: Sequence[Seen]) -> str:
    """Return one line for each fault, and one for all."""
    lines = [_HEAD, ("---",) * len(_HEAD)]
    lines += [_line(fault, of) for fault in FAULTS if (of := [one for one in rounds if one.planned.fault == fault])]
    lines.append(_line("**all**", rounds))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def kills(rounds: Iterable[Seen]) -> tuple[int, int]:
    """Return how many kills there were, and how many of them on an unanswered write."""
    struck = [one.struck for one in rounds]
    return sum(one.kills for one in struck), sum(one.on_an_unanswered_write for one in struck)


def _line(name: str, rounds: Sequence[Seen]) -> tuple[str, ...]:
    killed, unanswered = kills(rounds)
    tallies = ("acknowledged", "again", "refused", "unanswered")
    counted = (
        len(rounds),
        *(sum(getattr(one.tally, what) for one in rounds) for what in tallies),
        sum(one.found.stored for one in rounds),
        sum(one.found.handled for one in rounds),
        sum(len(one.found.lost) for one in rounds),
        sum(len(one.found.doubled) for one in rounds),
        killed,
        unanswered,
    )
    times = (max(one.again_s for one in rounds), max(one.handled_s for one in rounds))
    return (name, *map(str, counted), *(f"{seconds:.1f} s" for seconds in times))
