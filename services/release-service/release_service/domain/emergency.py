"""The debts of an emergency: incurred when a gate is used early, due by a date, settled or failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, derived_id, digest_of, refuse_any

from release_service.domain.facts import Facts
from release_service.domain.gates import Gates
from release_service.domain.states import ChangeType, DebtCode, DebtState, Risk, TestResult
from release_service.domain.tables import FINAL
from release_service.domain.values import Debt, LineagePerson

DETAILS = {
    DebtCode.REHEARSAL: "The package and its back-out steps are to be rehearsed.",
    DebtCode.IMPACT_ACKNOWLEDGEMENT: "The impact set is to be acknowledged.",
    DebtCode.TEST_SUITES: "The suites beyond the declared minimum are to pass on the deployed bytes.",
    DebtCode.OWNERS_INFORMED: "The owners of the dependants are to be informed.",
    DebtCode.CAB_CONFIRMATION: "The CAB is to confirm what the emergency decided.",
}


class DebtsIncurred(Aggregate.Event):
    """An emergency used a gate before everything was done; each debt blocks closing."""

    debts: tuple[Debt, ...]

    def apply(self, aggregate: Facts) -> None:
        """Keep the debts; the CAB is asked anew about what it owes anew."""
        aggregate.debts |= {debt.code: debt for debt in self.debts}
        if any(debt.code is DebtCode.CAB_CONFIRMATION for debt in self.debts):
            aggregate.confirmation_id = None


class DebtSettled(Aggregate.Event):
    """A debt of an emergency was settled."""

    code: DebtCode
    how: str

    def apply(self, aggregate: Facts) -> None:
        """Settle the debt."""
        aggregate.debts[self.code] = replace(aggregate.debts[self.code], state=DebtState.SETTLED, how=self.how)


class DebtFailed(Aggregate.Event):
    """A debt of an emergency failed or fell overdue: it counts as a missed target."""

    code: DebtCode
    reason: str
    evaluation_id: UUID

    def apply(self, aggregate: Facts) -> None:
        """Fail the debt."""
        aggregate.debts[self.code] = replace(aggregate.debts[self.code], state=DebtState.FAILED, how=self.reason)


class ConfirmationRequested(Aggregate.Event):
    """The CAB was asked to confirm what two people decided in an emergency."""

    request_id: UUID
    document: dict[str, str]
    document_digest: str
    summary: str
    change_type: ChangeType
    risk: Risk
    lineage: tuple[LineagePerson, ...]

    def apply(self, aggregate: Facts) -> None:
        """Wait for the CAB."""
        aggregate.confirmation_id = self.request_id


class Emergency(Gates):
    """Incurring, settling and failing debts."""

    def request_confirmation(self, act: Act, *, request_id: UUID) -> None:
        """Ask the CAB to confirm the emergency."""
        refuse_any(self.unmet_for_request_confirmation(act))
        used = {f"{gate}.{k}": v for gate, rid in self.used.items() for k, v in self.requests[rid].document.items()}
        self._happened(
            ConfirmationRequested,
            act,
            request_id=request_id,
            document=used,
            document_digest=digest_of(used),
            summary=f"emergency {self.title}",
            change_type=self.strictest_type(),
            risk=self.strictest_risk(),
            lineage=self.lineage(),
        )

    def unmet_for_request_confirmation(self, act: Act) -> Iterator[Unmet]:
        """Yield what stands in the way of asking the CAB."""
        yield from self._not_entitled(act, "release_manager", "change_manager")
        yield from self._held()
        if not self._owes(DebtCode.CAB_CONFIRMATION):
            yield Unmet(
                "no-confirmation-owed",
                "No confirmation by the CAB is owed.",
                source="debts",
                remedy="nothing needs to be done",
            )
        if self.confirmation_id is not None:
            yield Unmet(
                "confirmation-requested",
                "The CAB was asked already.",
                source="confirmation_id",
                remedy="have it voted in change management",
            )

    def note_confirmation(self, act: Act, *, request_id: UUID, confirmed: bool, reasons: tuple[str, ...]) -> None:
        """Keep what the CAB said."""
        if request_id == self.confirmation_id:
            if confirmed:
                self._settle(act, DebtCode.CAB_CONFIRMATION, "confirmed by the CAB")
            else:
                self._fail(act, DebtCode.CAB_CONFIRMATION, f"not confirmed: {'; '.join(reasons)}")

    def fail_overdue_debts(self, act: Act) -> None:
        """Fail every debt whose date has passed."""
        for debt in self.open_debts():
            if debt.due_at <= act.at:
                self._fail(act, debt.code, f"overdue since {debt.due_at.isoformat()}")

    def _owes(self, code: DebtCode) -> bool:
        owed = code in self.debts and self.debts[code].state is DebtState.OPEN
        return owed and self.state not in FINAL

    def _incur(self, act: Act, owed: tuple[DebtCode, ...], *, request_id: UUID, due_at: datetime) -> None:
        debts = tuple(
            Debt(code, DETAILS[code], due_at, evaluation_id=derived_id(request_id, f"debt:{code}"))
            for code in owed
            if not self._owes(code)
        )
        if debts:
            self._happened(DebtsIncurred, act, debts=debts)

    def _settle(self, act: Act, code: DebtCode, how: str) -> None:
        if self._owes(code):
            self._happened(DebtSettled, act, code=code, how=how)
            self._finish_review(act)

    def _fail(self, act: Act, code: DebtCode, reason: str) -> None:
        if self._owes(code):
            evaluation_id = self.debts[code].evaluation_id
            self._happened(DebtFailed, act, code=code, reason=reason[:2000], evaluation_id=evaluation_id)
            self._finish_review(act)

    def _settle_tests(self, act: Act) -> None:
        """Settle the debt of the suites once all passed; one that failed on the deployed bytes fails it."""
        left = self.suites_not_passed(minimum_only=False)
        if not left:
            self._settle(act, DebtCode.TEST_SUITES, "every required suite passed")
        elif self.test_runs and self.test_runs[-1].suite in left and self.test_runs[-1].result is TestResult.FAILED:
            self._fail(act, DebtCode.TEST_SUITES, f"the suite {self.test_runs[-1].suite} failed")

    def _finish_review(self, act: Act) -> None:
        """Do what the review decided, once nothing blocks it; the subject review says how."""
        raise NotImplementedError
