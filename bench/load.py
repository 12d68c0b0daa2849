"""A small closed-loop load generator over raw sockets: little CPU of its own, bounded in count and time."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a run showed. Times in seconds, `client_cpu` as a share of one core."""

    requests: int
    failures: int
    seconds: float
    latencies: list[float]
    client_cpu: float

    @property
    def rate(self) -> float:
        """Good requests a second."""
        return (self.requests - self.failures) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency below which this share of requests was answered."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def request_bytes(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(
    port: int,
    connections: int,
    seconds: float,
    make: Callable[[int], bytes],
    *,
    requests_max: int,
    read: Callable[[bytes], object] = lambda _: None,
) -> Load:
    """Send requests over so many connections until the time or the count is over; `read` gets the bodies of answers."""
    return asyncio.run(_run(port, connections, seconds, make, requests_max, read))


async def _run(
    port: int,
    connections: int,
    seconds: float,
    make: Callable[[int], bytes],
    most: int,
    read: Callable[[bytes], object],
) -> Load:
    counter = iter(range(most))
    latencies: list[float] = []
    failures = 0
    began_cpu = _cpu()
    began = time.perf_counter()
    until = began + seconds

    async def one() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            number = next(counter, None)
            if number is None:
                break
            sent = time.perf_counter()
            writer.write(make(number))
            status, body = await asyncio.wait_for(_answer(reader), 30)
            read(body)
            latencies.append(time.perf_counter() - sent)
            failures += not 200 <= status < 300
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    spent = time.perf_counter() - began
    return Load(len(latencies), failures, spent, latencies, (_cpu() - began_cpu) / spent)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    body = await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)])) if at >= 0 else b""
    return status, body


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
