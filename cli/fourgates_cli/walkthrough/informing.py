"""Informing the owners of the services that a deployment can affect."""

from __future__ import annotations

from fourgates_cli.walkthrough.releases import release_of
from fourgates_cli.walkthrough.world import World


def inform_owners(world: World, release: str, *, by: str = "rhea") -> None:
    """Inform the owners of every other service in the impact set."""
    services = world.release(release)["owners_not_informed"]
    if services:
        body = {"service_ids": services, "reason": "told by mail"}
        world.by(by).post(f"{release_of(world, release)}/owner-notices", body)
        world.narrator.aside(f"{len(services)} owner(s) informed by {by}")
