"""Speaking to a running Fourgates as one person: tokens, problem details, idempotency keys, entity tags."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from fourgates.chassis.http_client import HttpClient, HttpFailed, Response

from fourgates_cli.exits import AnticipatedError, Exit

Body = dict[str, Any]
POLL_S = 0.05
RETRY_S = 0.25
STALE_RETRIES_MAX = 5
REQUEST_TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 67_108_864


class Unreachable(AnticipatedError):
    """Nobody answers at this address."""


class Problem(AnticipatedError):
    """An answer that says no, with every reason that it gave."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"{answer.method} {answer.path}: {answer.status} {answer.reasons}")
        self.exit = _exit_of(answer)


class WaitedInVain(AnticipatedError):
    """What was waited for did not come within its time."""


@dataclass(frozen=True)
class Answer:
    """One answer: its status, its body, and its entity tag."""

    method: str
    path: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def ok(self) -> bool:
        """True for a success."""
        return 200 <= self.status < 300

    @property
    def errors(self) -> list[Body]:
        """Every unmet condition of a refusal, or every error of a malformed request: code, detail, remedy."""
        if not isinstance(self.body, dict):
            return []
        return [*self.body.get("unmet", []), *self.body.get("errors", [])]

    @property
    def slug(self) -> str:
        """The kind of a problem: the end of its address."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).rsplit("/", maxsplit=1)[-1]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all reasons of a refusal."""
        return tuple(error.get("code", "") for error in self.errors)

    @property
    def reasons(self) -> str:
        """Every reason in words."""
        if self.errors:
            return "; ".join(f"{error.get('code')}: {error.get('detail')}" for error in self.errors)
        return str(self.body.get("detail") or self.body.get("title")) if isinstance(self.body, dict) else ""


class Recorder(Protocol):
    """Keeps what was exchanged."""

    def __call__(self, *, method: str, path: str, status: int) -> None: ...


