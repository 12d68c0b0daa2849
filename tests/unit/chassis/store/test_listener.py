"""Who is told of appends wakes at once, then rarely while many come."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from fourgates.chassis.store.postgres.listener import _GATHER_MUCH_S, _GATHER_S, _MUCH, Listener


class Told:
    """A connection on which so many appends are told in each pause."""

    def __init__(self, *counts):
        self.counts = [*counts]

    @contextmanager
    def connected(self):
        yield self

    def execute(self, _):
        """Nothing is asked."""

    def notifies(self, *, timeout, stop_after=None):
        return iter([None] * (stop_after if timeout else self.counts.pop(0)))


class Pauses(list):
    """In the place of the event that ends a thread: ends it after so many pauses, none of which is waited for."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def is_set(self):
        return len(self) == self.count

    def wait(self, pause_s):
        self.append(pause_s)


def listened(*counts):
    woken = []
    listener = Listener(Told(*counts).connected, "c", lambda: woken.append(None))
    listener._stopping = Pauses(len(counts))
    listener._run()
    return listener._stopping, len(woken)


@pytest.mark.parametrize("few", [0, 1, _MUCH - 1])
def test_few_appends_are_told_soon(few):
    pauses, woken = listened(few, few, few)
    assert pauses == [_GATHER_S] * 3
    assert woken == 1 + 3 + (3 if few else 0)


def test_many_appends_wake_rarely_and_few_soon_again():
    pauses, woken = listened(_MUCH, 50, 0, 0)
    assert pauses == [_GATHER_S, _GATHER_MUCH_S, _GATHER_MUCH_S, _GATHER_S]
    assert woken == 1 + 4 + 2
