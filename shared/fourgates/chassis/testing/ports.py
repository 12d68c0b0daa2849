"""Ports of this machine that belong to one test, also while nobody listens on them."""

from __future__ import annotations

import socket
import sys

HOST = "127.0.0.1"


class HeldPort:
    """A port for a server that starts later, or again and again: until it is let go nobody else is given it.

    A port that is only looked up and let go may be given to whoever asks for any port next, and then two of one test
    meet there. Linux gives none that something is bound to, and yet lets a server listen on it that asks for this very
    one and reuses addresses, as all of ours do. Elsewhere it is only looked up.
    """

    def __init__(self) -> None:
        self._bound = socket.socket()
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bound.bind((HOST, 0))
        self.number = int(self._bound.getsockname()[1])
        if sys.platform != "linux":
            self.close()

    def close(self) -> None:
        """Let it go."""
        self._bound.close()
