"""All services of one run, each a process that can end at any moment and begin again on what it stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from change_service.application import PersonEntry
from change_service.domain import shipped_rules
from fourgates.chassis.aggregate import Act
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.http import SQLiteSecurityLog
from fourgates.chassis.identity import Principal
from fourgates.chassis.service import Parts, Service
from fourgates.chassis.store import EventMapper, EventStore
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.world import a_verifier
from fourgates.chassis.workers import Worker

from tests.simulation.buses import FaultyBus, FaultySources
from tests.simulation.chance import Chance, Crash
from tests.simulation.nodes import Nodes, Probes
from tests.simulation.parts import Surroundings, built
from tests.simulation.stores import FaultyRecorder, Ledger, a_database

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
SCOPES = frozenset(
    f"{area}:{what}"
    for area in ("change", "release", "dml", "deploy", "review", "operations", "audit")
    for what in ("read", "write", "authorize", "execute")
)
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "rita": ("requester",),
    "oskar": ("service_owner",),
    "rhea": ("release_manager",),
    "bob": ("builder",),
    "tess": ("tester",),
    "mona": ("change_manager",),
    "cora": ("change_authority", "cab_member"),
    "carl": ("change_authority", "cab_member", "requester"),
    "chris": ("change_authority", "cab_member"),
    "eve": ("ecab_member",),
    "dan": ("deployer",),
    "ada": ("auditor",),
    "nils": ("requester", "builder", "tester", "deployer", "release_manager", "ecab_member"),
    "nora": ("change_manager", "ecab_member"),
    "ci": ("builder", "machine"),
}
BEGUN_AGAIN_MAX = 50


@dataclass
class Answer:
    """What came back of a request; nothing when it was lost on the way."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def codes(self) -> tuple[str, ...]:
        told = self.body if isinstance(self.body, dict) else {}
        return tuple(e.get("code", "") for e in (*told.get("errors", ()), *told.get("unmet", ())))


LOST = Answer(0)


