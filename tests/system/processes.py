"""Fourgates on real parts: PostgreSQL, Kafka, the issuer, each service as a process of its own, and a proxy."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

import psycopg
from fourgates.chassis.http_client import HttpClient, HttpFailed
from fourgates.chassis.process.prepare import prepare, read_prepared
from fourgates.chassis.testing.kafka import KafkaServer, given_kafka, running_kafka
from fourgates.chassis.testing.lacking import Lacking
from fourgates.chassis.testing.ports import HOST, HeldPort
from fourgates.chassis.testing.postgres import PostgresServer, given_postgres, running_postgres
from fourgates_cli.people import Secrets, ensure_people, people_file
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

ROOT = Path(__file__).resolve().parents[2]
PROXY = ROOT / "k8s/base/proxy/nginx.conf"
SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
START_S = 180.0
STOP_S = 60.0
INSTALL_S = 300.0
LOG_CHARS = 3000


@dataclass
class Process:
    """One process that can be ended, killed and started again."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    port: int
    popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {**_of_this_process(), **self.environment}
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self) -> int:
        """Ask it to end, and return how it did; kill it when it does not."""
        assert self.popen is not None
        self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def kill(self) -> None:
        assert self.popen is not None
        self.popen.kill()
        self.popen.wait(STOP_S)

    @property
    def runs(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_CHARS:] if self.log.exists() else ""


