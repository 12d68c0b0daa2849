"""The queue and the writer of group commit, without a database."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from contextlib import contextmanager

import pytest
import structlog
from eventsourcing.persistence import IntegrityError, StoredEvent
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import QueueFull, QueueLimits, StoreUnavailable, WriterDied
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.batching import Append, GroupCommit

IDS = CountedIds(11)
WAIT_S = 10


class Kept(GroupCommit):
    """Keeps batches in a list. A batch waits while the gate is closed."""

    def __init__(self, **limits) -> None:
        super().__init__(writes_to="a list", limits=QueueLimits(**limits))
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.writing = threading.Event()
        self.deaths: list[BaseException] = []

    def write(self, batch) -> None:
        self.writing.set()
        assert self.gate.wait(WAIT_S)
        if self.deaths:
            raise self.deaths.pop()
        self.batches.append([event.topic for append in batch for event in append.events])
        for append in batch:
            if append.events[0].topic == "bad":
                append.answer.set_exception(IntegrityError("bad"))
            else:
                append.answer.set_result([len(self.batches)] * len(append.events))


def put(kept, *topics, state=b"") -> Answer:
    events = [StoredEvent(IDS.new(), 1, topic, state) for topic in topics]
    return kept.submit(events, positions={}, reply=None, parked=None)


async def come(answer):
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    answer.add_done_callback(lambda _: loop.call_soon_threadsafe(came.set))
    await came.wait()
    return answer.result(0)


@contextmanager
def busy(kept):
    """Keep the writer at a first batch, so that what is put meanwhile waits."""
    kept.gate.clear()
    kept.writing.clear()
    first = put(kept, "first")
    assert kept.writing.wait(WAIT_S)
    try:
        yield first
    finally:
        kept.gate.set()


@pytest.fixture
def kept():
    made = Kept()
    yield made
    made.gate.set()
    made.drain()


def test_what_waits_while_a_batch_is_stored_is_stored_in_the_next_one(kept):
    with busy(kept):
        answers = [put(kept, str(n)) for n in range(5)]
    assert [answer.result(WAIT_S) for answer in answers] == [[2]] * 5
    assert kept.batches == [["first"], ["0", "1", "2", "3", "4"]]


def test_a_batch_is_bounded_in_events_and_an_append_is_never_divided():
    kept = Kept(batch_max=3)
    with busy(kept):
        answers = [put(kept, "a", "b"), put(kept, "c", "d"), put(kept, *"efghi"), put(kept, "j")]
    for answer in answers:
        answer.result(WAIT_S)
    assert kept.batches == [["first"], ["a", "b"], ["c", "d"], list("efghi"), ["j"]]
    kept.drain()


def test_a_batch_is_bounded_in_bytes():
    kept = Kept(batch_bytes_max=10)
    with busy(kept):
        answers = [put(kept, "a", state=b"123456"), put(kept, "b", state=b"1234"), put(kept, "c", state=b"1")]
    for answer in answers:
        answer.result(WAIT_S)
    assert kept.batches == [["first"], ["a", "b"], ["c"]]
    kept.drain()


@pytest.mark.parametrize(("limits", "state"), [({"waiting_max": 2}, b""), ({"waiting_bytes_max": 8}, b"1234")])
def test_a_full_queue_refuses_at_once_and_has_room_again_later(limits, state):
    kept = Kept(**limits)
    with busy(kept) as first:
        waiting = [put(kept, "a", state=state), put(kept, "b", state=state)]
        with pytest.raises(QueueFull):
            put(kept, "c", state=state)
    for answer in (first, *waiting):
        answer.result(WAIT_S)
    put(kept, "d", state=state).result(WAIT_S)
    assert kept.batches == [["first"], ["a", "b"], ["d"]]
    kept.drain()


def test_an_append_larger_than_the_queue_is_taken_when_nothing_waits():
    kept = Kept(waiting_max=2)
    assert put(kept, "a", "b", "c").result(WAIT_S) == [1, 1, 1]
    kept.drain()


def test_one_that_fails_fails_alone(kept):
    with busy(kept):
        answers = [put(kept, topic) for topic in ("a", "bad", "b")]
    with pytest.raises(IntegrityError):
        answers[1].result(WAIT_S)
    assert [answers[n].result(WAIT_S) for n in (0, 2)] == [[2], [2]]


def test_nothing_to_store_is_answered_at_once(kept):
    with busy(kept):
        assert put(kept).result(0) == ()


@pytest.mark.parametrize("error", [ValueError("a mistake of ours"), MemoryError(), SystemExit(), KeyboardInterrupt()])
def test_the_death_of_the_writer_reaches_those_in_hand_and_another_writer_serves_those_that_wait(kept, error):
    with busy(kept) as first:
        kept.deaths.append(error)
        waiting = [put(kept, str(n)) for n in range(3)]
    with pytest.raises(WriterDied):
        first.result(WAIT_S)
    assert [answer.result(WAIT_S) for answer in waiting] == [[1]] * 3
    assert put(kept, "later").result(WAIT_S) == [2]


def test_nobody_waits_for_ever_because_the_log_cannot_be_written(kept):
    def full(*_):
        raise OSError("no space left on device")

    structlog.configure(processors=[full])
    try:
        with busy(kept) as first:
            kept.deaths.append(MemoryError())
            waiting = put(kept, "waiting")
        with pytest.raises(WriterDied):
            first.result(WAIT_S)
        assert waiting.result(WAIT_S) == [1]
    finally:
        structlog.reset_defaults()


def test_a_writer_that_is_killed_from_outside_leaves_nobody_waiting(kept):
    put(kept, "before").result(WAIT_S)
    killed = kept._writer._thread
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(killed.ident), ctypes.py_object(SystemExit))
    answers = [put(kept, str(n)) for n in range(50)]
    for answer in answers:
        assert answer.exception(WAIT_S) is None or isinstance(answer.exception(), WriterDied)
    killed.join(WAIT_S)
    assert not killed.is_alive()
    put(kept, "later").result(WAIT_S)


def test_when_no_thread_can_be_started_everyone_is_told(kept, monkeypatch):
    def none(thread):
        raise RuntimeError("can't start new thread")

    with busy(kept) as first:
        waiting = put(kept, "waiting")
        kept.deaths.append(MemoryError())
        monkeypatch.setattr(threading.Thread, "start", none)
    for answer in (first, waiting):
        with pytest.raises(StoreUnavailable):
            answer.result(WAIT_S)
    with pytest.raises(StoreUnavailable):
        put(kept, "later")
    monkeypatch.undo()
    assert put(kept, "last").result(WAIT_S) == [1]


def test_what_waited_too_long_is_not_stored_any_more(kept):
    with busy(kept) as first:
        kept._writer.limits = QueueLimits(wait_s=0)
        late = put(kept, "late")
    first.result(WAIT_S)
    with pytest.raises(StoreUnavailable, match="nothing of this was stored"):
        late.result(WAIT_S)
    assert kept.batches == [["first"]]


def an_append(topic: str, *, until: float, unclear: bool = False) -> Append:
    return Append([StoredEvent(IDS.new(), 1, topic, b"")], {}, None, None, until, 1, 1, unclear=unclear)


def test_what_is_taken_over_comes_first_and_in_its_order(kept):
    later = time.monotonic() + WAIT_S
    taken = [an_append("one", until=later), an_append("two", until=later)]
    with busy(kept):
        waiting = put(kept, "three")
        kept._writer.take_over(taken)
    assert [waiting.result(WAIT_S), *(append.answer.result(WAIT_S) for append in taken)] == [[2]] * 3
    assert kept.batches == [["first"], ["one", "two", "three"]]


def test_what_was_sent_before_is_looked_for_however_late_it_is(kept):
    sent, never_sent = an_append("sent", until=0, unclear=True), an_append("never sent", until=0)
    kept._writer.take_over([sent, never_sent])
    assert sent.answer.result(WAIT_S) == [1]
    with pytest.raises(StoreUnavailable, match="nothing of this was stored"):
        never_sent.answer.result(WAIT_S)


def test_what_is_taken_over_after_the_end_is_refused(kept):
    kept.drain()
    append = an_append("late", until=time.monotonic() + WAIT_S)
    kept._writer.take_over([append])
    with pytest.raises(StoreUnavailable, match="closed"):
        append.answer.result(0)


def test_closing_stores_what_waits_and_takes_nothing_more(kept):
    with busy(kept):
        waiting = [put(kept, str(n)) for n in range(3)]
        closing = threading.Thread(target=kept.drain)
        closing.start()
        until = time.monotonic() + WAIT_S
        while not kept._writer._closed:
            assert time.monotonic() < until
        with pytest.raises(StoreUnavailable, match="closed"):
            put(kept, "too late")
    closing.join(WAIT_S)
    assert [answer.result(0) for answer in waiting] == [[2]] * 3
    kept.drain()


def test_what_cannot_be_stored_while_closing_is_told():
    kept = Kept(drain_s=0.05)
    with busy(kept) as first:
        waiting = put(kept, "waiting")
        kept.drain()
        with pytest.raises(StoreUnavailable, match="closed"):
            waiting.result(0)
    assert first.result(WAIT_S) == [1]


def test_a_writer_that_rests_ends_and_the_next_append_starts_another():
    kept = Kept(rest_s=0.01)
    put(kept, "a").result(WAIT_S)
    until = time.monotonic() + WAIT_S
    while kept._writer._thread is not None:
        assert time.monotonic() < until
        threading.Event().wait(0.01)
    assert put(kept, "b").result(WAIT_S) == [2]
    kept.drain()


async def test_coroutines_await_their_answers_and_need_no_thread_of_their_own(kept):
    with busy(kept):
        answers = [put(kept, str(n)) for n in range(200)]
        awaited = [asyncio.ensure_future(come(answer)) for answer in answers]
        await asyncio.sleep(0)
    assert await asyncio.gather(*awaited) == [[2]] * 200


def test_many_threads_are_each_answered_once(kept):
    answers: list[int] = []

    def write() -> None:
        for _ in range(20):
            answers.extend(put(kept, "x").result(WAIT_S))

    threads = [threading.Thread(target=write) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(answers) == 640
    assert sum(len(batch) for batch in kept.batches) == 640