class Host:
    """One run: six processes, a bus, a clock, and the nodes."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = Chance(seed)
        self.clock = HeldClock(NOON)
        self.ledger = Ledger()
        self.bus = FaultyBus(self.chance, self.ledger)
        self.around = Surroundings(Nodes(self.chance), Probes(self.chance))
        self.folder = folder
        self.another: Any = lambda _: None
        self.verifier = a_verifier(
            *(Principal(name, roles, SCOPES, "machine" in roles) for name, roles in PEOPLE.items())
        )
        self.security = {name: SQLiteSecurityLog() for name in SERVICES}
        self.recorders = {name: a_database() for name in SERVICES}
        self.services: dict[str, Service] = {}
        self.history: list[str] = []
        self.stepping: set[str] = set()
        for name in SERVICES:
            self.begin(name)

    # Processes.

    def begin(self, name: str) -> None:
        """Begin a process on what is stored. It may end again while it begins."""
        for _ in range(BEGUN_AGAIN_MAX):
            try:
                self.services[name] = self._built(name)
            except Crash:
                continue
            except Exception as error:  # noqa: BLE001 - as its supervisor does
                self.tell(f"{name} does not begin: {type(error).__name__}")
                continue
            return
        raise AssertionError(f"{name} never began")

    def end(self, name: str) -> None:
        """Let the process of a service end without a word."""
        service = self.services.pop(name, None)
        if service is not None:
            service.views.close()

    def crashed(self, crash: Crash) -> None:
        """Throw the process away, and begin it anew."""
        self.tell(f"{crash.service} crashed")
        self.end(crash.service)
        self.begin(crash.service)

    def _built(self, name: str) -> Service:
        data = self.folder / name
        recorder: Any = FaultyRecorder(name, self.recorders[name], self.chance, self.ledger, self._interleave)
        parts = Parts(
            store=EventStore(recorder, EventMapper()),
            views_path=data / "views.sqlite",
            bus=self.bus,
            clock=self.clock,
            ids=self.chance,
            verifier=self.verifier,
            security_log=self.security[name],
            sources=FaultySources(_Relays(self), self.chance),
            data=data,
        )
        service = built(name, parts, self.around, {"data_folder": data})
        # So small that there is often more to publish than one batch.
        service.relay.batch_max = self.chance.randint(1, 4)
        if name == "change":
            service.carry_out(lambda use_cases: use_cases.install(self._installing(), people=_PEOPLE, rules=_RULES))
        return service

    def _installing(self) -> Act:
        return Act(
            by="installation",
            at=self.clock.now(),
            why="the service started",
            cause_id="installation",
            correlation_id="installation",
        )

    def _interleave(self, service: str) -> None:
        """Let something else happen in this process before a transaction that was decided already."""
        odds, self.chance.odds = self.chance.odds, self.chance.odds.scaled(0)
        try:
            self.another(service)
        finally:
            self.chance.odds = odds

    # Steps.

    def workers(self, name: str) -> tuple[Worker, ...]:
        """Return what runs beside the requests in a process."""
        return self.services[name].workers

    def step(self, name: str, worker: Worker) -> bool:
        """Let one worker take one step, as its thread would; tell whether there was anything to do."""
        if worker.name in self.stepping:
            return False
        self.stepping.add(worker.name)
        try:
            worked = worker.step()
        except Crash as crash:
            self.stepping.clear()
            self.crashed(crash)
            return True
        except Exception as error:  # noqa: BLE001 - as its supervisor does
            self.tell(f"{worker.name} failed: {type(error).__name__}: {error}"[:300])
            return False
        finally:
            self.stepping.discard(worker.name)
        if worked:
            self.tell(f"{worker.name} worked")
        return worked

    def pass_time(self, seconds: float) -> None:
        """Move the clock."""
        self.clock.advance(timedelta(seconds=seconds))
        self.bus.pass_time()

    # Requests.

    def ask(self, person: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[Answer, str]:
        """Ask a service as somebody; return the answer, and the id of the request."""
        name, _, rest = path.lstrip("/").partition("/")
        asked_as = str(self.chance.new())
        if name not in self.services:
            return LOST, asked_as
        route, _, query = rest.partition("?")
        raw = b"" if body is None else json.dumps(body).encode()
        given = [(b"authorization", b"Bearer " + person.encode()), (b"content-length", str(len(raw)).encode())]
        given += [(b"content-type", b"application/json")] if body is not None else []
        given += [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": f"/{route}",
            "raw_path": f"/{route}".encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": given,
            "client": ("simulation", 1),
            "server": ("simulation", 80),
            "fourgates.request_id": asked_as,
        }
        try:
            return _answered(self.services[name].api, scope, raw), asked_as
        except Crash as crash:
            self.crashed(crash)
            return LOST, asked_as

    def books(self, intents: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what an auditor reads: logs as they are stored, transactions as they were made, plain data only."""
        return {
            "logs": {name: [*_logged(self.recorders[name])] for name in SERVICES},
            "transactions": self.ledger.transactions,
            "intents": intents,
            "given": self.bus.given,
            "tracked": {name: _tracked(self.recorders[name]) for name in SERVICES},
            "parked": {name: [p.reason for p in self.recorders[name].list_parked(100)] for name in SERVICES},
        }

    def tell(self, what: str) -> None:
        """Note a step, for the history of a failure and for the trace."""
        self.history.append(what)
        self.ledger.mark(what)

    def close(self) -> None:
        """End everything."""
        for name in SERVICES:
            self.end(name)
            self.recorders[name].close()
        shutil.rmtree(self.folder, ignore_errors=True)


class _Relays(dict[str, Any]):
    """The relays of the processes that run now."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def get(self, name: str, default: Any = None) -> Any:
        service = self._host.services.get(name)
        return default if service is None else service.relay


def _logged(recorder: Any) -> Iterator[dict[str, Any]]:
    for one in recorder.select_notifications(1, 1_000_000):
        yield {
            "position": one.id,
            "id": str(one.originator_id),
            "version": one.originator_version,
            "topic": one.topic,
            "state": json.loads(one.state),
        }


def _tracked(recorder: Any) -> dict[str, int]:
    with recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute("SELECT application_name, MAX(notification_id) FROM tracking GROUP BY application_name")
        return {name: int(position) for name, position in (tuple(row) for row in cursor.fetchall())}


_PEOPLE = tuple(PersonEntry(name, roles, machine="machine" in roles) for name, roles in PEOPLE.items())
_RULES = shipped_rules()


def _answered(api: Any, scope: dict[str, Any], raw: bytes) -> Answer:
    """Carry a request out. Nothing in it waits, so it needs no event loop."""
    told: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told["status"] = message["status"]
            told["headers"] = {k.decode().lower(): v.decode() for k, v in message["headers"]}
        else:
            told["body"] += message.get("body", b"")

    running = api(scope, receive, send)
    try:
        running.send(None)
    except StopIteration:
        body = json.loads(told["body"]) if told["body"] else None
        return Answer(told["status"], body, told["headers"])
    running.close()
    raise AssertionError(f"{scope['path']} waits for something")
