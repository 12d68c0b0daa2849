"""Batches of records, written at once: the Kafka library asks, checks and remembers for each record alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, RecordListTooLargeError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.record.util import encode_varint

from fourgates.chassis.bus.interface import Message

_MAGIC = 2
_UNCOMPRESSED = 0
# More than a batch without records takes, and more than a record takes beside its key, value and headers.
_OVERHEAD = 128


class BatchProducer(KafkaProducer):  # type: ignore[misc]  # the library has no types
    """The library's producer, which takes whole batches too."""

    def send_together(self, place: TopicPartition, messages: Sequence[Message], bytes_max: int) -> list[Sent]:
        """Let messages be sent to one partition in order, in as few batches as their size allows.

        Raises `MessageSizeTooLargeError` when one alone is larger than any request may be.
        """
        return [self._submit(place, records, bytes_max) for records in self._portions(messages, bytes_max)]

    def _submit(self, place: TopicPartition, encoded: Sequence[bytes], bytes_max: int) -> Sent:
        records = MemoryRecordsBuilder(_MAGIC, _UNCOMPRESSED, bytes_max)
        builder = records._builder  # noqa: SLF001 - its own way is to write record by record
        builder._first_timestamp = builder._max_timestamp = int(time.time() * 1000)  # noqa: SLF001
        builder._last_offset, builder._num_records = len(encoded) - 1, len(encoded)  # noqa: SLF001
        builder._buffer += b"".join(encoded)  # noqa: SLF001
        records._next_offset = len(encoded)  # noqa: SLF001
        batch = ProducerBatch(place, records)
        sent = Sent(batch)
        accumulator = self._accumulator
        with accumulator._tp_lock(place):  # noqa: SLF001
            accumulator._batches[place].append(batch)  # noqa: SLF001
            accumulator._incomplete.add(batch)  # noqa: SLF001
        self._sender.wakeup()
        return sent

    def _portions(self, messages: Sequence[Message], bytes_max: int) -> Iterator[list[bytes]]:
        """Yield the records of each batch."""
        portion: list[bytes] = []
        size = _OVERHEAD
        for message in messages:
            record = _record(len(portion), message)
            self._ensure_valid_record_size(_OVERHEAD + len(record))
            if portion and size + len(record) > bytes_max:
                yield portion
                portion, size = [], _OVERHEAD
                record = _record(0, message)
            portion.append(record)
            size += len(record)
        if portion:
            yield portion


class Sent:
    """A batch on its way."""

    def __init__(self, batch: Any) -> None:
        self._future = batch.produce_future
        self._is_split = False
        # What the library tells when it splits a batch that is larger than the broker takes.
        batch._record_futures = [self] * batch.record_count  # noqa: SLF001

    def rebind(self, produce_future: Any, index: int) -> None:
        """Hear that the batch was split. Its parts may arrive, but nobody waits for them."""
        self._is_split = True
        self._future._latch.set()  # noqa: SLF001

    def wait(self, timeout_s: float) -> None:
        """Wait for the acknowledgement. Raises `KafkaError` when it does not come."""
        if not self._future.wait(timeout_s):
            raise KafkaError(f"no acknowledgement within {timeout_s:.1f} s")
        if self._is_split:
            raise RecordListTooLargeError("the broker takes smaller batches only")
        if self._future.failed():
            raise self._future.exception
        _, _, errors = self._future.value
        if errors is not None:
            raise errors(0)


def _record(offset: int, message: Message) -> bytes:
    """Return a record in the form of message format 2; all of a batch have the time of the first."""
    key = message.key.encode()
    parts = [b"\x00\x00", _varint(offset), _varint(len(key)), key, _varint(len(message.body)), message.body]
    parts.append(_varint(len(message.headers)))
    for name, text in message.headers.items():
        value = text.encode()
        parts += (_NAMES[name], _varint(len(value)), value)
    body = b"".join(parts)
    return _varint(len(body)) + body


class _Names(dict[str, bytes]):
    """Names of headers as they are written; there are few."""

    def __missing__(self, name: str) -> bytes:
        written = name.encode()
        written = _varint(len(written)) + written
        if len(self) < _NAMES_MAX:
            self[name] = written
        return written


def _varint(number: int) -> bytes:
    return _VARINTS[number] if number < _VARINTS_MAX else _written(number)


def _written(number: int) -> bytes:
    found = bytearray()
    encode_varint(number, found.append)
    return bytes(found)


_VARINTS_MAX = 4096
_VARINTS = [_written(number) for number in range(_VARINTS_MAX)]
_NAMES = _Names()
_NAMES_MAX = 1000
