"""The stream: everything once and in order wherever it is cut, and an end when the process or the token ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from itertools import pairwise
from uuid import UUID

import anyio
import pytest
from fourgates.chassis.store import StoreUnavailable
from fourgates.chassis.views import Views
from hypothesis import given, settings
from hypothesis import strategies as st
from operations_service.api.following import EventStream, Followers, event, ping
from operations_service.api.stream import Batch, Choice, begin_at, follow
from operations_service.views import VIEWS, last_place

from tests.unit.operations.a_window import Window

OPENED, HELD, CANCELLED = (f"dev.fourgates.release.{name}.v1" for name in ("opened", "put_on_hold", "cancelled"))


def parsed(frame):
    """One event as a reader sees it: its fields, with the lines of its data joined."""
    fields = {}
    for line in frame.decode().removesuffix("\n\n").split("\n"):
        name, _, value = line.partition(": ")
        fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
    return fields


def followers(store=None, **limits):
    head = store.head if store else lambda: 0
    return Followers(head=head, wait_beyond=lambda *_: False, **{"followers_max": 9, "threads_max": 2, **limits})


@pytest.fixture
def filled(window):
    """Nine facts about three releases."""
    window.fill(11, 12, 13)
    return window


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory):
    here = Window(tmp_path_factory.mktemp("window"))
    here.fill(11, 12, 13, 14)
    return here


async def some(views, *, after, count, choice=None, limit=2):
    """Read `count` events behind a place, as a reader who is cut off then; return what came and where to resume."""
    here = followers()
    follower = here.begin()
    chosen = choice or Choice()
    got, place = [], None
    events = follow(follower, lambda p: chosen.read(views, after=p, limit=limit), after=after, ping_s=0.01)
    async with aclosing(events) as frames:
        async for frame in frames:
            fields = parsed(frame)
            place = int(fields["id"])
            if "data" in fields:
                got.append(json.loads(fields["data"]))
            if len(got) >= count or "" in fields:
                break
    return got, place


def test_an_event_says_its_place_and_type_and_holds_one_cloud_event(filled):
    (first, *_), _ = asyncio.run(some(filled.service.views, after=0, count=1))
    assert first["type"] == OPENED
    assert first["sequence"] == "00000000000000000001"
    assert (first["specversion"], first["datacontenttype"]) == ("1.0", "application/json")
    assert first["data"]["version"] == "1.11.0"


def test_data_of_several_lines_stays_one_event_and_nothing_in_it_ends_a_line_but_a_line_end():
    assert event("a\nb\r\nc\rd", place=7, name="x") == b"id: 7\nevent: x\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
    assert parsed(event("a\u2028b\x85c", place=1))["data"] == "a\u2028b\x85c"
    assert event(place=3, retry_ms=3000) == b"retry: 3000\nid: 3\n\n"
    assert ping(4) == b": ping\nid: 4\n\n"


@settings(max_examples=60)
@given(st.lists(st.integers(0, 4), max_size=12), st.integers(1, 4), st.sampled_from([(), (HELD,), (OPENED, CANCELLED)]))
def test_whoever_is_cut_off_anywhere_and_resumes_gets_everything_once_and_in_order(filled_once, cuts, limit, types):
    views, choice = filled_once.service.views, Choice(frozenset(types))

    async def read():
        got, place = [], 0
        for count in (*cuts, 99):
            more, place = await some(views, after=place, count=count, choice=choice, limit=limit)
            got += more
        return got

    got = [fact["sequence"] for fact in asyncio.run(read())]
    everything = choice.read(views, after=0, limit=100).events
    assert got == [parsed(frame)["id"].zfill(20) for frame in everything]
    assert all(a < b for a, b in pairwise(got))


def test_another_process_on_the_same_log_gives_every_fact_the_same_number(filled):
    other = Views(filled.store, VIEWS)
    here, there = (Choice().read(views, after=0, limit=100) for views in (filled.service.views, other))
    assert here == there
    assert (here.last, len(here.events), here.more) == (9, 9, False)


def test_a_release_is_followed_with_the_changes_that_it_carries(filled):
    choice = Choice(release_id=UUID(int=12))
    found = choice.read(filled.service.views, after=0, limit=100)
    assert [parsed(e)["event"] for e in found.events] == [OPENED, HELD, CANCELLED]
    # How far was looked goes further than what was found.
    assert found.last == 9


def test_a_reader_hears_at_once_what_comes_later(window):
    async def read():
        here = followers(window.store)
        follower = here.begin()
        events = follow(follower, lambda p: Choice().read(window.service.views, after=p, limit=5), after=0, ping_s=60)
        async with aclosing(events) as frames:
            assert parsed(await anext(frames)) == {"retry": "3000", "id": "0"}
            waiting = asyncio.ensure_future(anext(frames))
            await asyncio.wait([waiting], timeout=0.05)
            assert not waiting.done()
            await asyncio.to_thread(window.opened, 11)
            assert await asyncio.to_thread(here.step)
            return parsed(await asyncio.wait_for(waiting, 5))

    assert asyncio.run(read())["event"] == OPENED


def test_silence_is_broken_by_a_comment_that_says_how_far_was_looked(filled):
    async def read():
        choice = Choice(types={"dev.fourgates.release.closed.v1"})
        events = follow(
            followers().begin(), lambda p: choice.read(filled.service.views, after=p, limit=4), after=0, ping_s=0.01
        )
        async with aclosing(events) as frames:
            return [await anext(frames), await anext(frames)]

    assert asyncio.run(read())[1] == ping(9)


def test_the_stream_ends_when_the_process_is_to_end_and_when_the_token_does():
    async def read(ending):
        here = followers()
        follower = here.begin()
        reads = iter([Batch([event("x", place=1)], 1, more=False), None])
        events = follow(follower, lambda _: next(reads), after=0, ping_s=60 if ending else 0.01)
        got = []
        async with asyncio.timeout(5):
            async for frame in events:
                got.append(frame)
                if ending and frame.startswith(b"id: 1"):
                    here.drain()
        return got

    assert asyncio.run(read(ending=True)) == [b"retry: 3000\nid: 0\n\n", b"id: 1\ndata: x\n\n"]
    assert asyncio.run(read(ending=False))[-1] == ping(1)


def sent_by(events, *, follower, send=None, scope=None, receive=None, send_s=5.0):
    """What an answer sends over ASGI."""
    sent = []

    async def keep(message):
        sent.append(message)
        await (send(message) if send else asyncio.sleep(0))

    async def nothing():
        await asyncio.Event().wait()

    async def run():
        answer = EventStream(follower(), events(), send_s=send_s)
        async with asyncio.timeout(10):
            await answer({"type": "http", **(scope or {})}, receive or nothing, keep)

    asyncio.run(run())
    return sent


def test_a_reader_who_takes_nothing_is_cut_off_and_another_one_can_follow():
    here = followers(followers_max=1)
    closed = []

    async def events():
        try:
            while True:
                yield b"data: x\n\n"
        finally:
            closed.append(True)

    async def stuck(message):
        if message.get("body"):
            await asyncio.Event().wait()

    sent = sent_by(events, follower=here.begin, send=stuck, send_s=0.02)
    # No end of the answer: the server closes the connection.
    assert [m["type"] for m in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"]
    assert closed == [True]
    sent_by(ended, follower=here.begin)


async def ended():
    yield b"data: x\n\n"


def test_an_answer_that_comes_to_its_end_is_ended_properly():
    sent = sent_by(ended, follower=followers().begin)
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert (headers[b"cache-control"], headers[b"x-accel-buffering"]) == (b"no-store", b"no")


def test_nobody_reads_the_answer_to_head_so_nothing_is_sent():
    sent = sent_by(ended, follower=followers().begin, scope={"fourgates.head": True})
    assert [m.get("body") for m in sent] == [None, b""]


def test_a_reader_who_leaves_is_forgotten_at_once():
    here = followers(followers_max=1)

    async def endless():
        yield b": \n\n"
        await asyncio.Event().wait()

    async def left():
        return {"type": "http.disconnect"}

    sent_by(endless, follower=here.begin, receive=left)
    sent_by(ended, follower=here.begin)


def test_a_reader_is_cut_off_when_the_store_is_away():
    async def events():
        yield b"data: x\n\n"
        raise StoreUnavailable("gone")

    assert sent_by(events, follower=followers().begin)[-1]["more_body"]


@pytest.mark.parametrize("place", ["x", "-1", "1.0", "9999999999", "٣", "1 2"])
def test_a_place_that_is_no_number_is_refused(window, place):
    answer = window.get("/v1/stream", headers={"Last-Event-ID": place.encode()})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["header"] == "Last-Event-ID"


def test_a_place_that_was_never_reached_is_refused_instead_of_waited_for(filled):
    for options in ({"headers": {"Last-Event-ID": "10"}}, {"params": {"after": "10"}}):
        answer = filled.get("/v1/stream", **options)
        assert (answer.status_code, "ends at 9" in answer.text) == (400, True)


def test_who_says_no_place_begins_with_what_comes_now_and_zero_is_everything(filled):
    views = filled.service.views
    assert [begin_at(views, asked) for asked in (None, 0, 4, 9)] == [9, 0, 4, 9]
    assert last_place(Views(filled.store, VIEWS)) == 9


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"token": None}, 401),
        ({"token": "nobody"}, 401),
        ({"token": "stan"}, 403),
        ({"headers": {"Accept": "application/json"}}, 406),
        ({"params": {"types": "dev.fourgates.release.vanished.v1"}}, 422),
        ({"params": {"after": "-1"}}, 422),
        ({"params": {"release": "REL-1"}}, 422),
        ({"params": {"afte": "1"}}, 400),
    ],
)
def test_a_bad_request_gets_a_problem_and_no_stream(window, options, status):
    answer = window.get("/v1/stream", **options)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_too_many_readers_and_a_process_that_ends_are_told_when_to_try_again():
    async def begin(here, times):
        return [here.begin() for _ in range(times)]

    here = followers(followers_max=2)
    with pytest.raises(Exception, match="unavailable") as full:
        asyncio.run(begin(here, 3))
    assert full.value.headers == {"Retry-After": "10"}
    here.drain()
    with pytest.raises(Exception, match="unavailable") as ending:
        asyncio.run(begin(here, 1))
    assert ending.value.headers == {"Retry-After": "1"}


def test_a_service_that_drains_is_not_ready_and_lets_nobody_follow(window):
    window.service.drain()
    assert window.get("/readyz", token=None).status_code == 503
    answer = window.get("/v1/stream")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_questions_wait_for_a_thread_and_not_for_the_loop():
    here = followers(threads_max=1)
    asked = []

    def question():
        asked.append(anyio.from_thread.run_sync(lambda: len(asked)))
        return True

    assert await asyncio.gather(*(here.ask(question) for _ in range(5))) == [True] * 5
    assert asked == [0, 1, 2, 3, 4]
