"""Act 5, people: new colleagues, groups, a second account, and the authority policy that only two people change."""

from __future__ import annotations

import uuid

from fourgates_cli.client import Answer
from fourgates_cli.walkthrough.world import Thing, World

PEOPLE = "/change/v1/people"
GROUPS = "/change/v1/groups"
POLICIES = "/change/v1/authority-policies"
GROUP = "CAB of the depots"


def people(world: World) -> None:
    """Keep the people whom change management knows."""
    _colleague(world)
    _second_account(world)
    _group(world)


def _colleague(world: World) -> None:
    narrator, mona = world.narrator, world.by("mona")
    narrator.step("A colleague joins; mona makes them known and gives them roles, but none to herself")
    person_id = str(uuid.uuid4())
    body = {"person_id": person_id, "roles": ["requester"], "reason": "joined the depot in Bern"}
    mona.post(PEOPLE, body)
    here = f"{PEOPLE}/{person_id}"
    known = mona.put(f"{here}/roles", {"roles": ["requester", "tester"], "reason": "tests labels, too"}, of=here)
    narrator.fact(known["roles"] == ["requester", "tester"], "the new colleague holds two roles", seen=known)
    own = f"{PEOPLE}/{person_of(world, 'mona')}"
    narrator.refused(
        mona.try_put(f"{own}/roles", {"roles": ["change_manager", "change_authority"], "reason": "faster"}, of=own),
        status=403,
        codes=("own-roles",),
        text="nobody gives roles to themselves",
    )


def _second_account(world: World) -> None:
    narrator, mona = world.narrator, world.by("mona")
    narrator.step("Carl has a second account; it is named as an alias, so that he never counts twice")
    alias = str(uuid.uuid4())
    body = {"alias": alias, "reason": "his account at the depots"}
    aliases = f"{PEOPLE}/{person_of(world, 'carl')}/aliases"
    mona.post(aliases, body)
    found = mona.get(f"{PEOPLE}?subject={alias}")["items"]
    narrator.fact(
        [one["person_id"] for one in found] == [person_of(world, "carl")],
        "the second account means carl",
        seen=found,
    )
    narrator.refused(
        mona.try_post(f"{PEOPLE}/{person_of(world, 'cora')}/aliases", body),
        status=409,
        codes=("alias-is-taken",),
        text="the same account cannot mean somebody else, too",
    )


def _group(world: World) -> None:
    narrator, mona = world.narrator, world.by("mona")
    narrator.step(f"The depots get a {GROUP}; nobody brings themselves into a group")
    members = [person_of(world, name) for name in ("cora", "eve")]
    group = mona.post(GROUPS, {"name": GROUP, "member_ids": members, "reason": "the depots decide for themselves"})
    here = f"{GROUPS}/{group['id']}"
    world.groups[GROUP] = str(group["id"])
    narrator.refused(
        mona.try_put(
            f"{here}/members", {"member_ids": [*members, person_of(world, "mona")], "reason": "me, too"}, of=here
        ),
        status=403,
        codes=("own-membership",),
        text="mona does not bring herself in",
    )
    members = [person_of(world, name) for name in ("cora", "carl")]
    named = mona.put(f"{here}/members", {"member_ids": members, "reason": "eve sits in the ECAB already"}, of=here)
    narrator.fact(named["member_ids"] == members, "its members are cora and carl", seen=named)


def two_for_medium_risk(world: World) -> None:
    """Let two people of the group decide about changes of medium risk: proposed by one, approved by another."""
    narrator, mona = world.narrator, world.by("mona")
    narrator.step(f"The authority policy: from now on two people of the {GROUP} decide about changes of medium risk")
    shipped = _policy(world)
    nobody = [_decided_by(rule, group_id=None) for rule in shipped["rules"]]
    mona.post(_proposals(shipped), {"rules": nobody, "reason": "two people for medium risk"})
    declined = world.by("nora").post(
        f"{POLICIES}/{shipped['id']}/declinations", {"reason": "name the group, or anybody of the company decides"}
    )
    narrator.fact(declined["proposal"] is None, "a first proposal is declined by nora", seen=declined)
    rules = [_decided_by(rule, group_id=world.groups[GROUP]) for rule in shipped["rules"]]
    proposed = mona.post(_proposals(shipped), {"rules": rules, "reason": f"two people of the {GROUP}"})
    narrator.refused(
        _try_approve(world, "mona", proposed),
        status=403,
        codes=("four-eyes",),
        text="whoever proposed a version does not approve it",
    )
    _approve(world, "cora", proposed, number=shipped["number"] + 1)


def back_to_the_shipped_rules(world: World) -> None:
    """Change the policy back, again by two people; every version that was ever in force stays readable."""
    narrator = world.narrator
    narrator.step("The policy is changed back, again by two people")
    versions = world.by("mona").every(POLICIES)
    first = next(version for version in versions if version["number"] == 1)
    body = {"rules": first["rules"], "reason": "the trial is over"}
    proposed = world.by("carl").post(f"{POLICIES}/{first['policy_id']}/proposals", body)
    _approve(world, "mona", proposed, number=len(versions) + 1)
    now = _policy(world)
    narrator.fact(now["rules"] == first["rules"], "the rules of version 1 are in force again", seen=now["rules"])
    numbers = [version["number"] for version in world.by("ada").every(POLICIES)]
    narrator.fact(numbers == [1, 2, 3], "all three versions stay, each with the two people who made it", seen=numbers)


def person_of(world: World, name: str) -> str:
    """Return the opaque id of a person."""
    return next(person_id for person_id, known in world.narrator.names.items() if known == name)


def _policy(world: World) -> Thing:
    policy_id = world.by("mona").get(POLICIES)["items"][0]["policy_id"]
    return dict(world.by("mona").get(f"{POLICIES}/{policy_id}"))


def _proposals(policy: Thing) -> str:
    return f"{POLICIES}/{policy['id']}/proposals"


def _decided_by(rule: Thing, *, group_id: str | None) -> Thing:
    """Return a rule as it is, but for changes of medium risk, which two people decide."""
    if rule["name"] != "medium-change":
        return rule
    (step,) = rule["steps"]
    step = step | {"name": "two of the depots", "count": 2, "quorum": "at_least"}
    if group_id is not None:
        step |= {"name": GROUP, "roles": [], "quorum": "of_group", "group_id": group_id}
    return rule | {"steps": [step]}


def _try_approve(world: World, name: str, proposed: Thing) -> Answer:
    body = {"rules_digest": proposed["proposal"]["rules_digest"], "reason": "read and agreed"}
    return world.by(name).try_post(f"{POLICIES}/{proposed['id']}/approvals", body)


def _approve(world: World, name: str, proposed: Thing, *, number: int) -> None:
    approved = world.by(name).succeed(_try_approve(world, name, proposed)).body
    world.narrator.fact(
        approved["number"] == number, f"version {number} is in force, approved by {name}", seen=approved
    )
