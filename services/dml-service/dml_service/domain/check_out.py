"""Who took which definitive media, for which release and purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, NextCommand, Unmet, event, refuse_any

from dml_service.domain.entitlement import unentitled
from dml_service.domain.media import MediaState, Medium

TAKERS = ("builder", "tester", "deployer", "release_manager", "machine")


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for, and what the library found for it."""

    asked: str
    medium: Medium | None
    state: MediaState | None


class CheckOut(Aggregate):
    """Definitive media handed to somebody, all that was asked for or nothing."""

    TOPIC = "dml.CheckOut"

    class Taken(Aggregate.Created):
        """Somebody took definitive media out of the library for a purpose."""

        items: tuple[Medium, ...]
        release_id: UUID | None
        purpose: str

    @classmethod
    def take(
        cls, act: Act, *, check_out_id: UUID, wanted: tuple[Wanted, ...], release_id: UUID | None, purpose: str
    ) -> CheckOut:
        """Hand out what is asked for, if every item is definitive."""
        refuse_any(cls.unmet_for_taking(act, wanted))
        items = tuple(w.medium for w in wanted if w.medium is not None)
        return cls(id=check_out_id, act=act, items=items, release_id=release_id, purpose=purpose)

    @staticmethod
    def unmet_for_taking(act: Act, wanted: tuple[Wanted, ...]) -> Iterator[Unmet]:
        """Yield one refusal for each item that is not definitive."""
        yield from unentitled(act, TAKERS, "check media out")
        for number, one in enumerate(wanted):
            if one.medium is None:
                yield Unmet(
                    "not-in-library",
                    f"{one.asked} is not in the library.",
                    source=f"/items/{number}",
                    remedy="check it in first, by a release of kind media or initial_load",
                )
            elif one.state is not MediaState.DEFINITIVE:
                yield Unmet(
                    "not-definitive",
                    f"{one.asked} is {one.state}.",
                    source=f"/items/{number}",
                    remedy="use another version, or have it cleared by a change authority",
                )

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return nothing: a check-out is a record."""
        return ()

    @event(Taken)
    def __init__(self, id: UUID, act: Act, items: tuple[Medium, ...], release_id: UUID | None, purpose: str) -> None:
        self.items = items
        self.release_id = release_id
        self.purpose = purpose
        self.taken_by = act.by
        self.taken_at = act.at
