"""The product's services as one process each, of which nothing but its stored bytes outlives a crash.

What a process is built from is the product's own code; only its surroundings are stand-ins: the store and the bus of
this folder, nodes and probes that do as a seed says, bytes on a shelf. Threads are never started: the pool in which
the web framework runs an endpoint is replaced by a plain call, so that a request is carried out in one go.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio.to_thread
import change_service.app
import deploy_service.app
import dml_service.app
import fourgates.chassis.service
import operations_service.app
import release_service.app
import review_service.app
import structlog
from dml_service.adapters import MemoryBlobs
from fastapi import APIRouter, FastAPI
from fourgates.chassis.http.replay import InFlight
from fourgates.chassis.service import Parts, Service, assemble
from fourgates_cli.embedded import _BUILDERS

APPS: dict[str, Any] = {
    "change": change_service.app,
    "release": release_service.app,
    "dml": dml_service.app,
    "deploy": deploy_service.app,
    "review": review_service.app,
    "operations": operations_service.app,
}
# The web applications, made once: they hold nothing but the caller, which is given the parts of each new process.
_APIS: dict[str, FastAPI] = {}


class Surroundings:
    """What the services reach outside of themselves in this run."""

    def __init__(self, executor: Any, prober: Any) -> None:
        self.executor = executor
        self.prober = prober
        self.shelf = MemoryBlobs()


class _Shelf:
    """The bytes of the run that is going on: the web application of the library is made only once."""

    now = MemoryBlobs()

    def __getattr__(self, name: str) -> Any:
        return getattr(_Shelf.now, name)


class _NoClient:
    def __init__(self, **_: Any) -> None:
        """Nobody is asked over a socket."""

    def close(self) -> None:
        """Nothing is held."""


class _NoApi(FastAPI):
    def include_router(self, *_: Any, **__: Any) -> None:
        """The web application was made before."""


@contextmanager
def replaced(place: Any, **by: Any) -> Iterator[None]:
    """Have something else under a name for a while."""
    before = {name: getattr(place, name) for name in by}
    for name, value in by.items():
        setattr(place, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(place, name, value)


@contextmanager
def one_thread() -> Iterator[None]:
    """Carry out in this thread whatever would be given to a pool."""

    async def at_once(function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        return function(*args)

    told = structlog.get_config()
    # Faults are meant, and there are thousands: what the services write about them is left out.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with (
            replaced(anyio.to_thread, run_sync=at_once),
            replaced(inspect, getsource=functools.cache(inspect.getsource)),
        ):
            yield
    finally:
        structlog.configure(**told)


def built(name: str, parts: Parts, around: Surroundings, given: dict[str, Any]) -> Service:
    """Build a service anew on its parts, as its runner does."""
    _Shelf.now = around.shelf
    build, settings = _BUILDERS[name]
    with ExitStack() as stack:
        stack.enter_context(_surrounded(name, around))
        if name in _APIS:
            stack.enter_context(replaced(APPS[name], assemble=_without_routes))
            stack.enter_context(replaced(fourgates.chassis.service, create_api=_no_api, log_routes=_no_routes))
            stack.enter_context(replaced(fourgates.chassis.service, security_log_routes=_no_routes))
        more = {"prober": around.prober} if name == "review" else {}
        service: Service = build(parts, settings(**given), **more)
    if name not in _APIS:
        _APIS[name] = service.api
    else:
        _hand_over(service.api.state.caller, _APIS[name].state.caller)
        service.api = _APIS[name]
    return service


def _hand_over(new: Any, caller: Any) -> None:
    made_anew = (
        "units",
        "views",
        "memory",
        "use_cases",
        "clock",
        "ids",
        "verifier",
        "security_log",
        "settings",
        "positions",
    )
    for name in made_anew:
        setattr(caller, name, getattr(new, name))
    caller.in_flight = InFlight(new.settings.in_flight_max)


@contextmanager
def _surrounded(name: str, around: Surroundings) -> Iterator[None]:
    app = APPS[name]
    with ExitStack() as stack:
        if hasattr(app, "HttpClient"):
            stack.enter_context(replaced(app, HttpClient=_NoClient))
        if name == "deploy":
            stack.enter_context(replaced(app, _executor=lambda *_: around.executor))
        if name == "dml":
            stack.enter_context(replaced(app, _blobs=lambda *_: _Shelf()))
        yield


def _without_routes(**asked: Any) -> Service:
    return assemble(**{**asked, "routes": lambda _: APIRouter()})


def _no_api(*_: Any, **__: Any) -> FastAPI:
    return _NoApi(openapi_url=None, docs_url=None, redoc_url=None)


def _no_routes(*_: Any) -> APIRouter:
    return APIRouter()
