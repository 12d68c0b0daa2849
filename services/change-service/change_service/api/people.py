"""People and groups over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fourgates.chassis.http import (
    Answer,
    HistoryAnswer,
    Name,
    NextAnswer,
    Page,
    PathId,
    Strict,
    Subject,
    Text,
    filters,
)
from fourgates.chassis.http.reading import next_answer
from pydantic import Field

from change_service.api.shapes import (
    EXAMPLE_ID,
    LIST_MAX,
    Authorizer,
    Moment,
    Reader,
    Reason,
    Writer,
    example,
    from_row,
    shown,
)
from change_service.domain import Group, Person, id_of_person

OfRole = Annotated[list[Name] | None, Query(description="Only people who hold one of these roles.")]
OfSubject = Annotated[Name | None, Query(description="Only the person whom this subject means.")]
OfMachine = Annotated[bool | None, Query(description="Only machine accounts, or only people.")]
OfMember = Annotated[Name | None, Query(description="Only groups with this member.")]
OfName = Annotated[Name | None, Query(description="Only the group with this name.")]
WhichPerson = Annotated[Subject, Path(description="The subject of the person's token.")]
Roles = Annotated[list[Name], Field(max_length=50)]

router = APIRouter(prefix="/v1", tags=["people"])


class RegisterPerson(Strict):
    """A person or machine account that becomes known."""

    model_config = example(person_id="0192d3a0-subject", roles=["cab_member"], machine=False, reason="joined the CAB")

    person_id: Subject
    roles: Roles
    machine: bool = False
    reason: Text


class GiveRoles(Strict):
    """The roles that a person holds from now on."""

    model_config = example(roles=["cab_member", "change_authority"], reason="appointed")

    roles: Roles
    reason: Text


class NameAlias(Strict):
    """Another subject of the same person."""

    model_config = example(alias="0192d3a0-other", reason="the same person has a second account")

    alias: Subject
    reason: Text


class DelegateRoles(Strict):
    """Roles that are lent to another person for a time; it starts now when no start is given."""

    model_config = example(
        delegate_id="0192d3a0-other",
        roles=["cab_member"],
        starts_at=None,
        ends_at="2030-01-01T00:00:00Z",
        reason="on leave",
    )

    delegate_id: Subject
    roles: Roles
    starts_at: Moment | None = None
    ends_at: Moment
    reason: Text


class FormGroup(Strict):
    """A named group of people."""

    model_config = example(name="CAB of the shop", member_ids=["0192d3a0-subject"], reason="the shop has its own CAB")

    name: Name
    member_ids: Annotated[list[Subject], Field(max_length=LIST_MAX)]
    reason: Text


class NameMembers(Strict):
    """The members of a group from now on."""

    model_config = example(member_ids=["0192d3a0-subject"], reason=f"after the vote {EXAMPLE_ID}")

    member_ids: Annotated[list[Subject], Field(max_length=LIST_MAX)]
    reason: Text


class DelegationAnswer(Answer):
    """Roles that were lent."""

    delegation_id: UUID
    delegate_id: str
    roles: list[str]
    starts_at: str
    ends_at: str


class PersonAnswer(Answer):
    """A person as change management knows them; names live elsewhere."""

    person_id: str
    roles: list[str]
    machine: bool
    subjects: list[str]
    delegations: list[DelegationAnswer]


class GroupAnswer(Answer):
    """A group of people."""

    id: UUID
    name: str
    member_ids: list[str]


def present_person(person: Person) -> PersonAnswer:
    """Present a person."""
    return shown(
        PersonAnswer,
        person_id=person.person_id,
        roles=person.roles,
        machine=person.machine,
        subjects=person.subjects,
        delegations=person.delegations,
    )


def present_group(group: Group) -> GroupAnswer:
    """Present a group."""
    return shown(GroupAnswer, id=group.id, name=group.name, member_ids=group.member_ids)


def _location(person: Person) -> str:
    return f"/v1/people/{person.person_id}"


@router.post(
    "/people",
    operation_id="people_register",
    summary="Make a person known",
    status_code=201,
    response_model=PersonAnswer,
)
async def register_person(body: RegisterPerson, call: Writer) -> Response:
    """Make a person or a machine account known, with their roles."""
    return await call.command(
        lambda use_cases: use_cases.register_person(
            call.act(body.reason), person_id=body.person_id, roles=tuple(body.roles), machine=body.machine
        ),
        present=present_person,
        status=201,
        location=_location,
    )


@router.get("/people", operation_id="people_list", summary="List people", response_model=Page[PersonAnswer])
def list_people(call: Reader, role: OfRole = None, subject: OfSubject = None, machine: OfMachine = None) -> Response:
    """List people and machine accounts."""
    where = filters(roles=role, subjects=subject, machine=machine)
    return call.page("people", where, order_by="person_id", present=from_row(PersonAnswer))


@router.get("/people/{person_id}", operation_id="people_get", summary="Show a person", response_model=PersonAnswer)
async def get_person(person_id: WhichPerson, call: Reader) -> Response:
    """Show a person with their roles, aliases and delegations."""
    return await call.show(Person, id_of_person(person_id), present_person)


@router.get(
    "/people/{person_id}/next", operation_id="people_next", summary="What can be done next", response_model=NextAnswer
)
def next_of_person(person_id: WhichPerson, call: Reader) -> Response:
    """Say what can be done next with a person, by whom, and why not."""
    return call.next(Person, id_of_person(person_id))


@router.get(
    "/people/{person_id}/history",
    operation_id="people_history",
    summary="The events of a person",
    response_model=HistoryAnswer,
)
def history_of_person(person_id: WhichPerson, call: Reader) -> Response:
    """Return what happened to a person's roles, aliases and delegations, in order."""
    return call.history(Person, id_of_person(person_id))


