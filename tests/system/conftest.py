"""One walk-through for all tests of this folder, however many workers pytest has."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from fourgates.chassis.bus.envelope import NUMBER_MAX, source_of
from fourgates.chassis.clock import HeldClock, SystemClock
from fourgates.chassis.http_client import HttpClient, MachineTokens
from fourgates.chassis.store import Parked
from fourgates_cli.client import FileRecorder
from fourgates_cli.embedded import Embedded
from fourgates_cli.people import Secrets, ensure_people

from tests.system.processes import install_each_alone
from tests.system.reading import Reader
from tests.system.rest import LISTENS, come_to_rest, into_files
from tests.system.walking import walk

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{64}\b")
MACHINE = "ci"
Answers = dict[str, tuple[int, bytes, str]]


class HoldableClock:
    """The system's clock until it is held."""

    def __init__(self) -> None:
        self._clock: HeldClock | SystemClock = SystemClock()

    def now(self) -> datetime:
        return self._clock.now()

    def hold(self) -> datetime:
        self._clock = HeldClock(self._clock.now())
        return self._clock.now()


@dataclass(frozen=True)
class Walked:
    """A data folder through which all acts went, and what every GET answered at its end."""

    data: Path
    url: str
    held_at: datetime
    tokens: dict[str, str]
    ids: set[str]
    answers: dict[str, Answers]
    exchanges: list[dict[str, str | int]]
    told: str

    @contextmanager
    def again(self, into: Path, *, without_views: bool) -> Iterator[Embedded]:
        """Start all services anew on a copy of the data, at the time at which the walk-through ended."""
        shutil.copytree(self.data, into, ignore=shutil.ignore_patterns("views.sqlite*") if without_views else None)
        embedded = Embedded(into, url=self.url, clock=HeldClock(self.held_at))
        try:
            yield embedded
        finally:
            embedded.stop()


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    with _alone(tmp_path_factory, "walk.lock") as shared:
        if not (shared / "walked.json").exists():
            assert not (shared / "data").exists(), "the walk-through failed before; its first error says why"
            _walk(shared)
    return _read(shared)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment for each service and the issuer, with nothing but what it needs."""
    with _alone(tmp_path_factory, "installed.lock") as shared:
        return install_each_alone(shared / "installed")


@contextmanager
def _alone(factory: pytest.TempPathFactory, lock: str) -> Iterator[Path]:
    """Give the folder that all workers share, to one of them at a time."""
    shared = factory.getbasetemp()
    if shared.name.startswith("popen-"):
        shared = shared.parent
    with (shared / lock).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield shared


def _walk(shared: Path) -> None:
    data, clock = shared / "data", HoldableClock()
    secrets = ensure_people(data)
    told: list[str] = []
    with Embedded(data, clock=clock) as running:
        world = walk(
            running.url,
            secrets,
            shared / "workbench",
            into_files(data),
            tell=told,
            record=FileRecorder(shared / "exchanges.jsonl"),
        )
        tokens = {name: caller.token for name, caller in world.people.items()}
        tokens[MACHINE] = machine_token(running.url, secrets.machine(MACHINE))
        come_to_rest(into_files(data))
        held_at = clock.hold()
        _park_one_in_each(running, held_at)
        ids = _ids(running)
        answers = asyncio.run(read_all(running, tokens, ids))
    kept = {
        "url": running.url,
        "held_at": held_at.isoformat(),
        "tokens": tokens,
        "ids": sorted(ids),
        "told": "\n".join(told),
        "answers": {
            name: {path: [status, base64.b64encode(body).decode(), tag] for path, (status, body, tag) in found.items()}
            for name, found in answers.items()
        },
    }
    (shared / "walked.json").write_text(json.dumps(kept))


def _park_one_in_each(running: Embedded, at: datetime) -> None:
    """Leave a dead letter in each service: a message that it has heard, as if its body had been damaged on the way."""
    for name, service in running.services.items():
        source = min(LISTENS[name])
        relay = running.services[source].relay
        message = relay.missing(min(relay.heads()), 0, NUMBER_MAX)[0]
        reason, place = "the body cannot be read", source_of(source)
        parked = Parked(place, message.key, message.headers["ce_id"], message.headers, b"{damaged", reason, at)
        service.store.append((), parked=parked)


def _ids(running: Embedded) -> set[str]:
    """Return every id and digest that stands anywhere in the logs."""
    found: set[str] = set()
    for service in running.services.values():
        position = 0
        while batch := service.store.log(position, 500):
            position = batch[-1].position
            for recorded in batch:
                found.update(ID.findall(str(vars(recorded.event))))
    return found


def machine_token(url: str, secret: str) -> str:
    """Return a token of a machine account, from the issuer."""
    with HttpClient() as client:
        return MachineTokens(
            client, token_url=f"{url}/identity/token", client_id=MACHINE, secret=secret, clock=SystemClock()
        ).token()


async def read_all(running: Embedded, tokens: dict[str, str], ids: set[str]) -> dict[str, Answers]:
    """Return every answer, read by somebody who may read everything, and the logs by a machine."""
    return {
        name: await Reader(service.api, tokens["ada"], tokens[MACHINE]).everything(ids)
        for name, service in running.services.items()
    }


def _read(shared: Path) -> Walked:
    kept = json.loads((shared / "walked.json").read_text())
    answers = {
        name: {path: (status, base64.b64decode(body), tag) for path, (status, body, tag) in found.items()}
        for name, found in kept["answers"].items()
    }
    lines = (shared / "exchanges.jsonl").read_text().splitlines()
    return Walked(
        data=shared / "data",
        url=kept["url"],
        held_at=datetime.fromisoformat(kept["held_at"]),
        tokens=kept["tokens"],
        ids=set(kept["ids"]),
        answers=answers,
        exchanges=[json.loads(line) for line in lines],
        told=kept["told"],
    )


__all__ = ["Secrets", "Walked", "read_all", "walked"]
