"""A PostgreSQL and a Kafka that tests may stop, and the processes that need them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fourgates.chassis.testing.kafka import KafkaServer, running_kafka
from fourgates.chassis.testing.lacking import named_when_lacking
from fourgates.chassis.testing.messages import eventually
from fourgates.chassis.testing.ports import HOST, HeldPort
from fourgates.chassis.testing.postgres import PostgresServer, running_postgres
from fourgates_cli.people import ensure_people, people_file

STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 45
ANSWER_S = 20


class Running:
    """One of our processes, which can be asked, ended, killed and started again."""

    def __init__(self, folder: Path, module: str, *arguments: str, **told: Any) -> None:
        self._held = HeldPort()
        self.port = self._held.number
        self.url = f"http://{HOST}:{self.port}"
        self._folder = folder
        self._command = [sys.executable, "-m", module, *arguments]
        self._told = {f"FOURGATES_{name}": str(value) for name, value in ({"PORT": self.port} | told).items()}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self):
        outside = {n: v for n, v in os.environ.items() if not n.startswith("FOURGATES_")}
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env={**outside, **self._told}, stdout=log, stderr=log
            )
        return self

    def said(self):
        return (self._folder / "log").read_text()

    def ask(self, path, **how):
        """Ask it; an answer without a status of HTTP is none."""
        try:
            return httpx.request(how.pop("method", "GET"), f"{self.url}{path}", timeout=ANSWER_S, **how)
        except httpx.TransportError:
            return httpx.Response(599)

    def lives(self):
        return self.ask("/livez").status_code == 200

    def ready(self):
        """Return the status and what is told of each check."""
        answer = self.ask("/readyz?verbose")
        return answer.status_code, answer.text

    def is_ready(self):
        return self.ready()[0] == 200

    def wait_until_ready(self):
        assert eventually(self.is_ready, STARTS_WITHIN_S), (self.ready(), self.said()[-3000:])

    def end(self, how=signal.SIGTERM):
        """Ask it to end, and return its exit code."""
        self.signal(how)
        return self.ended()

    def signal(self, how):
        self._process.send_signal(how)

    def ended(self, within_s=ENDS_WITHIN_S):
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(ENDS_WITHIN_S)

    def leave(self):
        self.kill()
        self._held.close()


@dataclass
class Servers:
    """What the services wait for."""

    postgres: PostgresServer
    kafka: KafkaServer

    def start(self):
        if not self.postgres.runs:
            self.postgres.start()
        if not self.kafka.is_running:
            self.kafka.start()


@pytest.fixture(scope="session")
def own_servers(tmp_path_factory):
    with (
        named_when_lacking(),
        running_postgres() as postgres,
        running_kafka(tmp_path_factory.mktemp("kafka")) as kafka,
    ):
        yield Servers(postgres, kafka)


@pytest.fixture
def servers(own_servers):
    """Both run before and after a test, which may stop them."""
    own_servers.start()
    yield own_servers
    own_servers.start()


@pytest.fixture
def run(tmp_path):
    """Starts a module as a process; what still runs at the end of the test is killed."""
    running = []

    def start(module, *arguments, **told):
        one = Running(tmp_path / f"{len(running)}", module, *arguments, **told)
        running.append(one)
        return one.start()

    yield start
    for one in running:
        one.leave()


class Installation:
    """People, an issuer, and what every service is told."""

    def __init__(self, people, folder, run):
        self._secrets = ensure_people(people)
        self._people = people_file(people)
        self._folder = folder
        self._run = run
        self._issuer_url = f"http://{HOST}:1"

    def issuer(self):
        """Start the issuer; services that are started after it trust it."""
        told = {"ISSUER_URL": "http://issuer", "ISSUER_PEOPLE_FILE": self._people, "ISSUER_KEY_FILE": "key.json"}
        issuer = self._run("fourgates.chassis.identity.process", **told)
        self._issuer_url = issuer.url
        assert eventually(issuer.is_ready, STARTS_WITHIN_S), issuer.said()
        return issuer

    def token(self, issuer, username):
        form = {"grant_type": "password", "username": username, "password": self._secrets.of(username)}
        answer = issuer.ask("/token", method="POST", data=form)
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    def service(self, name, *, bootstrap, database_url, **told):
        common = {
            "ISSUER_URL": "http://issuer",
            "JWKS_URL": f"{self._issuer_url}/jwks",
            "PUBLIC_URL": f"http://fourgates/{name}",
            "SOURCES_URL": f"http://{HOST}:1/{{service}}",
            "DATA_FOLDER": self._folder / name,
            "CLIENT_SECRET": self._secrets.machine(f"{name}-service"),
            "DEPLOY_DML_URL": f"http://{HOST}:1",
            "KAFKA_BOOTSTRAP": bootstrap,
            "DATABASE_URL": database_url,
            "RETRY_S": 0.2,
        }
        return self._run("fourgates.chassis.process", name, **{**common, **told})


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


@pytest.fixture
def installation(people, tmp_path, run):
    return Installation(people, tmp_path / "data", run)


@pytest.fixture
def urls(servers):
    """The URLs of the owner of a database, and of a service who has no role yet."""
    owner = servers.postgres.url
    name = f"dml{uuid4().hex[:8]}"
    return owner, f"postgresql://{name}:{uuid4().hex}@{owner.rpartition('@')[2]}"


@pytest.fixture
def kit():
    return sys.modules[__name__]
