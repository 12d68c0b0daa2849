"""One service, assembled: its API, its read models, and the workers that follow its log, the bus and the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from fourgates.chassis.aggregate import Act
from fourgates.chassis.bus import Bus
from fourgates.chassis.bus.envelope import topic_of
from fourgates.chassis.clock import Clock
from fourgates.chassis.dead_letters import DeadLetterCopies
from fourgates.chassis.followers import CarryOut, Effect, EffectRunner, OwnLog, Ticker
from fourgates.chassis.handled import Handled
from fourgates.chassis.http import Api, CallFactory, Check, create_api, security_log_routes
from fourgates.chassis.http.dead_letters_api import dead_letter_routes
from fourgates.chassis.http.health import Note
from fourgates.chassis.http.log_api import log_routes
from fourgates.chassis.http.positions import Positions
from fourgates.chassis.http.security_log import SecurityLog
from fourgates.chassis.identity import TokenVerifier
from fourgates.chassis.ids import Ids
from fourgates.chassis.inbox import Inbox, SourceLog
from fourgates.chassis.kept_answers import KeptAnswers
from fourgates.chassis.leadership import Leadership, Led
from fourgates.chassis.memory import Memory
from fourgates.chassis.reacting import Heard
from fourgates.chassis.relay import Published, Relay
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.store import EventStore
from fourgates.chassis.views import View, Views
from fourgates.chassis.work import Units, Work
from fourgates.chassis.workers import Supervised, Worker

__all__ = ["CarryOut", "Effect", "Parts", "Service", "assemble"]

STOP_S = 15.0


@dataclass(frozen=True)
class Parts:
    """The concrete things a service is built from. Only the runner and `app.py` choose them."""

    store: EventStore
    views_path: Path | None
    bus: Bus
    clock: Clock
    ids: Ids
    verifier: TokenVerifier
    security_log: SecurityLog
    sources: SourceLog | None = None
    data: Path | None = None
    # None where there is never more than one process of a service.
    leadership: Leadership | None = None


@dataclass
class Service:
    """A service that is ready to answer; its workers run between `start` and `stop`."""

    name: str
    api: FastAPI
    store: EventStore
    views: Views
    units: Units
    relay: Relay
    workers: tuple[Worker, ...]
    use_cases: Callable[[Work], Any]
    on_stop: Callable[[], None] | None = None
    leadership: Leadership | None = None
    # Workers that every replica needs for its own callers; the others work only where their process leads.
    everywhere: tuple[Worker, ...] = ()
    on_drain: Callable[[], None] | None = None
    _running: tuple[Worker, ...] = ()
    _threads: list[Supervised] = field(default_factory=list)

    def start(self) -> None:
        """Start a supervised thread for each worker."""
        self._running = (*(self._led(worker) for worker in self.workers), *self.everywhere)
        self._threads = [Supervised(worker, self._wake) for worker in self._running]
        for thread in self._threads:
            thread.start()

    def drain(self) -> None:
        """Say that the process is about to end, and end the answers that would never end by themselves.

        A signal handler may call this: nothing here waits.
        """
        if isinstance(self.api, Api):
            self.api.readiness.draining = True
        if self.on_drain is not None:
            self.on_drain()

    def stop(self) -> None:
        """End the workers after the step that they are in, and close the store."""
        for thread in self._threads:
            thread.ask_to_stop()
        for thread in self._threads:
            thread.join(STOP_S)
        if self.leadership is not None:
            self.leadership.close()
        if self.on_stop is not None:
            self.on_stop()
        self.views.close()
        self.store.close()

    def failing(self) -> dict[str, str]:
        """Return the workers that met an error in their last step, with its kind."""
        return {t.name: t.failing for t in self._threads if t.failing is not None}

    def carry_out(self, use_case: Callable[[Any], object]) -> None:
        """Run one use case in a transaction of its own, outside any request."""
        work = self.units.open()
        use_case(self.use_cases(work))
        self.units.commit(work)

    def _wake(self) -> None:
        self.store.wake()
        for worker in self._running:
            if isinstance(worker, (Ticker, Led)):
                worker.wake()

    def _led(self, worker: Worker) -> Worker:
        """Return a worker that works while its process leads; only the bus is read by every replica, each its part."""
        if self.leadership is None or isinstance(worker, (Inbox, Led)):
            return worker
        return Led(worker, self.leadership)


def assemble(
    *,
    name: str,
    parts: Parts,
    settings: ServiceSettings,
    title: str,
    description: str,
    use_cases: Callable[[Work], Any],
    routes: Callable[[CallFactory], APIRouter],
    views: Sequence[View],
    published: Published,
    heard: Mapping[type[Any], Callable[[Any, Act, Any], None]],
    own: Mapping[type[Any], Callable[[Any, Act, Any], None]],
    clock: Sequence[Callable[[Any, Act], None]],
    effects: Sequence[Effect] = (),
    on_stop: Callable[[], None] | None = None,
    everywhere: Sequence[Worker] = (),
    on_drain: Callable[[], None] | None = None,
) -> Service:
    """Build a service from its rooms and its parts; nothing runs yet."""
    read_models = Views(parts.store, views, parts.views_path)
    answers = KeptAnswers(read_models, settings.answers_kept_rows_max)
    memory = Memory(parts.store, settings.aggregates_kept_max, answers)
    units = Units(parts.store, read_models)
    common: dict[str, Any] = {"units": units, "use_cases": use_cases, "clock": parts.clock}
    relay = Relay(name, parts.store, parts.bus, published)
    inbox = _inbox(name, parts, heard, settings.parked_max, common)
    workers: list[Worker] = [
        relay,
        inbox,
        OwnLog(name, store=parts.store, own=own, **common),
        Ticker(name, due=clock, tick_s=settings.tick_s, **common),
        DeadLetterCopies(name, parts.store, parts.bus),
        *(EffectRunner(name, effect, store=parts.store, **common) for effect in effects),
    ]
    made = (parts.store, read_models, units, relay, tuple(workers), use_cases, on_stop, parts.leadership)
    service = Service(name, FastAPI(), *made, tuple(everywhere), on_drain)
    api = create_api(name, title=title, description=description, settings=settings, checks=_checks(service))
    edge: dict[str, Any] = {"verifier": parts.verifier, "ids": parts.ids, "security_log": parts.security_log}
    caller = CallFactory(service=name, views=read_models, memory=memory, settings=settings, **edge, **common)
    caller.positions = Positions(name, units, settings, Handled(parts.store, parts.sources, inbox.publishers))
    api.state.caller = caller
    shared = (security_log_routes(caller), log_routes(caller, relay), dead_letter_routes(caller, inbox.dead_letters))
    for router in (routes(caller), *shared):
        api.include_router(router)
    service.api = api
    return service


def _inbox(name: str, parts: Parts, heard: Heard, parked_max: int, common: Mapping[str, Any]) -> Inbox:
    return Inbox(
        name,
        store=parts.store,
        bus=parts.bus,
        topics=_topics(heard),
        heard=heard,
        sources=parts.sources,
        parked_max=parked_max,
        **common,
    )


def _checks(service: Service) -> dict[str, Check]:
    """Return what tells whether a service is ready."""
    return {
        "store": lambda: _answers(service.store),
        "log": lambda: _stopped(service.store),
        "workers": lambda: _named(service.failing()),
    }


def _answers(store: EventStore) -> str | None:
    """Return None when the store answers; an error of the store counts as not ready by itself."""
    store.head()
    return None


def _stopped(store: EventStore) -> str | None:
    """Return which aggregates are stopped, or None. All others are served, so the process stays ready."""
    told = store.stopped.told()
    return Note(told) if told else None


def _named(failing: Mapping[str, str]) -> str | None:
    """Return the workers that fail, or None.

    They keep nobody from being answered: without the bus, commands are stored, and published when it is back. And a
    service that waits for another's log must not be hidden from those who wait for its own.
    """
    told = "; ".join(f"{name}: {kind}" for name, kind in sorted(failing.items()))
    return Note(told) if told else None


def _topics(heard: Iterable[type[Any]]) -> tuple[str, ...]:
    """Return the topics of these contracts, whose types are `dev.fourgates.<publisher>.<fact>.v1`."""
    return tuple(sorted({topic_of(str(contract.TYPE).split(".")[2]) for contract in heard}))
