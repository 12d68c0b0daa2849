"""All services in one process, on one port: SQLite files in one data folder, and a bus between threads."""

from __future__ import annotations

import importlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import uvicorn
from fastapi import FastAPI

from fourgates.chassis.bus import InProcessBus
from fourgates.chassis.clock import Clock, SystemClock
from fourgates.chassis.http.security_log import SqliteSecurityLog
from fourgates.chassis.identity import JwksVerifier
from fourgates.chassis.identity.issuer import SigningKeys, issuer_app
from fourgates.chassis.identity.people import PeopleFile
from fourgates.chassis.ids import Ids, TimeOrderedIds
from fourgates.chassis.service import Parts, Service
from fourgates.chassis.sources import InProcessSources
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates_cli.people import Secrets, people_file

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
AUDIENCE = "fourgates"
GRACE_S = 5


class Embedded:
    """The embedded set. As a context it serves on loopback; `api` alone can be asked in process."""

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self._data = data.resolve()
        self._socket = _bound(port)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.clock = clock or SystemClock()
        self._ids = ids or TimeOrderedIds()
        self._bus = InProcessBus(self._data / "bus.sqlite")
        self._sources = InProcessSources()
        self._secrets = Secrets.read(people_file(self._data))
        self.services: dict[str, Service] = {}
