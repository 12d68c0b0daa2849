"""The parts of what is published: values of the domain in the words of the contracts."""

from __future__ import annotations

from typing import Any

from fourgates.contracts import common
from fourgates.contracts import release as said

from release_service.domain import Debt, Gate, Grant, Item, LineagePerson, PlannedEnvironment, Release, Step


def item_of(item: Item) -> common.Item:
    """Return an item in the words of the contracts."""
    return common.Item(
        name=item.name,
        version=item.version,
        sha256=item.sha256,
        size_bytes=item.size_bytes,
        kind=item.kind,
        item_id=item.item_id,
    )


def step_of(step: Step) -> common.Step:
    """Return a step in the words of the contracts."""
    return common.Step(
        name=step.name,
        action=step.action.value,
        path=step.path,
        expect_status=step.expect_status,
        timeout_s=step.timeout_s,
    )


def environment_of(planned: PlannedEnvironment) -> common.PlannedEnvironment:
    """Return a rung of the ladder in the words of the contracts."""
    return common.PlannedEnvironment(
        environment_id=planned.environment_id,
        window_start=planned.window_start,
        window_end=planned.window_end,
        waves=[list(wave) for wave in planned.waves],
        soak_s=planned.soak_s,
    )


def lineage_of(people: tuple[LineagePerson, ...]) -> list[common.LineagePerson]:
    """Return a lineage in the words of the contracts."""
    return [common.LineagePerson(person_id=person.person_id, part=person.part) for person in people]


def grant_of(grant: Grant, gate: Gate) -> common.Grant:
    """Return a grant in the words of the contracts."""
    return common.Grant(
        authorization_id=grant.authorization_id,
        request_id=grant.request_id,
        gate=common.Gate(gate.value),
        document_digest=grant.document_digest,
        deciders=[
            common.Decider(
                person_id=one.person_id,
                roles=list(one.roles),
                voted_at=one.voted_at,
                meaning=one.meaning,
                reason=one.reason,
            )
            for one in grant.deciders
        ],
        policy_version=grant.policy_version,
        rule=grant.rule,
        granted_at=grant.granted_at,
        expires_at=grant.expires_at,
        model_id=grant.model_id,
    )


def used_grant(release: Release, gate: Gate) -> common.Grant:
    """Return the grant that opened a gate, which every request to another service carries."""
    request = release.used_request(gate)
    if request is None or request.grant is None:
        raise LookupError(gate)
    return grant_of(request.grant, gate)


def about(release: Release) -> dict[str, Any]:
    """Return what every fact about a release names."""
    return {"release_id": release.id, "service_id": release.service_id}


def kind_of(release: Release) -> common.ReleaseKind:
    """Return the kind of a release in the words of the contracts."""
    return common.ReleaseKind(release.kind.value)


def items_of(release: Release) -> list[common.Item]:
    """Return the package of a release in the words of the contracts."""
    return [item_of(item) for item in (release.build.candidates if release.build else ())]


def steps_of(release: Release) -> dict[str, Any]:
    """Return what a deployment or a rehearsal would carry out, and the digests that bind it."""
    if release.plan is None or release.build is None:
        raise LookupError(release.id)
    back_out = release.plan.back_out
    return {
        "kind": kind_of(release),
        "version": release.package_version,
        "items": items_of(release),
        "deployment_steps": [step_of(step) for step in release.plan.deployment_steps],
        "back_out_steps": [step_of(step) for step in back_out.steps],
        "forward_steps": [step_of(step) for step in back_out.forward_steps],
        "package_digest": release.build.package_digest,
        "steps_digest": release.plan.steps_digest,
    }


def debt_of(debt: Debt) -> said.Debt:
    """Return a debt in the words of the contracts."""
    return said.Debt(code=debt.code.value, detail=debt.detail, due_at=debt.due_at)
