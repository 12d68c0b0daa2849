"""Act 5, the auditor: what was refused, what was published, and who did what, across all services."""

from __future__ import annotations

from fourgates_cli.walkthrough.act5_people import person_of
from fourgates_cli.walkthrough.act5_release import NAME
from fourgates_cli.walkthrough.world import World

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
OPERATIONS = "/operations/v1"


def audit(world: World) -> None:
    """Read as the auditor, who writes nothing."""
    _refusals(world)
    _everything_said(world)
    _lineage(world)


def _refusals(world: World) -> None:
    narrator, ada = world.narrator, world.by("ada")
    narrator.step("Ada reads what was refused: whatever was refused left no event, but a line in the security log")
    refused = {service: ada.every(f"/{service}/v1/security-log") for service in SERVICES}
    carl = person_of(world, "carl")
    own_votes = [line for line in refused["change"] if line["principal"] == carl and "segregation" in line["rule"]]
    narrator.fact(own_votes, "it names carl, who voted on his own request", seen=refused["change"][:3])
    lines = sum(len(found) for found in refused.values())
    narrator.aside(f"{lines} lines in the security logs of {len(SERVICES)} services")
    answer = world.by("rhea").ask("GET", "/change/v1/security-log")
    narrator.fact(answer.status == 403, "nobody but an auditor reads it: 403", seen=answer)
    narrator.seen["refusal"] += 1


def _everything_said(world: World) -> None:
    narrator, ada = world.narrator, world.by("ada")
    narrator.step("Ada sees all services at once: the stream of facts, the board, and who has to be paged")
    stream = ada.get(f"{OPERATIONS}/events?limit=1000")
    narrator.fact(len(stream["items"]) > 0, f"the stream tells {len(stream['items'])} facts at a time", seen=stream)
    release_id = world.releases[NAME]
    ada.wait_for(
        f"{OPERATIONS}/board",
        lambda board: any(
            column["phase"] == "closed" and release_id in {release["id"] for release in column["releases"]}
            for column in board["columns"]
        ),
        what="the board to show the release as closed",
    )
    narrator.proved("the board shows the labels among the closed releases", kind="state")
    closed = ada.every(f"{OPERATIONS}/releases?phase=closed")
    narrator.aside(f"{len(closed)} releases are closed")
    paged = ada.every(f"{OPERATIONS}/pages")
    narrator.fact(not paged, "no back-out failed, so nobody has to be paged", seen=paged)


def _lineage(world: World) -> None:
    narrator, ada = world.narrator, world.by("ada")
    narrator.step("The history of the labels across all services, and who began what, following causation")
    release_id = world.releases[NAME]
    said = ada.get(f"{OPERATIONS}/releases/{release_id}/history")["items"]
    publishers = {one["publisher"] for one in said}
    narrator.fact(len(publishers) == len(SERVICES) - 1, "five services had a part in it", seen=publishers)
    lineage = ada.get(f"{OPERATIONS}/lineage/{release_id}")
    people = {narrator.names.get(one["person"], one["person"]) for one in lineage["people"]}
    expected = {"rita", "mona", "cora", "carl", "eve", "rhea", "bob", "tess", "dan", "oskar"}
    narrator.fact(expected <= people, f"{', '.join(sorted(expected))} had a part in it", seen=people)
