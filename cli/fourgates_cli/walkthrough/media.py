"""Media: bytes up, bytes down by digest, check-outs, and what the library says of an item."""

from __future__ import annotations

from collections.abc import Sequence

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.world import Thing, World
from fourgates_cli.workbench import Medium

ITEMS = "/dml/v1/media-items"


def upload(world: World, medium: Medium, *, by: str = "bob") -> None:
    """Put the bytes of a candidate where the library can take them from."""
    world.by(by).upload(f"/dml/v1/blobs/{medium.sha256}", medium.file.read_bytes())


def named(medium: Medium) -> Thing:
    """Return how a build names one of its inputs."""
    return {"name": medium.name, "version": medium.version, "sha256": medium.sha256}


def described(medium: Medium) -> Thing:
    """Return how a build describes one of its candidates."""
    return named(medium) | {"size_bytes": medium.size_bytes, "kind": medium.kind}


def item(world: World, medium: Medium, *, by: str = "rhea") -> Thing:
    """Return what the library says of a medium."""
    found = world.by(by).every(f"{ITEMS}?sha256={medium.sha256}")
    (one,) = [i for i in found if (i["name"], i["version"]) == (medium.name, medium.version)]
    return one


def await_items(world: World, media: Sequence[Medium], state: str, *, by: str = "rhea") -> None:
    """Wait until the library holds all of these in a state."""
    for medium in media:
        world.by(by).wait_for(
            f"{ITEMS}?sha256={medium.sha256}",
            lambda page: any(i["state"] == state for i in page["items"]),
            what=f"{medium.name} to be {state}",
        )


def try_check_out(
    world: World, release: str, media: Sequence[Medium], *, by: str = "bob", purpose: str = "build"
) -> Answer:
    """Ask for definitive media, and return the answer whatever it says."""
    body = {
        "items": [{"name": m.name, "version": m.version} for m in media],
        "release_id": world.releases[release],
        "purpose": purpose,
        "reason": f"to {purpose}",
    }
    return world.by(by).try_post("/dml/v1/check-outs", body)


def check_out(
    world: World, release: str, media: Sequence[Medium], *, by: str = "bob", purpose: str = "build"
) -> tuple[Medium, ...]:
    """Check media out of the library and lay them on the workbench: every byte comes out of the library, by digest."""
    taken = world.by(by).succeed(try_check_out(world, release, media, by=by, purpose=purpose)).body
    files = {m.sha256: m.file.name for m in media}
    return tuple(
        world.bench.place(
            files[one["sha256"]],
            world.by(by).fetch(f"/dml/v1/blobs/{one['sha256']}"),
            sha256=one["sha256"],
            name=one["name"],
            version=one["version"],
            kind=one["kind"],
        )
        for one in taken["items"]
    )
