"""Raising changes, and having them authorized by the people whom the policy names."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fourgates.chassis.aggregate import derived_id

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.world import Thing, World, release_path

CHANGES = "/change/v1/changes"
AUTHORIZATIONS = "/change/v1/authorizations"


def raise_change(
    world: World, title: str, *, by: str = "rita", service: str, change_type: str = "normal", risk: str = "low"
) -> str:
    """Draft a change and request it; return its id."""
    person = world.by(by)
    body = {
        "title": title,
        "description": f"{title}.",
        "change_type": change_type,
        "risk": risk,
        "service_ids": [world.services[service]],
        "alters_service": True,
        "reason": title,
    }
    change = person.post(CHANGES, body)
    person.post(f"{CHANGES}/{change['id']}/submission", {"reason": "ready to be assessed"})
    world.narrator.aside(f"change {title!r}, raised by {by}")
    return str(change["id"])


def authorize_change(
    world: World,
    change_id: str,
    *,
    assessed_by: str = "mona",
    asked_by: str = "rita",
    voters: tuple[str, ...] = ("cora",),
) -> None:
    """Assess a change, ask for its authorization, and vote; prove that it is authorized."""
    risk = world.change(change_id)["risk"]
    world.by(assessed_by).post(
        f"{CHANGES}/{change_id}/assessment",
        {"risk": risk, "findings": "assessed as stated", "reason": "assessed as stated"},
    )
    asked = world.by(asked_by).post(f"{CHANGES}/{change_id}/authorization-requests", {"reason": "please decide"})
    authorization_id = str(asked["id"])
    for voter in voters:
        vote(world, voter, authorization_id)
    change = world.by(assessed_by).wait_for(
        f"{CHANGES}/{change_id}", lambda c: c["state"] == "authorized", what="the authorized change"
    )
    world.narrator.granted(
        f"change {change['title']!r} authorized by {' and '.join(voters)}, assessed by {assessed_by}"
    )


def authorization_of(request_id: str) -> str:
    """Return the id of the authorization that follows from a request."""
    return str(derived_id(UUID(request_id), "authorization"))


def read_authorization(world: World, authorization_id: str, *, by: str) -> Thing:
    """Return an authorization once change management has opened it."""
    path = f"{AUTHORIZATIONS}/{authorization_id}"
    return dict(world.by(by).wait_for(path, lambda a: bool(a["state"]), what="the authorization"))


def vote(
    world: World,
    voter: str,
    authorization_id: str,
    *,
    kind: str = "approve",
    reason: str = "the document says what is needed",
) -> Any:
    """Read what is decided and vote on exactly that; return the authorization."""
    answer = try_vote(world, voter, authorization_id, kind=kind, reason=reason)
    if not answer.ok:
        world.by(voter).succeed(answer)
    return answer.body


def try_vote(world: World, voter: str, authorization_id: str, *, kind: str = "approve", reason: str = "") -> Answer:
    """Vote, and return the answer whatever it says."""
    read = read_authorization(world, authorization_id, by=voter)
    body = {
        "vote": kind,
        "meaning": "I have read the document and take responsibility for this decision",
        "document_digest": read["document_digest"],
        "reason": reason or "no reason",
    }
    return world.by(voter).try_post(f"{AUTHORIZATIONS}/{authorization_id}/votes", body)


def confirm(world: World, release: str, *, by: str) -> None:
    """Have the CAB confirm what two people decided at night."""
    release_id = world.releases[release]
    world.by("rhea").post(
        f"{release_path(release_id)}/confirmation-requests", {"reason": "decided by two people at night"}
    )
    path = f"{AUTHORIZATIONS}?release_id={release_id}&subject_kind=confirmation"
    page = world.by(by).wait_for(path, lambda p: bool(p["items"]), what="the question to the CAB")
    vote(world, by, page["items"][0]["id"], reason="it could not wait")
    world.narrator.granted(f"confirmed for the CAB by {by}")
