"""What is remembered of the log is the log: whoever reads it misses nothing and sees nothing twice."""

from __future__ import annotations

from dataclasses import dataclass

from fourgates.chassis.store.recent import Recent
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Placed:
    position: int
    size: int


LOGS = st.lists(st.integers(1, 400), unique=True, max_size=60).map(sorted)
READS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 20), st.integers(0, 60), st.booleans()), max_size=60)


@given(places=LOGS, reads=READS, count_max=st.integers(1, 30), bytes_max=st.integers(1, 60))
def test_readers_see_the_log_as_it_is_while_it_grows(places, reads, count_max, bytes_max):
    recent: Recent[Placed] = Recent(count_max=count_max, bytes_max=bytes_max)
    log = [Placed(place, place % 5) for place in places]
    there = 0
    for after, limit, grown, told in reads:
        before, there = there, max(there, min(grown, len(log)))
        if told:
            recent.extend(log[before:there])
        true = [one for one in log[:there] if one.position > after][:limit]
        known = recent.behind(after, limit)
        # It may know less than there is, and then the database is asked.
        assert known == true[: len(known)]
        if not known:
            recent.add(after, true)
        assert len(recent._found) <= count_max
        assert sum(one.size for one in recent._found) <= bytes_max


def test_whoever_comes_behind_reads_what_the_first_one_read():
    recent: Recent[Placed] = Recent()
    log = [Placed(place, 1) for place in range(1, 10)]
    recent.add(0, log[:5])
    recent.add(5, log[5:])
    assert recent.behind(0, 100) == log
    assert recent.behind(3, 2) == log[3:5]
    assert recent.behind(9, 2) == []


def test_what_was_appended_here_is_known_up_to_the_first_hole():
    recent: Recent[Placed] = Recent()
    log = [Placed(place, 1) for place in (1, 2, 3, 5, 6)]
    recent.extend(log)
    assert recent.behind(0, 100) == log[:3]
    recent.extend([Placed(7, 1)])
    assert recent.behind(3, 100) == []
    recent.add(3, log[3:])
    recent.extend([Placed(7, 1)])
    assert recent.behind(3, 100) == [*log[3:], Placed(7, 1)]


def test_whoever_is_far_behind_takes_nothing_from_those_at_the_end():
    recent: Recent[Placed] = Recent()
    log = [Placed(place, 1) for place in range(1, 10)]
    recent.add(5, log[5:])
    recent.add(0, log[:3])
    assert recent.behind(5, 100) == log[5:]
    assert recent.behind(0, 100) == []
