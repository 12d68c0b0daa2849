"""What the tests of decisions in memory share: stores that count, and games with balls."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from fourgates.chassis.aggregate import Aggregate
from fourgates.chassis.memory import Memory
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.store.stored import StoredRow
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import Ball
from fourgates.chassis.work import Work


class Counted(EventStore):
    """Counts what is loaded."""

    loads = 0

    def _folded(self, aggregate_id: UUID, rows: Iterable[StoredRow]) -> Aggregate | None:
        self.loads += 1
        return super()._folded(aggregate_id, rows)


def on_postgres(place) -> Counted:
    recorder = open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url)
    return Counted(recorder, EventMapper())


def opened(request, folder) -> Counted:
    """Open a store on the database that a test is run with."""
    if request.param == "postgres":
        return on_postgres(request.getfixturevalue("place"))
    return Counted(open_sqlite_recorder(folder / "events.sqlite"), EventMapper())


def throwing(ball_id: UUID):
    def decide(work: Work) -> Ball:
        ball = Ball.throw(an_act(), ball_id=ball_id, colour="red")
        work.save(ball)
        return ball

    return decide


def bouncing(ball_id: UUID, height: int):
    def decide(work: Work) -> Ball:
        ball = work.get(Ball, ball_id)
        ball.bounce(an_act(), height=height)
        work.save(ball)
        return ball

    return decide


async def carry_out(memory: Memory, decide) -> Ball:
    work, decided = await memory.decide(decide)
    await memory.store(work)
    return decided
