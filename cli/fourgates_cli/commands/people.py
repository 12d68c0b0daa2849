"""Logging in, and keeping a file of people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from fourgates.chassis.identity import hash_secret
from fourgates.chassis.identity.people import BadPeopleFile, load_people
from rich.console import Console

from fourgates_cli import places
from fourgates_cli.exits import Exit
from fourgates_cli.login import log_in
from fourgates_cli.tokens import keep_token

console = Console(highlight=False)
Url = Annotated[str, typer.Option("--url", envvar="FOURGATES_URL", help="Where Fourgates answers.")]
FromStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the secret from standard input; ask for nothing.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("login")(login)
    people = typer.Typer(no_args_is_help=True, help="Files of people, as the development issuer reads them.")
    people.command("hash")(hash_one)
    people.command("list")(list_people)
    app.add_typer(people, name="people")


def login(
    username: Annotated[str, typer.Option("--username", help="Whose secret is asked for.")],
    url: Url = places.URL,
    *,
    secret_stdin: FromStdin = False,
    show: Annotated[bool, typer.Option("--print", help="Print the token instead of keeping it.")] = False,
) -> None:
    """Log in as a person: asks for that person's secret, and keeps the token for you alone."""
    token = log_in(url, username, _secret(f"Secret of {username}", from_stdin=secret_stdin))
    if show:
        typer.echo(token)
        return
    console.print(f"Logged in at {url} as {username}; the token lies in {keep_token(url, token)}.", soft_wrap=True)


def hash_one(*, secret_stdin: FromStdin = False) -> None:
    """Print the hash of a secret, as a people file keeps it."""
    typer.echo(hash_secret(_secret("Secret", from_stdin=secret_stdin)))


def list_people(file: Annotated[Path, typer.Argument(help="A people file, JSON or TOML.")]) -> None:
    """Check a people file and print who is in it."""
    try:
        people = load_people(file)
    except BadPeopleFile as bad:
        for problem in bad.problems:
            console.print(problem, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(Exit.FAILED) from bad
    for person in people.people:
        console.print(
            f"{person.username:<12} {person.id}  {person.name}: {', '.join(person.roles)}", markup=False, soft_wrap=True
        )
    for machine in people.machines:
        scopes = " ".join(sorted(people.scopes_of(machine)))
        console.print(f"{machine.id:<20} machine account: {scopes}", markup=False, soft_wrap=True)


def _secret(prompt: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(prompt, hide_input=True, err=True))
