"""What change management does about what it hears from the others, about its own log, and about time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fourgates.chassis.aggregate import Act
from fourgates.contracts import common
from fourgates.contracts.deploy import DeploymentStarted
from fourgates.contracts.release import (
    ChangesCarried,
    ConfirmationRequested,
    DeploymentPlanned,
    GateRequested,
    GateRequestWithdrawn,
    PhaseEntered,
    ReleaseCancelled,
    ReleaseClosed,
    ReleaseOpened,
    ReleasePutOnHold,
    ReleaseTakenOffHold,
    WentBack,
)
from fourgates.contracts.review import AcceptanceRequested, TargetAccepted, TargetMissed

from change_service.application import ChangeUseCases
from change_service.domain import (
    Authorization,
    CalendarWindow,
    CarriedChange,
    Change,
    ChangeType,
    Content,
    Gate,
    Inputs,
    LineagePerson,
    Outcome,
    Plan,
    PlannedEnvironment,
    Question,
    Risk,
    SchedulePlan,
    SubjectKind,
)

TITLE_CHARS_MAX = 200


def carry_changes_of_opened_release(use_cases: ChangeUseCases, act: Act, fact: ReleaseOpened) -> None:
    """Whenever a release was opened, let it carry its changes."""
    use_cases.note_content(act, release_id=fact.release_id, change_ids=tuple(fact.change_ids))


def carry_changes_of_release(use_cases: ChangeUseCases, act: Act, fact: ChangesCarried) -> None:
    """Whenever a release carries other changes, drop those that it carries no longer."""
    use_cases.note_content(act, release_id=fact.release_id, change_ids=tuple(fact.change_ids))


def open_authorization_for_gate(use_cases: ChangeUseCases, act: Act, fact: GateRequested) -> None:
    """Whenever a gate was requested, open its authorization, or reject it with every reason."""
    gates = tuple(Gate(gate) for gate in fact.gates)
    question = Question(
        request_id=fact.request_id,
        subject_kind=SubjectKind.GATE,
        subject_id=fact.release_id,
        document=fact.document,
        document_digest=fact.document_digest,
        summary=fact.summary,
        lineage=_lineage(fact.lineage),
        release_id=fact.release_id,
        gates=gates,
        changes=tuple(CarriedChange(bound.change_id, bound.content_digest) for bound in fact.changes),
        signed_off_by=fact.signed_off_by,
        emergency=fact.emergency,
    )
    inputs = Inputs(
        subject_kind=SubjectKind.GATE,
        change_type=ChangeType(fact.change_type),
        risk=Risk(fact.risk),
        gates=gates,
        service_tier=fact.service_tier,
        environment_ids=tuple(fact.environment_ids),
        emergency=fact.emergency,
    )
    use_cases.open_authorization(act, question=question, inputs=inputs)


def open_authorization_for_confirmation(use_cases: ChangeUseCases, act: Act, fact: ConfirmationRequested) -> None:
    """Whenever the CAB is asked to confirm an emergency, open the authorization."""
    question = Question(
        request_id=fact.request_id,
        subject_kind=SubjectKind.CONFIRMATION,
        subject_id=fact.release_id,
        document=fact.document,
        document_digest=fact.document_digest,
        summary=fact.summary,
        lineage=_lineage(fact.lineage),
        release_id=fact.release_id,
    )
    inputs = Inputs(
        subject_kind=SubjectKind.CONFIRMATION,
        change_type=ChangeType(fact.change_type),
        risk=Risk(fact.risk),
        service_tier=fact.service_tier,
    )
    use_cases.open_authorization(act, question=question, inputs=inputs)


def open_authorization_for_acceptance(use_cases: ChangeUseCases, act: Act, fact: AcceptanceRequested) -> None:
    """Whenever an authority is asked to accept a missed target in writing, open the authorization."""
    question = Question(
        request_id=fact.request_id,
        subject_kind=SubjectKind.ACCEPTANCE,
        subject_id=fact.evaluation_id,
        document=fact.document,
        document_digest=fact.document_digest,
        summary=fact.summary,
        lineage=_lineage(fact.lineage),
        release_id=fact.release_id,
    )
    use_cases.open_authorization(act, question=question, inputs=Inputs(SubjectKind.ACCEPTANCE))


def end_request_that_was_withdrawn(use_cases: ChangeUseCases, act: Act, fact: GateRequestWithdrawn) -> None:
    """Whenever a release withdraws a request, withdraw it here, or void its unused grant."""
    use_cases.end_request(act, request_id=fact.request_id, reason=fact.reason)


def note_phase_and_use_of_grant(use_cases: ChangeUseCases, act: Act, fact: PhaseEntered) -> None:
    """Whenever a release entered a phase, record that its grant was used, and how far its changes are."""
    if fact.grant is not None:
        use_cases.use_grant(act, authorization_id=fact.grant.authorization_id, gate=Gate(fact.grant.gate))
    use_cases.note_phase(act, release_id=fact.release_id, phase=fact.phase.value, kind=fact.kind.value)


def send_back_changes_of_release(use_cases: ChangeUseCases, act: Act, fact: WentBack) -> None:
    """Whenever a release went back, end what it voided; after a rescope its changes may be edited."""
    for request_id in fact.voided_request_ids:
        use_cases.end_request(act, request_id=request_id, reason=f"the release went back: {fact.reason}")
    use_cases.note_way_back(
        act,
        release_id=fact.release_id,
        way=fact.way.value,
        from_phase=fact.from_phase.value,
        to_phase=fact.to_phase.value,
    )


def put_plan_on_schedule(use_cases: ChangeUseCases, act: Act, fact: DeploymentPlanned) -> None:
    """Whenever a deployment was planned, put it on the change schedule and say what it conflicts with."""
    environments = tuple(
        PlannedEnvironment(rung.environment_id, rung.window_start, rung.window_end) for rung in fact.environments
    )
    plan = Plan(fact.release_id, fact.service_id, fact.plan_digest, environments, fact.emergency)
    use_cases.note_plan(act, plan=plan)


def implement_changes_of_deployment(use_cases: ChangeUseCases, act: Act, fact: DeploymentStarted) -> None:
    """Whenever a deployment started, the changes of its release are being implemented."""
    use_cases.note_deployment(act, release_id=fact.release_id, deployment_id=fact.deployment_id)


def close_changes_of_release(use_cases: ChangeUseCases, act: Act, fact: ReleaseClosed) -> None:
    """Whenever a release was closed, close its changes with its outcome, and end what it asked for in vain."""
    use_cases.note_closing(
        act, release_id=fact.release_id, change_ids=tuple(fact.change_ids), outcome=Outcome(fact.outcome)
    )
    use_cases.end_requests_of_release(act, release_id=fact.release_id, reason="the release was closed")


def free_changes_of_cancelled_release(use_cases: ChangeUseCases, act: Act, fact: ReleaseCancelled) -> None:
    """Whenever a release was cancelled, free its changes, and end what it asked for in vain."""
    use_cases.note_cancellation(act, release_id=fact.release_id, change_ids=tuple(fact.change_ids))
    use_cases.end_requests_of_release(act, release_id=fact.release_id, reason="the release was cancelled")


def note_hold_of_release(use_cases: ChangeUseCases, act: Act, fact: ReleasePutOnHold) -> None:
    """Whenever a release was put on hold, take no votes on what it asked for."""
    use_cases.note_hold(act, release_id=fact.release_id, on_hold=True)


def note_end_of_hold_of_release(use_cases: ChangeUseCases, act: Act, fact: ReleaseTakenOffHold) -> None:
    """Whenever a release goes on, take votes again."""
    use_cases.note_hold(act, release_id=fact.release_id, on_hold=False)


def raise_change_for_missed_target(use_cases: ChangeUseCases, act: Act, fact: TargetMissed) -> None:
    """Whenever a target was missed, raise the linked change."""
    content = Content(
        title=f"Target missed: {fact.name}"[:TITLE_CHARS_MAX],
        description=fact.detail,
        change_type=ChangeType.NORMAL,
        risk=Risk.MEDIUM,
        service_ids=(fact.service_id,),
    )
    use_cases.link_change(
        act,
        content=content,
        evaluation_id=fact.evaluation_id,
        release_id=fact.release_id,
        review_id=fact.review_id,
    )


def use_grant_of_acceptance(use_cases: ChangeUseCases, act: Act, fact: TargetAccepted) -> None:
    """Whenever a missed target was accepted, the grant of the acceptance is used."""
    use_cases.use_grant(act, authorization_id=fact.authorization_id, gate=None)


def _lineage(people: list[common.LineagePerson]) -> tuple[LineagePerson, ...]:
    return tuple(LineagePerson(person.person_id, person.part) for person in people)


HEARD: Mapping[type[Any], Callable[[ChangeUseCases, Act, Any], None]] = {
    ReleaseOpened: carry_changes_of_opened_release,
    ChangesCarried: carry_changes_of_release,
    GateRequested: open_authorization_for_gate,
    GateRequestWithdrawn: end_request_that_was_withdrawn,
    ConfirmationRequested: open_authorization_for_confirmation,
    PhaseEntered: note_phase_and_use_of_grant,
    WentBack: send_back_changes_of_release,
    DeploymentPlanned: put_plan_on_schedule,
    ReleaseClosed: close_changes_of_release,
    ReleaseCancelled: free_changes_of_cancelled_release,
    ReleasePutOnHold: note_hold_of_release,
    ReleaseTakenOffHold: note_end_of_hold_of_release,
    DeploymentStarted: implement_changes_of_deployment,
    TargetMissed: raise_change_for_missed_target,
    AcceptanceRequested: open_authorization_for_acceptance,
    TargetAccepted: use_grant_of_acceptance,
}


def carry_out_decision(use_cases: ChangeUseCases, act: Act, happened: Authorization.Granted) -> None:
    """Whenever something was granted that is kept here, give the grant to it."""
    use_cases.carry_out_grant(act, authorization_id=happened.originator_id)


def reject_what_was_asked(use_cases: ChangeUseCases, act: Act, happened: Authorization.Rejected) -> None:
    """Whenever an authorization was rejected, reject its change."""
    use_cases.reject_change(act, authorization_id=happened.originator_id)


def take_ended_grant(use_cases: ChangeUseCases, act: Act, happened: Any) -> None:
    """Whenever a request or a grant ended, take it from its change, and let what it bound be edited as before."""
    reason = f"its authorization was {_word(happened)}"
    use_cases.take_grant_from_change(act, authorization_id=happened.originator_id, reason=reason)


def end_what_binds_old_content(use_cases: ChangeUseCases, act: Act, happened: Any) -> None:
    """Whenever a change got other content or was ended, end every authorization that binds what it was."""
    use_cases.end_what_binds_change(act, change_id=happened.originator_id, reason=f"the change was {_word(happened)}")


def use_grant_of_change(use_cases: ChangeUseCases, act: Act, happened: Any) -> None:
    """Whenever a change is implemented or was reviewed, its authorization is used."""
    use_cases.use_grant_of_change(act, change_id=happened.originator_id)


def compare_schedule_anew(use_cases: ChangeUseCases, act: Act, _: Any) -> None:
    """Whenever a window or a plan came or went, compare every plan with what is there now."""
    use_cases.compare_schedule(act)


def compare_schedule_with_changed_plan(use_cases: ChangeUseCases, act: Act, happened: SchedulePlan.Replanned) -> None:
    """Whenever a plan was replaced, compare every plan with it, and end the waivers of the old one."""
    plan = happened.plan
    use_cases.end_old_waivers(act, release_id=plan.release_id, plan_digest=plan.plan_digest)
    use_cases.compare_schedule(act)


def _word(happened: Any) -> str:
    return type(happened).__name__.lower()


OWN: Mapping[type[Any], Callable[[ChangeUseCases, Act, Any], None]] = {
    Authorization.Granted: carry_out_decision,
    Authorization.Rejected: reject_what_was_asked,
    Authorization.Withdrawn: take_ended_grant,
    Authorization.Expired: take_ended_grant,
    Authorization.Revoked: take_ended_grant,
    Authorization.Voided: take_ended_grant,
    Change.Rewritten: end_what_binds_old_content,
    Change.Assessed: end_what_binds_old_content,
    Change.Cancelled: end_what_binds_old_content,
    Change.Rejected: end_what_binds_old_content,
    Change.ImplementationStarted: use_grant_of_change,
    Change.Reviewed: use_grant_of_change,
    CalendarWindow.Set: compare_schedule_anew,
    CalendarWindow.Lifted: compare_schedule_anew,
    SchedulePlan.Planned: compare_schedule_anew,
    SchedulePlan.Ended: compare_schedule_anew,
    SchedulePlan.Replanned: compare_schedule_with_changed_plan,
}


def expire_what_is_due(use_cases: ChangeUseCases, act: Act) -> None:
    """Whenever time passes, expire the requests and grants whose time has come."""
    use_cases.expire_what_is_due(act)


def escalate_what_is_due(use_cases: ChangeUseCases, act: Act) -> None:
    """Whenever time passes, escalate the requests that nobody decided in time."""
    use_cases.escalate_what_is_due(act)


CLOCK: tuple[Callable[[ChangeUseCases, Act], None], ...] = (expire_what_is_due, escalate_what_is_due)
