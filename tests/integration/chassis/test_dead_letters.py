"""Dead letters through the real inbox: parked, waited for, retried in order, discarded; each takes effect once."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from fourgates.chassis.aggregate import Refused
from fourgates.chassis.dead_letters import DeadLetter, DeadLetterState, NotHandled, letter_id
from fourgates.chassis.inbox import TooManyParked
from fourgates.chassis.store import Conflict, StoreUnavailable
from fourgates.chassis.testing import an_act, refused
from fourgates.chassis.testing.toys import Ball
from structlog.testing import capture_logs

from tests.integration.bus.interleaving import Replicas


class Ward(Replicas):
    """A listener that cannot handle a ball of an unknown colour, until somebody makes the colour known."""

    def __init__(self):
        self.unknown = {"red"}
        super().__init__()
        self.desk = self.inbox.dead_letters

    def react(self, mirror, act, fact):
        if fact.colour in self.unknown or fact.height in self.unknown:
            raise ValueError(f"no {fact.colour} {fact.height}")
        super().react(mirror, act, fact)

    def hears(self, *messages):
        self.send(*messages)
        self.inbox.step()

    def retry(self, place):
        """What a retry does in its transaction."""
        return self.decide(lambda letters, act: letters.retry(act, place=place))

    def discard(self, place):
        return self.decide(lambda letters, act: letters.discard(act, place=place))

    def decide(self, use_case):
        units = self.inbox._units
        work = units.open()
        letter = use_case(self.desk.use_cases(work), an_act("mona"))
        units.commit(work)
        return letter

    def follow(self, message):
        source = message.headers["ce_source"]
        return self.desk.follow(source, message.key, lambda: an_act("mona"))

    def letter(self, place):
        return self.services.heard.load(letter_id(place))

    @property
    def waiting(self):
        return [parked.place for parked in self.services.heard.list_parked()]

    @property
    def thrown(self):
        events = [recorded.event for recorded in self.services.heard.log(0, 1000)]
        return [event.colour for event in events if isinstance(event, Ball.Thrown)]


@pytest.fixture
def ward():
    return Ward()


def test_later_ones_wait_and_follow_in_order_once_the_cause_is_cured(ward):
    red, blue = ward.messages_of("red", 3, 2, 1), ward.messages_of("blue", 1)
    ward.hears(*red, *blue)
    assert (ward.thrown, ward.waiting) == (["blue-1"], [1, 2, 3])
    ward.unknown.clear()
    assert ward.retry(1).state is DeadLetterState.HANDLED
    assert ward.thrown == ["blue-1", "red-3"]
    assert ward.follow(red[0]) == 2
    assert ward.thrown == ["blue-1", "red-3", "red-2", "red-1"]
    assert ward.waiting == []
    more = ward.messages_of("red", 9)
    ward.hears(*more)
    assert ward.thrown[-1] == "red-9"


def test_what_follows_stops_at_the_first_that_fails_and_says_why(ward):
    red = ward.messages_of("red", 3, 2, 1)
    ward.hears(*red)
    ward.unknown = {2}
    ward.retry(1)
    assert ward.follow(red[0]) == 0
    assert (ward.thrown, ward.waiting) == (["red-3"], [2, 3])
    assert (ward.letter(2).reason, ward.letter(2).retries) == ("ValueError: no red 2", 1)
    assert ward.letter(3) is None


def test_a_retry_that_fails_leaves_nothing_of_itself(ward):
    ward.hears(*ward.messages_of("red", 1))
    with pytest.raises(NotHandled, match="no red 1"):
        ward.retry(1)
    assert (ward.thrown, ward.waiting, ward.letter(1)) == ([], [1], None)


def test_a_later_one_is_not_retried_before_the_first(ward):
    ward.hears(*ward.messages_of("red", 2, 1))
    ward.unknown.clear()
    with refused("not-first"):
        ward.retry(2)
    assert (ward.thrown, ward.waiting) == ([], [1, 2])


def test_a_discard_removes_only_that_message_and_the_next_may_be_retried(ward):
    ward.hears(*ward.messages_of("red", 3, 2, 1))
    ward.unknown.clear()
    assert ward.discard(2).state is DeadLetterState.DISCARDED
    ward.discard(1)
    assert (ward.thrown, ward.waiting) == ([], [3])
    ward.retry(3)
    assert (ward.thrown, ward.waiting) == (["red-1"], [])


def test_what_comes_while_others_wait_is_parked_behind_them_also_after_a_discard(ward):
    red = ward.messages_of("red", 3, 2, 1)
    ward.hears(*red[:2])
    ward.discard(1)
    ward.unknown.clear()
    ward.hears(red[2])
    assert (ward.thrown, ward.waiting) == ([], [2, 3])


def test_who_decided_is_kept_with_what_it_was_about(ward):
    red = ward.messages_of("red", 2, 1)
    ward.hears(*red)
    ward.discard(1)
    noted, discarded = ward.services.heard.events_of(letter_id(1))
    assert isinstance(discarded, DeadLetter.Discarded)
    assert (discarded.act.by, discarded.act.why) == ("mona", "because")
    said = noted.message
    assert (said.source, said.key, said.message_id) == (
        ward.services.source,
        red[0].key,
        red[0].headers["ce_id"],
    )
    assert (said.message_type, said.reason) == (red[0].headers["ce_type"], "ValueError: no red 2")
    assert ward.services.heard.find_parked(1).body == red[0].body, "what arrived is kept"


def test_the_effect_of_a_retry_is_that_of_the_message(ward):
    red = ward.messages_of("red", 1)
    ward.hears(*red)
    ward.unknown.clear()
    ward.retry(1)
    [act] = [r.event.act for r in ward.services.heard.log(0, 10) if isinstance(r.event, Ball.Thrown)]
    assert act.by == f"mirror-of-{ward.services.name}-service"
    assert (act.on_behalf_of, act.cause_id) == ("rita", red[0].headers["ce_id"])


# Several at once, and processes that end in between.


def test_of_two_who_retry_at_once_one_handles_it(ward):
    ward.hears(*ward.messages_of("red", 1))
    ward.unknown.clear()
    ward.in_reaction = [lambda: ward.retry(1)]
    with pytest.raises(Conflict):
        ward.retry(1)
    assert (ward.thrown, ward.waiting) == (["red-1"], [])
    with refused("settled"):
        ward.retry(1)


def test_a_retry_beside_a_discard_has_one_outcome(ward):
    ward.hears(*ward.messages_of("red", 1))
    ward.unknown.clear()
    ward.in_reaction = [lambda: ward.discard(1)]
    with pytest.raises(Conflict):
        ward.retry(1)
    assert (ward.thrown, ward.letter(1).state) == ([], DeadLetterState.DISCARDED)


def test_many_who_let_the_same_follow_handle_each_once_and_in_order(ward):
    red = ward.messages_of("red", *range(20, 0, -1))
    ward.hears(*red)
    ward.unknown.clear()
    threads = [threading.Thread(target=lambda: ward.follow(red[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ward.thrown == [f"red-{height}" for height in range(20, 0, -1)]
    assert ward.waiting == []


def test_a_process_that_ends_before_the_commit_has_done_nothing(ward):
    ward.hears(*ward.messages_of("red", 2, 1))
    ward.unknown.clear()

    def go_away():
        raise StoreUnavailable("gone")

    ward.store.happens = [go_away]
    with pytest.raises(StoreUnavailable):
        ward.retry(1)
    assert (ward.thrown, ward.waiting) == ([], [1, 2])


def test_a_process_that_ends_before_the_others_follow_leaves_them_in_order(ward):
    red = ward.messages_of("red", 3, 2, 1)
    ward.hears(*red)
    ward.unknown.clear()
    ward.retry(1)
    again = ward.services.a_replica(ward.sources)
    ward.desk = again.dead_letters
    with refused("not-first"):
        ward.retry(3)
    ward.retry(2)
    assert ward.follow(red[0]) == 1
    assert ward.thrown == ["red-3", "red-2", "red-1"]


def test_what_is_parked_behind_the_last_just_as_that_is_handled_follows_by_itself(ward):
    red = ward.messages_of("red", 2, 1)
    ward.hears(red[0])
    ward.unknown.clear()
    ward.store.happens = [lambda: ward.retry_elsewhere(1)]
    ward.retry_elsewhere = Elsewhere(ward).retry
    ward.hears(red[1])
    assert (ward.thrown, ward.waiting) == (["red-2", "red-1"], [])


class Elsewhere:
    """Another process of the same service."""

    def __init__(self, ward):
        self.units = ward.services.a_replica(ward.sources)._units
        self.desk = ward.services.a_replica(ward.sources).dead_letters

    def retry(self, place):
        work = self.units.open()
        self.desk.use_cases(work).retry(an_act("mona"), place=place)
        self.units.commit(work)


# What can never take effect, and too much of everything.


def test_what_has_no_place_in_the_log_of_its_source_can_only_be_discarded(ward):
    [blue] = ward.messages_of("blue", 1)
    ward.hears(replace(blue, headers={"ce_id": "\ud800"}), replace(blue, body=b"\xff\xfe"))
    for place in ward.waiting[:1]:
        with refused("no-message"):
            ward.retry(place)
        ward.discard(place)
    assert ward.waiting == [2]
    with pytest.raises(NotHandled, match="fields are wrong"):
        ward.retry(2)


def test_a_type_that_nobody_listens_to_any_more_says_so(ward):
    ward.hears(*ward.messages_of("red", 1))
    ward.desk._reactions._by_type.clear()
    ward.desk._reactions._facts.clear()
    with pytest.raises(NotHandled, match="nobody here listens"):
        ward.retry(1)


def test_a_shard_that_would_park_too_many_stops_and_goes_on_once_some_are_settled(ward):
    ward.inbox._parked_max = 2
    red, blue = ward.messages_of("red", 4, 3, 2, 1), ward.messages_of("blue", 1)
    ward.send(*red, *blue)
    with capture_logs(), pytest.raises(TooManyParked, match="2 dead letters wait, and no more may"):
        ward.inbox.step()
    assert (ward.thrown, ward.waiting) == (["blue-1"], [1, 2]), "others flow"
    assert not ward.saved(red[2])
    ward.unknown.clear()
    ward.retry(1)
    ward.follow(red[0])
    ward.inbox.step()
    assert ward.thrown == ["blue-1", "red-4", "red-3", "red-2", "red-1"]


def test_refusals_say_what_to_do(ward):
    ward.hears(*ward.messages_of("red", 2, 1))
    with pytest.raises(Refused) as refusal:
        ward.retry(2)
    assert [unmet.remedy for unmet in refusal.value.unmet] == ["retry or discard dead letter 1 first"]
