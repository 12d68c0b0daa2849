"""Writers that raise and submit changes at the same time, and send again, with the same key, what got no answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from tests.system.processes import HOST

# More than a service has connections in its pool, so that these can all be wanted at once.
WRITERS = 24
# A write without an answer is given up after so long, which is a failure; an attempt is waited for so long. The pause
# between two attempts grows.
PATIENCE_S = 180.0
ATTEMPT_S = 30.0
PAUSE_S, PAUSE_S_MAX = 0.05, 1.0
# So many writes are acknowledged in a round until its fault is over.
ACKNOWLEDGED_MAX = 600
_DONE = frozenset({200, 201})
_CONTENT = {
    "description": "Callers ask where their parcel was seen last.",
    "change_type": "normal",
    "risk": "low",
    "service_ids": [],
    "alters_service": False,
    "retrospective": False,
    "reason": "a third of all calls ask for it",
}


@dataclass
class Tally:
    """What became of writes."""

    sent: int = 0
    again: int = 0
    acknowledged: int = 0
    refused: int = 0
    unanswered: int = 0

    def since(self, before: Tally) -> Tally:
        return Tally(*(getattr(self, name) - getattr(before, name) for name in vars(before)))


@dataclass
class Told:
    """What was acknowledged in a round: changes by title, and which of them were submitted."""

    raised: dict[str, UUID] = field(default_factory=dict)
    submitted: set[UUID] = field(default_factory=set)


@dataclass
class UnderWay:
    """The writes that had no answer yet at some moment, and what became of them."""

    numbers: set[int]
    never_answered: int = 0
    answered_later: int = 0
    at: float = 0.0


class Load:
    """The load of one round after the other. As a context, its threads have ended after the block."""

    def __init__(self, port: int, token: Callable[[], str], *, rest_s: float = 0.0) -> None:
        self._port = port
        self.rest_s = rest_s
        self._token = token
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._under_way: dict[int, float] = {}
        self._watched = UnderWay(set())
        self._threads: list[threading.Thread] = []
        self._numbers = 0
        self._limit = 0.0
        self.tally = Tally()
        self.told = Told()
        self.wrong: list[str] = []
        self.last_acknowledged_at = 0.0

    def begin(self, number: int) -> None:
        """Let all writers write, until `end`."""
        self._over.clear()
        self.told = Told()
        self._limit = self.tally.acknowledged + ACKNOWLEDGED_MAX
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._token()}"}
        self._threads = [
            threading.Thread(target=_Writer(self, self._port, f"{number}-{writer}", headers).run, daemon=True)
            for writer in range(1, WRITERS + 1)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let every writer finish what it has begun, and wait for it."""
        self._over.set()
        self.go_on()
        for thread in self._threads:
            thread.join(PATIENCE_S + ATTEMPT_S)

    def go_on(self) -> None:
        """Let writers write without a limit."""
        with self._changed:
            self._limit = float("inf")
            self._changed.notify_all()

    def wait_for(self, what: str, more: int, *, since: Tally, timeout_s: float) -> bool:
        """Wait until one of the numbers of the tally has grown by so many; tell whether it has."""
        wanted = getattr(since, what) + more
        with self._changed:
            return self._changed.wait_for(lambda: getattr(self.tally, what) >= wanted or bool(self.wrong), timeout_s)

    def now(self) -> Tally:
        with self._changed:
            return replace(self.tally)

    def watch(self) -> UnderWay:
        """Return the writes that have no answer at this moment; it will say what became of them."""
        with self._changed:
            self._watched = UnderWay(set(self._under_way), at=time.monotonic())
            return self._watched

    def may_go_on(self) -> bool:
        """Wait until there is something to write; tell whether there is."""
        with self._changed:
            self._changed.wait_for(lambda: self.tally.acknowledged < self._limit or bool(self.wrong))
        return not (self._over.is_set() or self.wrong)

    def rest(self) -> None:
        """Wait as long as a writer should between two changes."""
        self._over.wait(self.rest_s)

    def goes_wrong(self, what: str) -> None:
        """Note what should not be; everybody stops."""
        with self._changed:
            self.wrong.append(what)
            self._changed.notify_all()

    def sent(self, *, again: bool) -> int:
        with self._changed:
            self._numbers += 1
            self._under_way[self._numbers] = time.monotonic()
            self.tally.sent += 1
            self.tally.again += again
            self._changed.notify_all()
            return self._numbers

    def answered(self, number: int, status: int | None) -> None:
        with self._changed:
            del self._under_way[number]
            if number in self._watched.numbers:
                self._watched.never_answered += status is None
                self._watched.answered_later += status is not None
            self.tally.acknowledged += status in _DONE
            self.tally.refused += status == 503
            self.tally.unanswered += status is None
            if status in _DONE:
                self.last_acknowledged_at = time.monotonic()
            self._changed.notify_all()


class _Writer:
    """One writer: the next write when the last one is answered for good."""

    def __init__(self, load: Load, port: int, name: str, headers: dict[str, str]) -> None:
        self._load = load
        self._name = name
        self._headers = headers
        self._conn = http.client.HTTPConnection(HOST, port, timeout=ATTEMPT_S)

    def run(self) -> None:
        count = 0
        while self._load.may_go_on():
            count += 1
            title = f"chaos {self._name}-{count}"
            raised = self._write("/v1/changes", {**_CONTENT, "title": title}, f"raise {title}")
            if raised is None:
                break
            change_id = UUID(raised["id"])
            self._load.told.raised[title] = change_id
            if self._write(f"/v1/changes/{change_id}/submission", {"reason": "ready"}, f"submit {title}") is None:
                break
            self._load.told.submitted.add(change_id)
            self._load.rest()
        self._conn.close()

    def _write(self, path: str, body: dict[str, object], key: str) -> dict[str, str] | None:
        """Send a write until it is answered for good, always with the same key; None when that went wrong."""
        raw = json.dumps(body).encode()
        headers = {**self._headers, "idempotency-key": f'"{key}"'}
        until = time.monotonic() + PATIENCE_S
        pause_s = 0.0
        while time.monotonic() < until:
            number = self._load.sent(again=pause_s > 0)
            status, said = self._attempt(path, raw, headers)
            self._load.answered(number, status)
            if status in _DONE:
                return dict(json.loads(said))
            if not (status is None or status == 503 or (status == 409 and b"/problems/in-progress" in said)):
                self._load.goes_wrong(f"{key}: {status} {said.decode(errors='replace')[:500]}")
                return None
            pause_s = min(2 * pause_s, PAUSE_S_MAX) or PAUSE_S
            time.sleep(pause_s)
        self._load.goes_wrong(f"{key}: no answer within {PATIENCE_S:.0f} s")
        return None

    def _attempt(self, path: str, raw: bytes, headers: dict[str, str]) -> tuple[int | None, bytes]:
        try:
            self._conn.request("POST", path, raw, headers)
            answer = self._conn.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._conn.close()
            return None, b""
