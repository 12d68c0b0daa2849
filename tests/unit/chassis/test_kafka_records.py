"""Ordinary records are read here, and as the library reads them; everything else is left to the library."""

from __future__ import annotations

import pytest
from fourgates.chassis.bus.interface import Message
from fourgates.chassis.bus.kafka_batches import _record as written
from fourgates.chassis.bus.kafka_records import Unusual, _record, received
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

FIRST_RECORD = 61
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200)
LENGTHS = st.sampled_from([0, 1, 62, 63, 64, 65, 127, 128, 8191, 8192, 8193])
LONG = st.builds(lambda size: "x" * size, LENGTHS)
HEADERS = st.dictionaries(TEXTS | LONG, TEXTS | LONG, max_size=25)


def a_batch(key, body, headers, offset=0):
    """What the library writes, and what it reads of that."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1_000_000)
    for number in range(offset + 1):
        builder.append(number, 0, key, body, headers)
    buffer = bytes(builder.build())
    return buffer, list(DefaultRecordBatch(buffer))[-1]


@given(key=TEXTS | LONG, body=st.binary(max_size=300) | LONG.map(str.encode), headers=HEADERS)
def test_a_record_is_read_as_the_library_reads_it(key, body, headers):
    buffer, record = a_batch(key.encode(), body, [(name, value.encode()) for name, value in headers.items()])
    end, offset, text, value, found = _record(buffer, FIRST_RECORD)
    assert (end, offset, text, value) == (len(buffer), record.offset, record.key.decode(), record.value)
    assert list(found.items()) == [(name, said.decode()) for name, said in record.headers]


@given(key=TEXTS, body=st.binary(max_size=300), headers=HEADERS)
def test_a_record_is_written_as_the_library_writes_it(key, body, headers):
    buffer, _ = a_batch(key.encode(), body, [(name, value.encode()) for name, value in headers.items()])
    assert written(0, Message("t", key, 0, headers, body)) == buffer[FIRST_RECORD:]


@pytest.mark.parametrize(
    ("key", "body", "headers"),
    [
        (None, b"", []),
        (b"k", None, []),
        (b"k", b"", [("a", None)]),
        (b"\xff", b"", []),
        (b"k", b"", [("a", b"\xff")]),
        (b"k", b"", [("a", b"1"), ("a", b"2")]),
        (b"k\x00", b"", []),
        (b"k", b"", [("a", b"\x00")]),
        (b"k", b"", [("a", b"x" * 100 + b"\x00")]),
    ],
    ids=["key", "body", "value", "key-no-text", "value-no-text", "twice", "null-in-key", "null", "null-in-long"],
)
def test_what_is_unusual_is_left_to_the_library(key, body, headers):
    buffer, _ = a_batch(key, body, headers)
    with pytest.raises(Unusual):
        _record(buffer, FIRST_RECORD)


def test_an_empty_value_is_nothing_unusual():
    buffer, _ = a_batch(b"k", b"", [("a", b""), ("b", b"1")])
    assert _record(buffer, FIRST_RECORD)[4] == {"a": "", "b": "1"}


def test_what_is_cut_off_is_left_to_the_library():
    buffer, _ = a_batch(b"key", b"body", [("a", b"1"), ("b", b"value")])
    for end in range(FIRST_RECORD, len(buffer)):
        with pytest.raises(Unusual):
            _record(buffer[:end], FIRST_RECORD)


@pytest.mark.parametrize("by", [-2, 2])
def test_a_record_of_another_length_is_left_to_the_library(by):
    buffer = bytearray(a_batch(b"key", b"body", [("a", b"1")])[0] + b"more")
    buffer[FIRST_RECORD] += by
    with pytest.raises(Unusual):
        _record(bytes(buffer), FIRST_RECORD)


@given(st.data())
def test_what_is_damaged_is_left_to_the_library_or_read_within_its_bounds(data):
    headers = [("empty", b""), ("n" * 70, b"v" * 70), ("name", b"value")]
    buffer = bytearray(a_batch(b"key", b"body", headers)[0])
    for _ in range(data.draw(st.integers(1, 3))):
        buffer[data.draw(st.integers(FIRST_RECORD, len(buffer) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(buffer[: data.draw(st.integers(FIRST_RECORD + 1, len(buffer)))])
    try:
        end, *_ = _record(cut, FIRST_RECORD)
    except Unusual:
        return
    assert end <= len(cut)


def test_what_the_library_read_is_a_message_all_the_same():
    class Record:
        topic, partition, offset, key, value, headers = "t", 1, 2, b"\xff", None, [("ce_shard", b"7"), ("a", None)]

    assert received(Record) == Message("t", "\\xff", 7, {"ce_shard": "7", "a": ""}, b"")
