"""All services in one process, on one port: SQLite files in one data folder, and a bus between threads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import change_service.app
import change_service.settings
import deploy_service.app
import deploy_service.settings
import dml_service.app
import dml_service.settings
import operations_service.app
import operations_service.settings
import release_service.app
import release_service.settings
import review_service.app
import review_service.settings
import uvicorn
from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.clock import Clock, SystemClock
from fourgates.chassis.http import SQLiteSecurityLog
from fourgates.chassis.http.problems import bare_problem
from fourgates.chassis.identity import JwksVerifier
from fourgates.chassis.identity.issuer import issuer_app
from fourgates.chassis.identity.keys import load_or_make_signing_key
from fourgates.chassis.identity.people import load_people
from fourgates.chassis.ids import Ids, TimeOrderedIds
from fourgates.chassis.service import Parts, Service
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.sources import InProcessSources
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from fourgates_cli.people import ensure_people, people_file

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
HOST = "127.0.0.1"
START_S = 20.0
STOP_S = 20
# Longer than a client or a proxy keeps a connection that it does not use.
IDLE_S = 75


class Embedded:
    """The embedded set. As a context it serves on loopback until the block ends; `api` can also be asked in process.

    A port of 0 takes a free one. The clock and the ids can be given, so that a test holds them; so can the URL of
    an earlier process, whose answers are then given again without a socket.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        clock: Clock | None = None,
        ids: Ids | None = None,
        url: str | None = None,
    ) -> None:
        self._data = data.resolve()
        secrets = ensure_people(self._data)
        self._socket = socket.create_server((HOST, port)) if url is None else None
        self.url = url or f"http://{HOST}:{_port_of(self._socket)}"
        self._clock = clock or SystemClock()
        self._ids = ids or TimeOrderedIds()
        self._bus = InProcessBus(self._data / "bus.sqlite")
        self._sources = InProcessSources()
        self.people = load_people(people_file(self._data))
        self._key = load_or_make_signing_key(self._data / "issuer" / "signing-key.json")
        # The issuer lives in the same process: its keys are read where they are, not over HTTP.
        self._settings = ServiceSettings()
        self._verifier = JwksVerifier(
            fetch=self._key.jwks,
            issuer=self._issuer_url,
            audience=self._settings.audience,
            clock=self._clock,
            leeway_s=self._settings.token_leeway_s,
            refetch_s=self._settings.jwks_refetch_s,
            cache_s=self._settings.jwks_cache_s,
            remembered_max=self._settings.token_cache_max,
        )
        own: dict[str, dict[str, Any]] = {
            "change": {"people_file": people_file(self._data)},
            "deploy": {"dml_url": f"{self.url}/dml", "client_secret": secrets.machine("deploy-service")},
            "operations": {"people_file": people_file(self._data)},
        }
        self.services: dict[str, Service] = {name: self._build(name, own.get(name, {})) for name in SERVICES}
        for name, service in self.services.items():
            self._sources.add(name, service.relay)
        self.api = self._mounted()
        self._server: uvicorn.Server | None = None
        self._serving: threading.Thread | None = None

    @property
    def _issuer_url(self) -> str:
        return f"{self.url}/identity"

    def __enter__(self) -> Self:
        """Start the workers and serve. Raises `TimeoutError` when the port does not answer in time."""
        if self._socket is None:
            msg = "only a set with a port of its own can serve"
            raise RuntimeError(msg)
        self.start()
        config = uvicorn.Config(
            self.api,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=STOP_S,
        )
        self._server = uvicorn.Server(config)
        self._serving = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )
        self._serving.start()
        until = time.monotonic() + START_S
        while not self._server.started:
            if time.monotonic() > until:
                msg = f"{self.url} did not answer within {START_S} s"
                raise TimeoutError(msg)
            self._serving.join(0.01)
        return self

    def __exit__(self, *exc: object) -> None:
        """Answer what was asked, then stop."""
        for service in self.services.values():
            service.drain()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            self._serving.join(STOP_S)
        self.stop()

    def start(self) -> None:
        """Start what runs beside the requests."""
        for service in self.services.values():
            service.start()

    def stop(self) -> None:
        """Stop what runs beside the requests, and close every file."""
        for service in self.services.values():
            service.stop()
        self._bus.close()
        if self._socket is not None:
            self._socket.close()

    def _build(self, name: str, more: dict[str, Any]) -> Service:
        data = self._data / name
        build, settings = _BUILDERS[name]
        parts = Parts(
            store=EventStore(open_sqlite_recorder(data / "events.sqlite"), EventMapper()),
            views_path=data / "views.sqlite",
            bus=self._bus,
            clock=self._clock,
            ids=self._ids,
            verifier=self._verifier,
            security_log=SQLiteSecurityLog(
                data / "security.sqlite", per_minute_max=self._settings.security_log_per_minute_max
            ),
            sources=self._sources,
            data=data,
        )
        common = {"data_folder": data, "public_url": f"{self.url}/{name}", "issuer_url": self._issuer_url}
        return build(parts, settings(**common, **more))

    def _mounted(self) -> Mounted:
        """Return one application with every service under its name, and the issuer under /identity."""
        issuer = issuer_app(
            people=self.people,
            key=self._key,
            clock=self._clock,
            ids=self._ids,
            issuer_url=self._issuer_url,
            audience=self._settings.audience,
        )
        return Mounted({"identity": issuer, **{name: service.api for name, service in self.services.items()}})


class Mounted:
    """Applications, each under its name: what the first part of a path names answers the rest of it."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the one that is named answer; 404 when there is none."""
        root = str(scope.get("root_path", ""))
        name, slash, _ = str(scope["path"])[len(root) + 1 :].partition("/")
        app = self._apps.get(name) if slash else None
        if app is None:
            await bare_problem(Request(scope), 404, "Not Found")(scope, receive, send)
        else:
            scope["root_path"] = f"{root}/{name}"
            await app(scope, receive, send)


def _port_of(listening: socket.socket | None) -> int:
    return int(listening.getsockname()[1]) if listening is not None else 0


_BUILDERS: dict[str, tuple[Callable[..., Service], Callable[..., Any]]] = {
    "change": (change_service.app.build, change_service.settings.ChangeSettings),
    "release": (release_service.app.build, release_service.settings.ReleaseSettings),
    "dml": (dml_service.app.build, dml_service.settings.DmlSettings),
    "deploy": (deploy_service.app.build, deploy_service.settings.DeploySettings),
    "review": (review_service.app.build, review_service.settings.ReviewSettings),
    "operations": (operations_service.app.build, operations_service.settings.OperationsSettings),
}
