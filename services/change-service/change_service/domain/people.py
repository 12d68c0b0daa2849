"""People and groups: the roles, aliases and delegations that decide who may vote, with their history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Forbidden, NextCommand, Unmet, derived_id, event, refuse_any

from change_service.domain.values import CHANGE_AUTHORITY, CHANGE_MANAGER, ROLES, unmet_entitlement

KEEPERS_OF_PEOPLE = (CHANGE_MANAGER, CHANGE_AUTHORITY)
_PEOPLE = UUID("6f757267-6174-5573-8000-000000000002")


def id_of_person(person_id: str) -> UUID:
    """Return the id of the record of a person, which follows from the subject of their token."""
    return derived_id(_PEOPLE, person_id)


@dataclass(frozen=True)
class Delegation:
    """Roles that a person lent to another one for a half-open span of time."""

    delegation_id: UUID
    delegate_id: str
    roles: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime

    def holds_at(self, at: datetime) -> bool:
        """Return whether the delegation is in force at a moment."""
        return self.starts_at <= at < self.ends_at


class Person(Aggregate):
    """A person or a machine account, by the opaque subject of its token."""

    TOPIC = "change.Person"

    class Registered(Aggregate.Created):
        """A person is known, with these roles."""

        person_id: str
        roles: tuple[str, ...]
        machine: bool

    class RolesGiven(Aggregate.Event):
        """The roles of a person are now these."""

        roles: tuple[str, ...]

    class AliasNamed(Aggregate.Event):
        """Another subject was found to be the same person."""

        alias: str

    class Delegated(Aggregate.Event):
        """A person lent roles to another one for a time."""

        delegation: Delegation

    class DelegationEnded(Aggregate.Event):
        """A delegation was ended before its time."""

        delegation_id: UUID

    @classmethod
    def register(
        cls, act: Act, *, person_id: str, roles: tuple[str, ...], machine: bool = False, known_as: str | None = None
    ) -> Person:
        """Make a person known, once; `known_as` is the person whom that subject already means."""
        unmet = (*unmet_entitlement(act, KEEPERS_OF_PEOPLE, "Registering a person"), *_unmet_roles(roles))
        refuse_any((*unmet, *_unmet_new(act, person_id, known_as)))
        return cls(id=id_of_person(person_id), act=act, person_id=person_id, roles=roles, machine=machine)

    @classmethod
    def install(
        cls,
        act: Act,
        *,
        person_id: str,
        roles: tuple[str, ...],
        aliases: tuple[str, ...] = (),
        machine: bool = False,
    ) -> Person:
        """Make a person known at the installation, when nobody could be entitled yet."""
        refuse_any(_unmet_roles(roles))
        person = cls(id=id_of_person(person_id), act=act, person_id=person_id, roles=roles, machine=machine)
        for alias in aliases:
            person._alias_named(act=act, alias=alias)
        return person

    def give_roles(self, act: Act, *, roles: tuple[str, ...]) -> None:
        """Replace the roles of a person. Refused to the person themselves."""
        refuse_any((*self.unmet_for_give_roles(act), *_unmet_roles(roles)))
        self._roles_given(act=act, roles=roles)

    def name_alias(self, act: Act, *, alias: str, known_as: str | None) -> None:
        """Say that another subject is the same person; `known_as` is the person whom that subject already means."""
        refuse_any(self.unmet_for_name_alias(act, alias, known_as))
        self._alias_named(act=act, alias=alias)

    def delegate(self, act: Act, *, delegation: Delegation, delegate: Person) -> None:
        refuse_any(self.unmet_for_delegate(act, delegation, delegate))
        self._delegated(act=act, delegation=delegation)

    def end_delegation(self, act: Act, *, delegation_id: UUID) -> None:
        refuse_any(self.unmet_for_end_delegation(act, delegation_id))
        self._delegation_ended(act=act, delegation_id=delegation_id)

    def unmet_for_give_roles(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_PEOPLE, "Giving roles")
        if act.person in self.subjects:
            yield Forbidden(
                "own-roles",
                "Nobody changes their own roles.",
                source="person_id",
                remedy=f"ask another {' or '.join(KEEPERS_OF_PEOPLE)}",
                person=act.person,
            )

    def unmet_for_name_alias(self, act: Act, alias: str, known_as: str | None) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_PEOPLE, "Naming an alias")
        if alias in self.subjects or known_as is not None:
            yield Unmet(
                "alias-is-taken",
                f"{alias} already means {known_as or self.person_id}.",
                source="aliases",
                remedy="name a subject that is not yet anybody's alias",
            )
        if alias == act.person:
            yield Forbidden(
                "own-alias",
                "Nobody makes themselves the alias of another person.",
                source="alias",
                remedy=f"ask another {' or '.join(KEEPERS_OF_PEOPLE)}",
                person=act.person,
            )

    def unmet_for_delegate(self, act: Act, delegation: Delegation, delegate: Person) -> Iterator[Unmet]:
        yield from self._unmet_self(act)
        if self.machine or delegate.machine or set(delegate.subjects) & set(self.subjects):
            yield Forbidden(
                "not-a-delegate",
                "Roles are delegated by one person to another, not by or to a machine account and not to oneself.",
                source="delegate_id",
                remedy="name another person",
                person=delegate.person_id,
            )
        if not delegation.roles or set(delegation.roles) - set(self.roles):
            yield Unmet(
                "role-not-held",
                "Only roles that the person holds are delegated.",
                source="roles",
                remedy=f"choose from {', '.join(self.roles)}",
            )
        if delegation.ends_at <= max(delegation.starts_at, act.at):
            yield Unmet(
                "delegation-without-time",
                "A delegation ends after it starts, and not in the past.",
                source="ends_at",
                remedy="give a later end",
            )

    def unmet_for_end_delegation(self, act: Act, delegation_id: UUID) -> Iterator[Unmet]:
        yield from self._unmet_self(act)
        if delegation_id not in {d.delegation_id for d in self.delegations}:
            yield Unmet(
                "no-such-delegation",
                f"Delegation {delegation_id} is not in force.",
                source="delegations",
                remedy="name one of the delegations in force",
            )

    def _unmet_self(self, act: Act) -> Iterator[Unmet]:
        if act.person not in self.subjects:
            yield Forbidden(
                "not-ones-own",
                "Only the person themselves delegates, and ends what they delegated.",
                source="person_id",
                remedy=f"ask {self.person_id}",
                person=act.person,
            )

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        own = tuple(self._unmet_self(act))
        keeping = tuple(unmet_entitlement(act, KEEPERS_OF_PEOPLE, "Naming an alias"))
        return (
            NextCommand("give_roles", KEEPERS_OF_PEOPLE, tuple(self.unmet_for_give_roles(act))),
            NextCommand("name_alias", KEEPERS_OF_PEOPLE, keeping),
            NextCommand("delegate", self.roles, own),
            NextCommand("end_delegation", self.roles, own),
        )

    @property
    def subjects(self) -> tuple[str, ...]:
        """Every subject that means this person."""
        return (self.person_id, *self.aliases)

    @event(Registered)
    def __init__(self, id: UUID, act: Act, person_id: str, roles: tuple[str, ...], *, machine: bool) -> None:
        self.person_id = person_id
        self.roles = roles
        self.machine = machine
        self.aliases: tuple[str, ...] = ()
        self.delegations: tuple[Delegation, ...] = ()

    @event(RolesGiven)
    def _roles_given(self, act: Act, roles: tuple[str, ...]) -> None:
        self.roles = roles

    @event(AliasNamed)
    def _alias_named(self, act: Act, alias: str) -> None:
        self.aliases = (*self.aliases, alias)

    @event(Delegated)
    def _delegated(self, act: Act, delegation: Delegation) -> None:
        self.delegations = (*self.delegations, delegation)

    @event(DelegationEnded)
    def _delegation_ended(self, act: Act, delegation_id: UUID) -> None:
        self.delegations = tuple(d for d in self.delegations if d.delegation_id != delegation_id)


class Group(Aggregate):
    """A named group of people, of which a policy may ask for some."""

    TOPIC = "change.Group"

    class Formed(Aggregate.Created):
        """A group was formed."""

        name: str
        member_ids: tuple[str, ...]

    class MembersNamed(Aggregate.Event):
        """The members of a group are now these."""

        member_ids: tuple[str, ...]

    @classmethod
    def form(
        cls, act: Act, *, group_id: UUID, name: str, member_ids: tuple[str, ...], subjects: tuple[str, ...] = ()
    ) -> Group:
        """Form a group; `subjects` are all names under which the one who forms it is known."""
        own = _unmet_own(act, subjects, (), member_ids)
        refuse_any((*unmet_entitlement(act, KEEPERS_OF_PEOPLE, "Forming a group"), *own))
        return cls(id=group_id, act=act, name=name, member_ids=member_ids)

    @classmethod
    def install(cls, act: Act, *, group_id: UUID, name: str, member_ids: tuple[str, ...]) -> Group:
        """Form a group at the installation, when nobody could be entitled yet."""
        return cls(id=group_id, act=act, name=name, member_ids=member_ids)

    def name_members(self, act: Act, *, member_ids: tuple[str, ...], subjects: tuple[str, ...] = ()) -> None:
        """Replace the members. Nobody brings themselves in, under any of their names (`subjects`)."""
        refuse_any((*self.unmet_for_name_members(act), *_unmet_own(act, subjects, self.member_ids, member_ids)))
        self._members_named(act=act, member_ids=member_ids)

    def unmet_for_name_members(self, act: Act) -> Iterator[Unmet]:
        yield from unmet_entitlement(act, KEEPERS_OF_PEOPLE, "Naming the members of a group")

    def next(self, act: Act) -> tuple[NextCommand, ...]:
        """Say which commands could come next, by whom, and why not."""
        return (NextCommand("name_members", KEEPERS_OF_PEOPLE, tuple(self.unmet_for_name_members(act))),)

    @event(Formed)
    def __init__(self, id: UUID, act: Act, name: str, member_ids: tuple[str, ...]) -> None:
        self.name = name
        self.member_ids = member_ids

    @event(MembersNamed)
    def _members_named(self, act: Act, member_ids: tuple[str, ...]) -> None:
        self.member_ids = member_ids


def _unmet_roles(roles: tuple[str, ...]) -> Iterator[Unmet]:
    if set(roles) - set(ROLES):
        yield Unmet(
            "unknown-role",
            f"Not a role: {', '.join(sorted(set(roles) - set(ROLES)))}.",
            source="roles",
            remedy=f"use {', '.join(ROLES)}",
        )


def _unmet_new(act: Act, person_id: str, known_as: str | None) -> Iterator[Unmet]:
    if known_as is not None:
        yield Unmet(
            "already-known",
            f"{person_id} already means {known_as}.",
            source="person_id",
            remedy="give roles to the person who is known: PUT /change/v1/people/{person_id}/roles",
        )
    if person_id == act.person:
        yield Forbidden(
            "own-roles",
            "Nobody gives roles to themselves.",
            source="person_id",
            remedy=f"ask another {' or '.join(KEEPERS_OF_PEOPLE)}",
            person=act.person,
        )


def _unmet_own(act: Act, subjects: tuple[str, ...], before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Unmet]:
    if {act.person, *subjects} & (set(after) - set(before)):
        yield Forbidden(
            "own-membership",
            "Nobody brings themselves into a group.",
            source="member_ids",
            remedy=f"ask another {' or '.join(KEEPERS_OF_PEOPLE)}",
            person=act.person,
        )
