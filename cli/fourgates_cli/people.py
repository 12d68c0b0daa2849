"""The people of a fresh data folder: demo people and machine accounts with random secrets, made once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourgates.chassis.identity import hash_secret
from fourgates.chassis.identity.people import BadPeopleFile, load_people
from fourgates.chassis.ids import TimeOrderedIds

from fourgates_cli.exits import AnticipatedError
from fourgates_cli.tokens import write_private

SECRET_BYTES = 18
# Everybody may look; who may write what follows from the role.
READS = ("change:read", "release:read", "dml:read", "deploy:read", "review:read", "operations:read")

# The scopes of each role; the rules about who may do what are in the services.
SCOPES: Mapping[str, tuple[str, ...]] = {
    "requester": (*READS, "change:write", "release:write"),
    "service_owner": (*READS, "change:write", "release:write", "dml:write", "review:write"),
    "release_manager": (*READS, "change:write", "release:write", "dml:write", "deploy:execute", "review:write"),
    "builder": (*READS, "release:write", "dml:write"),
    "tester": (*READS, "release:write", "dml:write"),
    "change_manager": (
        *(*READS, "operations:write"),
        *("change:write", "change:authorize", "release:write", "dml:write", "review:write"),
    ),
    "change_authority": (*READS, "change:write", "change:authorize", "dml:write"),
    "cab_member": (*READS, "change:authorize"),
    "ecab_member": (*READS, "change:authorize"),
    "deployer": (*READS, "release:write", "dml:write", "deploy:execute"),
    "auditor": (*READS, "audit:read"),
    "machine": READS,
}

# Who plays in the walk-through: a name, and the roles that the person holds.
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "rita": ("requester",),
    "oskar": ("service_owner",),
    "rhea": ("release_manager",),
    "bob": ("builder",),
    "tess": ("tester",),
    "mona": ("change_manager",),
    "cora": ("change_authority", "cab_member"),
    # A requester, too, so that what keeps him from voting on his own request is not a missing role.
    "carl": ("change_authority", "cab_member", "requester"),
    "eve": ("ecab_member",),
    "dan": ("deployer",),
    "ada": ("auditor",),
    # The two of the night. Nils sits in the ECAB, too: what keeps him from his own vote is his part in the work.
    "nils": ("requester", "builder", "tester", "deployer", "release_manager", "ecab_member"),
    "nora": ("change_manager", "ecab_member"),
}
SERVICE_SCOPES: Mapping[str, tuple[str, ...]] = {
    "ci": ("dml:write", "release:write"),
    "change-service": (),
    "release-service": (),
    "dml-service": (),
    "deploy-service": (),
    "review-service": (),
    "operations-service": (),
}


class UnreadablePeopleError(AnticipatedError):
    """A file of people or of their secrets cannot be read."""


@dataclass(frozen=True)
class Secrets:
    """The secrets of demo people and machine accounts, as a file keeps them for their owner alone."""

    file: Path
    people: Mapping[str, Mapping[str, str]]
    machines: Mapping[str, str]

    @classmethod
    def read(cls, file: Path) -> Secrets:
        """Read a secrets file. Raises `UnreadablePeopleError`."""
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            return cls(file, kept["people"], kept["machines"])
        except (OSError, ValueError, KeyError) as error:
            raise UnreadablePeopleError(f"{file} holds no secrets of people, as `fourgates up` writes them") from error

    def of(self, username: str) -> str:
        """Return the secret of a person."""
        return self.people[username]["secret"]

    def person_id(self, username: str) -> str:
        """Return the opaque id of a person."""
        return self.people[username]["id"]

    def machine(self, client_id: str) -> str:
        """Return the secret of a machine account."""
        return self.machines[client_id]


def people_file(data: Path) -> Path:
    """Return where the people of a data folder are kept, with hashed secrets."""
    return data / "people.json"


def secrets_file(data: Path) -> Path:
    """Return where the secrets of demo people are kept."""
    return data / "people-secrets.json"


def ensure_people(data: Path) -> Secrets:
    """Return the secrets of a data folder's people, made when it has no people yet."""
    if people_file(data).exists() and secrets_file(data).exists():
        return Secrets.read(secrets_file(data))
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    ids = TimeOrderedIds()
    people = {name: {"id": str(ids.new()), "secret": _secret()} for name in PEOPLE}
    machines = {name: _secret() for name in SERVICE_SCOPES}
    write_private(secrets_file(data), json.dumps({"people": people, "machines": machines}, indent=2))
    write_private(people_file(data), json.dumps(_content(people, machines), indent=2))
    load_people(people_file(data))
    return Secrets.read(secrets_file(data))


def names_in(file: Path) -> dict[str, str]:
    """Return the name of each id in a people file."""
    try:
        people = load_people(file)
    except BadPeopleFile as bad:
        raise UnreadablePeopleError(str(bad)) from bad
    return {subject: person.name for person in people.people for subject in (person.id, *person.aliases)}


def _content(people: Mapping[str, Mapping[str, str]], machines: Mapping[str, str]) -> dict[str, Any]:
    with ThreadPoolExecutor() as pool:
        hashes = dict(zip([*people, *machines], pool.map(hash_secret, _all_secrets(people, machines)), strict=True))
    return {
        "roles": {role: list(dict.fromkeys(scopes)) for role, scopes in SCOPES.items()},
        "people": [
            {
                "id": person["id"],
                "username": name,
                "name": name.capitalize(),
                "secret_hash": hashes[name],
                "roles": list(PEOPLE[name]),
            }
            for name, person in people.items()
        ],
        "machines": [
            {"id": name, "secret_hash": hashes[name], "roles": ["machine"], "scopes": list(SERVICE_SCOPES[name])}
            for name in machines
        ],
    }


def _all_secrets(people: Mapping[str, Mapping[str, str]], machines: Mapping[str, str]) -> list[str]:
    return [*(person["secret"] for person in people.values()), *machines.values()]


def _secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)
