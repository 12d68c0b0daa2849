"""The `fourgates` command: starting the services, walking through them, and asking them about releases."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from fourgates_cli.client import Problem
from fourgates_cli.commands import dead_letters, people, releases, running
from fourgates_cli.exits import AnticipatedError


class Commands(TyperGroup):
    """Commands whose anticipated failures end in one line and an exit code, never in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out the command."""
        try:
            return super().invoke(ctx)
        except AnticipatedError as failure:
            Console(stderr=True, highlight=False).print(_told(failure), style="red", markup=False, soft_wrap=True)
            raise typer.Exit(failure.exit) from failure


def _told(failure: Exception) -> str:
    if not isinstance(failure, Problem):
        return str(failure)
    lines = [f"{failure.answer.status} {failure.answer.reasons}"]
    lines += [f"  {error['code']}: {error['remedy']}" for error in failure.answer.errors if error.get("remedy")]
    return "\n".join(lines)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="ITIL release management in which every authorization and every phase transition can be proved.",
)
running.add_to(app)
releases.add_to(app)
people.add_to(app)
dead_letters.add_to(app)
