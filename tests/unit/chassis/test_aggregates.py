"""The base of every aggregate: only the next event changes it, made or only given by its values."""

from __future__ import annotations

from uuid import UUID

import pytest
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError
from fourgates.chassis.aggregate import Act, Aggregate, event
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


class Kite(Aggregate):
    TOPIC = "toy.Kite"

    class Built(Aggregate.Created):
        """A kite was built."""

    class Flown(Aggregate.Event):
        """A kite was flown."""

        height: int
        wind: str

    class Landed(Aggregate.Event):
        """A kite landed."""

        where: str

    @event(Built)
    def __init__(self, id: UUID, act: Act) -> None:
        self.flown: list[tuple[int, str]] = []

    @event(Flown)
    def _flown(self, act: Act, height: int, wind: str) -> None:
        self.flown.append((height, wind))

    @event(Landed)
    def _landed(self, act: Act, where: str = "here") -> None:
        self.landed = where


@pytest.fixture
def kite():
    kite = Kite(id=ONE, act=an_act())
    kite.collect_events()
    return kite


def test_a_decorated_method_triggers_its_event_with_the_values_given_by_name(kite):
    kite._flown(act=an_act(), wind="west", height=9)
    [flown] = kite.pending_events
    assert (type(flown), flown.height, flown.wind, flown.originator_version) == (Kite.Flown, 9, "west", 2)
    assert (kite.flown, kite.version) == ([(9, "west")], 2)
    assert Kite._flown.__name__ == "_flown"


@pytest.mark.parametrize(
    "values", [{"height": 9}, *({"height": 9, "wind": "west", more: 5} for more in ("colour", "originator_version"))]
)
def test_it_takes_no_others_and_not_fewer(kite, values):
    with pytest.raises(TypeError):
        kite._flown(act=an_act(), **values)
    with pytest.raises(TypeError):
        kite._flown(an_act(), 9, "west")
    with pytest.raises(TypeError, match="takes"):
        kite._flown(height=9, wind="west")
    with pytest.raises(TypeError, match="who, when and why"):
        kite.trigger_event(Kite.Flown, height=9, wind="west")
    assert (kite.pending_events, kite.flown) == ([], [])


def test_what_a_decorated_method_has_by_default_is_in_its_event(kite):
    kite._landed(act=an_act())
    kite._landed(act=an_act(), where="there")
    assert [landed.where for landed in kite.pending_events] == ["here", "there"]


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


class Crate(Aggregate):
    TOPIC = "toy.Crate"

    class Packed(Aggregate.Created):
        """A crate was packed."""

        label: str
        weight: int

    @event(Packed)
    def __init__(self, id: UUID, act: Act, label: str, weight: int = 1) -> None:
        self.label = label
        self.weight = weight


def test_the_next_of_a_kind_is_made_as_the_first():
    balls = [
        Ball.throw(an_act(), ball_id=ball_id, colour=colour) for ball_id, colour in ((ONE, "red"), (OTHER, "blue"))
    ]
    assert [(ball.id, ball.colour, ball.version) for ball in balls] == [(ONE, "red", 1), (OTHER, "blue", 1)]
    assert [type(happened) for ball in balls for happened in ball.collect_events()] == [Ball.Thrown, Ball.Thrown]


@pytest.mark.parametrize(
    "given", [{"act": an_act()}, {"act": an_act(), "colour": "red", "size": 3}, {"colour": "red"}, {"act": None}]
)
def test_what_a_first_event_does_not_take_is_refused_before_and_after_one_was_made(given):
    for _ in range(2):
        with pytest.raises(TypeError):
            Ball(id=OTHER, **given)
        Ball.throw(an_act(), ball_id=ONE, colour="red")


def test_values_by_default_and_by_place_are_left_to_the_library():
    for _ in range(2):
        assert Crate(id=ONE, act=an_act(), label="tea").weight == 1
    for _ in range(2):
        assert Crate(ONE, an_act(), "tea").weight == 1
        assert Crate(id=ONE, act=an_act(), label="tea", weight=3).weight == 3
    with pytest.raises(TypeError):
        Crate(OTHER, id=ONE, act=an_act(), label="tea", weight=3)
