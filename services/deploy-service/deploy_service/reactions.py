"""What deployment does about what it hears from release, change and configuration management, and about time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fourgates.chassis.aggregate import Act
from fourgates.contracts import common
from fourgates.contracts.change import (
    AuthorizationExpired,
    AuthorizationRevoked,
    AuthorizationVoided,
    CalendarWindowLifted,
    CalendarWindowSet,
    ChangeCancelled,
    ChangePutOnHold,
    ChangeRejected,
    ChangeTakenOffHold,
    ScheduleConflictCleared,
    ScheduleConflictFound,
)
from fourgates.contracts.dml import (
    MediaCheckedIn,
    MediaCleared,
    MediaQuarantined,
    MediaWithdrawn,
    RelationsChanged,
    ServiceLifecycleEntered,
    ServiceRegistered,
)
from fourgates.contracts.release import (
    CancellationRequested,
    ChangesCarried,
    DeploymentRequestCancelled,
    DeploymentRequested,
    RehearsalRequested,
    ReleaseCancelled,
    ReleaseOpened,
    ReleasePutOnHold,
    ReleaseTakenOffHold,
    WentBack,
)

from deploy_service.application import DeployUseCases
from deploy_service.domain import (
    Decider,
    DeploymentRequest,
    Grant,
    Item,
    KnownAuthorization,
    KnownChange,
    KnownFreeze,
    KnownMedium,
    KnownRelease,
    KnownService,
    RehearsalRequest,
    Rung,
    Step,
    Waiver,
)

# Release management.


def rehearse_what_was_requested(use_cases: DeployUseCases, act: Act, fact: RehearsalRequested) -> None:
    """Whenever a release asks for a rehearsal, carry it out in its sandbox, or refuse it with every reason."""
    request = RehearsalRequest(
        release_id=fact.release_id,
        service_id=fact.service_id,
        kind=fact.kind.value,
        version=fact.version,
        items=_items(fact.items),
        deployment_steps=_steps(fact.deployment_steps),
        back_out_steps=_steps(fact.back_out_steps),
        forward_steps=_steps(fact.forward_steps),
        package_digest=fact.package_digest,
        steps_digest=fact.steps_digest,
        longest_duration_s=fact.longest_duration_s,
        environment_id=fact.environment_id,
        grant=_grant(fact.grant),
    )
    use_cases.request_rehearsal(act, rehearsal_id=fact.rehearsal_id, request=request)


def plan_requested_deployment(use_cases: DeployUseCases, act: Act, fact: DeploymentRequested) -> None:
    """Whenever a release asks for a deployment, keep it for a deployer to start, or refuse it with every reason."""
    request = DeploymentRequest(
        release_id=fact.release_id,
        service_id=fact.service_id,
        kind=fact.kind.value,
        version=fact.version,
        items=_items(fact.items),
        environments=tuple(_rung(one) for one in fact.environments),
        deployment_steps=_steps(fact.deployment_steps),
        back_out_steps=_steps(fact.back_out_steps),
        forward_steps=_steps(fact.forward_steps),
        point_of_no_return=fact.point_of_no_return,
        package_digest=fact.package_digest,
        steps_digest=fact.steps_digest,
        rehearsal_id=fact.rehearsal_id,
        on_window_end=fact.on_window_end,
        grant=_grant(fact.grant),
        built_by=tuple(fact.built_by),
        emergency=fact.emergency,
    )
    use_cases.plan_deployment(act, deployment_id=fact.deployment_id, request=request)


def drop_cancelled_request(use_cases: DeployUseCases, act: Act, fact: DeploymentRequestCancelled) -> None:
    """Whenever a deployment is no longer wanted, abort it unless it has started."""
    use_cases.drop_deployment(act, deployment_id=fact.deployment_id, reason=fact.reason)


def know_changes_of_opened_release(use_cases: DeployUseCases, act: Act, fact: ReleaseOpened) -> None:
    """Whenever a release was opened, know the changes that it carries."""
    use_cases.note_changes_of_release(
        act, release_id=fact.release_id, service_id=fact.service_id, change_ids=tuple(fact.change_ids)
    )


def know_changes_of_release(use_cases: DeployUseCases, act: Act, fact: ChangesCarried) -> None:
    """Whenever a release carries other changes, know them."""
    use_cases.note_changes_of_release(
        act, release_id=fact.release_id, service_id=fact.service_id, change_ids=tuple(fact.change_ids)
    )


def know_hold(use_cases: DeployUseCases, act: Act, fact: ReleasePutOnHold) -> None:
    """Whenever a release was put on hold, nothing new starts for it; what runs goes on."""
    use_cases.note_hold(act, release_id=fact.release_id, service_id=fact.service_id, on_hold=True)


def know_end_of_hold(use_cases: DeployUseCases, act: Act, fact: ReleaseTakenOffHold) -> None:
    """Whenever a release goes on after a hold, its deployments may start again."""
    use_cases.note_hold(act, release_id=fact.release_id, service_id=fact.service_id, on_hold=False)


def give_up_what_went_back(use_cases: DeployUseCases, act: Act, fact: WentBack) -> None:
    """Whenever a release went back, abort what has not started, and stop the rehearsal of what is void now."""
    reason = f"The release went back ({fact.way.value}): {fact.reason}"
    use_cases.drop_deployments_of_release(act, release_id=fact.release_id, reason=reason)
    if fact.way is not common.WayBack.REDEPLOY:
        use_cases.stop_rehearsals_of_release(act, release_id=fact.release_id, reason=reason)


def give_up_what_was_cancelled(use_cases: DeployUseCases, act: Act, fact: ReleaseCancelled) -> None:
    """Whenever a release was cancelled, abort what has not started, and stop its rehearsals."""
    _give_up(use_cases, act, fact)


def give_up_what_is_to_be_cancelled(use_cases: DeployUseCases, act: Act, fact: CancellationRequested) -> None:
    """Whenever a release waits for its review to be cancelled, nothing starts for it any more."""
    _give_up(use_cases, act, fact)


def _give_up(use_cases: DeployUseCases, act: Act, fact: ReleaseCancelled | CancellationRequested) -> None:
    reason = f"The release is cancelled: {fact.reason}"
    use_cases.note_cancellation(act, release_id=fact.release_id, service_id=fact.service_id, reason=fact.reason)
    use_cases.drop_deployments_of_release(act, release_id=fact.release_id, reason=reason)
    use_cases.stop_rehearsals_of_release(act, release_id=fact.release_id, reason=reason)


# Configuration management and the library.


def know_definitive_medium(use_cases: DeployUseCases, act: Act, fact: MediaCheckedIn) -> None:
    """Whenever a media item became definitive, it may be deployed."""
    use_cases.note_checked_in(act, name=fact.item.name, version=fact.item.version, sha256=fact.item.sha256)


def know_cleared_medium(use_cases: DeployUseCases, act: Act, fact: MediaCleared) -> None:
    """Whenever a quarantined item is definitive again, it may be deployed again."""
    _medium(use_cases, act, fact.item, "definitive")


def know_quarantined_medium(use_cases: DeployUseCases, act: Act, fact: MediaQuarantined) -> None:
    """Whenever a media item is under suspicion, it may not be deployed."""
    _medium(use_cases, act, fact.item, "quarantined")


def know_withdrawn_medium(use_cases: DeployUseCases, act: Act, fact: MediaWithdrawn) -> None:
    """Whenever a media item was withdrawn, it is never deployed again."""
    _medium(use_cases, act, fact.item, "withdrawn")


def _medium(use_cases: DeployUseCases, act: Act, item: common.Item, state: str) -> None:
    use_cases.note_medium(act, name=item.name, version=item.version, sha256=item.sha256, state=state)


def know_registered_service(use_cases: DeployUseCases, act: Act, fact: ServiceRegistered) -> None:
    """Whenever a service was registered, deployments for it may be planned."""
    use_cases.note_lifecycle(act, service_id=fact.service_id, lifecycle=fact.lifecycle)


def know_lifecycle_of_service(use_cases: DeployUseCases, act: Act, fact: ServiceLifecycleEntered) -> None:
    """Whenever a service is live, retiring or retired, know it: nothing is deployed for a retired one."""
    use_cases.note_lifecycle(act, service_id=fact.service_id, lifecycle=fact.lifecycle)


def know_dependants_of_service(use_cases: DeployUseCases, act: Act, fact: RelationsChanged) -> None:
    """Whenever relations changed, know which live services depend on a service: it is not retired before them."""
    use_cases.note_dependants(act, service_id=fact.service_id, live_dependants=tuple(fact.live_dependants))


# Change management.


def know_revoked_authorization(use_cases: DeployUseCases, act: Act, fact: AuthorizationRevoked) -> None:
    """Whenever a grant was revoked, nothing starts or goes on under it."""
    use_cases.note_authorization(
        act, authorization_id=fact.authorization_id, state="revoked", reason=f"{fact.revoked_by}: {fact.reason}"
    )


def know_expired_authorization(use_cases: DeployUseCases, act: Act, fact: AuthorizationExpired) -> None:
    """Whenever a grant expired, nothing starts under it."""
    use_cases.note_authorization(
        act, authorization_id=fact.authorization_id, state="expired", reason=fact.expired_at.isoformat()
    )


def know_voided_authorization(use_cases: DeployUseCases, act: Act, fact: AuthorizationVoided) -> None:
    """Whenever a grant became void, nothing starts under it."""
    use_cases.note_authorization(act, authorization_id=fact.authorization_id, state="voided", reason=fact.reason)


def know_freeze(use_cases: DeployUseCases, act: Act, fact: CalendarWindowSet) -> None:
    """Whenever a freeze was set, nothing starts or goes on in it; maintenance windows were checked with the plan."""
    if fact.kind == "freeze":
        use_cases.note_freeze(
            act,
            window_id=fact.window_id,
            starts_at=fact.starts_at,
            ends_at=fact.ends_at,
            environment_ids=tuple(fact.environment_ids),
            service_ids=tuple(fact.service_ids),
            reason=fact.reason,
        )


def know_lifted_freeze(use_cases: DeployUseCases, act: Act, fact: CalendarWindowLifted) -> None:
    """Whenever a freeze was lifted, it forbids nothing any more."""
    use_cases.note_freeze_lifted(act, window_id=fact.window_id)


def know_waived_conflicts(use_cases: DeployUseCases, act: Act, fact: ScheduleConflictFound) -> None:
    """Whenever the conflicts of a plan are told, know which of them somebody waived by name."""
    waivers = tuple(
        Waiver(one.conflict_id, one.code, one.detail, one.environment_id, one.waived_by, one.window_id)
        for one in fact.conflicts
        if one.waived_by is not None
    )
    use_cases.note_waivers(act, release_id=fact.release_id, waivers=waivers)


def forget_waived_conflicts(use_cases: DeployUseCases, act: Act, fact: ScheduleConflictCleared) -> None:
    """Whenever a plan is free of conflicts, there is nothing left that was waived."""
    use_cases.note_waivers(act, release_id=fact.release_id, waivers=())


def know_cancelled_change(use_cases: DeployUseCases, act: Act, fact: ChangeCancelled) -> None:
    """Whenever a change was cancelled, no release that carries it is deployed."""
    use_cases.note_change(act, change_id=fact.change_id, state="cancelled", reason=fact.reason)


def know_rejected_change(use_cases: DeployUseCases, act: Act, fact: ChangeRejected) -> None:
    """Whenever a change was rejected, no release that carries it is deployed."""
    use_cases.note_change(act, change_id=fact.change_id, state="rejected", reason=fact.reason)


def know_held_change(use_cases: DeployUseCases, act: Act, fact: ChangePutOnHold) -> None:
    """Whenever a change was put on hold, nothing new starts for a release that carries it; what runs goes on."""
    use_cases.note_change(act, change_id=fact.change_id, state="on_hold", reason=fact.reason)


def know_freed_change(use_cases: DeployUseCases, act: Act, fact: ChangeTakenOffHold) -> None:
    """Whenever a change goes on after a hold, deployments of a release that carries it may start again."""
    use_cases.note_change(act, change_id=fact.change_id, state="going_on", reason=fact.reason)


# The own log, and time.


def stop_work_that_may_not_go_on(use_cases: DeployUseCases, act: Act, _happened: Any) -> None:
    """Whenever something was heard that can forbid it, pause or back out what runs, and stop what is rehearsed."""
    use_cases.stop_what_may_not_go_on(act)
    use_cases.stop_rehearsals_that_may_not_go_on(act)


def stop_what_a_freeze_has_reached(use_cases: DeployUseCases, act: Act) -> None:
    """Whenever time has passed, stop what runs into a freeze that was set before it began."""
    use_cases.stop_what_may_not_go_on(act)


def end_windows_that_passed(use_cases: DeployUseCases, act: Act) -> None:
    """Whenever a window ends while a deployment runs, pause it or back it out, as its plan says."""
    use_cases.end_windows(act)


def abort_what_can_no_longer_start(use_cases: DeployUseCases, act: Act) -> None:
    """Whenever a planned deployment has lost its window or its grant, or waited too long, abort it."""
    use_cases.drop_what_can_no_longer_start(act)


def go_on_to_next_environments(use_cases: DeployUseCases, act: Act) -> None:
    """Whenever a deployment has stood its soak time, let it go on to its next environment."""
    use_cases.begin_next_environments(act)


def look_for_drift(use_cases: DeployUseCases, act: Act) -> None:
    """Whenever it is time, compare what really runs with what was authorized."""
    use_cases.begin_due_drift_checks(act)


def _items(items: Sequence[common.Item]) -> tuple[Item, ...]:
    return tuple(Item(i.name, i.version, i.sha256, i.size_bytes, i.kind) for i in items)


def _steps(steps: Sequence[common.Step]) -> tuple[Step, ...]:
    return tuple(Step(s.name, s.action, s.path, s.expect_status, s.timeout_s) for s in steps)


def _rung(planned: common.PlannedEnvironment) -> Rung:
    return Rung(
        environment_id=planned.environment_id,
        window_start=planned.window_start,
        window_end=planned.window_end,
        waves=tuple(tuple(wave) for wave in planned.waves),
        soak_s=planned.soak_s,
    )


def _grant(grant: common.Grant) -> Grant:
    return Grant(
        authorization_id=grant.authorization_id,
        request_id=grant.request_id,
        gate=grant.gate.value,
        document_digest=grant.document_digest,
        deciders=tuple(Decider(d.person_id, tuple(d.roles), d.voted_at, d.meaning, d.reason) for d in grant.deciders),
        policy_version=grant.policy_version,
        rule=grant.rule,
        granted_at=grant.granted_at,
        expires_at=grant.expires_at,
        model_id=grant.model_id,
    )


HEARD: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {
    RehearsalRequested: rehearse_what_was_requested,
    DeploymentRequested: plan_requested_deployment,
    DeploymentRequestCancelled: drop_cancelled_request,
    ReleaseOpened: know_changes_of_opened_release,
    ChangesCarried: know_changes_of_release,
    ReleasePutOnHold: know_hold,
    ReleaseTakenOffHold: know_end_of_hold,
    WentBack: give_up_what_went_back,
    ReleaseCancelled: give_up_what_was_cancelled,
    CancellationRequested: give_up_what_is_to_be_cancelled,
    MediaCheckedIn: know_definitive_medium,
    MediaCleared: know_cleared_medium,
    MediaQuarantined: know_quarantined_medium,
    MediaWithdrawn: know_withdrawn_medium,
    ServiceRegistered: know_registered_service,
    ServiceLifecycleEntered: know_lifecycle_of_service,
    RelationsChanged: know_dependants_of_service,
    AuthorizationRevoked: know_revoked_authorization,
    AuthorizationExpired: know_expired_authorization,
    AuthorizationVoided: know_voided_authorization,
    CalendarWindowSet: know_freeze,
    CalendarWindowLifted: know_lifted_freeze,
    ScheduleConflictFound: know_waived_conflicts,
    ScheduleConflictCleared: forget_waived_conflicts,
    ChangeCancelled: know_cancelled_change,
    ChangeRejected: know_rejected_change,
    ChangePutOnHold: know_held_change,
    ChangeTakenOffHold: know_freed_change,
}
OWN: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {
    KnownMedium.StateNoted: stop_work_that_may_not_go_on,
    KnownMedium.Heard: stop_work_that_may_not_go_on,
    KnownService.LifecycleNoted: stop_work_that_may_not_go_on,
    KnownService.DependantsNoted: stop_work_that_may_not_go_on,
    KnownAuthorization.Heard: stop_work_that_may_not_go_on,
    KnownAuthorization.StateNoted: stop_work_that_may_not_go_on,
    KnownFreeze.Heard: stop_work_that_may_not_go_on,
    KnownChange.Heard: stop_work_that_may_not_go_on,
    KnownChange.StateNoted: stop_work_that_may_not_go_on,
    KnownRelease.ChangesNoted: stop_work_that_may_not_go_on,
    KnownRelease.CancellationNoted: stop_work_that_may_not_go_on,
}
CLOCK: tuple[Callable[[Any, Act], None], ...] = (
    stop_what_a_freeze_has_reached,
    end_windows_that_passed,
    abort_what_can_no_longer_start,
    go_on_to_next_environments,
    look_for_drift,
)
