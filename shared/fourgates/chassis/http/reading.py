"""What can be asked of any aggregate: its history, and what can be done next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from fourgates.chassis.aggregate import Act, NextCommand
from fourgates.chassis.http.problems import unmet_answer
from fourgates.chassis.http.shapes import HistoryAnswer, HistoryItem, NextAnswer, NextCommandAnswer, UnmetAnswer
from fourgates.chassis.views import iso

_ENVELOPE = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp", "act"})


def next_answer(commands: Iterable[NextCommand]) -> NextAnswer:
    """Return what can be done next."""
    return NextAnswer(
        commands=[
            NextCommandAnswer(
                command=c.command,
                by=list(c.by),
                possible=c.possible,
                unmet=[UnmetAnswer(**unmet_answer(u)) for u in c.unmet],
            )
            for c in commands
        ]
    )


def history_answer(events: Sequence[Any]) -> HistoryAnswer:
    """Return the events of a log, each with who, when, why and what it says."""
    return HistoryAnswer(items=[_item(happened) for happened in events])


def _item(happened: Any) -> HistoryItem:
    act: Act = happened.act
    facts = {name: value for name, value in vars(happened).items() if name not in _ENVELOPE}
    return HistoryItem(
        version=happened.originator_version,
        type=type(happened).TOPIC,
        at=iso(act.at),
        by=act.by,
        on_behalf_of=act.on_behalf_of,
        roles=list(act.roles),
        why=act.why,
        cause=act.cause_id,
        correlation=act.correlation_id,
        facts=msgspec.to_builtins(facts),
    )
