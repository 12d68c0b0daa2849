"""The value of a service: what was expected of it, and what was realised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, NextCommand, Unmet, derived_id, event, refuse_any

from review_service.domain.values import REVIEWERS


class EntryKind(StrEnum):
    """An expectation of the value case, or something that was realised."""

    EXPECTED = "expected"
    REALISED = "realised"


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the ledger: an amount in a unit, as stated by a person."""

    entry_id: UUID
    kind: EntryKind
    amount: float
    unit: str
    statement: str
    entered_by: str
    period: str = ""
    review_id: UUID | None = None


class ValueLedger(Aggregate):
    """The ledger of one service: lines are only added, a correction is a later line."""

    TOPIC = "review.ValueLedger"

    class Opened(Aggregate.Created):
        """The value ledger of a service was opened with its value case."""

        service_id: UUID
        value_case: str

    class ValueCaseNoted(Aggregate.Event):
        """The value case of the service was heard."""

        value_case: str

    class ExpectationEntered(Aggregate.Event):
        """A value that is expected of the service was entered."""

        entry: LedgerEntry

    class RealisationEntered(Aggregate.Event):
        """A value that the service realised was entered."""

        entry: LedgerEntry

    class Closed(Aggregate.Event):
        """The service was retired: its ledger is final."""

        lifecycle: str

    @classmethod
    def id_of(cls, service_id: UUID) -> UUID:
        """Return the id of the ledger of a service."""
        return derived_id(service_id, "value-ledger")

    @classmethod
    def open(cls, act: Act, *, service_id: UUID, value_case: str = "") -> ValueLedger:
        """Open the ledger of a service."""
        return cls(id=cls.id_of(service_id), act=act, service_id=service_id, value_case=value_case)

    @event(Opened)
    def __init__(self, id: UUID, act: Act, service_id: UUID, value_case: str) -> None:
        self.service_id = service_id
        self.value_case = value_case
        self.entries: tuple[LedgerEntry, ...] = ()
        self.closed = False

    def note_value_case(self, act: Act, *, value_case: str) -> None:
        """Note the value case of the service."""
        if value_case != self.value_case:
            self._value_case_noted(act=act, value_case=value_case)

    @event(ValueCaseNoted)
    def _value_case_noted(self, act: Act, value_case: str) -> None:
        self.value_case = value_case

    def enter(self, act: Act, *, entry: LedgerEntry) -> None:
        """Enter an expectation, or what was realised of one."""
        refuse_any(self.unmet_for_enter(act, entry.kind, entry.unit))
        if entry.kind is EntryKind.EXPECTED:
            self._expectation_entered(act=act, entry=entry)
        else:
            self._realisation_entered(act=act, entry=entry)

    def note_realised(self, act: Act, *, entry: LedgerEntry) -> None:
        """Enter the value that a review stated."""
        if not self.closed and all(e.entry_id != entry.entry_id for e in self.entries):
            self._realisation_entered(act=act, entry=entry)

    def unmet_for_enter(self, act: Act, kind: EntryKind, unit: str) -> Iterator[Unmet]:
        """What a line needs: an entitled person, an open ledger, and an expectation to compare with."""
        if act.machine:
            yield Forbidden(
                "machine-account",
                "Value is a person's judgement.",
                source="token",
                remedy="ask a person",
                person=act.by,
            )
        if not set(REVIEWERS) & set(act.roles):
            yield Forbidden(
                "not-entitled",
                f"Value is entered by one of {', '.join(REVIEWERS)}.",
                source="roles",
                remedy="ask one of them",
                person=act.by,
            )
        if self.closed:
            yield Unmet(
                "ledger-closed",
                "The service is retired and its ledger final.",
                source="dml.ServiceLifecycleEntered",
                remedy="none: it is final",
            )
        if kind is EntryKind.REALISED and unit not in self.units_expected:
            yield Unmet(
                "no-expectation",
                f"No value in {unit or 'any unit'} is expected of this service, so there is nothing to compare with.",
                source="review.ValueLedgerExpectationEntered",
                remedy="enter the expectation first: POST /review/v1/value-ledgers/{id}/entries",
            )

    @event(ExpectationEntered)
    def _expectation_entered(self, act: Act, entry: LedgerEntry) -> None:
        self.entries = (*self.entries, entry)

    @event(RealisationEntered)
    def _realisation_entered(self, act: Act, entry: LedgerEntry) -> None:
        self.entries = (*self.entries, entry)

    def close(self, act: Act, *, lifecycle: str) -> None:
        """End the ledger with the service."""
        if not self.closed:
            self._closed(act=act, lifecycle=lifecycle)

    @event(Closed)
    def _closed(self, act: Act, lifecycle: str) -> None:
        self.closed = True

    @property
    def units_expected(self) -> frozenset[str]:
        """The units in which value is expected."""
        return frozenset(e.unit for e in self.entries if e.kind is EntryKind.EXPECTED)

    def total(self, kind: EntryKind, unit: str) -> float:
        """Return the sum of one kind of line in one unit."""
        return sum(e.amount for e in self.entries if e.kind is kind and e.unit == unit)

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Return what can be entered next, by whom, and why not."""
        expected = tuple(self.unmet_for_enter(act, EntryKind.EXPECTED, ""))
        unit = min(self.units_expected, default="")
        realised = tuple(self.unmet_for_enter(act, EntryKind.REALISED, unit))
        return (NextCommand("enter_expected", REVIEWERS, expected), NextCommand("enter_realised", REVIEWERS, realised))
