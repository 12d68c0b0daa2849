"""People at their desks: they ask, lose answers, ask again under the same key, and remember what was acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.hosting import LOST, Answer, Host

TRIES_MAX = 4


@dataclass
class Intent:
    """One thing that somebody wanted, and every request that was sent for it under one key."""

    key: str
    service: str
    person: str
    method: str
    path: str
    requests: list[str] = field(default_factory=list)
    status: int = 0
    version: int | None = None
    thing: str | None = None

    def told(self) -> dict[str, Any]:
        """Return it as plain data, for the auditor."""
        return vars(self)


class Client:
    """Sends commands for everybody, and keeps what was answered."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.intents: list[Intent] = []
        self.problems: list[str] = []

    def get(self, person: str, path: str) -> Any:
        """Return what is shown, or nothing."""
        answer, _ = self._host.ask(person, "GET", path)
        return answer.body if answer.ok else None

    def etag(self, person: str, path: str) -> str:
        """Return the version of a thing, as it is quoted."""
        answer, _ = self._host.ask(person, "GET", path)
        return answer.headers.get("etag", '"0"')

    def post(self, person: str, path: str, **body: Any) -> Answer:
        """Give a command."""
        return self._insist(person, "POST", path, body)

    def put(self, person: str, path: str, of: str, **body: Any) -> Answer:
        """Write a part of a thing, as it stood when it was read."""
        return self._insist(person, "PUT", path, body, if_match=self.etag(person, of))

    def _insist(self, person: str, method: str, path: str, body: Any, **headers: str) -> Answer:
        chance = self._host.chance
        intent = Intent(str(chance.new()), path.lstrip("/").split("/", 1)[0], person, method, path)
        self.intents.append(intent)
        body = {"reason": f"{method} by {person}", **body}

        def once() -> Answer:
            answer, request_id = self._host.ask(person, method, path, body, idempotency_key=intent.key, **headers)
            intent.requests.append(request_id)
            return answer

        answer = self._until_answered(once)
        intent.status = answer.status
        if answer.ok:
            intent.version = _version(answer)
            intent.thing = str(answer.body["id"]) if isinstance(answer.body, dict) and "id" in answer.body else None
            if chance.strikes("asked_twice"):
                self._ask_again(intent, answer, once)
        self._host.tell(f"{person} {method} {path} -> {answer.status} {','.join(answer.codes)}")
        if answer.status >= 500 and answer.status != 503:
            self.problems.append(f"{method} {path} was answered with {answer.status}: {answer.body}")
        return answer

    def _until_answered(self, once: Callable[[], Answer]) -> Answer:
        answer = LOST
        for _ in range(TRIES_MAX):
            answer = once()
            if answer.status and self._host.chance.strikes("answer_lost"):
                answer = LOST
            if answer.status not in {0, 503}:
                return answer
        return answer

    def _ask_again(self, intent: Intent, first: Answer, once: Callable[[], Answer]) -> None:
        again = once()
        if again.status in {0, 503}:
            return
        if (again.status, again.body) != (first.status, first.body):
            self.problems.append(f"{intent.path}: the same key got {again.status} after {first.status}")


def _version(answer: Answer) -> int | None:
    quoted = answer.headers.get("etag", "").strip('"')
    return int(quoted) if quoted.isdecimal() else None
