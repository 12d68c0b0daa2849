"""Whenever something was heard from the other services, or its time came, review does this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fourgates.chassis.aggregate import Act
from fourgates.contracts import common
from fourgates.contracts.change import (
    AuthorizationExpired,
    AuthorizationGranted,
    AuthorizationRejected,
    AuthorizationRevoked,
    AuthorizationVoided,
    AuthorizationWithdrawn,
    ChangeLinked,
    ChangeRequested,
)
from fourgates.contracts.deploy import BackedOut, BackOutFailed, Deployed
from fourgates.contracts.dml import ServiceLifecycleEntered, ServiceRegistered, TargetsSet
from fourgates.contracts.release import (
    CancellationRequested,
    DebtFailed,
    DebtSettled,
    DebtsIncurred,
    DeploymentRequested,
    GateRequested,
    PhaseEntered,
    ReleaseCancelled,
    ReleaseClosed,
    ReleaseOpened,
    SuccessorOpened,
)

from review_service.application import ReviewUseCases
from review_service.domain import (
    Comparison,
    Debt,
    DeploymentOutcome,
    Endpoint,
    LineagePerson,
    ReleaseKind,
    ReviewedDeployment,
    Target,
)

_AT_LEAST = {">=", ">", "ge", "gt", "at_least"}
_AT_MOST = {"<=", "<", "le", "lt", "at_most"}


def _target(fact: common.Target) -> Target:
    """Translate a target; how it is compared may be left to what it measures."""
    falls = fact.comparison in _AT_MOST or (fact.comparison not in _AT_LEAST and fact.measure.startswith("latency"))
    return Target(
        target_id=fact.target_id,
        name=fact.name,
        measure=fact.measure,
        comparison=Comparison.AT_MOST if falls else Comparison.AT_LEAST,
        goal=fact.goal,
        unit=fact.unit,
        path=fact.path,
        warning_at=fact.warning_at,
    )


def _open(
    use_cases: ReviewUseCases,
    act: Act,
    fact: Deployed | BackedOut | BackOutFailed,
    outcome: DeploymentOutcome,
    endpoints: tuple[Endpoint, ...],
) -> None:
    use_cases.open_review(
        act,
        release_id=fact.release_id,
        service_id=fact.service_id,
        kind=ReleaseKind(fact.kind.value),
        deployment=ReviewedDeployment(deployment_id=fact.deployment_id, outcome=outcome, endpoints=endpoints),
    )


def _note_endpoints(
    use_cases: ReviewUseCases, act: Act, fact: Deployed | BackedOut, as_of: datetime
) -> tuple[Endpoint, ...]:
    # What a retirement took away answers nowhere any more, whatever its last nodes were.
    gone = isinstance(fact, Deployed) and fact.kind is common.ReleaseKind.RETIREMENT
    endpoints = () if gone else tuple(Endpoint(e.environment_id, e.node, e.url) for e in fact.endpoints)
    use_cases.note_endpoints(act, service_id=fact.service_id, endpoints=endpoints, as_of=as_of)
    return endpoints


# From deployment.


def open_review_of_deployed(use_cases: ReviewUseCases, act: Act, fact: Deployed) -> None:
    """A deployment stands: review it."""
    endpoints = _note_endpoints(use_cases, act, fact, fact.deployed_at)
    _open(use_cases, act, fact, DeploymentOutcome.DEPLOYED, endpoints)


def open_review_of_backed_out(use_cases: ReviewUseCases, act: Act, fact: BackedOut) -> None:
    """A deployment was backed out: review it, and know where the service answers again."""
    endpoints = _note_endpoints(use_cases, act, fact, fact.backed_out_at)
    _open(use_cases, act, fact, DeploymentOutcome.BACKED_OUT, endpoints)


def open_review_of_failed_back_out(use_cases: ReviewUseCases, act: Act, fact: BackOutFailed) -> None:
    """A back-out failed: review it."""
    _open(use_cases, act, fact, DeploymentOutcome.BACK_OUT_FAILED, ())


# From release management.


def note_release_and_successor(use_cases: ReviewUseCases, act: Act, fact: ReleaseOpened) -> None:
    """A release was opened: know who asked for it, and which miss it answers."""
    use_cases.note_lineage(
        act,
        release_id=fact.release_id,
        service_id=fact.service_id,
        people=(LineagePerson(person_id=fact.requested_by, part="requester"),),
    )
    if fact.evaluation_id is not None:
        use_cases.note_successor(act, evaluation_id=fact.evaluation_id, successor_id=fact.release_id)


def note_lineage_of_gate_request(use_cases: ReviewUseCases, act: Act, fact: GateRequested) -> None:
    """A gate was requested: know everyone who had a part so far."""
    people = tuple(LineagePerson(person_id=p.person_id, part=p.part) for p in fact.lineage)
    use_cases.note_lineage(act, release_id=fact.release_id, service_id=fact.service_id, people=people)


def note_deployment_request(use_cases: ReviewUseCases, act: Act, fact: DeploymentRequested) -> None:
    """A release asked for a deployment: its next review is about this one."""
    use_cases.note_deployment_request(
        act, release_id=fact.release_id, service_id=fact.service_id, deployment_id=fact.deployment_id
    )


def note_review_phase(use_cases: ReviewUseCases, act: Act, fact: PhaseEntered) -> None:
    """A release entered review: it waits for the decision."""
    if fact.phase is common.ReleaseState.REVIEW:
        kind = ReleaseKind(fact.kind.value)
        use_cases.note_review_phase(act, release_id=fact.release_id, service_id=fact.service_id, kind=kind)


def note_debts(use_cases: ReviewUseCases, act: Act, fact: DebtsIncurred) -> None:
    """An emergency incurred debts: they block closing."""
    debts = tuple(Debt(code=d.code, detail=d.detail, due_at=d.due_at) for d in fact.debts)
    use_cases.note_debts(act, release_id=fact.release_id, service_id=fact.service_id, debts=debts)


def note_debt_settled(use_cases: ReviewUseCases, act: Act, fact: DebtSettled) -> None:
    """A debt was settled."""
    use_cases.note_debt_settled(act, release_id=fact.release_id, service_id=fact.service_id, code=fact.code)


def note_debt_failed(use_cases: ReviewUseCases, act: Act, fact: DebtFailed) -> None:
    """A debt failed: it counts as a missed target."""
    use_cases.note_debt_failed(
        act,
        release_id=fact.release_id,
        service_id=fact.service_id,
        code=fact.code,
        reason=fact.reason,
        evaluation_id=fact.evaluation_id,
    )


def note_successor(use_cases: ReviewUseCases, act: Act, fact: SuccessorOpened) -> None:
    """A missed target opened its successor release."""
    use_cases.note_successor(act, evaluation_id=fact.evaluation_id, successor_id=fact.successor_id)


def note_cancellation(use_cases: ReviewUseCases, act: Act, fact: CancellationRequested | ReleaseCancelled) -> None:
    """A release is to be cancelled, or was: its review can decide nothing else."""
    use_cases.note_cancellation(act, release_id=fact.release_id, service_id=fact.service_id, reason=fact.reason)


def begin_measuring_of_closed_release(use_cases: ReviewUseCases, act: Act, fact: ReleaseClosed) -> None:
    """A release was closed: from now on its service is measured outside reviews."""
    use_cases.begin_measuring(act, release_id=fact.release_id, service_id=fact.service_id)


# From change management.


def note_requested_change(use_cases: ReviewUseCases, act: Act, fact: ChangeRequested) -> None:
    """A change was raised, perhaps the linked one of a missed target."""
    if fact.evaluation_id is not None:
        use_cases.note_linked_change(act, evaluation_id=fact.evaluation_id, change_id=fact.change_id)


def note_linked_change(use_cases: ReviewUseCases, act: Act, fact: ChangeLinked) -> None:
    """A missed target opened its linked change."""
    use_cases.note_linked_change(act, evaluation_id=fact.evaluation_id, change_id=fact.change_id)


def note_acceptance(use_cases: ReviewUseCases, act: Act, fact: AuthorizationGranted) -> None:
    """An authority accepted a missed target in writing."""
    if fact.subject_kind == "acceptance":
        use_cases.note_acceptance(
            act,
            evaluation_id=fact.subject_id,
            request_id=fact.request_id,
            authorization_id=fact.authorization_id,
            document_digest=fact.document_digest,
            deciders=tuple(decider.person_id for decider in fact.deciders),
        )


def note_acceptance_rejected(use_cases: ReviewUseCases, act: Act, fact: AuthorizationRejected) -> None:
    """An authority did not accept a missed target."""
    if fact.subject_kind == "acceptance":
        use_cases.note_no_acceptance(
            act, evaluation_id=fact.subject_id, request_id=fact.request_id, reason="; ".join(fact.reasons)
        )


def note_acceptance_lapsed(
    use_cases: ReviewUseCases, act: Act, fact: AuthorizationWithdrawn | AuthorizationExpired | AuthorizationVoided
) -> None:
    """Nobody answered a request for acceptance in its time, or it was withdrawn."""
    if fact.subject_kind == "acceptance":
        reason = "its time passed" if isinstance(fact, AuthorizationExpired) else fact.reason
        use_cases.note_no_acceptance(act, evaluation_id=fact.subject_id, request_id=fact.request_id, reason=reason)


def note_acceptance_revoked(use_cases: ReviewUseCases, act: Act, fact: AuthorizationRevoked) -> None:
    """An authority took its acceptance back."""
    if fact.subject_kind == "acceptance":
        use_cases.note_no_acceptance(
            act, evaluation_id=fact.subject_id, request_id=fact.request_id, reason=fact.reason, revoked=True
        )


# From configuration management.


def note_registration(use_cases: ReviewUseCases, act: Act, fact: ServiceRegistered) -> None:
    """A service was registered: open its ledger with its value case."""
    use_cases.note_registration(
        act,
        service_id=fact.service_id,
        name=fact.name,
        owner_id=fact.owner_id,
        lifecycle=fact.lifecycle,
        value_case=fact.value_case,
    )


def note_targets(use_cases: ReviewUseCases, act: Act, fact: TargetsSet) -> None:
    """The targets of a service were set: they are in force, and reviews that waited for them go on."""
    targets = tuple(_target(target) for target in fact.targets)
    use_cases.note_targets(act, service_id=fact.service_id, revision=fact.revision, targets=targets)


def note_lifecycle(use_cases: ReviewUseCases, act: Act, fact: ServiceLifecycleEntered) -> None:
    """A service came into service, or went out of it."""
    use_cases.note_lifecycle(act, service_id=fact.service_id, lifecycle=fact.lifecycle)


# From the clock.


def measure_open_reviews(use_cases: ReviewUseCases, act: Act) -> None:
    """Reviews observe until their observation ends."""
    use_cases.go_on_observing(act)


def measure_watched_services(use_cases: ReviewUseCases, act: Act) -> None:
    """Services are watched after their reviews."""
    use_cases.go_on_measuring(act)


HEARD: Mapping[type[common.Contract], Callable[[ReviewUseCases, Act, Any], None]] = {
    Deployed: open_review_of_deployed,
    BackedOut: open_review_of_backed_out,
    BackOutFailed: open_review_of_failed_back_out,
    ReleaseOpened: note_release_and_successor,
    GateRequested: note_lineage_of_gate_request,
    DeploymentRequested: note_deployment_request,
    PhaseEntered: note_review_phase,
    DebtsIncurred: note_debts,
    DebtSettled: note_debt_settled,
    DebtFailed: note_debt_failed,
    SuccessorOpened: note_successor,
    CancellationRequested: note_cancellation,
    ReleaseCancelled: note_cancellation,
    ReleaseClosed: begin_measuring_of_closed_release,
    ChangeRequested: note_requested_change,
    ChangeLinked: note_linked_change,
    AuthorizationGranted: note_acceptance,
    AuthorizationRejected: note_acceptance_rejected,
    AuthorizationWithdrawn: note_acceptance_lapsed,
    AuthorizationExpired: note_acceptance_lapsed,
    AuthorizationVoided: note_acceptance_lapsed,
    AuthorizationRevoked: note_acceptance_revoked,
    ServiceRegistered: note_registration,
    TargetsSet: note_targets,
    ServiceLifecycleEntered: note_lifecycle,
}

# Nothing of the own log needs an answer in a transaction of its own: measuring is an effect.
OWN: Mapping[type[Any], Callable[[ReviewUseCases, Act, Any], None]] = {}

CLOCK: tuple[Callable[[ReviewUseCases, Act], None], ...] = (measure_open_reviews, measure_watched_services)
