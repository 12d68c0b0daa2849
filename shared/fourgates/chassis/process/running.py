"""One service in one process: it answers at once, is built when its database is there, and stops in order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TypeVar, cast
from urllib.parse import urlsplit

import structlog

from fourgates.chassis.bus import BusUnavailable
from fourgates.chassis.bus.envelope import topic_of
from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.clock import SystemClock
from fourgates.chassis.http.api import Api
from fourgates.chassis.http.health import Check
from fourgates.chassis.http_client import HttpClient
from fourgates.chassis.process.front import Front, waiting_api
from fourgates.chassis.process.parts import Opened, open_parts
from fourgates.chassis.process.serving import collect_rarely, listen, serve
from fourgates.chassis.process.settings import Named
from fourgates.chassis.service import Service
from fourgates.chassis.store import STORE_AWAY, Conflict

log = structlog.get_logger("fourgates.process")

JOIN_S = 30.0
REASON_CHARS_MAX = 300
T = TypeVar("T")


class CannotRun(Exception):
    """The service cannot be built, for a reason that waiting does not cure."""


class Running:
    """A service that is on its way up, up, or on its way down."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self._waits_for = {"store": "not asked yet", "bus": "not asked yet"}
        self.front = Front(waiting_api(named.name, named.settings, {n: self._awaited(n) for n in self._waits_for}))
        self._client = HttpClient(timeout_s=named.settings.http_timeout_s)
        self._service: Service | None = None
        self._opened: Opened | None = None
        self._failure: Exception | None = None
        self._ending = threading.Event()
        self._building = threading.Thread(target=self._come_up, name="building", daemon=True)

    def run(self) -> None:
        """Serve until asked to end. Raises `CannotServe` or `CannotRun`."""
        process = self._named.process
        listening = listen(process.host, process.port)
        signal.signal(signal.SIGHUP, lambda _signal, _frame: self._begin_to_rebuild())
        self._building.start()
        try:
            serve(
                self.front,
                listening,
                root_path=urlsplit(self._named.settings.public_url or "").path,
                connections_max=process.connections_max,
                stop_s=process.stop_s,
                on_end=self._drain,
            )
        finally:
            self._stop()
        if self._failure is not None:
            raise CannotRun(f"{type(self._failure).__name__}: {self._failure}") from self._failure

    def _drain(self) -> None:
        """Tell who asks that this process is about to end, and end what would never end by itself."""
        self.front.drain()
        if self._service is not None:
            self._service.drain()

    def _stop(self) -> None:
        """End the workers after the step that they are in, and let go of everything."""
        self._ending.set()
        self._building.join(JOIN_S)
        if self._service is not None:
            self._service.stop()
        if self._opened is not None:
            self._opened.close()
        self._client.close()
        log.info("stopped", service=self._named.name)

    def _come_up(self) -> None:
        try:
            self._opened = open_parts(self._named, client=self._client, clock=SystemClock())
            # A conflict: another replica was storing what a service begins with. What it stored is there the next time.
            service = self._until_it_answers("store", (*STORE_AWAY, Conflict), self._build)
            if service is None:
                return
            self._service = service
            api = cast("Api", service.api)
            api.readiness.checks |= {"store": self._store, "bus": self._awaited("bus")}
            collect_rarely()
            service.start()
            self.front.open(api)
            self._until_it_answers("bus", (BusUnavailable,), self._make_topic)
        except Exception as error:
            log.exception("cannot run", service=self._named.name)
            self._failure = error
            os.kill(os.getpid(), signal.SIGTERM)

    def _build(self) -> Service:
        """Build the service as soon as its database answers."""
        opened = self._opened
        assert opened is not None  # noqa: S101 - opened just before
        service: Service = self._named.build(opened.parts, self._named.settings)
        if service.views.catch_up() > service.store.head():
            # The file of the read models was made from another database.
            service.views.rebuild()
        return service

    def _begin_to_rebuild(self) -> None:
        """Make the read models again while requests are answered."""
        threading.Thread(target=self._rebuild, name="rebuilding", daemon=True).start()

    def _rebuild(self) -> None:
        if self._service is None:
            log.warning("read models are not rebuilt", reason="the service is not up yet")
            return
        log.info("read models are rebuilt", service=self._named.name)
        try:
            position = self._service.views.rebuild()
        except Exception:
            log.exception("read models stay as they were", service=self._named.name)
        else:
            log.info("read models were rebuilt", service=self._named.name, position=position)

    def _make_topic(self) -> bool:
        bus = self._opened.parts.bus if self._opened is not None else None
        if isinstance(bus, KafkaBus):
            bus.topics_exist([topic_of(self._named.name)])
        return True

    def _until_it_answers(self, name: str, away: tuple[type[Exception], ...], ask: Callable[[], T]) -> T | None:
        """Return what was asked for as soon as it can be had, or None when the process is to end before."""
        while not self._ending.is_set():
            try:
                found = ask()
            except away as error:
                reason = _in_a_line(error)
                if self._waits_for[name] != reason:
                    log.warning("waits", what=name, reason=reason)
                self._waits_for[name] = reason
                self._ending.wait(self._named.process.retry_s)
            else:
                self._waits_for[name] = ""
                return found
        return None

    def _awaited(self, name: str) -> Check:
        return lambda: f"waits: {reason}" if (reason := self._waits_for[name]) else None

    def _store(self) -> str | None:
        """Tell whether the database answers."""
        try:
            if self._service is not None:
                self._service.store.head()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is why this process is not ready
            return f"does not answer: {type(error).__name__}"
        return None


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:REASON_CHARS_MAX]
