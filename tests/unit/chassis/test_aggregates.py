"""The base of every aggregate: only the next event changes it, made or only given by its values."""

from __future__ import annotations

from uuid import UUID

import pytest
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError
from fourgates.chassis.aggregate import Act, Aggregate
from fourgates.chassis.folding import fold_of
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import Ball

ONE, OTHER = UUID(int=1), UUID(int=2)


def events_of(ball_id, *heights):
    ball = Ball.throw(an_act(), ball_id=ball_id, colour="red")
    for height in heights:
        ball.bounce(an_act(), height=height)
    return ball.collect_events()


def by_values(happened, aggregate):
    return fold_of(type(happened))(aggregate, dict(vars(happened)))


def by_itself(happened, aggregate):
    return happened.mutate(aggregate)


@pytest.mark.parametrize("fold", [by_itself, by_values])
def test_only_the_next_event_of_an_aggregate_changes_it(fold):
    thrown, first, second = events_of(ONE, 4, 3)
    with pytest.raises(OriginatorVersionError):
        fold(first, None)
    ball = fold(thrown, None)
    for wrong in (thrown, second):
        with pytest.raises(OriginatorVersionError):
            fold(wrong, ball)
    with pytest.raises(OriginatorIDError):
        fold(events_of(OTHER, 3)[1], ball)
    assert (ball.heights, ball.version) == ((), 1)
    ball = fold(second, fold(first, ball))
    assert (ball.id, ball.heights, ball.version, ball.modified_on) == (ONE, (4, 3), 3, second.timestamp)


class FoldedByItself(Aggregate.Event):
    def mutate(self, aggregate):
        return aggregate


class BegunByItself(Aggregate.Created):
    def mutate(self, aggregate):
        return aggregate


@pytest.mark.parametrize("base", [FoldedByItself, BegunByItself])
def test_no_event_overrides_how_it_is_folded(base):
    with pytest.raises(TypeError, match="override apply"):

        class Disc(Aggregate):
            TOPIC = "toy.Disc"

            class Turned(base):
                """It would be folded in another way when it is read."""


def test_an_act_is_the_same_but_for_what_is_changed():
    act = an_act()
    changed = act.but(why="another reason")
    assert (changed.why, changed.by, changed.at) == ("another reason", act.by, act.at)
    assert act == an_act()
    assert act != changed
    with pytest.raises(TypeError):
        act.but(who="nobody")
    with pytest.raises(AttributeError):
        act.why = "changed"  # type: ignore[misc]  # that is what is tried
    assert isinstance(changed, Act)
