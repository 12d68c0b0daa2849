"""What this service does about what it hears from release, deployment, review and change management, and about time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from fourgates.chassis.aggregate import Act
from fourgates.contracts.change import AuthorizationRevoked
from fourgates.contracts.common import Grant, Item, Outcome, ReleaseKind, WayBack
from fourgates.contracts.deploy import BackedOut, BackOutFailed, Deployed, Endpoint, NodeRetired
from fourgates.contracts.release import (
    BuildRecorded,
    CheckInRequestCancelled,
    CheckInRequested,
    DeploymentRequested,
    ImpactRequested,
    ReleaseCancelled,
    ReleaseClosed,
    SignedOff,
    WentBack,
)
from fourgates.contracts.review import RetirementRecommended

from dml_service.application import DmlUseCases, Place
from dml_service.domain import Decision, Medium, UsedGrant, item_id_of

WITHOUT_DEPLOYMENT = (ReleaseKind.MEDIA, ReleaseKind.INITIAL_LOAD)
STAYED = (Outcome.SUCCESSFUL, Outcome.SUCCESSFUL_WITH_ISSUES, Outcome.UNSUCCESSFUL)


def know_candidates_of_build(use_cases: DmlUseCases, act: Act, fact: BuildRecorded) -> None:
    """Whenever a build was recorded, know its candidates and inputs, and take up the check-in that waits for it."""
    use_cases.record_build(
        act,
        release_id=fact.release_id,
        service_id=fact.service_id,
        build_id=fact.build_id,
        candidates=tuple(_medium(one) for one in fact.candidates),
        inputs=tuple(_medium(one) for one in fact.inputs),
    )
    use_cases.take_up_check_ins_of_build(act, build_id=fact.build_id)


def know_sign_off_of_build(use_cases: DmlUseCases, act: Act, fact: SignedOff) -> None:
    """Whenever a build was signed off, know it, and take up the check-in that waits for it."""
    use_cases.note_sign_off(act, release_id=fact.release_id, service_id=fact.service_id, build_id=fact.build_id)
    use_cases.take_up_check_ins_of_build(act, build_id=fact.build_id)


def discard_what_went_back(use_cases: DmlUseCases, act: Act, fact: WentBack) -> None:
    """Whenever a release went back, discard its void build, void its sign-off, and end its retirement."""
    if fact.way is not WayBack.REDEPLOY:
        use_cases.void_sign_offs(act, release_id=fact.release_id)
    if fact.discarded_build_id is not None:
        use_cases.void_build(
            act, release_id=fact.release_id, service_id=fact.service_id, build_id=fact.discarded_build_id
        )
    use_cases.give_up_retirement(act, service_id=fact.service_id, release_id=fact.release_id)


def discard_what_was_cancelled(use_cases: DmlUseCases, act: Act, fact: ReleaseCancelled) -> None:
    """Whenever a release was cancelled, discard its candidates, back it out of the library, end its retirement."""
    use_cases.cancel_release(
        act,
        release_id=fact.release_id,
        service_id=fact.service_id,
        withdraws=fact.kind in WITHOUT_DEPLOYMENT,
        reason=fact.reason,
    )
    use_cases.give_up_retirement(act, service_id=fact.service_id, release_id=fact.release_id)


def check_in_what_was_requested(use_cases: DmlUseCases, act: Act, fact: CheckInRequested) -> None:
    """Whenever a release asks for check-in, take all of its items into the library or none."""
    use_cases.request_check_in(
        act,
        release_id=fact.release_id,
        service_id=fact.service_id,
        build_id=fact.build_id,
        kind=fact.kind.value,
        items=tuple(_medium(one) for one in fact.items),
        grant=_used_grant(fact.grant),
        loaded=fact.loaded,
        supersedes_item_ids=tuple(fact.supersedes_item_ids),
    )


def cancel_check_in_that_waits(use_cases: DmlUseCases, act: Act, fact: CheckInRequestCancelled) -> None:
    """Whenever a check-in is no longer wanted, let it wait no more."""
    use_cases.cancel_check_in(act, build_id=fact.build_id, reason=fact.reason)


def quarantine_what_a_revoked_grant_let_in(use_cases: DmlUseCases, act: Act, fact: AuthorizationRevoked) -> None:
    """Whenever a grant was revoked, let nothing more in under it and quarantine what came in."""
    use_cases.revoke_grant(act, authorization_id=fact.authorization_id, reason=fact.reason)


def compute_impact_of_release(use_cases: DmlUseCases, act: Act, fact: ImpactRequested) -> None:
    """Whenever a release asks for its impact, gather the live services that depend on its service."""
    use_cases.compute_impact(act, release_id=fact.release_id, service_id=fact.service_id)


def begin_requested_retirement(use_cases: DmlUseCases, act: Act, fact: DeploymentRequested) -> None:
    """Whenever a retirement used its deployment gate, its service is retiring."""
    if fact.kind is ReleaseKind.RETIREMENT:
        use_cases.begin_retirement(
            act, service_id=fact.service_id, release_id=fact.release_id, deployment_id=fact.deployment_id
        )


def know_what_runs_after_deployment(use_cases: DmlUseCases, act: Act, fact: Deployed) -> None:
    """Whenever a deployment stands, know what runs where; its service is live, or on its way to be retired."""
    if fact.kind is ReleaseKind.RETIREMENT:
        use_cases.note_retirement_deployed(
            act, service_id=fact.service_id, release_id=fact.release_id, deployment_id=fact.deployment_id
        )
        return
    use_cases.bring_service_live(act, service_id=fact.service_id, release_id=fact.release_id)
    use_cases.note_running(
        act,
        service_id=fact.service_id,
        release_id=fact.release_id,
        version=fact.version,
        item_ids=tuple(_item_id(one) for one in fact.items),
        places=_places(fact.endpoints),
        since=fact.deployed_at,
    )


def know_what_runs_after_back_out(use_cases: DmlUseCases, act: Act, fact: BackedOut) -> None:
    """Whenever a deployment was backed out, know what runs again; a service that was retiring is what it was before."""
    if fact.kind is ReleaseKind.RETIREMENT:
        use_cases.back_out_retirement(
            act, service_id=fact.service_id, release_id=fact.release_id, deployment_id=fact.deployment_id
        )
        return
    use_cases.note_backed_out(
        act,
        service_id=fact.service_id,
        release_id=fact.release_id,
        environment_id=fact.environment_id,
        restored_version=fact.restored_version,
        places=_places(fact.endpoints),
        since=fact.backed_out_at,
    )


def know_that_a_retirement_failed(use_cases: DmlUseCases, act: Act, fact: BackOutFailed) -> None:
    """Whenever a retirement could not be backed out, keep its service retiring until its release ends."""
    if fact.kind is ReleaseKind.RETIREMENT:
        use_cases.note_retirement_failed(
            act, service_id=fact.service_id, release_id=fact.release_id, deployment_id=fact.deployment_id
        )


def know_that_a_node_was_retired(use_cases: DmlUseCases, act: Act, fact: NodeRetired) -> None:
    """Whenever a node was retired, nothing of the service runs there."""
    use_cases.note_node_retired(
        act,
        service_id=fact.service_id,
        release_id=fact.release_id,
        environment_id=fact.environment_id,
        node=fact.node,
    )


def retire_service_of_closed_retirement(use_cases: DmlUseCases, act: Act, fact: ReleaseClosed) -> None:
    """Whenever a retirement was closed, retire its service, unless the retirement was backed out."""
    if fact.kind is not ReleaseKind.RETIREMENT:
        return
    if fact.outcome in STAYED:
        use_cases.close_retirement(act, service_id=fact.service_id, release_id=fact.release_id)
    else:
        use_cases.give_up_retirement(act, service_id=fact.service_id, release_id=fact.release_id)


def mark_service_for_retirement(use_cases: DmlUseCases, act: Act, fact: RetirementRecommended) -> None:
    """Whenever a review recommends a retirement, mark the service."""
    use_cases.recommend_retirement(
        act,
        service_id=fact.service_id,
        release_id=fact.release_id,
        review_id=fact.review_id,
        reason=fact.reason,
    )


def take_up_waiting_check_ins(use_cases: DmlUseCases, act: Act) -> None:
    """Whenever time has passed, answer the check-ins whose build is known by now or whose wait is over."""
    use_cases.take_up_waiting_check_ins(act)


def _medium(item: Item) -> Medium:
    return Medium(name=item.name, version=item.version, sha256=item.sha256, size_bytes=item.size_bytes, kind=item.kind)


def _item_id(item: Item) -> UUID:
    return item_id_of(item.name, item.version, item.sha256)


def _places(endpoints: list[Endpoint]) -> tuple[Place, ...]:
    return tuple(Place(environment_id=one.environment_id, node=one.node, url=one.url) for one in endpoints)


def _used_grant(grant: Grant) -> UsedGrant:
    return UsedGrant(
        authorization_id=grant.authorization_id,
        request_id=grant.request_id,
        gate=grant.gate.value,
        document_digest=grant.document_digest,
        deciders=tuple(
            Decision(
                person_id=one.person_id,
                roles=tuple(one.roles),
                voted_at=one.voted_at,
                meaning=one.meaning,
                reason=one.reason,
            )
            for one in grant.deciders
        ),
        policy_version=grant.policy_version,
        rule=grant.rule,
        granted_at=grant.granted_at,
        expires_at=grant.expires_at,
    )


HEARD: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {
    BuildRecorded: know_candidates_of_build,
    SignedOff: know_sign_off_of_build,
    WentBack: discard_what_went_back,
    ReleaseCancelled: discard_what_was_cancelled,
    CheckInRequested: check_in_what_was_requested,
    CheckInRequestCancelled: cancel_check_in_that_waits,
    AuthorizationRevoked: quarantine_what_a_revoked_grant_let_in,
    ImpactRequested: compute_impact_of_release,
    DeploymentRequested: begin_requested_retirement,
    Deployed: know_what_runs_after_deployment,
    BackedOut: know_what_runs_after_back_out,
    BackOutFailed: know_that_a_retirement_failed,
    NodeRetired: know_that_a_node_was_retired,
    ReleaseClosed: retire_service_of_closed_retirement,
    RetirementRecommended: mark_service_for_retirement,
}
OWN: Mapping[type[Any], Callable[[Any, Act, Any], None]] = {}
CLOCK: tuple[Callable[[Any, Act], None], ...] = (take_up_waiting_check_ins,)
