"""Following the log with many open answers: who is let in, who waits, and how server-sent events are written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import anyio
import structlog
from anyio.to_thread import run_sync
from fourgates.chassis.http import Problem
from fourgates.chassis.store import STORE_AWAY
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

RETRY_MS = 3000
# What ends a line for a reader of events, and nothing else: Python knows more line ends, which belong to the data.
_LINE_END = re.compile(r"\r\n|\r|\n")
log = structlog.get_logger("fourgates.stream")


class Followers:
    """All open answers of one process. As a worker it looks at the log, and wakes them when it has grown.

    They are woken by what the database tells and by looking again and again, so that no fact waits for another one.
    """

    name = "operations-followers"

    def __init__(
        self,
        *,
        head: Callable[[], int],
        wait_beyond: Callable[[int, float], bool],
        followers_max: int,
        threads_max: int,
    ) -> None:
        self._head = head
        self._wait_beyond = wait_beyond
        self._max = followers_max
        # Questions to the store are put in these threads only: they may wait, the event loop may not.
        self._threads = anyio.CapacityLimiter(threads_max)
        self._open: set[Follower] = set()
        self._seen = 0
        self.draining = False

    def step(self) -> bool:
        """Wake everybody when the log has grown; tell whether it has."""
        head = self._head()
        if head <= self._seen:
            return False
        self._seen = head
        self._wake()
        return True

    def wait(self, timeout_s: float) -> None:
        """Wait for the log to grow."""
        self._wait_beyond(self._seen, timeout_s)

    def close(self) -> None:
        """Let nobody wait for a worker that has ended."""
        self.drain()

    def drain(self) -> None:
        """End every open answer, and begin no other. Takes no lock: a signal handler may call it."""
        self.draining = True
        self._wake()

    def begin(self) -> Follower:
        """Let one more follow. Raises the 503 problem."""
        if self.draining:
            raise Problem("unavailable", "This process is about to end; try again.", headers={"Retry-After": "1"})
        if len(self._open) >= self._max:
            raise Problem("unavailable", f"{self._max} readers follow already.", headers={"Retry-After": "10"})
        follower = Follower(self)
        self._open.add(follower)
        return follower

    def end(self, follower: Follower) -> None:
        """Let another one follow instead."""
        self._open.discard(follower)

    async def ask(self, question: Callable[[], T]) -> T:
        """Put a question to the store, outside the event loop."""
        return await run_sync(question, limiter=self._threads)

    def _wake(self) -> None:
        for follower in tuple(self._open):
            follower.wake()


class Follower:
    """One open answer, in the event loop that writes it."""

    def __init__(self, followers: Followers) -> None:
        self._followers = followers
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self.ask = followers.ask

    @property
    def ends(self) -> bool:
        """True when this answer must end now."""
        return self._followers.draining

    def look(self) -> None:
        """Begin to look at the log: what is appended from now on ends the next wait at once."""
        self._woken.clear()

    async def wait(self, timeout_s: float) -> bool:
        """Wait until there may be more in the log; False when the time was over before."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """End the wait, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:  # The loop has ended, and all its answers with it.
            self.end()

    def end(self) -> None:
        """Let another one follow instead."""
        self._followers.end(self)


class EventStream(StreamingResponse):
    """Server-sent events to one reader, who is cut off when nothing more can be sent for too long."""

    media_type = "text/event-stream"

    def __init__(self, follower: Follower, events: AsyncGenerator[bytes], *, send_s: float) -> None:
        # A proxy that gathers answers would keep the events back.
        super().__init__(events, headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})
        self._follower = follower
        self._events = events
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end, the reader leaves, or is too slow."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope.get("fourgates.head"):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._until_left, receive, tasks.cancel_scope)
                await self._send_all(send)
                tasks.cancel_scope.cancel()
        finally:
            self._follower.end()
            await self._events.aclose()

    async def _until_left(self, receive: Receive, scope: anyio.CancelScope) -> None:
        await self.listen_for_disconnect(receive)
        scope.cancel()

    async def _send_all(self, send: Send) -> None:
        # Nothing is gathered here: the next event is made when the one before is on its way.
        try:
            async for event in self._events:
                with anyio.fail_after(self._send_s):
                    await send({"type": "http.response.body", "body": event, "more_body": True})
        except TimeoutError:
            log.warning("a slow reader was cut off", after_s=self._send_s)
        except STORE_AWAY as error:
            log.warning("a reader was cut off: the store is away", error=str(error))
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Without an end of the answer the server closes the connection, and the reader resumes.


def event(data: str = "", *, place: int | None = None, name: str = "", retry_ms: int | None = None) -> bytes:
    """Write one event. Without data it only moves the place from which a reader resumes."""
    lines = [f"retry: {retry_ms}"] if retry_ms is not None else []
    lines += [f"id: {place}"] if place is not None else []
    lines += [f"event: {name}"] if name else []
    lines += [f"data: {line}" for line in _LINE_END.split(data)] if data else []
    return ("\n".join(lines) + "\n\n").encode()


def ping(place: int) -> bytes:
    """Write a comment that keeps the connection open, and where the reader is meanwhile."""
    return f": ping\nid: {place}\n\n".encode()
