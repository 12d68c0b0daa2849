"""People and groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from change_service.domain import Delegation, Group, Person, id_of_person
from fourgates.chassis.testing import NOON, an_act, refused, replayed

MIA = an_act("mia", roles=("change_manager",))
TOM = an_act("tom", roles=("tester",))
LATER = NOON + timedelta(days=1)
LENT = Delegation(UUID(int=1), "bob", ("tester",), NOON, LATER)


def a_person(name="tom", *roles, machine=False):
    return Person.register(
        an_act("ann", roles=("change_manager",)), person_id=name, roles=roles or ("tester",), machine=machine
    )


def test_a_person_has_the_id_that_follows_from_their_subject():
    assert a_person().id == id_of_person("tom")


def test_people_are_registered_with_known_roles_by_change_management():
    with refused("not-entitled", "unknown-role"):
        Person.register(TOM, person_id="x", roles=("boss",))
    with refused("unknown-role"):
        Person.install(TOM, person_id="x", roles=("boss",))
    with refused("already-known", "own-roles"):
        Person.register(MIA, person_id="mia", roles=("auditor",), known_as="mia")
    assert Person.install(TOM, person_id="x", roles=(), aliases=("y",)).subjects == ("x", "y")


def test_nobody_changes_their_own_roles():
    with refused("own-roles"):
        a_person("mia").give_roles(MIA, roles=("auditor",))
    with refused("not-entitled"):
        a_person().give_roles(an_act("eve"), roles=("auditor",))
    with refused("unknown-role"):
        a_person().give_roles(MIA, roles=("boss",))
    person = a_person()
    person.give_roles(MIA, roles=("auditor",))
    assert replayed(person).roles == ("auditor",)


def test_an_alias_belongs_to_one_person():
    person = a_person()
    person.name_alias(MIA, alias="tommy", known_as=None)
    assert person.subjects == ("tom", "tommy")
    with refused("alias-is-taken"):
        person.name_alias(MIA, alias="tommy", known_as=None)
    with refused("alias-is-taken", "not-entitled"):
        person.name_alias(TOM, alias="bob", known_as="bob")
    with refused("own-alias"):
        person.name_alias(MIA, alias="mia", known_as=None)


def test_a_person_lends_roles_they_hold_for_a_time():
    person = a_person()
    person.delegate(TOM, delegation=LENT, delegate=a_person("bob"))
    assert person.delegations[0].holds_at(NOON)
    assert not person.delegations[0].holds_at(LATER)
    person.end_delegation(TOM, delegation_id=LENT.delegation_id)
    assert person.delegations == ()


def test_a_delegation_without_sense_is_refused():
    person, bob = a_person(), a_person("bob")
    with refused("not-ones-own"):
        person.delegate(MIA, delegation=LENT, delegate=bob)
    with refused("not-a-delegate"):
        person.delegate(TOM, delegation=LENT, delegate=person)
    with refused("not-a-delegate"):
        person.delegate(TOM, delegation=LENT, delegate=a_person("robot", machine=True))
    with refused("not-a-delegate"):
        a_person("tom", machine=True).delegate(TOM, delegation=LENT, delegate=bob)
    with refused("role-not-held"):
        person.delegate(TOM, delegation=replace(LENT, roles=("deployer",)), delegate=bob)
    with refused("delegation-without-time"):
        person.delegate(TOM, delegation=replace(LENT, ends_at=NOON), delegate=bob)
    with refused("no-such-delegation", "not-ones-own"):
        person.end_delegation(MIA, delegation_id=UUID(int=2))


def test_a_group_has_members_whom_others_bring_in():
    with refused("not-entitled"):
        Group.form(TOM, group_id=UUID(int=3), name="CAB", member_ids=())
    with refused("own-membership"):
        Group.form(MIA, group_id=UUID(int=3), name="CAB", member_ids=("mia",))
    group = Group.form(MIA, group_id=UUID(int=3), name="CAB", member_ids=("tom",))
    with refused("own-membership"):
        group.name_members(MIA, member_ids=("tom", "mia"))
    with refused("own-membership"):
        group.name_members(MIA, member_ids=("tom", "mia2"), subjects=("mia", "mia2"))
    with refused("own-membership"):
        Group.form(MIA, group_id=UUID(int=3), name="CAB", member_ids=("mia2",), subjects=("mia", "mia2"))
    with refused("not-entitled"):
        group.name_members(TOM, member_ids=("tom",))
    group.name_members(MIA, member_ids=("ada",))
    assert replayed(group).member_ids == ("ada",)


def test_next_names_what_the_person_may_do_and_others_may():
    assert {c.command for c in a_person().next(TOM) if c.possible} == {"delegate", "end_delegation"}
    assert {c.command for c in a_person().next(MIA) if c.possible} == {"give_roles", "name_alias"}
    group = Group.form(MIA, group_id=UUID(int=3), name="CAB", member_ids=())
    assert [c.possible for c in group.next(TOM)] == [False]
