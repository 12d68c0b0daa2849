"""Getting a token for a person from the issuer, with that person's secret."""

from __future__ import annotations

from fourgates_cli.client import Answer, Caller, Recorder, no_record
from fourgates_cli.exits import AnticipatedError, Exit

TOKEN_PATH = "/identity/token"  # noqa: S105 - a path, not a secret


class LoginRefusedError(AnticipatedError):
    """The issuer does not accept this name with this secret."""

    exit = Exit.NOT_AUTHENTICATED


def try_log_in(url: str, username: str, secret: str, *, record: Recorder = no_record) -> Answer:
    """Ask for a token, and return the answer whatever it says."""
    form = {"grant_type": "password", "username": username, "password": secret}
    with Caller(url, record=record) as caller:
        return caller.ask("POST", TOKEN_PATH, form=form)


def log_in(url: str, username: str, secret: str, *, record: Recorder = no_record) -> str:
    """Return a token. Raises `LoginRefusedError`."""
    answer = try_log_in(url, username, secret, record=record)
    if not answer.ok:
        said = answer.body.get("error_description", "") if isinstance(answer.body, dict) else ""
        raise LoginRefusedError(f"{username} is not logged in ({answer.status}): {said}")
    return str(answer.body["access_token"])
