"""A small aggregate, its view and its contract, with which the plumbing is tested without any service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, event, refuse_any
from fourgates.chassis.views import Rows, View


class Ball(Aggregate):
    """Something that is thrown, and may be caught as often as it has bounces left."""

    TOPIC = "toy.Ball"

    class Thrown(Aggregate.Created):
        """A ball was thrown."""

        colour: str

    class Bounced(Aggregate.Event):
        """A ball bounced."""

        height: int

    @classmethod
    def throw(cls, act: Act, *, ball_id: UUID, colour: str) -> Ball:
        """Throw a ball."""
        return cls(id=ball_id, act=act, colour=colour)

    def bounce(self, act: Act, *, height: int) -> None:
        """Let the ball bounce. Raises `Refused` when it would bounce higher than before."""
        refuse_any(self.unmet_for_bounce(height))
        self._bounced(act=act, height=height)

    def unmet_for_bounce(self, height: int) -> Iterator[Unmet]:
        """Yield what stands in the way of a bounce."""
        if self.heights and height > self.heights[-1]:
            yield Unmet("too-high", "A ball never bounces higher than before.", source="height", remedy="bounce lower")

    @event(Thrown)
    def __init__(self, id: UUID, act: Act, colour: str) -> None:
        self.colour = colour
        self.heights: tuple[int, ...] = ()

    @event(Bounced)
    def _bounced(self, act: Act, height: int) -> None:
        self.heights = (*self.heights, height)


class BallBounced(BaseModel):
    """A ball bounced, as it is published."""

    TYPE: ClassVar[str] = "dev.fourgates.toy.ball_bounced.v1"
    ball_id: UUID
    colour: str
    height: int


def _thrown(rows: Rows, happened: Ball.Thrown) -> None:
    rows.put(
        str(happened.originator_id), {"colour": happened.colour, "number": f"BALL-{rows.count() + 1}", "bounces": 0}
    )


def _bounced(rows: Rows, happened: Ball.Bounced) -> None:
    key = str(happened.originator_id)
    row = rows.get(key)
    if row is not None:
        rows.put(key, {**row, "bounces": row["bounces"] + 1})


BALLS = View("balls", ("colour", "number", "bounces"), {Ball.Thrown: _thrown, Ball.Bounced: _bounced})


def publish_bounce(ball: Ball, happened: Ball.Bounced) -> BallBounced:
    """Return the published form of a bounce."""
    return BallBounced(ball_id=ball.id, colour=ball.colour, height=happened.height)
