"""Names of people for printing; events carry only their opaque ids."""

from __future__ import annotations

from pathlib import Path

from fourgates_cli.people import Secrets


def names_from(people_file: Path) -> dict[str, str]:
    """Return the name of each id in a people file or a secrets file."""
    return Secrets.read(people_file).names()
