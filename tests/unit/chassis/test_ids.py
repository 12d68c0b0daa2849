"""New ids: as the standard says, in the order of time, and like all other ids."""

from __future__ import annotations

import copy
import pickle
from uuid import RFC_4122, UUID

from fourgates.chassis.ids import TimeOrderedIds


def test_ids_are_of_version_7_and_sorted_by_time():
    ids = TimeOrderedIds()
    made = [ids.new() for _ in range(1000)]
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert [one.int >> 80 for one in made] == sorted(one.int >> 80 for one in made)


def test_an_id_is_like_any_other_that_is_read():
    made = TimeOrderedIds().new()
    read = UUID(str(made))
    assert (made, hash(made), made.is_safe, repr(made)) == (read, hash(read), read.is_safe, repr(read))
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
