"""Read models of people and groups, and who a subject is as a voter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fourgates.chassis.views import Row, Rows, View, Views, iso

from change_service.domain import Delegator, Group, Person, Voter
from change_service.views.plain import plain

# Lenders and groups that are looked at for each person who is asked for.
RELATED_MAX = 1000


def _registered(rows: Rows, happened: Person.Registered) -> None:
    rows.put(
        str(happened.originator_id),
        {
            "person_id": happened.person_id,
            "roles": list(happened.roles),
            "machine": happened.machine,
            "subjects": [happened.person_id],
            "delegations": [],
            "delegates": [],
        },
    )


def _write(rows: Rows, happened: Any, **fields: Any) -> None:
    row = rows.get(str(happened.originator_id))
    if row is not None:
        rows.put(str(happened.originator_id), {**row, **fields})


def _roles_given(rows: Rows, happened: Person.RolesGiven) -> None:
    _write(rows, happened, roles=list(happened.roles))


def _alias_named(rows: Rows, happened: Person.AliasNamed) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    _write(rows, happened, subjects=[*row.get("subjects", []), happened.alias])


def _delegations(rows: Rows, happened: Any, delegations: list[dict[str, Any]]) -> None:
    delegates = [delegation["delegate_id"] for delegation in delegations]
    _write(rows, happened, delegations=delegations, delegates=delegates)


def _delegated(rows: Rows, happened: Person.Delegated) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    _delegations(rows, happened, [*row.get("delegations", []), plain(happened.delegation)])


def _delegation_ended(rows: Rows, happened: Person.DelegationEnded) -> None:
    row = rows.get(str(happened.originator_id)) or {}
    ended = str(happened.delegation_id)
    _delegations(rows, happened, [d for d in row.get("delegations", []) if d["delegation_id"] != ended])


PEOPLE = View(
    "people",
    ("person_id", "roles", "machine", "subjects", "delegates"),
    {
        Person.Registered: _registered,
        Person.RolesGiven: _roles_given,
        Person.AliasNamed: _alias_named,
        Person.Delegated: _delegated,
        Person.DelegationEnded: _delegation_ended,
    },
    lists=("roles", "subjects", "delegates"),
    kept=True,
)


def _formed(rows: Rows, happened: Group.Formed) -> None:
    rows.put(str(happened.originator_id), {"name": happened.name, "member_ids": list(happened.member_ids)})


def _members_named(rows: Rows, happened: Group.MembersNamed) -> None:
    _write(rows, happened, member_ids=list(happened.member_ids))


GROUPS = View(
    "groups",
    ("name", "member_ids"),
    {Group.Formed: _formed, Group.MembersNamed: _members_named},
    lists=("member_ids",),
    kept=True,
)


def person_of(views: Views, subject: str) -> Row | None:
    """Return the person whom a subject means, by their own id or by an alias."""
    found = views.find("people", {"subjects": subject}, limit=1)
    return found[0] if found else None


def _voters(views: Views, rows: Mapping[str, Row], at: datetime) -> list[Voter]:
    """Return people as voters at a moment, each under the subject by which they are asked for."""
    everyone = sorted({subject for row in rows.values() for subject in row["subjects"]})
    limit = RELATED_MAX * len(rows)
    lenders = views.find("people", {"delegates": everyone}, limit=limit) if everyone else []
    groups = views.find("groups", {"member_ids": everyone}, limit=limit) if everyone else []
    # By the subject that they name: a large electorate is looked through while everybody else waits.
    lent, joined = _lent(lenders, at), _joined(groups)
    return [_voter(subject, row, lent, joined) for subject, row in rows.items()]


def _lent(lenders: Sequence[Row], at: datetime) -> dict[str, list[Delegator]]:
    """Return what was lent to each subject by delegations that hold at a moment."""
    now = iso(at)
    lent: dict[str, list[Delegator]] = {}
    for lender in lenders:
        for delegation in lender["delegations"]:
            if delegation["starts_at"] <= now < delegation["ends_at"]:
                # What the lender no longer holds is not lent any more, but a delegate stays one.
                roles = tuple(role for role in delegation["roles"] if role in lender["roles"])
                delegator = Delegator(lender["person_id"], tuple(lender["subjects"]), roles)
                lent.setdefault(delegation["delegate_id"], []).append(delegator)
    return lent


def _joined(groups: Sequence[Row]) -> dict[str, list[str]]:
    """Return the groups of each subject that is a member of one."""
    joined: dict[str, list[str]] = {}
    for group in groups:
        for member in dict.fromkeys(group["member_ids"]):
            joined.setdefault(member, []).append(group["key"])
    return joined


def _voter(
    subject: str, row: Row, lent: Mapping[str, Sequence[Delegator]], joined: Mapping[str, Sequence[str]]
) -> Voter:
    subjects = tuple(row["subjects"])
    return Voter(
        person_id=subject,
        identity=row["person_id"],
        subjects=subjects,
        roles=tuple(row["roles"]),
        groups=tuple(sorted({key for own in subjects for key in joined.get(own, ())})),
        delegators=tuple(delegator for own in subjects for delegator in lent.get(own, ())),
        machine=row["machine"],
    )


def voter_at(views: Views, subject: str, at: datetime) -> Voter | None:
    """Return a subject as a voter at a moment, or None when nobody is known by it."""
    row = person_of(views, subject)
    return None if row is None else _voters(views, {subject: row}, at)[0]


def voters_at(views: Views, roles: Sequence[str], group_ids: Sequence[str], at: datetime, limit: int) -> list[Voter]:
    """Return everybody who holds one of the roles or is a member of one of the groups."""
    members = [m for row in views.find("groups", {"key": group_ids}) for m in row["member_ids"]] if group_ids else []
    rows = {row["key"]: row for row in views.find("people", {"roles": roles}, limit=limit)} if roles else {}
    if members:
        rows |= {row["key"]: row for row in views.find("people", {"subjects": members}, limit=limit)}
    return _voters(views, {row["person_id"]: row for row in rows.values()}, at)


def kin_of(views: Views, subjects: Sequence[str], at: datetime) -> tuple[str, ...]:
    """Return people with all their aliases, and everybody to whom they have delegated, with theirs."""
    found = dict.fromkeys(subjects)
    for row in views.find("people", {"subjects": subjects}) if subjects else []:
        found.update(dict.fromkeys(row["subjects"]))
        delegates = [d["delegate_id"] for d in row["delegations"] if d["starts_at"] <= iso(at) < d["ends_at"]]
        for delegate in views.find("people", {"subjects": delegates}) if delegates else []:
            found.update(dict.fromkeys(delegate["subjects"]))
    return tuple(found)
