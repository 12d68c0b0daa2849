"""Act 5, configuration: a service that changes hands, configuration items with relations, and baselines of them."""

from __future__ import annotations

from fourgates_cli.walkthrough.act5_people import person_of
from fourgates_cli.walkthrough.services import SERVICES, register_service
from fourgates_cli.walkthrough.world import Thing, World

SERVICE = "label-printing"
ITEMS = "/dml/v1/configuration-items"
BASELINES = "/dml/v1/baselines"
FAST = "labels are listed fast"
# Nobody lists anything in 0.05 ms: the goal was meant in seconds.
MISTYPED_GOAL_MS = 0.05
GOAL_MS = 500.0


def targets(goal_ms: float) -> list[Thing]:
    """Return the targets of the service."""
    answers: Thing = {"name": "the service answers", "measure": "availability_percent", "comparison": "at_least"}
    fast: Thing = {"name": FAST, "measure": "latency_p95_ms", "comparison": "at_most"}
    return [
        answers | {"goal": 99.0, "unit": "percent", "path": "/healthz"},
        fast | {"goal": goal_ms, "unit": "ms", "path": "/parcels"},
    ]


def design(world: World) -> None:
    """Register the service, and keep track of what it consists of."""
    world.narrator.step("A small service: it prints the labels of parcels, with the program that tracks them")
    register_service(
        world,
        SERVICE,
        tier="bronze",
        value_case="Parcels with printed labels are sorted by machines.",
        targets=targets(MISTYPED_GOAL_MS),
    )
    _owner(world)
    _configuration(world)


def _owner(world: World) -> None:
    narrator, here = world.narrator, f"{SERVICES}/{world.services[SERVICE]}"
    narrator.step("Its owner hands it over while he is away; only the owner or a change manager says what it is")
    lent = {"owner_id": person_of(world, "nora"), "reason": "I am away this week"}
    handed = world.by("oskar").put(f"{here}/owner", lent, of=here)
    narrator.fact(handed["owner_id"] == person_of(world, "nora"), "the service belongs to nora", seen=handed)
    narrator.refused(
        world.by("oskar").try_put(f"{here}/targets", {"targets": [], "reason": "fewer targets"}, of=here),
        status=403,
        codes=("not-the-owner",),
        text="oskar, who owns it no more, does not change its targets",
    )
    back = {"owner_id": person_of(world, "oskar"), "reason": "he is back"}
    returned = world.by("nora").put(f"{here}/owner", back, of=here)
    narrator.fact(returned["owner_id"] == person_of(world, "oskar"), "and to oskar again", seen=returned)


def _configuration(world: World) -> None:
    narrator, dan = world.narrator, world.by("dan")
    narrator.step("Configuration items and their relations; a baseline before and one after tell them apart")
    before = _baseline(world, "before the printer")
    printer = _register(world, "label-printer-1", "printer")
    old = _register(world, "label-printer-0", "printer")
    here = f"{ITEMS}/{printer}"
    relations = [{"kind": "part_of", "target_id": world.services[SERVICE]}, {"kind": "depends_on", "target_id": old}]
    related = dan.put(
        f"{here}/relations", {"relations": relations, "reason": "it takes over from the old one"}, of=here
    )
    narrator.fact(len(related["relations"]) == len(relations), "the printer is part of the service", seen=related)
    gone = [*relations, {"kind": "uses", "target_id": world.services["parcel-tracking"]}]
    narrator.refused(
        dan.try_put(f"{here}/relations", {"relations": gone, "reason": "it shows where a parcel is"}, of=here),
        status=409,
        codes=("target-retiring",),
        text="nothing new relates to parcel tracking, which is retired",
    )
    after = _baseline(world, "with the printer")
    narrator.fact(
        before["digest"] != after["digest"] and "label-printer-1" in {entry["name"] for entry in after["entries"]},
        "the second baseline holds the printer, the first one stays as it was",
        seen=after["entries"],
    )
    _retire_old(world, old)


def _retire_old(world: World, old: str) -> None:
    here, dan = f"{ITEMS}/{old}", world.by("dan")
    retired = dan.post(f"{here}/retirement", {"reason": "sold"})
    world.narrator.fact(retired["retired"], "the old printer is retired, and its history stays", seen=retired)
    world.narrator.refused(
        dan.try_put(f"{here}/relations", {"relations": [], "reason": "it was sold"}, of=here),
        status=409,
        codes=("configuration-item-retired",),
        text="a retired item is edited no more",
    )


def _register(world: World, name: str, kind: str) -> str:
    body = {"name": name, "kind": kind, "attributes": {"depot": "Bern"}, "reason": "it stands in the depot"}
    return str(world.by("dan").post(ITEMS, body)["id"])


def _baseline(world: World, name: str) -> Thing:
    body = {"name": name, "service_id": world.services[SERVICE], "reason": "to compare with"}
    return dict(world.by("dan").post(BASELINES, body))


def correct_targets(world: World) -> None:
    """Set the targets anew, as they were meant; they count from the next review on."""
    narrator, here = world.narrator, f"{SERVICES}/{world.services[SERVICE]}"
    narrator.step("Service design corrects the target that nobody could meet")
    body = {"targets": targets(GOAL_MS), "reason": "the goal was meant in seconds"}
    corrected = world.by("oskar").put(f"{here}/targets", body, of=here)
    narrator.fact(corrected["targets_revision"] == 2, "the targets are those of revision 2", seen=corrected)
    path = f"/review/v1/target-watches/{world.services[SERVICE]}"
    watch = world.by("oskar").wait_for(path, lambda w: w["revision"] == 2, what="the watch to know the new targets")
    goals = {target["name"]: target["goal"] for target in watch["targets"]}
    narrator.fact(goals[FAST] == GOAL_MS, "and these are watched from now on", seen=goals)
