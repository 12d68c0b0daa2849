"""The clients of the Kafka library as every part of the bus makes them: with limits, and leaving nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

from fourgates.chassis.bus.interface import BusUnavailable

_RECEIVED_MAX = 262144


@dataclass(frozen=True)
class KafkaLimits:
    """Every wait and every size of the clients."""

    # A first answer of any broker, when a client is made.
    bootstrap_timeout_s: float = 5.0
    # One request, and the metadata of a topic that was not used before.
    request_timeout_s: float = 5.0
    # All tries of one message; then the publisher gives up, and the relay begins again from its saved position.
    delivery_timeout_s: float = 10.0
    # The library's 30 s would leave a broker that is back unused for as long.
    reconnect_backoff_max_s: float = 1.0
    # A consumer that died is replaced after this; one that lives says so every `heartbeat_s`.
    session_timeout_s: float = 10.0
    heartbeat_s: float = 1.0
    # How long one poll stays with a group that is sharing its partitions out anew.
    sharing_s: float = 5.0
    # A consumer that does not poll for so long has lost its partitions.
    poll_pause_max_s: float = 120.0
    commit_timeout_s: float = 5.0
    close_timeout_s: float = 3.0
    # After so long without any message a consumer asks whether its broker is still there.
    silence_s: float = 5.0
    # How long a broker waits for something to send. A partition whose last messages are being handled is asked for what
    # follows in the next request only, so this is how long that may have to wait. The library's 0.5 s are too long.
    fetch_wait_s: float = 0.1
    # A topic or partition that someone else made is seen after this.
    metadata_age_s: float = 30.0
    # Messages that are sent before their acknowledgements are waited for.
    unacknowledged_max: int = 2000
    message_bytes_max: int = 4_194_304
    retention_days: int = 90


DEFAULT_LIMITS = KafkaLimits()


class _Socket(socket.socket):
    """A socket of which much is received at once.

    The library asks for 4 KB again and again, and each time waits for the lock of the interpreter as long as others
    want it: beside a thread that handles what was received before, next to nothing would arrive.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what has arrived, as much as that may be."""
        return super().recv(max(size, _RECEIVED_MAX), flags)


class _Sockets(KafkaNetSocket):  # type: ignore[misc]  # the library has no types
    """The library's way to a broker, which closes what did not connect instead of leaving it to be collected."""

    SCHEMES = ("fourgates",)

    def socket(self, *kind: Any) -> _Socket:
        """Return a socket that is not connected yet."""
        return _Socket(*kind)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        """Return the socket when it is connected."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


def make_client(kind: Callable[..., Any], bootstrap: str, limits: KafkaLimits, options: dict[str, Any]) -> Any:
    """Make a client of the library, and leave no thread behind when its constructor fails."""
    connections: list[Any] = []

    def connect(**given: Any) -> Any:
        connections.append(KafkaNetClient(**given))
        return connections[-1]

    try:
        return kind(
            bootstrap_servers=[server.strip() for server in bootstrap.split(",")],
            bootstrap_timeout_ms=ms(limits.bootstrap_timeout_s),
            request_timeout_ms=ms(limits.request_timeout_s),
            reconnect_backoff_max_ms=ms(limits.reconnect_backoff_max_s),
            metadata_max_age_ms=ms(limits.metadata_age_s),
            kafka_client=connect,
            **{"proxy_url": f"{_Sockets.SCHEMES[0]}://", **options},
        )
    except Exception as error:
        for connection in connections:
            connection.close()
        if isinstance(error, KafkaError) and not isinstance(error, KafkaConfigurationError):
            raise unavailable(error) from error
        raise


def unavailable(error: Exception) -> BusUnavailable:
    """Return our word for an error of the library."""
    return BusUnavailable(f"{type(error).__name__}: {error}")


def ms(seconds: float) -> int:
    """Return whole milliseconds."""
    return int(seconds * 1000)
