"""Whether each process would start on what it is told, by its own settings, and whether all are told the same."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from fourgates.chassis.identity import verify_secret
from fourgates.chassis.identity.people import load_people
from fourgates.chassis.identity.process import IssuerSettings, read_issuer_settings
from fourgates.chassis.process.__main__ import main
from fourgates.chassis.process.prepare import read_prepared
from fourgates.chassis.process.settings import BadSettings, ProcessSettings, _settings_class
from fourgates.chassis.settings import ServiceSettings

from tests.deployment.reading import SERVICES, Told

COMMON = "FOURGATES_"
# Every setting that is a path has to be in one of the two.
READ, WRITTEN = {"people_file"}, {"data_folder", "own_folder", "key_file"}
KEEP_FILES = {"dml", "deploy"}
PAGE_TOKEN = "page-token.key"


def classes_of(name: str) -> list[type[Any]]:
    """The settings that a process reads."""
    if name == "issuer":
        return [IssuerSettings]
    # What prepares is told what all services are told in common, and reads its part.
    return [ProcessSettings, ServiceSettings] if name == "prepare" else [_settings_class(name), ProcessSettings]


def known_to(name: str) -> set[str]:
    """Every variable that a process may be told, those that the other services read from a common place among them."""
    fields = {field.upper() for cls in classes_of(name) for field in cls.model_fields}
    own = {f"{COMMON}{name.upper()}_{field}" for field in fields if name != "prepare"}
    others = {
        f"{COMMON}{other.upper()}_{field.upper()}"
        for other in SERVICES
        if other != name
        for cls in classes_of(other)
        for field in cls.model_fields
    }
    return {f"{COMMON}{field}" for field in fields} | own | (set() if name == "issuer" else others)


def effective(told: Told, setting: str) -> str:
    """What a process takes for a setting: its own variable first, then the common one."""
    own = told.environment.get(f"{COMMON}{told.name.upper()}_{setting.upper()}")
    return own or told.environment.get(f"{COMMON}{setting.upper()}", "")


def problems_of(told: Told, people: Path) -> list[str]:
    """Everything that would keep one process from starting. The people are where the container has them, and here."""
    found = [*_unknown(told), *_refused(told, people), *_paths(told)]
    return [f"{told.where}: {problem}" for problem in found]


def disagreements(all_told: Sequence[Told], people: Path) -> list[str]:
    """What the processes are told differently, though they have to agree."""
    by_name = {told.name: told for told in all_told}
    services = [by_name[name] for name in SERVICES]
    prepare = by_name["prepare"]
    found = [
        f"{setting}: {values}"
        for setting in ("issuer_url", "jwks_url", "token_url", "kafka_bootstrap", "kafka_replication", "sources_url")
        if len(values := {effective(told, setting) for told in services}) != 1
    ]
    if {effective(prepare, "kafka_bootstrap")} != {effective(services[0], "kafka_bootstrap")}:
        found.append("prepare has another Kafka")
    if "issuer" in by_name and effective(by_name["issuer"], "url") != effective(services[0], "issuer_url"):
        found.append("the issuer has another URL than services are told")
    prepared = {told.name: prepare.given.get(f"{COMMON}{told.name.upper()}_DATABASE_URL") for told in services}
    found += [
        f"{told.name} has another database than the one that is prepared"
        for told in services
        if prepared[told.name] != effective(told, "database_url")
    ]
    machines = {machine.id: machine.secret_hash for machine in load_people(people).machines}
    return found + [
        f"the secret of {told.name} does not open its account"
        for told in services
        if not verify_secret(effective(told, "client_secret"), machines[f"{told.name}-service"])
    ]


def _unknown(told: Told) -> Iterator[str]:
    known = known_to(told.name)
    for variable in told.given:
        if variable.startswith(COMMON) and variable not in known:
            yield f"{variable} is no setting"


def _refused(told: Told, people: Path) -> list[str]:
    """What the process itself says against its settings."""
    said = io.StringIO()
    with _environment(_on_this_machine(told, people)), contextlib.redirect_stderr(said):
        try:
            if told.name == "issuer":
                read_issuer_settings()
            elif told.name == "prepare":
                read_prepared(told.arguments)
            else:
                main([told.name, "--check"])
        except BadSettings as bad:
            return list(bad.problems)
    lacking = set(SERVICES) - set(told.arguments) if told.name == "prepare" else set()
    return [*said.getvalue().splitlines(), *(f"{name} is not prepared" for name in sorted(lacking))]


def _on_this_machine(told: Told, people: Path) -> dict[str, str]:
    """The environment with files of this machine in place of those of the container, where these are at all."""
    here = dict(told.environment)
    for name, value in told.environment.items():
        if name.endswith("_PEOPLE_FILE") and _below(value, told.mounted):
            here[name] = str(people)
        if name.endswith(("_FOLDER", "_KEY_FILE")):
            here[name] = str(people.parent / PurePosixPath(value).name)
    return here


def _paths(told: Told) -> Iterator[str]:
    paths = {name for cls in classes_of(told.name) for name, field in cls.model_fields.items() if _a_path(field)}
    yield from (f"{name}: is it read or written? say so here" for name in paths - READ - WRITTEN)
    if told.name == "prepare":
        return
    for name in sorted(paths & READ):
        value = effective(told, name)
        if not _below(value or "/nowhere", told.mounted):
            yield f"{name}: {value or 'what it reads'} is not mounted"
    for name in sorted(paths & WRITTEN):
        value = effective(told, name)
        if value and not _below(value, told.writable):
            yield f"{name}: {value} cannot be written to"
    if told.name in SERVICES:
        yield from _kept(told, PurePosixPath(effective(told, "data_folder")) / told.name)


def _kept(told: Told, folder: PurePosixPath) -> Iterator[str]:
    """Look whether what a service keeps is there again after its container, and in each replica."""
    if told.name in KEEP_FILES and not _below(str(folder), told.kept):
        yield f"data_folder: {folder} is gone with the container"
    key = str(folder / PAGE_TOKEN)
    if told.replicas > 1 and key not in told.mounted and not _below(key, told.kept):
        yield f"data_folder: each replica makes a {key} of its own"


def _a_path(field: Any) -> bool:
    return field.annotation is Path or Path in get_args(field.annotation)


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(PurePosixPath(path).is_relative_to(folder) for folder in folders)


@contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    """Exactly this environment, for the length of a block."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(told)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
