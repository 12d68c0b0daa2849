"""Looking after dead letters: messages that a service could not handle, and what a person decides about them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console

from fourgates_cli import places
from fourgates_cli.client import Caller
from fourgates_cli.exits import Exit
from fourgates_cli.tokens import token_for

console = Console(highlight=False)


class Service(StrEnum):
    """The services, each with dead letters of its own."""

    CHANGE = "change"
    RELEASE = "release"
    DML = "dml"
    DEPLOY = "deploy"
    REVIEW = "review"
    OPERATIONS = "operations"


Url = Annotated[str, typer.Option("--url", envvar="FOURGATES_URL", help="Where Fourgates answers.")]
Of = Annotated[Service, typer.Argument(help="The service that could not handle the message.")]
Place = Annotated[int, typer.Argument(min=1, help="The dead letter, by the number in the list.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the log of the service.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    letters = typer.Typer(no_args_is_help=True, help="Dead letters: messages that a service could not handle.")
    letters.command("list")(list_waiting)
    letters.command("show")(show)
    letters.command("retry")(retry)
    letters.command("discard")(discard)
    app.add_typer(letters, name="dlq")


def list_waiting(
    service: Annotated[Service | None, typer.Argument(help="One service; all of them when left out.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only those of this source.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Only those about this thing, by its id.")] = None,
    url: Url = places.URL,
) -> None:
    """Print what waits, of one service or of all, and why."""
    chosen = {name: value for name, value in (("source", source), ("key", key)) if value is not None}
    query = f"?{urlencode(chosen)}" if chosen else ""
    with Caller(url, token=token_for(url)) as caller:
        for one in [service] if service else list(Service):
            for letter in caller.every(_path(one) + query):
                _print_one(one, letter)


def show(service: Of, place: Place, url: Url = places.URL) -> None:
    """Print a dead letter: what arrived, why it could not be handled, and what was decided about it."""
    with Caller(url, token=token_for(url)) as caller:
        letter = caller.get(_path(service, place))
    _print_one(service, letter)
    if letter["first"] is not None and letter["first"] < place:
        _print(f"  behind {service} {letter['first']}, which has to be retried or discarded first")
    for event in letter["history"]:
        _print(f"  {event['at']}  {event['type'].rpartition('.')[2]} by {event['by']}: {event['why']}")
    for name, value in sorted(letter["headers"].items()):
        _print(f"  {name}: {value}")
    _print(f"  sha256 {letter['body_digest']}, {letter['body_bytes']} bytes")
    _print(letter["body"])


def retry(service: Of, place: Place, reason: Reason, url: Url = places.URL) -> None:
    """Handle a message again, and what waits behind it; exit 1 when it cannot be handled yet."""
    with Caller(url, token=token_for(url)) as caller:
        letter = caller.post(f"{_path(service, place)}/retries", {"reason": reason})
        first = caller.get(_path(service, place))["first"]
    _print_one(service, letter)
    if letter["state"] == "waiting":
        raise typer.Exit(Exit.FAILED)
    if first is not None:
        _print(f"About the same thing {service} {first} still waits: fourgates dlq show {service} {first}")


def discard(service: Of, place: Place, reason: Reason, url: Url = places.URL) -> None:
    """Give a message up for ever; those behind it wait on."""
    with Caller(url, token=token_for(url)) as caller:
        letter = caller.post(f"{_path(service, place)}/discards", {"reason": reason})
    _print_one(service, letter)


def _path(service: Service, place: int | None = None) -> str:
    collection = f"/{service}/v1/dead-letters"
    return collection if place is None else f"{collection}/{place}"


def _print_one(service: Service, letter: dict[str, Any]) -> None:
    kind = letter["message_type"].removeprefix("dev.fourgates.") or "unreadable"
    _print(f"{service} {letter['place']}  {letter['state']}  {kind} about {letter['key'] or 'nothing known'}")
    in_vain = letter["retries"] - (letter["state"] == "handled")
    retries = f" (retried in vain: {in_vain})" if in_vain else ""
    _print(f"  parked {letter['parked_at'][:19].replace('T', ' ')}: {letter['reason']}{retries}")


def _print(text: str) -> None:
    """Print what strangers wrote, too, without letting it steer the terminal."""
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    console.print(shown, markup=False, soft_wrap=True)
