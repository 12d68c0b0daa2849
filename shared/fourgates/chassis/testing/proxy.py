"""A TCP proxy that stands between a client and a server, and breaks connections at a chosen moment."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Self

HOST = "127.0.0.1"
_CHUNK = 65536
Tell = Callable[[int, bool, bytes], None]


class Proxy:
    """Passes bytes both ways. It can refuse everyone, or break the connection that sends a certain word.

    With `answered=True` the server gets the word and answers, and the client hears nothing of it; otherwise the word
    does not arrive. `tell` hears of all bytes before they are passed on: the number of the connection, whether it was
    the client who sent them, and the bytes.
    """

    def __init__(self, host: str, port: int, *, tell: Tell = lambda _number, _client, _data: None) -> None:
        self._tell = tell
        self._server = (host, port)
        self._listening = socket.create_server((HOST, 0))
        self.port = int(self._listening.getsockname()[1])
        self.broken = 0
        self._word: bytes | None = None
        self._answered = False
        self._refusing = False
        self._silent = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End, with all connections."""
        self._refusing = True
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def break_once_at(self, word: bytes, *, answered: bool) -> None:
        """Break the next connection that sends a word."""
        with self._lock:
            self._word, self._answered = word, answered

    def refuse(self, *, refusing: bool) -> None:
        """Cut every connection and refuse new ones, or take them again."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def fall_silent(self, *, silent: bool) -> None:
        """Pass nothing on, without closing anything, until told to go on."""
        if silent:
            self._silent.set()
        else:
            self._silent.clear()
            self.cut()

    def cut(self) -> None:
        """Break every connection now."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _end(connection)

    def _accept(self) -> None:
        for number in count():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(self._server, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            swallow = threading.Event()
            for source, target, seen in (
                (client, server, lambda data, s=swallow: self._sent(data, s)),
                (server, client, lambda _, s=swallow: not s.is_set()),
            ):
                tell = partial(self._tell, number, source is client)
                threading.Thread(target=self._pump, args=(source, target, tell, seen), daemon=True).start()

    def _pump(
        self,
        source: socket.socket,
        target: socket.socket,
        tell: Callable[[bytes], None],
        passes: Callable[[bytes], bool],
    ) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if self._silent.is_set():
                    continue
                tell(data)
                if not passes(data):
                    break
                target.sendall(data)
        for connection in (source, target):
            _end(connection)
            with self._lock:
                self._open.discard(connection)

    def _sent(self, data: bytes, swallow: threading.Event) -> bool:
        """Tell whether what the client sent may pass."""
        with self._lock:
            if self._word is None or self._word not in data:
                return True
            self._word = None
            self.broken += 1
        if self._answered:
            swallow.set()
            return True
        return False


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