class FileRecorder:
    """Keeps every exchange as a line of JSON: method, path with its query, status."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")

    def __call__(self, *, method: str, path: str, status: int) -> None:
        line = json.dumps({"method": method, "path": path, "status": status})
        with self._file.open("a", encoding="utf-8") as kept:
            kept.write(line + "\n")


def no_record(*, method: str, path: str, status: int) -> None:
    """Keep nothing."""


class Caller:
    """Requests to one address, with the token of one person, or of nobody. As a context it is closed at the end.

    With patience, what was not answered because a service is away is asked again for so long, under the same
    idempotency key, so that it takes effect once; and what is waited for may come so much later.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        record: Recorder = no_record,
        client: HttpClient | None = None,
        patience_s: float = 0.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._record = record
        self._patience_s = patience_s
        self._client = client or HttpClient(timeout_s=REQUEST_TIMEOUT_S, answer_limit_bytes=ANSWER_BYTES_MAX)

    def with_token(self, token: str) -> Caller:
        """Return a caller with another token, over the same connections."""
        return Caller(self.url, token=token, record=self._record, client=self._client, patience_s=self._patience_s)

    def close(self) -> None:
        """Close all connections; nothing can be asked any more."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer, whatever it says. Raises `Unreachable`."""
        token = self.token or None
        ends = time.monotonic() + self._patience_s
        while True:
            try:
                response = self._client.request(
                    method, self.url + path, json=body, form=form, content=content, headers=headers, token=token
                )
            except HttpFailed as gone:
                if time.monotonic() >= ends:
                    raise Unreachable(f"{self.url} does not answer: {gone}") from gone
            else:
                self._record(method=method, path=path, status=response.status_code)
                if response.status_code not in _AWAY or time.monotonic() >= ends:
                    return _answer(method, path, response)
            time.sleep(RETRY_S)

    def get(self, path: str) -> Any:
        """Return the body of a thing. Raises `Problem`."""
        return self.succeed(self.ask("GET", path)).body

    def fetch(self, path: str) -> bytes:
        """Return bytes. Raises `Problem`."""
        return self.succeed(self.ask("GET", path)).content

    def post(self, path: str, body: Body) -> Any:
        """Create something. Raises `Problem`."""
        return self.succeed(self.try_post(path, body)).body

    def put(self, path: str, body: Body, *, of: str) -> Any:
        """Replace a part of the thing at `of`, in the version that it has now. Raises `Problem`."""
        for _ in range(STALE_RETRIES_MAX):
            answer = self.try_put(path, body, of=of)
            # What the thing heard meanwhile made a new version of it, which is read and decided on again.
            if answer.slug != "stale":
                break
        return self.succeed(answer).body

    def upload(self, path: str, content: bytes) -> Any:
        """Put bytes. Raises `Problem`."""
        return self.succeed(self.ask("PUT", path, content=content, headers=_OCTETS)).body

    def try_post(self, path: str, body: Body) -> Answer:
        """Ask for something to be created, and return the answer whatever it says."""
        return self.ask("POST", path, body=body, headers={"Idempotency-Key": f'"{uuid.uuid4()}"'})

    def try_put(self, path: str, body: Body, *, of: str) -> Answer:
        """Ask for a part to be replaced, and return the answer whatever it says."""
        tag = self.succeed(self.ask("GET", of)).headers["etag"]
        key = f'"{uuid.uuid4()}"'
        return self.ask("PUT", path, body=body, headers={"If-Match": tag, "Idempotency-Key": key})

    def insist(self, ask: Callable[[], Answer], *, while_only: Collection[str], timeout_s: float = 60) -> Answer:
        """Ask again as long as nothing but these conditions is unmet: facts of other services arrive a moment later."""
        later = set(while_only)
        return self.ask_until(ask, lambda a: a.status != 409 or not set(a.codes) <= later, timeout_s=timeout_s)

    def ask_until(self, ask: Callable[[], Answer], until: Callable[[Answer], bool], *, timeout_s: float = 60) -> Answer:
        """Ask again until the answer says what is to come; return the last answer when it does not come in time."""
        ends = time.monotonic() + timeout_s + self._patience_s
        while not until(answer := ask()) and time.monotonic() < ends:
            time.sleep(POLL_S)
        return answer

    def every(self, path: str) -> list[Body]:
        """Return all items of a collection, page by page."""
        items: list[Body] = []
        token = ""
        while True:
            glue = "&" if "?" in path else "?"
            page = self.get(f"{path}{glue}page_token={token}" if token else path)
            items += page["items"]
            token = page.get("next_page_token") or ""
            if not token:
                return items

    def wait_for(self, path: str, until: Callable[[Any], bool], *, what: str, timeout_s: float = 60) -> Any:
        """Return the thing once the condition holds; not being there yet is no failure. Raises `WaitedInVain`."""
        ends = time.monotonic() + timeout_s + self._patience_s
        while True:
            answer = self.ask("GET", path)
            if answer.ok and until(answer.body):
                return answer.body
            if not answer.ok and answer.status != 404:
                raise Problem(answer)
            if time.monotonic() > ends:
                raise WaitedInVain(
                    f"{what} did not come in {timeout_s:.0f} s; {path} says {json.dumps(answer.body)[:2000]}"
                )
            time.sleep(POLL_S)

    def succeed(self, answer: Answer) -> Answer:
        """Return an answer that is a success. Raises `Problem`."""
        if not answer.ok:
            raise Problem(answer)
        return answer


def _exit_of(answer: Answer) -> Exit:
    if answer.status in {401, 403}:
        return Exit.NOT_AUTHENTICATED
    if answer.status in {412, 428} or answer.slug in {"concurrent-change", "in-progress"}:
        return Exit.CONFLICT
    return Exit.GATE_SAYS_NO if answer.status == 409 else Exit.FAILED


_AWAY = frozenset({502, 503, 504})
_OCTETS = {"Content-Type": "application/octet-stream"}


def _answer(method: str, path: str, response: Response) -> Answer:
    try:
        body = response.json() if response.content else None
    except ValueError:
        body = None
    return Answer(method, path, response.status_code, body, dict(response.headers), response.content)
