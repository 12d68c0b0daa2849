"""Registering services with their targets, and saying on what they depend."""

from __future__ import annotations

from fourgates_cli.walkthrough.world import Thing, World

SERVICES = "/dml/v1/services"


def register_service(
    world: World,
    name: str,
    *,
    tier: str,
    value_case: str,
    targets: list[Thing] | None = None,
    depends_on: tuple[str, ...] = (),
) -> None:
    """Register a service in its pipeline; it belongs to its owner, who registers it."""
    body = {
        "name": name,
        "tier": tier,
        "value_case": value_case,
        "targets": targets or [],
        "depends_on": [world.services[one] for one in depends_on],
        "reason": "service design is done",
    }
    service = world.by("oskar").post(SERVICES, body)
    world.services[name] = str(service["id"])
    world.narrator.state(service, "lifecycle", "pipeline", f"service {name}")


def await_lifecycle(world: World, name: str, lifecycle: str) -> None:
    """Prove that a service has come to be live, retiring or retired."""
    path = f"{SERVICES}/{world.services[name]}"
    service = world.by("oskar").wait_for(path, lambda s: s["lifecycle"] == lifecycle, what=f"{name} to be {lifecycle}")
    world.narrator.state(service, "lifecycle", lifecycle, f"service {name}")


def set_relations(world: World, name: str, depends_on: tuple[str, ...]) -> None:
    """Say on which services this one depends, and on no others."""
    here = f"{SERVICES}/{world.services[name]}"
    body = {"depends_on": [world.services[one] for one in depends_on], "reason": "that is how it is now"}
    world.by("oskar").put(f"{here}/relations", body, of=here)
