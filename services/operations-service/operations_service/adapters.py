"""The outside world of operations-service: the issuer, where people sign in, and the file that knows their names."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fourgates.chassis.http_client import HttpClient, HttpFailed
from fourgates.chassis.identity.people import load_people

from operations_service.application import SignInAway, SignInRefused

_WRONG = (
    "The name or the secret is wrong. Secrets are not passwords of another system: ask who keeps the people's file."
)


class IssuerSignIn:
    """Signs people in at the issuer with their own secret, for looking only."""

    def __init__(self, client: HttpClient, *, token_url: str, scope: str) -> None:
        self._client = client
        self._url = token_url
        self._scope = scope

    def token_for(self, username: str, secret: str) -> str:
        """Return a token of a person. Raises `SignInRefused` and `SignInAway`."""
        form = {"grant_type": "password", "username": username, "password": secret, "scope": self._scope}
        try:
            answer = self._client.request("POST", self._url, form=form)
            body = answer.json()
        except (HttpFailed, ValueError) as error:
            raise SignInAway("The issuer does not answer. Try again in a moment.") from error
        if answer.is_success and isinstance(body, dict) and isinstance(body.get("access_token"), str):
            return str(body["access_token"])
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SignInAway("The issuer has a problem of its own. Try again in a moment.")
        raise SignInRefused(_reason(body if isinstance(body, dict) else {}, answer.headers.get("retry-after", "")))


def _reason(body: Mapping[str, Any], retry_after: str) -> str:
    """Return why nobody was signed in, in our words: what another server says is not repeated to people."""
    if retry_after.isdecimal():
        return f"Too many failed attempts. Try again in {retry_after} seconds."
    told = {
        "unsupported_grant_type": "This issuer takes no names and secrets, so the console cannot sign you in with it.",
        "unauthorized_client": "This issuer takes no names and secrets, so the console cannot sign you in with it.",
        "invalid_scope": "Your account may not look at this: it lacks operations:read. Who keeps the roles gives it.",
        "invalid_request": "Give your name and your secret.",
    }
    return told.get(str(body.get("error")), _WRONG)


def names_in(people_file: Path | None) -> Mapping[str, str]:
    """Return the name of each subject in a people file; none without a file. Raises `BadPeopleFile`."""
    if people_file is None:
        return {}
    people = load_people(people_file).people
    return {subject: person.name for person in people for subject in (person.id, *person.aliases)}
