"""The thread of a worker: it gathers work, begins at once after a rest, and goes on after errors."""

from __future__ import annotations

import threading

import pytest
from fourgates.chassis.workers import BATCH, MUCH, Supervised

WAIT_S = 60


class Worker:
    """Has work, none, or an error, as it is told."""

    name = "toy"

    def __init__(self, *steps) -> None:
        self.left = list(steps)
        self.stepped = threading.Semaphore(0)
        self.woken = threading.Event()
        self.waiting = threading.Event()

    def step(self):
        found = self.left.pop(0) if self.left else False
        self.stepped.release()
        if isinstance(found, Exception):
            raise found
        return found

    def wait(self, timeout_s):
        self.waiting.set()
        self.woken.wait(timeout_s)
        self.woken.clear()

    def close(self):
        self.left = None


def run(worker, **limits):
    thread = Supervised(worker, worker.woken.set, **limits)
    thread.start()
    return thread


def end(thread):
    thread.ask_to_stop()
    thread.join(WAIT_S)


def test_who_found_work_gathers_before_the_next_step_and_stops_all_the_same():
    worker = Worker(True, True)
    thread = run(worker, gather_s=1e9)
    assert worker.stepped.acquire(timeout=WAIT_S)
    assert worker.left == [True]
    end(thread)
    assert worker.left is None


@pytest.mark.parametrize(
    ("found", "limits"),
    [
        pytest.param((MUCH, MUCH - 1), {"gather_s": 1e9, "gather_much_s": 0}, id="much"),
        pytest.param((BATCH, BATCH - 1), {"gather_s": 0, "gather_much_s": 1e9}, id="as much as a step may"),
    ],
)
def test_how_long_it_gathers_depends_on_what_was_found(found, limits):
    worker = Worker(*found, True)
    thread = run(worker, **limits)
    for _ in found:
        assert worker.stepped.acquire(timeout=WAIT_S)
    assert worker.left == [True]
    end(thread)


def test_after_a_rest_work_begins_at_once():
    worker = Worker(False, False)
    thread = run(worker, idle_s=3600, gather_s=1e9)
    assert worker.waiting.wait(WAIT_S)
    worker.woken.set()
    assert worker.stepped.acquire(timeout=WAIT_S)
    assert worker.stepped.acquire(timeout=WAIT_S)
    end(thread)


def test_an_error_is_told_until_a_step_succeeds():
    worker = Worker(ValueError("a mistake of ours"), True, False)
    thread = run(worker, gather_s=0)
    assert worker.waiting.wait(WAIT_S)
    assert thread.failing is None
    end(thread)