@router.put(
    "/people/{person_id}/roles", operation_id="people_give_roles", summary="Give roles", response_model=PersonAnswer
)
async def give_roles(person_id: WhichPerson, body: GiveRoles, call: Writer) -> Response:
    """Replace the roles of a person; nobody changes their own."""
    return await call.command(
        lambda use_cases: use_cases.give_roles(call.act(body.reason), person_id=person_id, roles=tuple(body.roles)),
        present=present_person,
        if_match=True,
    )


@router.post(
    "/people/{person_id}/aliases",
    operation_id="people_name_alias",
    summary="Name an alias",
    status_code=201,
    response_model=PersonAnswer,
)
async def name_alias(person_id: WhichPerson, body: NameAlias, call: Writer) -> Response:
    """Say that another subject is the same person, so that they never count twice."""
    return await call.command(
        lambda use_cases: use_cases.name_alias(call.act(body.reason), person_id=person_id, alias=body.alias),
        present=present_person,
        status=201,
        location=_location,
    )


@router.post(
    "/people/{person_id}/delegations",
    operation_id="people_delegate",
    summary="Delegate roles",
    status_code=201,
    response_model=PersonAnswer,
)
async def delegate_roles(person_id: WhichPerson, body: DelegateRoles, call: Authorizer) -> Response:
    """Lend one's own roles to another person for a time."""
    return await call.command(
        lambda use_cases: use_cases.delegate_roles(
            call.act(body.reason),
            person_id=person_id,
            delegation_id=call.new_id(),
            delegate_id=body.delegate_id,
            roles=tuple(body.roles),
            starts_at=body.starts_at,
            ends_at=body.ends_at,
        ),
        present=present_person,
        status=201,
        location=_location,
    )


@router.post(
    "/people/{person_id}/delegations/{delegation_id}/ending",
    operation_id="people_end_delegation",
    summary="End a delegation",
    response_model=PersonAnswer,
)
async def end_delegation(person_id: WhichPerson, delegation_id: PathId, body: Reason, call: Authorizer) -> Response:
    """End a delegation before its time."""
    return await call.command(
        lambda use_cases: use_cases.end_delegation(
            call.act(body.reason), person_id=person_id, delegation_id=delegation_id
        ),
        present=present_person,
    )


@router.post("/groups", operation_id="groups_form", summary="Form a group", status_code=201, response_model=GroupAnswer)
async def form_group(body: FormGroup, call: Writer) -> Response:
    """Form a group, of which a policy may ask for some."""
    return await call.command(
        lambda use_cases: use_cases.form_group(
            call.act(body.reason), group_id=call.new_id(), name=body.name, member_ids=tuple(body.member_ids)
        ),
        present=present_group,
        status=201,
        location=lambda group: f"/v1/groups/{group.id}",
    )


@router.get("/groups", operation_id="groups_list", summary="List groups", response_model=Page[GroupAnswer])
def list_groups(call: Reader, name: OfName = None, member_id: OfMember = None) -> Response:
    """List groups."""
    return call.page("groups", filters(name=name, member_ids=member_id), present=from_row(GroupAnswer))


@router.get("/groups/{group_id}", operation_id="groups_get", summary="Show a group", response_model=GroupAnswer)
async def get_group(group_id: PathId, call: Reader) -> Response:
    """Show a group with its members."""
    return await call.show(Group, group_id, present_group)


@router.get(
    "/groups/{group_id}/next", operation_id="groups_next", summary="What can be done next", response_model=NextAnswer
)
def next_of_group(group_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a group, by whom, and why not."""
    group = call.get(Group, group_id)
    return call.answer(next_answer(group.next(call.act())))


@router.get(
    "/groups/{group_id}/history",
    operation_id="groups_history",
    summary="The events of a group",
    response_model=HistoryAnswer,
)
def history_of_group(group_id: PathId, call: Reader) -> Response:
    """Return the events of a group in order."""
    return call.history(Group, group_id)


@router.put(
    "/groups/{group_id}/members",
    operation_id="groups_name_members",
    summary="Name the members of a group",
    response_model=GroupAnswer,
)
async def name_members(group_id: PathId, body: NameMembers, call: Writer) -> Response:
    """Replace the members of a group; nobody brings themselves in."""
    return await call.command(
        lambda use_cases: use_cases.name_members(
            call.act(body.reason), group_id=group_id, member_ids=tuple(body.member_ids)
        ),
        present=present_group,
        if_match=True,
    )
