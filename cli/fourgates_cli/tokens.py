"""Where a person's tokens are kept between commands: one file in the user's configuration folder, for them alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer

from fourgates_cli.exits import AnticipatedError, Exit

TOKEN_VARIABLE = "FOURGATES_TOKEN"  # noqa: S105 - the name of a variable, not a secret
_OWNER_ONLY = 0o600


class NotLoggedInError(AnticipatedError):
    """No token is kept for this address."""

    exit = Exit.NOT_AUTHENTICATED


def _file() -> Path:
    return Path(typer.get_app_dir("fourgates")) / "tokens.json"


def keep_token(url: str, token: str) -> Path:
    """Keep a token for an address, and say where."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = _kept() | {url.rstrip("/"): token}
    write_private(file, json.dumps(kept, indent=2))
    return file


def token_for(url: str) -> str:
    """Return the token for an address, from the environment or from the last login. Raises `NotLoggedInError`."""
    token = os.environ.get(TOKEN_VARIABLE) or _kept().get(url.rstrip("/"))
    if not token:
        raise NotLoggedInError(f"not logged in at {url}: run `fourgates login --url {url} --username NAME`")
    return token


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, also while it is being written."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)
    beside.replace(file)


def _kept() -> dict[str, str]:
    file = _file()
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
