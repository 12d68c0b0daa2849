"""What the Kafka library receives, as messages. Ordinary records are read here, in a third of the library's time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

from fourgates.chassis.bus.interface import Message

_MAGIC = 2
_ONE_BYTE_MAX = 0x80
_new = object.__new__
_set = object.__setattr__


class Unusual(Exception):
    """A record that is left to the library: it knows what to do with it, or says what is wrong with it."""


class PlainRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # the library has no types
    """The records of one fetch, as messages."""

    def _unpack_records(self, place: Any, records: Any, *deserializers: Any) -> Iterator[Message]:
        batch = records.next_batch()
        while batch is not None and _is_plain(batch) and batch.validate_crc():
            self.leader_epoch = batch.leader_epoch
            try:
                yield from self._messages(place, batch)
            except Unusual:
                break
            self.next_fetch_offset = batch.next_offset
            batch = records.next_batch()
        else:
            if batch is None:
                self.drain()
                return
        rest = super()._unpack_records(place, _Rest(batch, records), *deserializers)
        yield from map(received, rest)

    def _messages(self, place: Any, batch: Any) -> Iterator[Message]:
        """Yield the messages of a batch. Raises `Unusual`, with the batch at the record where that was found."""
        buffer, position = bytes(batch._buffer), batch._pos  # noqa: SLF001 - where a batch is, it does not say
        first, same = batch.base_offset, {"topic": place.topic, "partition": place.partition}
        for _ in range(batch.records_count):
            following, offset, key, body, headers = _record(buffer, position)
            shard = _shard(headers.get("ce_shard", ""))
            own = {"key": key, "shard": shard, "headers": headers, "body": body, "offset": first + offset}
            # Messages are frozen, and their own constructor takes three times as long for the same.
            message = _new(Message)
            _set(message, "__dict__", {**same, **own})
            self.records_read += 1
            self.bytes_read += following - position
            self.next_fetch_offset = first + offset + 1
            batch._pos = position = following  # noqa: SLF001
            batch._next_record_index += 1  # noqa: SLF001
            yield message
        if position != len(buffer):
            raise Unusual


class _Rest:
    """A batch, and what comes behind it."""

    def __init__(self, batch: Any, behind: Any) -> None:
        self._batch = batch
        self._behind = behind

    def next_batch(self) -> Any:
        batch, self._batch = self._batch, None
        return batch or self._behind.next_batch()


def _is_plain(batch: Any) -> bool:
    return (
        type(batch) is DefaultRecordBatch
        and batch.magic == _MAGIC
        and batch.compression_type == batch.CODEC_NONE
        and not batch.is_control_batch
    )


def _record(buffer: bytes, start: int) -> tuple[int, int, str, bytes, dict[str, str]]:
    """Return where the next record begins, and offset, key, body and headers of one. Raises `Unusual`.

    A header takes most of the time of a record with twenty, so what is mostly one byte long is read here, not called.
    """
    headers: dict[str, str] = {}
    try:
        length, begin = decode_varint(buffer, start)
        _, position = decode_varint(buffer, begin + 1)
        offset, position = decode_varint(buffer, position)
        key, position = _bytes(buffer, position)
        body, position = _bytes(buffer, position)
        count, position = decode_varint(buffer, position)
        first = position
        for _ in range(count):
            end = position + 1 + (buffer[position] >> 1)
            name = _NAMES.get(buffer[position:end])
            if name is None:
                name, end = _name(buffer, position)
            size = buffer[end]
            if size & 1 or size >= _ONE_BYTE_MAX:
                value, position = _bytes(buffer, end)
            else:
                position = end + 1 + (size >> 1)
                value = buffer[end + 1 : position]
            headers[name] = value.decode()
        text = key.decode()
    except (ValueError, IndexError) as error:
        raise Unusual from error
    if position - begin != length or position > len(buffer) or len(headers) != count or count < 0:
        raise Unusual
    # In the bytes an empty value looks like it too.
    if "\x00" in text or (buffer.find(0, first, position) >= 0 and "\x00" in "".join(headers.values())):
        raise Unusual
    return position, offset, text, body, headers


def _bytes(buffer: bytes, position: int) -> tuple[bytes, int]:
    """Return bytes that their length precedes, and where they end. Raises `Unusual` when there are none."""
    size = buffer[position]
    position += 1
    if size >= _ONE_BYTE_MAX:
        more = buffer[position]
        if more < _ONE_BYTE_MAX:
            size += (more << 7) - _ONE_BYTE_MAX
            position += 1
        else:
            size, position = decode_varint(buffer, position - 1)
            size *= 2
    if size & 1 or size < 0:
        raise Unusual
    end = position + (size >> 1)
    return buffer[position:end], end


def _name(buffer: bytes, position: int) -> tuple[str, int]:
    """Return the name of a header, and where it ends; there are few, and each is kept with its length before it."""
    name, end = _bytes(buffer, position)
    text = name.decode()
    if len(_NAMES) < _NAMES_MAX:
        _NAMES[buffer[position:end]] = text
    return text, end


_NAMES: dict[bytes, str] = {}
_NAMES_MAX = 1000


def received(record: Any) -> Message:
    """Return a message as it came. What is no text is kept in a readable form under a name that nobody reads."""
    headers = _headers(record.headers)
    return Message(
        topic=record.topic,
        key=_text(record.key or b"")[0],
        shard=_shard(headers.get("ce_shard", "")),
        headers=headers,
        body=record.value or b"",
        offset=record.offset,
        partition=record.partition,
    )


@lru_cache(maxsize=256)
def _shard(said: str) -> int:
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 5 else -1  # noqa: PLR2004


def _headers(pairs: Sequence[tuple[str, bytes | None]]) -> Mapping[str, str]:
    headers = {}
    for name, value in pairs:
        text, is_text = _text(value or b"")
        headers[name if is_text else f"{name} (no text)"] = text
    return headers


def _text(value: bytes) -> tuple[str, bool]:
    """Return bytes as a text that every store can keep, and whether they were one."""
    text = value.decode("utf-8", errors="backslashreplace")
    plain = text.replace("\x00", "\\x00")
    return plain, plain.encode() == value
