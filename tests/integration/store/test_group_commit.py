"""Many appends in one transaction: each has its own answer, and none suffers for another."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from fastapi import APIRouter
from fourgates.chassis.http import create_api
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import EventMapper, EventStore, Parked, QueueLimits, Reply, StoreUnavailable
from fourgates.chassis.testing import NOON

IDS = CountedIds(13)
WAIT_S = 30
REPLY = Reply("scope", "f", 201, {"etag": '"1"'}, b"{}\0\xff", NOON, NOON + timedelta(hours=1))
PARKED = Parked("/source", "key", "m-1", {"a": "b"}, b"\0x", "why", NOON)

pytestmark = pytest.mark.parametrize("open_recorder", ["sqlite-file", "postgres"], indirect=True)


@pytest.fixture
def queue():
    return QueueLimits()


def an_event(originator_id: UUID | None = None, version: int = 1, **other) -> StoredEvent:
    return replace(StoredEvent(originator_id or IDS.new(), version, "toy.BallThrown", b"state"), **other)


def put(recorder, *events, positions=None, reply=None, parked=None):
    return recorder.submit(events, positions=positions or {}, reply=reply, parked=parked)


def keys(recorder) -> list:
    return [(n.originator_id, n.originator_version) for n in recorder.select_notifications(None, 100_000)]


@contextmanager
def held(recorder):
    """Keep the writer waiting before its first batch, so that what is put meanwhile comes into one batch."""
    writer, gate, waiting = recorder._writer, threading.Event(), threading.Event()
    write = writer._write

    def wait_first(batch) -> None:
        writer._write = write
        waiting.set()
        assert gate.wait(WAIT_S)
        write(batch)

    writer._write = wait_first
    first = put(recorder, an_event())
    assert waiting.wait(WAIT_S)
    yield
    gate.set()
    first.result(WAIT_S)


def bad_ones(recorder):
    """Return appends that cannot be stored, each for a reason of its own."""
    taken = an_event()
    put(recorder, taken, positions={"p": 5}, reply=REPLY).result(WAIT_S)
    twice = an_event()
    return {
        "version taken": {"events": [an_event(), taken]},
        "the same twice": {"events": [twice, twice]},
        "position saved": {"events": [an_event()], "positions": {"q": 1, "p": 5}},
        "reply kept": {"events": [an_event()], "reply": REPLY},
        "half a character": {"events": [an_event(), an_event(topic="\ud800")]},
        "version too large": {"events": [an_event(), an_event(version=2**70)]},
        "headers that are no JSON": {"events": [an_event()], "parked": replace(PARKED, headers={"a": b"b"})},
    }


def test_a_bad_append_in_a_batch_fails_alone_and_leaves_nothing_of_itself(recorder):
    bad = bad_ones(recorder)
    before = len(keys(recorder))
    good = [an_event() for _ in range(40)]
    with held(recorder):
        answers, failing = [], []
        for number, event in enumerate(good):
            answers.append(put(recorder, event, positions={f"good/{number}": 1}))
            if number % 6 == 3:
                given = list(bad.values())[number // 6]
                failing.append(put(recorder, *given.pop("events"), **given))
    assert len(failing) == len(bad)
    for answer in failing:
        assert answer.exception(WAIT_S) is not None
        assert not isinstance(answer.exception(), StoreUnavailable)
    positions = [position for answer in answers for position in answer.result(WAIT_S)]
    assert positions == sorted(positions)
    stored = keys(recorder)[before + 1 :]
    assert stored == [(event.originator_id, 1) for event in good]
    assert [recorder.max_tracking_id(f"good/{n}") for n in range(40)] == [1] * 40
    assert (recorder.max_tracking_id("q"), recorder.max_tracking_id("p")) == (None, 5)
    assert list(recorder.list_parked(10)) == []


def test_everything_that_an_append_stores_is_there_for_each_of_a_batch(recorder):
    replies = [replace(REPLY, scope=f"scope {n}") for n in range(20)]
    parked = [replace(PARKED, key=f"key {n}") for n in range(20)]
    with held(recorder):
        answers = [
            put(recorder, an_event(), an_event(), positions={f"p/{n}": n + 1}, reply=replies[n], parked=parked[n])
            for n in range(20)
        ]
    positions = [position for answer in answers for position in answer.result(WAIT_S)]
    assert [n.id for n in recorder.select_notifications(positions[0], 100)] == positions
    assert [recorder.max_tracking_id(f"p/{n}") for n in range(20)] == list(range(1, 21))
    assert [recorder.find_reply(f"scope {n}", NOON) for n in range(20)] == replies
    assert list(recorder.list_parked(100)) == parked


def test_of_many_who_want_the_same_in_one_batch_the_first_gets_it(recorder):
    contended = IDS.new()
    with held(recorder):
        answers = [put(recorder, an_event(contended, state=str(n).encode())) for n in range(64)]
        others = [put(recorder, an_event()) for _ in range(10)]
    assert [answer.exception(WAIT_S) is None for answer in answers] == [True] + [False] * 63
    assert all(isinstance(answer.exception(), IntegrityError) for answer in answers[1:])
    assert [event.state for event in recorder.select_events(contended)] == [b"0"]
    for answer in others:
        answer.result(WAIT_S)


def test_who_wants_what_a_failing_append_wanted_gets_it_in_the_same_batch(recorder):
    contended = IDS.new()
    put(recorder, positions={"p": 5}).result(WAIT_S)
    with held(recorder):
        failing = put(recorder, an_event(contended, state=b"failing"), positions={"p": 4})
        following = put(recorder, an_event(contended, state=b"following"))
    assert isinstance(failing.exception(WAIT_S), IntegrityError)
    following.result(WAIT_S)
    assert [event.state for event in recorder.select_events(contended)] == [b"following"]


def test_positions_of_one_name_are_saved_in_the_order_in_which_they_come(recorder):
    with held(recorder):
        answers = [put(recorder, an_event(), positions={"p": position}) for position in (1, 2, 4, 3, 5)]
    assert [answer.exception(WAIT_S) is None for answer in answers] == [True, True, True, False, True]
    assert recorder.max_tracking_id("p") == 5
    assert len(keys(recorder)) == 5


def test_an_aggregate_may_have_several_versions_in_one_batch(recorder):
    followed = IDS.new()
    with held(recorder):
        answers = [put(recorder, an_event(followed, version)) for version in range(1, 30)]
    for answer in answers:
        answer.result(WAIT_S)
    assert [event.originator_version for event in recorder.select_events(followed)] == list(range(1, 30))


def test_a_reply_that_has_expired_makes_room_for_another_in_the_same_batch_as_others(recorder):
    put(recorder, reply=REPLY).result(WAIT_S)
    later = replace(REPLY, body=b"later", kept_at=REPLY.expires_at, expires_at=REPLY.expires_at + timedelta(hours=1))
    with held(recorder):
        answers = [put(recorder, reply=replace(later, scope=scope)) for scope in ("scope", "other")]
    for answer in answers:
        answer.result(WAIT_S)
    assert recorder.find_reply("scope", later.kept_at) == later


def test_a_message_of_a_stranger_is_parked_however_long_its_key_is(recorder):
    # Not to be compressed, so that it fits into no page of an index.
    key = "".join(IDS.new().hex for _ in range(500))
    put(recorder, parked=replace(PARKED, key=key)).result(WAIT_S)
    assert recorder.is_parked(PARKED.source, key)


def test_closing_stores_what_waits(open_recorder):
    recorder = open_recorder()
    with held(recorder):
        answers = [put(recorder, an_event()) for _ in range(3000)]
        closing_it = threading.Thread(target=recorder.close)
        closing_it.start()
    closing_it.join(WAIT_S)
    for answer in answers:
        answer.result(0)
    with pytest.raises(StoreUnavailable, match="closed"):
        put(recorder, an_event())
    with closing(open_recorder()) as again:
        assert len(keys(again)) == 3001


async def test_coroutines_append_without_a_thread_each(recorder):
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    answers = [put(recorder, an_event()) for _ in range(500)]
    answers[-1].add_done_callback(lambda _: loop.call_soon_threadsafe(came.set))
    await came.wait()
    positions = [position for answer in answers for position in answer.result(0)]
    assert positions == [n.id for n in recorder.select_notifications(None, 1000)]


@pytest.mark.parametrize("queue", [QueueLimits(waiting_max=1)])
async def test_over_http_a_full_queue_is_503_with_a_time_to_try_again(recorder):
    store = EventStore(recorder, EventMapper())
    router = APIRouter()
    router.post("/balls", operation_id="balls_throw")(lambda: {"stored": put(store._recorder, an_event()).result()})
    api = create_api("toy", "Toy", "Toy.")
    api.include_router(router)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://toy")
    with held(recorder):
        waiting = put(recorder, an_event())
        full = await client.post("/balls")
    assert (full.status_code, full.headers["retry-after"]) == (503, "2")
    assert full.headers["content-type"] == "application/problem+json"
    waiting.result(WAIT_S)
    assert (await client.post("/balls")).status_code == 200


@pytest.mark.parametrize("odd", ['{"a\\",b}', "NULL", "", " ", "ü\n\t%s$1", "\\x00"])
def test_odd_names_and_bytes_are_kept_as_they_came(recorder, odd):
    event = an_event(topic=odd, state=odd.encode() + bytes(range(256)))
    put(recorder, event, positions={odd: 3}).result(WAIT_S)
    assert list(recorder.select_events(event.originator_id)) == [event]
    assert recorder.max_tracking_id(odd) == 3
