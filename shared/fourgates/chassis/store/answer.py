"""What an append is answered: by the writer, to a thread that waits or to whoever wants to be called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import InvalidStateError
from typing import Any

import structlog

log = structlog.get_logger()


class Answer:
    """The positions of what was stored, or why it was not: given once, by the one who has the append in hand.

    It does what a future of the standard library does, for a tenth of its price: there is one for each command.
    """

    __slots__ = ("_calls", "_error", "_is_given", "_waiting", "_worth")

    def __init__(self) -> None:
        # Held until there is an answer.
        self._waiting = threading.Lock()
        self._waiting.acquire()
        self._is_given = False
        self._worth: Sequence[int] = ()
        self._error: Exception | None = None
        self._calls: list[Callable[[Answer], Any]] = []

    def done(self) -> bool:
        """Tell whether there is an answer."""
        return self._is_given

    def result(self, timeout_s: float | None = None) -> Sequence[int]:
        """Return the positions. Raises why there are none, and `TimeoutError` when there is no answer in time."""
        error = self.exception(timeout_s)
        if error is not None:
            raise error
        return self._worth

    def exception(self, timeout_s: float | None = None) -> Exception | None:
        """Return why nothing was stored, or None. Raises `TimeoutError` when there is no answer in time."""
        if not self._is_given:
            if not self._waiting.acquire(timeout=-1 if timeout_s is None else timeout_s):
                raise TimeoutError
            self._waiting.release()
        return self._error

    def set_result(self, worth: Sequence[int]) -> None:
        """Answer with positions. Raises `InvalidStateError` when there is an answer already."""
        self._give(worth, None)

    def set_exception(self, error: Exception) -> None:
        """Answer with an error. Raises `InvalidStateError` when there is an answer already."""
        self._give((), error)

    def add_done_callback(self, call: Callable[[Answer], Any]) -> None:
        """Call this with the answer when there is one: by the thread that gives it, or here if there is one already."""
        self._calls.append(call)
        if self._is_given:
            self._call()

    def _give(self, worth: Sequence[int], error: Exception | None) -> None:
        if self._is_given:
            raise InvalidStateError
        self._worth, self._error = worth, error
        self._is_given = True
        self._waiting.release()
        self._call()

    def _call(self) -> None:
        # Whoever takes a call makes it, so that each is made once.
        while self._calls:
            try:
                call = self._calls.pop()
            except IndexError:
                return
            try:
                call(self)
            except Exception:
                # Whoever gives the answer has others to give.
                log.exception("an answer was not taken well")
