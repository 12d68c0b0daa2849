"""Asking about one release: its history in words, and what can come next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from fourgates_cli import places
from fourgates_cli.client import Caller
from fourgates_cli.exits import AnticipatedError, Exit
from fourgates_cli.history import in_words
from fourgates_cli.people import names_in
from fourgates_cli.tokens import token_for

Url = Annotated[str, typer.Option("--url", envvar="FOURGATES_URL", help="Where Fourgates answers.")]
PeopleFile = Annotated[
    Path | None,
    typer.Option("--people", envvar="FOURGATES_PEOPLE", help="A people file, to print names instead of opaque ids."),
]
Release = Annotated[str, typer.Argument(help="A release, by its id or its number, such as REL-1001.")]
console = Console(highlight=False)


class UnknownReleaseError(AnticipatedError):
    """No release has this id or number."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("history")(history)
    app.command("next")(what_next)


def history(release: Release, url: Url = places.URL, people: PeopleFile = None) -> None:
    """Print the history of a release from its log, in words."""
    with Caller(url, token=token_for(url)) as caller:
        found = find_release(caller, release)
        print_history(caller, found, names_in(people) if people else {})


def what_next(release: Release, url: Url = places.URL) -> None:
    """Print what can be done next with a release, by whom, and if not, why not; exit 3 when nothing can."""
    with Caller(url, token=token_for(url)) as caller:
        found = find_release(caller, release)
        commands = caller.get(f"/release/v1/releases/{found['id']}/next")["commands"]
    if not commands:
        console.print(f"Nothing comes next: the release is {found['state']}.", markup=False)
    for command in commands:
        sign = "✓" if command["possible"] else "✗"
        console.print(f"{sign} {command['command']}  (by {', '.join(command['by']) or 'anybody'})", markup=False)
        for unmet in command["unmet"]:
            console.print(f"    {unmet['code']}: {unmet['detail']} → {unmet['remedy']}", markup=False, soft_wrap=True)
    if not any(command["possible"] for command in commands):
        raise typer.Exit(Exit.GATE_SAYS_NO)


def find_release(caller: Caller, named: str) -> dict[str, Any]:
    """Return a release by its id or number. Raises `UnknownReleaseError`."""
    try:
        return dict(caller.get(f"/release/v1/releases/{UUID(named)}"))
    except ValueError:
        found = [item for item in caller.every("/release/v1/releases") if item["number"] == named.upper()]
    if not found:
        raise UnknownReleaseError(f"there is no release {named}")
    return found[0]


def print_history(caller: Caller, release: dict[str, Any], names: dict[str, str]) -> None:
    """Print one sentence or more for each event of a release."""
    entries = caller.every(f"/release/v1/releases/{release['id']}/history")
    for sentence in in_words(entries, names):
        console.print(sentence, markup=False, soft_wrap=True)