class RealParts:
    """The whole set. As a context it is up and ready inside the block, and nothing of it is left behind.

    `replicas` of each service share the service's folder, database schema and consumer group, and no read models.
    `reached_by` says at which port the proxy finds a process. With `own_servers` PostgreSQL and Kafka are started here
    even when others are given, so that they can be stopped. Of the services only `run` run; databases and topics are
    there for all. With `installed` each process runs from an environment of its own, as `install_each_alone` makes
    them; else all from the one of this process.
    """

    def __init__(
        self,
        folder: Path,
        *,
        replicas: int = 1,
        settings: dict[str, str] | None = None,
        reached_by: Callable[[Process], int] = lambda process: process.port,
        own_servers: bool = False,
        installed: Path | None = None,
        run: tuple[str, ...] = SERVICES,
    ) -> None:
        self.folder = folder.resolve()
        self.replicas = replicas
        self.secrets: Secrets = ensure_people(self.folder)
        self.postgres: PostgresServer | None = None
        self.kafka: KafkaServer | None = None
        self.bootstrap = ""
        # The database as its owner, who may read all schemas.
        self.owner_url = ""
        self._reached_by = reached_by
        self._own_servers = own_servers
        self._installed = installed
        self._run = run
        self._settings = settings or {}
        self._stack = ExitStack()
        self._client = HttpClient(timeout_s=5)
        count = len(run) * replicas
        held = [self._stack.enter_context(closing(HeldPort())) for _ in range(count + 2)]
        self._ports = iter([port.number for port in held])
        self.url = f"http://{HOST}:{next(self._ports)}"
        self.issuer = self._issuer(next(self._ports))
        self.services: dict[str, list[Process]] = {}
        self.proxy: Process | None = None

    @property
    def processes(self) -> list[Process]:
        """Every process of ours."""
        services = [process for replicas in self.services.values() for process in replicas]
        return [self.issuer, *services, *([self.proxy] if self.proxy is not None else [])]

    def __enter__(self) -> Self:
        """Start everything. Raises `Lacking`, or `TimeoutError` with the last words of what is not ready."""
        try:
            self.open()
            for process in self.processes:
                process.start()
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def open(self) -> None:
        """Have PostgreSQL and Kafka, and know every process; none of ours runs yet."""
        _nginx()
        self._stack.callback(self._client.close)
        url = None if self._own_servers else given_postgres()
        if url is None:
            self.postgres = self._stack.enter_context(running_postgres())
            url = self.postgres.url
        self.bootstrap = (not self._own_servers and given_kafka()) or ""
        if not self.bootstrap:
            self.kafka = self._stack.enter_context(running_kafka(self.folder / "kafka"))
            self.bootstrap = self.kafka.bootstrap
        urls = self._stack.enter_context(databases(url))
        self.owner_url = urls["owner"]
        self._prepare(urls)
        self.services = {name: self._replicas(name, urls[name]) for name in self._run}
        self.proxy = self._proxy()

    def close(self) -> None:
        """End what runs: the proxy first, so that nobody asks a service that is about to end."""
        for process in reversed(self.processes):
            if process.runs:
                process.stop()
        self._stack.close()

    def stop(self) -> dict[str, int]:
        """Ask every process to end, and return how each did."""
        return {process.name: process.stop() for process in reversed(self.processes) if process.runs}

    def readiness(self, process: Process) -> tuple[int, str]:
        """Return what a process says about its readiness; 0 when it does not answer."""
        try:
            answer = self._client.request("GET", f"{process.url}/readyz?verbose")
        except HttpFailed as error:
            return 0, error.reason
        return answer.status_code, answer.text

    def wait_until_ready(self, timeout_s: float = START_S) -> None:
        """Wait until all answer that they are ready. Raises `TimeoutError`."""
        until = time.monotonic() + timeout_s
        waiting = {process.name: process for process in self.processes if process is not self.proxy}
        while waiting:
            for name, process in list(waiting.items()):
                status, _ = self.readiness(process)
                # Who answers there need not be the one that was started.
                if status == 200 and process.runs:
                    del waiting[name]
                elif not process.runs or time.monotonic() > until:
                    msg = f"{name} is not ready: {self.readiness(process)}\n{process.said()}"
                    raise TimeoutError(msg)
            time.sleep(0.1)

    def _common(self) -> dict[str, str]:
        return {
            "FOURGATES_ISSUER_URL": f"{self.url}/identity",
            "FOURGATES_JWKS_URL": f"{self.issuer.url}/jwks",
            "FOURGATES_TOKEN_URL": f"{self.issuer.url}/token",
            "FOURGATES_KAFKA_BOOTSTRAP": self.bootstrap,
            "FOURGATES_SOURCES_URL": f"{self.url}/{{service}}",
            "FOURGATES_DATA_FOLDER": str(self.folder / "data"),
            **self._settings,
        }

    def _prepare(self, urls: dict[str, str]) -> None:
        told = {
            "FOURGATES_DATABASE_OWNER_URL": urls["owner"],
            "FOURGATES_KAFKA_BOOTSTRAP": self.bootstrap,
            **{f"FOURGATES_{name.upper()}_DATABASE_URL": urls[name] for name in SERVICES},
        }
        before = dict(os.environ)
        os.environ.update(told)
        try:
            prepare(read_prepared(SERVICES), wait_s=START_S)
        finally:
            for name in told:
                os.environ.pop(name, None)
            os.environ.update({name: before[name] for name in told if name in before})

    def _replicas(self, name: str, url: str) -> list[Process]:
        return [self._service(name, url, number) for number in range(1, self.replicas + 1)]

    def _service(self, name: str, url: str, number: int) -> Process:
        port = next(self._ports)
        own = self.folder / "own" / f"{name}-{number}"
        environment = {
            **self._common(),
            "FOURGATES_PORT": str(port),
            "FOURGATES_DATABASE_URL": url,
            "FOURGATES_PUBLIC_URL": f"{self.url}/{name}",
            "FOURGATES_OWN_FOLDER": str(own),
            "FOURGATES_CLIENT_SECRET": self.secrets.machine(f"{name}-service"),
        }
        if name == "change":
            environment["FOURGATES_CHANGE_PEOPLE_FILE"] = str(people_file(self.folder))
        if name == "deploy":
            environment["FOURGATES_DEPLOY_DML_URL"] = f"{self.url}/dml"
        command = self._serve(name) or [sys.executable, "-m", "fourgates.chassis.process", name]
        return Process(f"{name}-{number}", command, environment, own, port)

    def _issuer(self, port: int) -> Process:
        folder = self.folder / "own" / "issuer"
        environment = {
            "FOURGATES_ISSUER_URL": f"{self.url}/identity",
            "FOURGATES_ISSUER_PEOPLE_FILE": str(people_file(self.folder)),
            "FOURGATES_ISSUER_KEY_FILE": str(folder / "signing-key.json"),
            "FOURGATES_PORT": str(port),
        }
        command = self._serve("issuer") or [sys.executable, "-m", "fourgates.chassis.identity.process"]
        return Process("issuer", command, environment, folder, port)

    def _serve(self, name: str) -> list[str]:
        return [str(self._installed / name / "bin/serve")] if self._installed is not None else []

    def _proxy(self) -> Process:
        folder = self.folder / "own" / "proxy"
        folder.mkdir(parents=True, exist_ok=True)
        port = int(self.url.rpartition(":")[2])
        text = PROXY.read_text().replace("/tmp/", f"{folder}/").replace("listen 8080", f"listen {HOST}:{port}")
        for name, processes in {**self.services, "issuer": [self.issuer]}.items():
            servers = " ".join(f"server {HOST}:{self._reached_by(process)};" for process in processes)
            text = text.replace(f"server {name}:8080;", servers)
        for name in set(SERVICES) - set(self._run):
            # Nobody listens there.
            text = text.replace(f"server {name}:8080;", f"server {HOST}:1;")
        assert ":8080" not in text
        if os.geteuid() == 0:
            text = f"user root;\n{text}"
        (folder / "nginx.conf").write_text(text)
        command = [_nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        return Process("proxy", command, {}, folder, port)


def install_each_alone(folder: Path) -> Path:
    """Install every service and the issuer into an environment of its own, as the image does; return the folder."""
    for name in ("issuer", *SERVICES):
        if not (folder / name / "bin/serve").exists():
            command = [sys.executable, str(ROOT / ".ci/install_alone.py"), name, str(folder / name)]
            subprocess.run(command, check=True, timeout=INSTALL_S, stdin=subprocess.DEVNULL)
    return folder


@contextmanager
def databases(url: str) -> Iterator[dict[str, str]]:
    """Give a new database: the URL of its owner, and one for the role of each service. All are gone after the block."""
    name = f"fourgates_{uuid4().hex[:12]}"
    roles = {service: f"{name}_{service}" for service in SERVICES}
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    given = conninfo_to_dict(url)
    address = f"{given['host']}:{given['port']}/{name}"
    urls = {service: f"postgresql://{role}:{uuid4().hex}@{address}" for service, role in roles.items()}
    try:
        yield {"owner": f"postgresql://{given['user']}:{given.get('password', '')}@{address}", **urls}
    finally:
        # With a server that is gone there is nothing to remove, and the error that led here is to be seen.
        with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as conn:
            conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
            for role in roles.values():
                conn.execute(SQL("DROP ROLE IF EXISTS {}").format(Identifier(role)))


def _nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Lacking("The proxy", "there is no nginx", "nginx (apt install nginx-light)")
    return found


def _of_this_process() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not re.match(r"FOURGATES_", name)}
