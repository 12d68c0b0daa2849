"""The file of people and machine accounts: who may log in, with which roles, and which scopes a role gives."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from fourgates.chassis.identity.hashing import is_hash
from fourgates.chassis.prose import Identifier, Name, Subject

FILE_BYTES_MAX = 4_194_304
ENTRIES_MAX = 10_000
NAMES_MAX = 50


def _hash(value: str) -> str:
    if not is_hash(value):
        raise ValueError("must be a hash made by `hash_secret`")
    return value


Scope = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z0-9_-]+:[a-z0-9_-]+$")]
RoleName = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[a-z][a-z0-9_]*$")]
SecretHash = Annotated[str, StringConstraints(max_length=300), AfterValidator(_hash)]
Roles = Annotated[tuple[RoleName, ...], Field(max_length=NAMES_MAX)]


class _Entry(BaseModel):
    # A file is read in lax mode for its lists, which become tuples; everything else has only one JSON form.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Entry):
    """A person who can log in. `id` is the opaque subject; aliases are other subjects of the same person."""

    id: Subject
    username: Identifier
    name: Name
    secret_hash: SecretHash
    roles: Roles = ()
    groups: Annotated[tuple[Identifier, ...], Field(max_length=NAMES_MAX)] = ()
    aliases: Annotated[tuple[Subject, ...], Field(max_length=NAMES_MAX)] = ()


class Machine(_Entry):
    """A machine account: its id is its client id and its subject."""

    id: Subject
    secret_hash: SecretHash
    roles: Roles = ()
    scopes: Annotated[tuple[Scope, ...], Field(max_length=NAMES_MAX)] = ()


class PeopleFile(_Entry):
    """All people and machine accounts of one installation, and the scopes of each role."""

    roles: Annotated[dict[RoleName, Annotated[tuple[Scope, ...], Field(max_length=NAMES_MAX)]], Field(max_length=100)]
    people: Annotated[tuple[Person, ...], Field(max_length=ENTRIES_MAX)] = ()
    machines: Annotated[tuple[Machine, ...], Field(max_length=ENTRIES_MAX)] = ()

    def scopes_of(self, account: Person | Machine) -> frozenset[str]:
        """Return the scopes that an account has by its roles, and by itself."""
        by_role = {scope for role in account.roles for scope in self.roles.get(role, ())}
        return frozenset(by_role | set(account.scopes if isinstance(account, Machine) else ()))


class BadPeopleFile(Exception):
    """A file of people that cannot be used, with every problem in it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


def _is_a_people_file(path: Path) -> Path:
    try:
        load_people(path)
    except BadPeopleFile as bad:
        raise ValueError(f"is no file of people: {bad}") from bad
    return path


PeoplePath = Annotated[Path, AfterValidator(_is_a_people_file)]
"""A file that was found to be one of people, as a setting."""


def load_people(path: Path) -> PeopleFile:
    """Read the file, JSON or TOML by its ending. Raises `BadPeopleFile` with every problem in it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadPeopleFile([f"{path}: cannot be read ({error.strerror})"]) from error
    if len(raw) > FILE_BYTES_MAX:
        raise BadPeopleFile([f"{path}: larger than {FILE_BYTES_MAX} bytes"])
    try:
        text = raw.decode("utf-8")
        content: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPeopleFile([f"{path}: is no {'TOML' if path.suffix == '.toml' else 'JSON'} in UTF-8"]) from error
    return people_from(content)


def people_from(content: Any) -> PeopleFile:
    """Return the people of a parsed file. Raises `BadPeopleFile` with every problem in it."""
    try:
        people = PeopleFile.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise BadPeopleFile([f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in found]) from error
    problems = list(_contradictions(people))
    if problems:
        raise BadPeopleFile(problems)
    return people


def _contradictions(people: PeopleFile) -> Iterator[str]:
    subjects = [p.id for p in people.people] + [m.id for m in people.machines]
    aliases = [alias for p in people.people for alias in p.aliases]
    for subject in _repeated(subjects + aliases):
        yield f"{subject}: this id or alias stands for more than one account"
    for username in _repeated(p.username for p in people.people):
        yield f"{username}: this username belongs to more than one person"
    accounts: tuple[Person | Machine, ...] = (*people.people, *people.machines)
    for account in accounts:
        for role in sorted(set(account.roles) - set(people.roles)):
            yield f"{account.id}: the role {role} is not among the roles of the file"


def _repeated(values: Iterable[str]) -> list[str]:
    return sorted(value for value, count in Counter(values).items() if count > 1)
