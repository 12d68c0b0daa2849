"""Serving HTTP until the process is asked to end: what runs is answered, then everything is closed."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

log = structlog.get_logger("fourgates.process")

# Longer than a client or a proxy keeps a connection that it does not use.
IDLE_S = 75
# Objects that are made before the collector of cycles looks at the newest, and the ratios of its longer looks. A
# service makes few cycles, and keeps many objects that the collector would look at again and again for nothing.
COLLECTED_EVERY = (50_000, 50, 20)


class CannotServe(Exception):
    """The address cannot be listened on."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say first that this process is about to end, then end."""
        self._on_end()
        super().handle_exit(sig, frame)


def collect_rarely() -> None:
    """Let the collector of cycles leave alone what is there now, and come more rarely from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_EVERY)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises `CannotServe`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise CannotServe(
            f"cannot listen on {host} port {port}, which FOURGATES_HOST and FOURGATES_PORT name: {error}"
        ) from error


def serve(
    app: ASGIApp,
    listening: socket.socket,
    *,
    root_path: str = "",
    connections_max: int = 1000,
    stop_s: int = 20,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, and answer what was asked before."""
    config = uvicorn.Config(
        app,
        root_path=root_path.rstrip("/"),
        lifespan="off",
        log_config=None,
        interface="asgi3",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=connections_max,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=stop_s,
    )
    server = _Server(config, on_end)

    def ask_to_end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # The server repeats a signal for these when it has ended: without them, that would end the process before its
    # workers have stopped.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, ask_to_end)
    host, port = listening.getsockname()[:2]
    log.info("serving", host=host, port=port)
    server.run(sockets=[listening])
    log.info("served")
