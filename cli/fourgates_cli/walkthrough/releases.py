"""Opening releases, asking for their gates, and entering their phases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.changes import authorization_of, read_authorization, vote
from fourgates_cli.walkthrough.world import Thing, World, release_path

RELEASES = "/release/v1/releases"
GATE_NAMES = {"planning": "G1", "build_and_test": "G2", "check_in": "G3", "deployment": "G4"}
WINDOW = timedelta(hours=4)
# What other services have decided already, and the release hears a moment later.
HEARD_LATER = frozenset(
    {
        "change-not-authorized",
        "change-not-heard",
        "change-not-heard-of",
        "input-not-definitive",
        "live-dependants",
        "not-in-the-dml",
        "schedule-not-checked",
        "service-not-heard",
    }
)


def open_release(
    world: World,
    name: str,
    *,
    service: str,
    kind: str,
    version: str,
    change_ids: list[str],
    by: str = "rhea",
    emergency: bool = False,
) -> str:
    """Open a release that carries these changes; return its id."""
    body = {
        "service_id": world.services[service],
        "kind": kind,
        "version": version,
        "change_ids": change_ids,
        "emergency": emergency,
        "reason": f"{kind} {version} of {service}",
    }
    person = world.by(by)
    opened = person.insist(lambda: person.try_post(RELEASES, body), while_only=HEARD_LATER)
    world.releases[name] = str(person.succeed(opened).body["id"])
    release = world.release(name)
    world.narrator.aside(f"{release['number']}: {kind} {version} of {service}, opened by {by}")
    return str(release["id"])


def try_gates(world: World, name: str, *gates: str, by: str = "rhea") -> Answer:
    """Ask for gates, and return the answer whatever it says."""
    path = f"{release_of(world, name)}/gate-requests"
    return world.by(by).try_post(path, {"gates": list(gates), "reason": f"ready for {' and '.join(gates)}"})


def request_gates(world: World, name: str, *gates: str, by: str = "rhea") -> str:
    """Ask for one gate, or for two joined ones; return the id of the authorization that change management opens."""
    person = world.by(by)
    asked = person.insist(lambda: try_gates(world, name, *gates, by=by), while_only=HEARD_LATER)
    release = person.succeed(asked).body
    (request,) = [r for r in release["gate_requests"] if set(r["gates"]) == set(gates) and r["state"] == "requested"]
    authorization_id = authorization_of(request["request_id"])
    read_authorization(world, authorization_id, by=by)
    return authorization_id


def await_grant(world: World, name: str, authorization_id: str, *, by: str = "rhea") -> Thing:
    """Wait until the release has heard of its grant."""
    path = release_of(world, name)
    return dict(
        world.by(by).wait_for(
            path,
            lambda r: any(
                authorization_of(q["request_id"]) == authorization_id and q["state"] == "granted"
                for q in r["gate_requests"]
            ),
            what="the grant",
        )
    )


def try_phase(world: World, name: str, phase: str, *, by: str = "rhea") -> Answer:
    """Enter a phase, and return the answer whatever it says."""
    path = f"{release_of(world, name)}/phases"
    return world.by(by).try_post(path, {"phase": phase, "reason": f"{GATE_NAMES[phase]} is granted"})


def enter(world: World, name: str, phase: str, *, by: str = "rhea") -> Thing:
    """Enter a phase under its grant, and prove that the release is in it."""
    person = world.by(by)
    person.succeed(person.insist(lambda: try_phase(world, name, phase, by=by), while_only=HEARD_LATER))
    release = world.release(name)
    world.narrator.state(release, "state", phase, f"{release['number']} entered {phase.replace('_', ' ')} by {by}")
    return release


def pass_gate(world: World, name: str, gate: str, *, voter: str = "cora", by: str = "rhea") -> Thing:
    """Ask for a gate, have it granted by an independent person, and enter its phase."""
    authorization_id = request_gates(world, name, gate, by=by)
    vote(world, voter, authorization_id)
    await_grant(world, name, authorization_id, by=by)
    world.narrator.granted(f"{GATE_NAMES[gate]} ({gate.replace('_', ' ')}) granted by {voter}")
    return enter(world, name, gate, by=by)


def go_back(world: World, name: str, way: str, *, reason: str, by: str = "rhea") -> Thing:
    """Go a way back."""
    return dict(world.by(by).post(f"{release_of(world, name)}/ways-back", {"way": way, "reason": reason}))


def release_of(world: World, name: str) -> str:
    """Return where a release is found, by its name in the walk-through."""
    return release_path(world.releases[name])


def now() -> datetime:
    """Return the present moment, for windows and schedules around it."""
    return datetime.now(UTC)


def moment(at: datetime) -> str:
    """Return a moment as it is written in a request."""
    return at.isoformat().replace("+00:00", "Z")
