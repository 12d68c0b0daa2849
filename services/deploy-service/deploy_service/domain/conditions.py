"""The conditions under which a deployment or a rehearsal is taken, may start, and may go on: one refusal each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from fourgates.chassis.aggregate import Act, Forbidden, Unmet

from deploy_service.domain.facts import EnvironmentFact, Facts
from deploy_service.domain.parts import (
    DeploymentRequest,
    RehearsalRequest,
    Rung,
    digest_of_items,
    impossible_steps,
    module_of,
)

WITHOUT_DEPLOYMENT = ("media", "initial_load")
# What can be met by no wait: a deployment with one of these never starts.
HOPELESS = frozenset(
    {
        "window-ended",
        "grant-expired",
        "grant-voided",
        "grant-revoked",
        "media-withdrawn",
        "change-cancelled",
        "release-cancelled",
        "service-retired",
    }
)


def unmet_for_plan(
    request: DeploymentRequest, environments: Sequence[EnvironmentFact], *, grant_used: bool
) -> Iterator[Unmet]:
    """Say why a request for a deployment cannot even be planned."""
    yield from _unmet_steps(request)
    yield from _unmet_ladder(request, {e.environment_id: e for e in environments})
    if request.kind in WITHOUT_DEPLOYMENT:
        yield Unmet(
            "kind-without-deployment",
            f"A release of kind {request.kind} has no deployment.",
            source="kind",
            remedy="let its review close it",
        )
    if request.grant.gate != "deployment":
        yield Unmet(
            "wrong-gate",
            f"The grant opens {request.grant.gate}, not deployment.",
            source="grant",
            remedy="request the gate G4",
        )
    if grant_used:
        yield Unmet(
            "grant-used",
            "Another deployment was asked for under this grant; one G4 is one deployment.",
            source=f"authorization {request.grant.authorization_id}",
            remedy="redeploy under a new G4",
        )
    if not request.grant.deciders:
        yield Unmet("grant-undecided", "Nobody decided this grant.", source="grant", remedy="request the gate G4")


def _unmet_steps(request: DeploymentRequest) -> Iterator[Unmet]:
    steps = request.deployment_steps + request.back_out_steps + request.forward_steps
    for name in impossible_steps(steps):
        yield Unmet("unknown-action", f"Nobody can carry out the step {name!r}.", source="steps", remedy="replan")
    if not request.back_out_steps:
        yield Unmet(
            "no-back-out-steps", "There are no back-out steps to run.", source="back_out_steps", remedy="replan"
        )
    if not request.retires and not module_of(request.deployment_steps):
        yield Unmet("nothing-starts", "No step starts a module.", source="deployment_steps", remedy="replan")
    if request.retires and not any(step.action in {"stop", "remove"} for step in request.deployment_steps):
        yield Unmet(
            "nothing-stops", "A retirement stops or removes the service.", source="deployment_steps", remedy="replan"
        )


def _unmet_ladder(request: DeploymentRequest, known: dict[object, EnvironmentFact]) -> Iterator[Unmet]:
    if min((len(rung.nodes) for rung in request.environments), default=0) == 0:
        yield Unmet(
            "no-nodes", "The plan has no environment, or one without a node.", source="environments", remedy="replan"
        )
    if len({planned.environment_id for planned in request.environments}) < len(request.environments):
        yield Unmet("environment-twice", "An environment is in the plan twice.", source="environments", remedy="replan")
    rungs = []
    for planned in request.environments:
        environment = known.get(planned.environment_id)
        if environment is None:
            yield Unmet(
                "environment-unknown",
                f"Nobody registered the environment {planned.environment_id}.",
                source="environments",
                remedy="register it: POST /deploy/v1/environments, then redeploy",
            )
            continue
        rungs.append(environment.rung)
        yield from _unmet_environment(planned, environment)
    if rungs != sorted(rungs):
        yield Unmet("ladder-order", "The environments go down the ladder.", source="environments", remedy="replan")


def _unmet_environment(planned: Rung, environment: EnvironmentFact) -> Iterator[Unmet]:
    if environment.sandbox:
        yield Unmet(
            "environment-is-sandbox",
            f"{environment.name} is a sandbox; definitive media are deployed outside sandboxes.",
            source="environments",
            remedy="plan an environment of the ladder",
        )
    if strangers := sorted(set(planned.nodes) - set(environment.nodes)):
        yield Unmet(
            "node-unknown",
            f"{environment.name} has no node {', '.join(strangers)}.",
            source="environments",
            remedy="add the node: POST /deploy/v1/environments/{id}/nodes, then redeploy",
        )
    if len(set(planned.nodes)) < len(planned.nodes):
        yield Unmet(
            "node-twice", f"A node of {environment.name} is in two waves.", source="environments", remedy="replan"
        )


def unmet_to_go_on(request: DeploymentRequest, rung: Rung, at: datetime, facts: Facts) -> Iterator[Unmet]:
    """Say what forbids a deployment to run at this moment, whether it is to start or runs already."""
    for medium in facts.media:
        if medium.state == "quarantined":
            yield Unmet(
                "media-quarantined",
                f"{medium.name} {medium.version} is in quarantine.",
                source=f"item {medium.sha256}",
                remedy="have an authority clear it, or rebuild without it",
            )
        if medium.state == "withdrawn":
            yield Unmet(
                "media-withdrawn",
                f"{medium.name} {medium.version} was withdrawn.",
                source=f"item {medium.sha256}",
                remedy="rebuild without it",
            )
    if facts.authorization == "revoked":
        yield Unmet(
            "grant-revoked",
            "The grant of G4 was revoked.",
            source=f"authorization {request.grant.authorization_id}",
            remedy="redeploy under a new G4",
        )
    for freeze in facts.freezes:
        if freeze.covers(rung.environment_id, request.service_id, at):
            yield Unmet(
                "freeze",
                f"A freeze stands until {freeze.ends_at.isoformat()}: {freeze.reason}",
                source=f"window {freeze.window_id}",
                remedy="wait for its end, or have an authority override it",
            )
    for change_id in facts.cancelled_change_ids:
        yield Unmet(
            "change-cancelled",
            "A change that the release carries was cancelled or rejected.",
            source=f"change {change_id}",
            remedy="rescope the release",
        )
    yield from _unmet_release_and_service(request, facts)


def _unmet_release_and_service(request: DeploymentRequest, facts: Facts) -> Iterator[Unmet]:
    if facts.release_cancelled:
        yield Unmet("release-cancelled", "The release is cancelled.", source="release", remedy="open a new release")
    if facts.lifecycle == "retired":
        yield Unmet(
            "service-retired",
            "The service is retired; nothing is deployed for it.",
            source="service",
            remedy="register a new service",
        )
    if request.retires and facts.live_dependants:
        yield Unmet(
            "live-dependants",
            f"{len(facts.live_dependants)} live services depend on it.",
            source="relations",
            remedy="end these relations, or retire the dependants first",
        )


def unmet_to_begin(request: DeploymentRequest, act: Act, facts: Facts) -> Iterator[Unmet]:
    """Say what must hold once, when a deployment starts."""
    for medium in facts.media:
        if medium.state == "unheard":
            yield Unmet(
                "media-not-definitive",
                f"{medium.name} {medium.version} was not heard to be definitive.",
                source=f"item {medium.sha256}",
                remedy="check it in to the DML",
            )
    if facts.authorization == "expired" or act.at >= request.grant.expires_at:
        yield Unmet("grant-expired", "The grant of G4 has expired.", source="grant", remedy="redeploy under a new G4")
    if facts.authorization == "voided":
        yield Unmet(
            "grant-voided", "What the grant bound has changed.", source="grant", remedy="redeploy under a new G4"
        )
    yield from _unmet_holds(facts)
    if facts.lifecycle is None:
        yield Unmet(
            "service-unheard",
            "The service was not heard to be registered.",
            source="service",
            remedy="register it: POST /dml/v1/services",
        )
    if facts.lifecycle == "retiring" and not request.retires:
        yield Unmet(
            "service-retiring",
            "The service is being retired; nothing else is deployed for it.",
            source="service",
            remedy="wait for the end of its retirement, or have that backed out",
        )
    yield from _unmet_rehearsal(request, facts)


def _unmet_holds(facts: Facts) -> Iterator[Unmet]:
    if facts.on_hold:
        yield Unmet("on-hold", "The release is on hold.", source="release", remedy="take it off hold")
    for change_id in facts.held_change_ids:
        yield Unmet(
            "change-on-hold",
            "A change that the release carries is on hold.",
            source=f"change {change_id}",
            remedy="take the change off hold",
        )


def _unmet_rehearsal(request: DeploymentRequest, facts: Facts) -> Iterator[Unmet]:
    if request.rehearsal_id is None and request.emergency:
        return
    rehearsal = facts.rehearsal
    if rehearsal is None or not rehearsal.succeeded or rehearsal.release_id != request.release_id:
        yield Unmet(
            "not-rehearsed",
            "No rehearsal of this release succeeded here.",
            source="rehearsal",
            remedy="request a rehearsal",
        )
        return
    same_items = rehearsal.items_digest == digest_of_items(request.items)
    if rehearsal.package_digest != request.package_digest or not same_items:
        yield Unmet(
            "package-not-rehearsed",
            "Another package was rehearsed.",
            source=f"rehearsal {rehearsal.rehearsal_id}",
            remedy="rehearse this package",
        )
    if rehearsal.steps_digest != request.steps_digest or rehearsal.executed_digest != request.executed_digest:
        yield Unmet(
            "steps-not-rehearsed",
            "Other back-out or forward steps were rehearsed.",
            source=f"rehearsal {rehearsal.rehearsal_id}",
            remedy="rehearse these steps",
        )


def unmet_ladder(act: Act, facts: Facts) -> Iterator[Unmet]:
    """Say which environments below the one that is due have not stood their time with this package."""
    for lower in facts.lower_rungs:
        since = lower.stands_since_at
        if since is None or act.at < since + timedelta(seconds=lower.soak_s):
            yield Unmet(
                "ladder",
                f"This package has not stood {lower.soak_s} s in {lower.name}, which comes before.",
                source=f"environment {lower.name}",
                remedy="deploy it there first, or wait until it has stood its time",
            )


def unmet_window(rung: Rung, at: datetime) -> Iterator[Unmet]:
    """Say whether a planned environment is outside its half-open window."""
    if at < rung.window_start:
        yield Unmet(
            "window-not-begun",
            f"The window begins at {rung.window_start.isoformat()}.",
            source="window",
            remedy="wait until then",
        )
    if at >= rung.window_end:
        yield Unmet(
            "window-ended",
            f"The window ended at {rung.window_end.isoformat()}.",
            source="window",
            remedy="redeploy with a new window",
        )


def unmet_for_rehearsal(
    request: RehearsalRequest, environment: EnvironmentFact | None, facts: Facts
) -> Iterator[Unmet]:
    """Say why a rehearsal cannot be carried out."""
    if environment is None:
        yield Unmet(
            "environment-unknown",
            f"Nobody registered the environment {request.environment_id}.",
            source="environment_id",
            remedy="register a sandbox: POST /deploy/v1/environments",
        )
    elif not environment.sandbox:
        yield Unmet(
            "environment-is-no-sandbox",
            f"{environment.name} is no sandbox; candidates are deployed to sandboxes only.",
            source="environment_id",
            remedy="choose a sandbox",
        )
    if request.grant.gate != "build_and_test":
        yield Unmet(
            "wrong-gate",
            f"The grant opens {request.grant.gate}; candidates are rehearsed under G2.",
            source="grant",
            remedy="request the rehearsal with the grant of G2",
        )
    if not request.grant.deciders:
        yield Unmet("grant-undecided", "Nobody decided this grant.", source="grant", remedy="request the gate G2")
    if not request.back_out_steps:
        yield Unmet("no-back-out-steps", "There are no back-out steps to rehearse.", source="steps", remedy="replan")
    for name in impossible_steps(request.deployment_steps + request.back_out_steps + request.forward_steps):
        yield Unmet("unknown-action", f"Nobody can carry out the step {name!r}.", source="steps", remedy="replan")
    yield from unmet_to_rehearse_on(facts)


def unmet_to_rehearse_on(facts: Facts) -> Iterator[Unmet]:
    """Say what forbids a rehearsal to run at this moment."""
    if facts.authorization == "revoked":
        yield Unmet("grant-revoked", "The grant of G2 was revoked.", source="grant", remedy="request G2 anew")
    for medium in facts.media:
        if medium.state in {"quarantined", "withdrawn"}:
            yield Unmet(
                "media-not-usable",
                f"{medium.name} {medium.version} is {medium.state}.",
                source=f"item {medium.sha256}",
                remedy="rebuild without it",
            )
    if facts.lifecycle == "retired":
        yield Unmet("service-retired", "The service is retired.", source="service", remedy="register a new service")


def unmet_role(act: Act, roles: Sequence[str]) -> Iterator[Unmet]:
    """Say whether none of these roles is held."""
    if not set(roles) & set(act.roles):
        yield Forbidden(
            "not-entitled",
            f"This takes one of the roles {', '.join(roles)}.",
            source="roles",
            remedy="ask someone who holds it",
            person=act.person,
        )
