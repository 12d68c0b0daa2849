"""Rows that are read and written a batch at a time are what rows written one by one would be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from fourgates.chassis.rows import Rows, View, iso
from hypothesis import assume, given
from hypothesis import strategies as st

BALLS = View("balls", ("colour", "tags"), {}, lists=("tags",))
KEYS = [f"ball-{number}" for number in range(4)]
keys = st.sampled_from(KEYS)
colours = st.sampled_from(["red", "blue", None])
ops = st.one_of(
    st.tuples(st.just("put"), keys, colours),
    st.tuples(st.just("get"), keys, st.none()),
    st.tuples(st.just("count"), st.none(), st.none()),
    st.tuples(st.just("delete"), keys, st.none()),
)
# What is read ahead, what is done, and whether it is written or not.
batches = st.lists(st.tuples(st.sets(keys), st.lists(ops, max_size=30), st.booleans()), max_size=6)


def connected():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    columns = "key TEXT NOT NULL UNIQUE, body BLOB NOT NULL, of_colour, of_tags"
    connection.execute(f"CREATE TABLE balls (place INTEGER PRIMARY KEY, {columns})")
    return closing(connection)


def stored(connection):
    found = connection.execute("SELECT key, body, of_colour, of_tags FROM balls ORDER BY place").fetchall()
    return [(key, bytes(body), colour, tags) for key, body, colour, tags in found]


def expected(model):
    return [
        (key, b'{"colour":%s,"tags":["x"]}' % (f'"{c}"'.encode() if c else b"null"), c, '["x"]')
        for key, c in model.items()
    ]


def carried_out(rows, model, op, *, counts):
    """Do one thing to the rows, and to the dictionary that stands for them."""
    name, key, colour = op
    if name == "put":
        rows.put(key, {"key": "not kept", "colour": colour, "tags": ["x"]})
        model[key] = colour
    elif name == "delete" and not counts:
        rows.delete(key)
        model.pop(key, None)
    elif name == "count" and counts:
        assert rows.count() == len(model)
    elif name == "get":
        found = rows.get(key)
        assert (found is not None) == (key in model)
        assert found is None or found == {"colour": model[key], "tags": ["x"]}


@given(batches=batches, counts=st.booleans())
def test_a_batch_leaves_what_one_by_one_would(batches, counts):
    with connected() as connection:
        rows, model = Rows(connection, "balls", BALLS), {}
        for ahead, doing, written in batches:
            before = dict(model)
            connection.execute("BEGIN")
            rows.read(ahead)
            for op in doing:
                carried_out(rows, model, op, counts=counts)
            if written:
                rows.write()
                connection.execute("COMMIT")
            else:
                connection.execute("ROLLBACK")
                model = before
            rows.forget()
            assert stored(connection) == expected(model)
            # Between batches it is what is stored.
            assert {key for key in KEYS if rows.stored(key) is not None} == set(model)


def test_a_batch_takes_few_statements():
    with connected() as connection:
        rows, said = Rows(connection, "balls", BALLS), []
        names = [f"ball-{number}" for number in range(500)]
        connection.set_trace_callback(said.append)
        rows.read(names)
        for name in names:
            assert rows.get(name) is None
            rows.count()
            rows.put(name, {"colour": "red", "tags": []})
        rows.write()
        # One reads, one counts; 500 are written as 7 times 64, 6 times 8 and 4.
        assert len(said) == 1 + 1 + 7 + 6 + 4
        assert [key for key, *_ in stored(connection)] == names


def test_a_row_that_was_not_read_ahead_is_read_once():
    with connected() as connection:
        rows, said = Rows(connection, "balls", BALLS), []
        connection.set_trace_callback(said.append)
        for _ in range(3):
            rows.get("ball-1")
            rows.put("ball-1", {"colour": "red", "tags": []})
        assert len(said) == 1


@pytest.mark.parametrize("row", [{"colour": {"a": 1}, "tags": []}, {"colour": "red", "tags": "x"}])
def test_what_no_column_can_hold_is_an_error(row):
    with connected() as connection:
        rows = Rows(connection, "balls", BALLS)

        def put():
            rows.put("ball-1", row)
            rows.write()

        with pytest.raises(TypeError, match=r"lists.*see ball-1|tags should hold a list"):
            put()


@given(at=st.datetimes(timezones=st.timezones() | st.just(UTC)), whole=st.booleans())
def test_a_time_is_a_text_of_one_length_in_utc(at, whole):
    assume(datetime(2, 1, 1, tzinfo=UTC) < at < datetime(9998, 1, 1, tzinfo=UTC))
    at = at.replace(microsecond=0) if whole else at
    assert iso(at) == at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
