"""Requests for gates, the grants that come back, and what makes them void."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, digest_of, refuse_any

from release_service.domain.conditions import Conditions
from release_service.domain.facts import Facts
from release_service.domain.states import ChangeType, DebtCode, Gate, ReleaseState, RequestState, Risk
from release_service.domain.tables import JOINED, OPENS_FROM
from release_service.domain.values import GateRequest, Grant, LineagePerson

RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)


class GateRequested(Aggregate.Event):
    """A gate was requested, or two joined ones in an emergency, with a digest per field of what is bound."""

    request_id: UUID
    gates: tuple[Gate, ...]
    document: dict[str, str]
    document_digest: str
    summary: str
    change_type: ChangeType
    risk: Risk
    environment_ids: tuple[UUID, ...]
    lineage: tuple[LineagePerson, ...]
    signed_off_by: str | None
    owed: tuple[DebtCode, ...]

    def apply(self, aggregate: Facts) -> None:
        """Keep the request, and its requester in the lineage."""
        aggregate.requests[self.request_id] = GateRequest(
            request_id=self.request_id,
            gates=self.gates,
            document=self.document,
            document_digest=self.document_digest,
            owed=self.owed,
            requested_by=self.act.person,
            requested_at=self.act.at,
        )
        aggregate.people[LineagePerson(self.act.person, "requester")] = None


class GateRequestWithdrawn(Aggregate.Event):
    """What a request or an unused grant bound has changed or is not wanted any more: it is withdrawn, or void."""

    request_id: UUID
    gates: tuple[Gate, ...]
    reason: str

    def apply(self, aggregate: Facts) -> None:
        """End the request."""
        request = aggregate.requests[self.request_id]
        granted = request.state is RequestState.GRANTED
        ended = RequestState.VOIDED if granted else RequestState.WITHDRAWN
        aggregate.requests[self.request_id] = replace(request, state=ended, reasons=(self.reason,))


class GrantNoted(Aggregate.Event):
    """The grant of a request was heard: who gave it, under which policy, and until when."""

    grant: Grant

    def apply(self, aggregate: Facts) -> None:
        """Keep the grant with its request."""
        request = aggregate.requests[self.grant.request_id]
        aggregate.requests[request.request_id] = replace(request, state=RequestState.GRANTED, grant=self.grant)


class GateRequestEnded(Aggregate.Event):
    """A request or an unused grant ended elsewhere: rejected, withdrawn, expired, revoked or voided."""

    request_id: UUID
    ended: RequestState
    reasons: tuple[str, ...]

    def apply(self, aggregate: Facts) -> None:
        """End the request."""
        request = aggregate.requests[self.request_id]
        aggregate.requests[self.request_id] = replace(request, state=self.ended, reasons=self.reasons)


class GrantCrossed(Aggregate.Event):
    """A used grant was heard to be expired or revoked: the use and that crossed, and both stay recorded."""

    request_id: UUID
    crossing: RequestState
    reasons: tuple[str, ...]

    def apply(self, aggregate: Facts) -> None:
        """Mark the grant; what it opened stays entered. Gates it has not opened yet, it opens no more."""
        request = aggregate.requests[self.request_id]
        ended = replace(request, crossing=self.crossing.value, reasons=self.reasons)
        if request.unused_gates:
            ended = replace(ended, state=self.crossing)
        aggregate.requests[self.request_id] = ended


class Gates(Conditions):
    """Asking for gates and hearing of their grants."""

    def request_gates(self, act: Act, *, request_id: UUID, gates: tuple[Gate, ...]) -> None:
        """Ask change management for a gate, or in an emergency for two joined ones."""
        refuse_any(self.unmet_for_request_gates(act, gates))
        owed = self.owed(gates)
        document = self.document(gates, owed)
        planned = self.deployment_plan.environments if self.deployment_plan else ()
        requester = LineagePerson(act.person, "requester")
        self._happened(
            GateRequested,
            act,
            request_id=request_id,
            gates=gates,
            document=document,
            document_digest=digest_of(document),
            summary=f"{' and '.join(gates)} of {self.title}",
            change_type=self.strictest_type(),
            risk=self.strictest_risk(),
            environment_ids=tuple(p.environment_id for p in planned) if Gate.DEPLOYMENT in gates else (),
            lineage=tuple(dict.fromkeys((*self.lineage(), requester))),
            signed_off_by=self.sign_off.signed_off_by if self.sign_off else None,
            owed=owed,
        )

    def unmet_for_request_gates(self, act: Act, gates: tuple[Gate, ...]) -> Iterator[Unmet]:
        """Yield what stands in the way of asking for these gates."""
        yield from self._not_entitled(act, "release_manager")
        yield from self._held()
        if not self._where_requested(gates):
            yield Unmet(
                "gate-not-next",
                f"{' with '.join(gates)} cannot be requested in {self.state}.",
                source="state",
                remedy="see what comes next: GET /release/v1/releases/{id}/next",
            )
        for gate in gates:
            if self.open_request(gate):
                yield Unmet(
                    "gate-already-requested",
                    f"The gate {gate} is requested or granted already.",
                    source="requests",
                    remedy="use the grant, or withdraw: POST …/gate-requests/{request_id}/withdrawal",
                )
        yield from self.unmet_for_gates(act, gates, entering=False)

    def _where_requested(self, gates: tuple[Gate, ...]) -> bool:
        if not self.deploys and Gate.DEPLOYMENT in gates:
            return False
        if self.cancelling or self.deployment_runs:
            return False
        if len(gates) > 1:
            return self.emergency and JOINED.get(gates) is self.state
        again = self.state is ReleaseState.REVIEW and self.redeploying and gates == (Gate.DEPLOYMENT,)
        return again or OPENS_FROM[gates[0]] is self.state

    def withdraw_gate_request(self, act: Act, *, request_id: UUID) -> None:
        """Take back a request, or make its unused grant void."""
        refuse_any(self.unmet_for_withdraw_gate_request(act, request_id))
        self._end_request(act, request_id, act.why)

    def unmet_for_withdraw_gate_request(self, act: Act, request_id: UUID) -> Iterator[Unmet]:
        """Yield what stands in the way of withdrawing a request."""
        yield from self._not_entitled(act, "release_manager")
        request = self.requests.get(request_id)
        if request is None or not request.open:
            yield Unmet(
                "request-not-open",
                "There is no such request that is still open.",
                source="requests",
                remedy="see the requests of this release: GET /release/v1/releases/{id}",
            )

    def note_grant(self, act: Act, *, grant: Grant) -> None:
        """Keep a grant that was heard; one for a request that ended meanwhile changes nothing."""
        request = self.requests.get(grant.request_id)
        if request is not None and request.state is RequestState.REQUESTED:
            self._happened(GrantNoted, act, grant=grant)

    def note_request_ended(self, act: Act, *, request_id: UUID, ended: RequestState, reasons: tuple[str, ...]) -> None:
        """Keep that a request or grant ended elsewhere; when the grant was used before, the crossing is recorded."""
        request = self.requests.get(request_id)
        if request is None:
            return
        # What expired in part may still be revoked as a whole.
        worse = {RequestState.EXPIRED, RequestState.REVOKED} if request.crossing is None else {RequestState.REVOKED}
        if request.used and request.crossing != RequestState.REVOKED and ended in worse:
            self._happened(GrantCrossed, act, request_id=request_id, crossing=ended, reasons=reasons)
        elif request.open:
            self._happened(GateRequestEnded, act, request_id=request_id, ended=ended, reasons=reasons)

    def strictest_type(self) -> ChangeType:
        """Return the change type under which the whole release is decided."""
        if self.emergency:
            return ChangeType.EMERGENCY
        types = {change.change_type for change in self.changes.values()}
        return ChangeType.STANDARD if types == {ChangeType.STANDARD} else ChangeType.NORMAL

    def strictest_risk(self) -> Risk:
        """Return the highest risk of the changes."""
        return max((change.risk for change in self.changes.values()), key=RISKS.index, default=Risk.MEDIUM)

    def _end_request(self, act: Act, request_id: UUID, reason: str) -> None:
        gates = self.requests[request_id].unused_gates
        self._happened(GateRequestWithdrawn, act, request_id=request_id, gates=gates, reason=reason)

    def _withdraw_stale(self, act: Act) -> None:
        """End every request and unused grant that binds what is no longer so."""
        for request in tuple(self.requests.values()):
            changed = self.changed_fields(request, request.unused_gates) if request.open else ()
            if changed:
                self._end_request(act, request.request_id, f"changed since: {', '.join(changed)}"[:2000])
