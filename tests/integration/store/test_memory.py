"""Decisions on what is in memory: never on what is older than the log, and nothing stays that was not stored."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from uuid import UUID

import pytest
from fourgates.chassis.aggregate import Aggregate, Refused
from fourgates.chassis.kept_answers import KeptAnswers
from fourgates.chassis.memory import Memory, NotAtOnce
from fourgates.chassis.store import Conflict, EventStore, Reply, StoreUnavailable
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.kept import Kept
from fourgates.chassis.testing import NOON, an_act
from fourgates.chassis.testing.toys import Ball
from fourgates.chassis.views import Views
from fourgates.chassis.work import Units, Work

from tests.integration.store.conftest import IDS
from tests.integration.store.playing import bouncing, carry_out, throwing

KEPT = 100
WAIT_S = 60


@pytest.fixture
def store(counted):
    return counted


def remembering(store: EventStore, *, kept: int = KEPT) -> Memory:
    return Memory(store, kept, KeptAnswers(Views(store, ()), 0))


def heights(ball: Aggregate | None) -> tuple[int, ...]:
    assert isinstance(ball, Ball)
    return ball.heights


async def test_what_was_decided_is_stored_and_decided_upon_without_a_load(store):
    ball_id = IDS.new()
    memory = remembering(store)
    await carry_out(memory, throwing(ball_id))
    await carry_out(memory, bouncing(ball_id, 9))
    await carry_out(memory, bouncing(ball_id, 7))
    assert store.loads == 0
    assert heights(store.load(ball_id)) == (9, 7)


async def test_many_decide_at_the_same_time(store):
    balls = [IDS.new() for _ in range(50)]
    memory = remembering(store)

    async def play(ball_id: UUID) -> None:
        await carry_out(memory, throwing(ball_id))
        for height in (9, 8, 7):
            await carry_out(memory, bouncing(ball_id, height))

    await asyncio.gather(*(play(ball_id) for ball_id in balls))
    assert [heights(store.load(ball_id)) for ball_id in balls] == [(9, 8, 7)] * 50


async def test_what_is_not_in_memory_is_loaded_once(store):
    ball_id = IDS.new()
    await carry_out(remembering(store), throwing(ball_id))
    memory = remembering(store)
    await carry_out(memory, bouncing(ball_id, 9))
    await carry_out(memory, bouncing(ball_id, 8))
    assert store.loads == 1


async def test_without_memory_each_decision_loads(store):
    ball_id = IDS.new()
    memory = remembering(store, kept=0)
    await carry_out(memory, throwing(ball_id))
    await carry_out(memory, bouncing(ball_id, 9))
    await carry_out(memory, bouncing(ball_id, 8))
    assert store.loads == 2
    assert await memory.look(ball_id, heights) == (9, 8)


async def test_nothing_of_a_refused_decision_stays(store):
    one, two = IDS.new(), IDS.new()
    memory = remembering(store)
    for ball_id in (one, two):
        await carry_out(memory, throwing(ball_id))
    await carry_out(memory, bouncing(two, 3))

    def both(work: Work) -> None:
        bouncing(one, 5)(work)
        bouncing(two, 5)(work)

    with pytest.raises(Refused):
        await memory.decide(both)
    assert await memory.look(one, heights) == ()
    await carry_out(memory, bouncing(one, 9))
    assert heights(store.load(one)) == (9,)


async def test_what_was_changed_before_something_had_to_be_loaded_is_changed_once(store):
    one, two = IDS.new(), IDS.new()
    await carry_out(remembering(store), throwing(two))
    memory = remembering(store)
    await carry_out(memory, throwing(one))

    def both(work: Work) -> Ball:
        bouncing(one, 5)(work)
        return bouncing(two, 5)(work)

    await carry_out(memory, both)
    assert [heights(store.load(ball_id)) for ball_id in (one, two)] == [(5,), (5,)]


async def test_nothing_stays_of_a_decision_that_was_not_stored(store):
    ball_id = IDS.new()
    memory = remembering(store)
    await carry_out(memory, throwing(ball_id))
    taken = Reply("key", "print", 200, {}, b"", NOON, NOON.replace(year=NOON.year + 1))
    store.append((), reply=taken)
    work, _ = await memory.decide(bouncing(ball_id, 9))
    with pytest.raises(Conflict):
        await memory.store(work, reply=taken)
    assert await memory.look(ball_id, heights) == ()
    assert store.load(ball_id).version == 1


async def test_who_must_wait_for_read_models_is_told(store):
    with pytest.raises(NotAtOnce):
        await remembering(store).decide(lambda work: work.views.get("balls", "x"))


async def test_a_thread_of_this_process_is_heard(store):
    ball_id = IDS.new()
    memory = remembering(store)
    units = Units(store, Views(store, ()))
    await carry_out(memory, throwing(ball_id))
    work = units.open()
    bouncing(ball_id, 9)(work)
    units.commit(work)
    assert await memory.look(ball_id, heights) == (9,)


async def test_what_a_thread_only_began_to_store_is_heard_when_it_is_stored(store):
    ball_id = IDS.new()
    memory = remembering(store)
    units = Units(store, Views(store, ()))
    await carry_out(memory, throwing(ball_id))
    work = units.open()
    bouncing(ball_id, 9)(work)
    units.begin_commit(work, positions={})
    # What is appended later is answered later.
    store.append((), positions={"x": 1})
    assert await memory.look(ball_id, heights) == (9,)


async def test_what_is_stored_although_the_answer_was_lost_is_seen(store, monkeypatch):
    ball_id = IDS.new()
    memory = remembering(store)
    units = Units(store, Views(store, ()))
    await carry_out(memory, throwing(ball_id))
    submit = store._recorder.submit

    def lost(*args, **kwargs):
        submit(*args, **kwargs).result(WAIT_S)
        answer = Answer()
        answer.set_exception(StoreUnavailable("no answer"))
        return answer

    monkeypatch.setattr(store._recorder, "submit", lost)
    work = units.open()
    bouncing(ball_id, 9)(work)
    with pytest.raises(StoreUnavailable):
        units.commit(work)
    assert await memory.look(ball_id, heights) == (9,)


async def test_what_another_replica_stored_is_seen(replicas):
    here, there = replicas
    memory, ball_id = remembering(here), IDS.new()
    await carry_out(memory, throwing(ball_id))
    assert await memory.look(ball_id, heights) == ()
    for height in (9, 8, 7):
        await carry_out(remembering(there), bouncing(ball_id, height))
        assert (await memory.look(ball_id, heights))[-1] == height


async def test_what_is_only_read_is_current_when_it_is_decided_upon(replicas):
    here, there = replicas
    memory, read, made = remembering(here), IDS.new(), IDS.new()
    await carry_out(memory, throwing(read))
    await carry_out(remembering(there), bouncing(read, 4))

    def as_high_as_the_other(work: Work) -> None:
        throwing(made)(work).bounce(an_act(), height=sum(work.get(Ball, read).heights))

    await carry_out(memory, as_high_as_the_other)
    assert heights(here.load(made)) == (4,)


@pytest.mark.parametrize("moved_max", [10_000, 1])
async def test_what_was_loaded_before_the_log_was_looked_at_anew_is_loaded_again(replicas, monkeypatch, moved_max):
    monkeypatch.setattr("fourgates.chassis.memory.MOVED_MAX", moved_max)
    here, there = replicas
    memory, read, kept = remembering(here), IDS.new(), [IDS.new() for _ in range(2)]
    await carry_out(remembering(there), throwing(read))
    if moved_max == 1:
        # So that the next look is not the first one.
        await memory.look(read, lambda _: None)
        memory._kept.take(read)
    for ball_id in kept:
        await carry_out(memory, throwing(ball_id))
    units = Units(there, Views(there, ()))
    once = [True]

    def decide(work: Work) -> None:
        work.get(Ball, read)
        if once and once.pop():
            elsewhere = units.open()
            bouncing(read, 4)(elsewhere)
            units.commit(elsewhere)
        # What is in memory may be older than the log: it is looked at.
        for ball_id in kept:
            bouncing(ball_id, 1)(work)

    work, _ = await memory.decide(decide)
    await memory.store(work)
    assert await memory.look(read, heights) == (4,)


async def test_what_was_stored_for_somebody_who_no_longer_waits_is_seen(store):
    ball_id = IDS.new()
    memory = remembering(store)
    await carry_out(memory, throwing(ball_id))
    work, _ = await memory.decide(bouncing(ball_id, 9))
    # Somebody looks while it is not stored yet, and gives back what they saw.
    assert await memory.look(ball_id, heights) == ()
    storing = asyncio.ensure_future(memory.store(work))
    await asyncio.sleep(0)
    storing.cancel()
    await asyncio.wait([storing])
    # What is stored later is answered later.
    await carry_out(memory, throwing(IDS.new()))
    assert await memory.look(ball_id, heights) == (9,)


async def test_nobody_waits_for_a_look_that_was_ended(replicas):
    store, _ = replicas
    memory, ball_id = remembering(store), IDS.new()
    await carry_out(memory, throwing(ball_id))
    asked = [asyncio.ensure_future(memory.look(ball_id, heights))]
    await asyncio.sleep(0)
    looking = memory._of_loop().looking
    await asyncio.sleep(0)
    asked.append(asyncio.ensure_future(memory.look(ball_id, heights)))
    await asyncio.sleep(0)
    looking.cancel()
    for one in asked:
        with pytest.raises(NotAtOnce):
            await asyncio.wait_for(one, WAIT_S)
    assert await memory.look(ball_id, heights) == ()


async def test_whoever_comes_after_another_replica_is_told_and_decides_on_what_is_stored(replicas):
    here, there = replicas
    memory, ball_id = remembering(here), IDS.new()
    await carry_out(memory, throwing(ball_id))
    await carry_out(remembering(there), bouncing(ball_id, 4))
    work, _ = await memory.decide(bouncing(ball_id, 9))
    with pytest.raises(Conflict):
        await memory.store(work)
    with pytest.raises(Refused):
        await memory.decide(bouncing(ball_id, 9))
    await carry_out(memory, bouncing(ball_id, 3))
    assert heights(there.load(ball_id)) == (4, 3)


class Players:
    """Bounce a few balls to the ground, in threads and in coroutines, and count what was stored."""

    def __init__(self, memory: Memory, units: Units, balls: list[UUID]) -> None:
        self.memory, self.units = memory, units
        self.turns = [balls[number % len(balls)] for number in range(20)]
        self.stored: list[UUID] = []

    def in_a_thread(self) -> None:
        for ball_id in self.turns:
            work = self.units.open()
            bouncing(ball_id, 0)(work)
            with suppress(Conflict):
                self.units.commit(work)
                self.stored.append(ball_id)

    async def on_the_loop(self) -> None:
        for ball_id in self.turns:
            with suppress(Conflict):
                await carry_out(self.memory, bouncing(ball_id, 0))
                self.stored.append(ball_id)


async def test_threads_and_coroutines_contend_and_each_success_is_stored_once(store):
    balls, memory = [IDS.new() for _ in range(3)], remembering(store, kept=2)
    players = Players(memory, Units(store, Views(store, ())), balls)
    for ball_id in balls:
        await carry_out(memory, throwing(ball_id))
    threads = [threading.Thread(target=players.in_a_thread) for _ in range(4)]
    for thread in threads:
        thread.start()
    await asyncio.gather(*(players.on_the_loop() for _ in range(4)))
    for thread in threads:
        await asyncio.to_thread(thread.join)
    for ball_id in balls:
        assert len(heights(store.load(ball_id))) == players.stored.count(ball_id)
        assert await memory.look(ball_id, heights) == heights(store.load(ball_id))


def a_ball(bounces: int, ball_id: UUID) -> Ball:
    ball = Ball.throw(an_act(), ball_id=ball_id, colour="red")
    for _ in range(bounces):
        ball.bounce(an_act(), height=0)
    ball.collect_events()
    return ball


def test_so_many_are_kept_and_the_longest_unused_goes():
    kept, balls = Kept(2), [a_ball(0, IDS.new()) for _ in range(3)]
    for ball in balls[:2]:
        kept.put(ball)
    kept.put(kept.take(balls[0].id) or balls[0])
    kept.put(balls[2])
    assert [kept.take(ball.id) for ball in balls] == [balls[0], None, balls[2]]


def test_whoever_takes_has_it_alone():
    kept, ball = Kept(2), a_ball(0, IDS.new())
    kept.put(ball)
    assert kept.take(ball.id) is ball
    assert kept.take(ball.id) is None


def test_nothing_older_than_what_is_known_is_kept():
    kept, ball_id = Kept(2), IDS.new()
    kept.put(a_ball(1, ball_id))
    kept.moved(ball_id, 3)
    assert kept.take(ball_id) is None
    kept.put(a_ball(1, ball_id))
    assert kept.take(ball_id) is None
    kept.put(a_ball(2, ball_id))
    assert kept.take(ball_id) is not None
