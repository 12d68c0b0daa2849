"""Use cases about people, groups and the authority policy, and the installation that begins with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, derived_id

from change_service import views
from change_service.application.base import UseCaseBase
from change_service.domain import (
    POLICY_ID,
    AuthorityPolicy,
    Delegation,
    Group,
    Person,
    Rule,
    id_of_person,
)


@dataclass(frozen=True)
class PersonEntry:
    """A person or machine account with whom an installation starts."""

    person_id: str
    roles: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    machine: bool = False


class PeopleCases(UseCaseBase):
    """Who there is, who may decide, and by which policy."""

    def install(self, act: Act, *, people: tuple[PersonEntry, ...], rules: tuple[Rule, ...]) -> None:
        """Begin an installation. What is known already stays as it is, so this can be repeated at every start."""
        if self._work.find(AuthorityPolicy, POLICY_ID) is None:
            self._work.save(AuthorityPolicy.install(act, rules=rules))
        members: dict[str, list[str]] = {}
        for entry in people:
            for group in entry.groups:
                members.setdefault(group, []).append(entry.person_id)
            if self._work.find(Person, id_of_person(entry.person_id)) is None:
                self._work.save(
                    Person.install(
                        act,
                        person_id=entry.person_id,
                        roles=entry.roles,
                        aliases=entry.aliases,
                        machine=entry.machine,
                    )
                )
        for name, member_ids in members.items():
            if self._work.find(Group, id_of_group(name)) is None:
                group_id, members_named = id_of_group(name), tuple(member_ids)
                self._work.save(Group.install(act, group_id=group_id, name=name, member_ids=members_named))

    def register_person(self, act: Act, *, person_id: str, roles: tuple[str, ...], machine: bool) -> Person:
        known_as = views.person_of(self._work.views, person_id)
        person = Person.register(
            act,
            person_id=person_id,
            roles=roles,
            machine=machine,
            known_as=None if known_as is None else known_as["person_id"],
        )
        self._work.save(person)
        return person

    def give_roles(self, act: Act, *, person_id: str, roles: tuple[str, ...]) -> Person:
        person = self._work.get(Person, id_of_person(person_id))
        person.give_roles(act, roles=roles)
        self._work.save(person)
        return person

    def name_alias(self, act: Act, *, person_id: str, alias: str) -> Person:
        person = self._work.get(Person, id_of_person(person_id))
        known = views.person_of(self._work.views, alias)
        person.name_alias(act, alias=alias, known_as=None if known is None else known["person_id"])
        self._work.save(person)
        return person

    def delegate_roles(
        self,
        act: Act,
        *,
        person_id: str,
        delegation_id: UUID,
        delegate_id: str,
        roles: tuple[str, ...],
        starts_at: datetime | None,
        ends_at: datetime,
    ) -> Person:
        person = self._work.get(Person, id_of_person(person_id))
        delegate = self._work.get(Person, id_of_person(delegate_id))
        delegation = Delegation(delegation_id, delegate_id, roles, starts_at or act.at, ends_at)
        person.delegate(act, delegation=delegation, delegate=delegate)
        self._work.save(person)
        return person

    def end_delegation(self, act: Act, *, person_id: str, delegation_id: UUID) -> Person:
        person = self._work.get(Person, id_of_person(person_id))
        person.end_delegation(act, delegation_id=delegation_id)
        self._work.save(person)
        return person

    def form_group(self, act: Act, *, group_id: UUID, name: str, member_ids: tuple[str, ...]) -> Group:
        subjects = self._known(act)[1].subjects
        group = Group.form(act, group_id=group_id, name=name, member_ids=member_ids, subjects=subjects)
        self._work.save(group)
        return group

    def name_members(self, act: Act, *, group_id: UUID, member_ids: tuple[str, ...]) -> Group:
        group = self._work.get(Group, group_id)
        group.name_members(act, member_ids=member_ids, subjects=self._known(act)[1].subjects)
        self._work.save(group)
        return group

    def propose_policy(self, act: Act, *, policy_id: UUID, rules: tuple[Rule, ...]) -> AuthorityPolicy:
        """Propose the next policy version, with the roles that the person holds here."""
        policy = self._work.get(AuthorityPolicy, policy_id)
        policy.propose(self._known(act)[0], rules=rules)
        self._work.save(policy)
        return policy

    def approve_policy(self, act: Act, *, policy_id: UUID, digest: str) -> AuthorityPolicy:
        """Approve the proposed policy version, with the roles that the person holds here."""
        policy = self._work.get(AuthorityPolicy, policy_id)
        known, voter = self._known(act)
        policy.approve(known, digest=digest, subjects=voter.subjects)
        self._work.save(policy)
        return policy

    def decline_policy(self, act: Act, *, policy_id: UUID) -> AuthorityPolicy:
        """Decline the proposed policy version, with the roles that the person holds here."""
        policy = self._work.get(AuthorityPolicy, policy_id)
        policy.decline(self._known(act)[0])
        self._work.save(policy)
        return policy


def id_of_group(name: str) -> UUID:
    """Return the id of a group of the installation, which follows from its name."""
    return derived_id(POLICY_ID, f"group:{name}")
