"""CloudEvents 1.0 in binary mode: what stands in the headers of a message, and what a receiver reads from them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import cast
from uuid import UUID

import msgspec

from fourgates.chassis.bus.interface import UNREADABLE, Message

SHARDS = 64
CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"
NUMBER_MAX = 2**63 - 1
_DIGITS_MAX = len(str(NUMBER_MAX))
TEXT_CHARS_MAX = 1000
# By whether a machine did it.
_AUTH_TYPES = {False: "user", True: "service_account"}
_FIXED = ("content-type", "ce_specversion", "ce_dataschema", "ce_authtype")
_AUTHS = tuple(_AUTH_TYPES.values())
# What is read at once of a message whose headers are all there.
_FIXED_OF = itemgetter("ce_authtype", "ce_source", "ce_type", "ce_dataschema", "ce_specversion", "content-type")
_TEXTS_OF = itemgetter("ce_id", "ce_subject", "ce_authid", "ce_onbehalfof", "ce_correlationid", "ce_causationid")
_NUMBERS_OF = itemgetter("ce_aggregateversion", "ce_shard", "ce_pos", "ce_prev")
# Topics, with those headers that are the same in many messages and were found to fit together.
_FITTING: set[tuple[str, ...]] = set()
_FITTING_MAX = 1000


class BadEnvelope(Exception):
    """A message whose headers do not say what a receiver must know; the text names every missing or wrong one."""


class Envelope(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What travels beside the body. `position` is the producer's number, `previous` the one before it in its shard."""

    message_id: str
    source: str
    type: str
    subject: str
    at: datetime
    recorded_at: datetime
    by: str
    person: str
    machine: bool
    correlation_id: str
    cause_id: str
    aggregate_version: int
    shard: int
    position: int
    previous: int


def shard_of(aggregate_id: UUID) -> int:
    """Return the fixed shard of an aggregate: order holds within it."""
    return zlib.crc32(aggregate_id.int.to_bytes(16, "big")) % SHARDS


def topic_of(service: str) -> str:
    """Return the topic on which a service publishes."""
    return f"fourgates.{service}.events.v1"


def source_of(service: str) -> str:
    """Return the CloudEvents source of a service."""
    return f"/fourgates/{service}"


def schema_of(message_type: str) -> str:
    """Return the name of a type's schema: an absolute URI, as CloudEvents wants it, that no address is part of.

    A message outlives the host on which its schema was served when it was sent.
    """
    return f"urn:fourgates:schema:{message_type}"


def to_message(service: str, envelope: Envelope, key: str, body: bytes) -> Message:
    """Return the message of an envelope and its body."""
    at = _rfc3339(envelope.at)
    headers = {
        **_same_in_many(envelope.source, envelope.type, envelope.machine),
        "ce_id": envelope.message_id,
        "ce_subject": envelope.subject,
        "ce_time": at,
        "ce_recordedtime": at if envelope.recorded_at is envelope.at else _rfc3339(envelope.recorded_at),
        "ce_sequence": f"{envelope.position:020d}",
        "ce_partitionkey": key,
        "ce_correlationid": envelope.correlation_id,
        "ce_causationid": envelope.cause_id,
        "ce_authid": envelope.by,
        "ce_onbehalfof": envelope.person,
        "ce_aggregateversion": str(envelope.aggregate_version),
        "ce_shard": str(envelope.shard),
        "ce_pos": str(envelope.position),
        "ce_prev": str(envelope.previous),
    }
    return Message(topic=topic_of(service), key=key, shard=envelope.shard, headers=headers, body=body)


@lru_cache(maxsize=1000)
def _same_in_many(source: str, message_type: str, machine: bool) -> Mapping[str, str]:  # noqa: FBT001 - as it is kept
    """Return the headers that follow from what a message is and who publishes it."""
    return {
        "content-type": CONTENT_TYPE,
        "ce_specversion": SPEC_VERSION,
        "ce_source": source,
        "ce_type": message_type,
        "ce_dataschema": schema_of(message_type),
        "ce_authtype": _AUTH_TYPES[machine],
    }


def from_message(message: Message) -> Envelope:
    """Read the envelope of a message. Raises `BadEnvelope` naming every header that is missing or wrong.

    Anyone who may write to a topic can send anything: what does not fit together is refused, before it can move the
    position of a shard that it does not belong to.
    """
    return _ordinary(message) or _checked(message)


def _ordinary(message: Message) -> Envelope | None:
    """Return the envelope of a message as most are, in a third of the time; None for one to be looked at closely."""
    h = message.headers
    try:
        fixed, texts, numbers = _FIXED_OF(h), _TEXTS_OF(h), _NUMBERS_OF(h)
        at = recorded_at = datetime.fromisoformat(h["ce_time"])
        if h["ce_recordedtime"] != h["ce_time"]:
            recorded_at = datetime.fromisoformat(h["ce_recordedtime"])
    except (KeyError, ValueError):
        return None
    if UNREADABLE in h or (message.topic, *fixed) not in _FITTING or at.tzinfo is None or recorded_at.tzinfo is None:
        return None
    digits = "".join(numbers)
    if not (all(texts) and max(map(len, texts)) <= TEXT_CHARS_MAX and all(numbers)):
        return None
    if not (digits.isascii() and digits.isdecimal() and max(map(len, numbers)) < _DIGITS_MAX):
        return None
    version, shard, position, previous = map(int, numbers)
    if previous >= position or shard != _shard_of_key(message.key):
        return None
    message_id, subject, by, person, correlation_id, cause_id = texts
    return Envelope(
        message_id=message_id,
        source=fixed[1],
        type=fixed[2],
        subject=subject,
        at=at,
        recorded_at=recorded_at,
        by=by,
        person=person,
        machine=fixed[0] == _AUTH_TYPES[True],
        correlation_id=correlation_id,
        cause_id=cause_id,
        aggregate_version=version,
        shard=shard,
        position=position,
        previous=previous,
    )


def _checked(message: Message) -> Envelope:
    """Return the envelope of a message. Raises `BadEnvelope`."""
    wrong: list[str] = []
    h = message.headers
    if UNREADABLE in h:
        raise BadEnvelope(f"the record cannot be read: {h[UNREADABLE]}")
    envelope = Envelope(
        message_id=_text(h, "ce_id", wrong),
        source=_text(h, "ce_source", wrong),
        type=_text(h, "ce_type", wrong),
        subject=_text(h, "ce_subject", wrong),
        at=_time(h, "ce_time", wrong),
        recorded_at=_time(h, "ce_recordedtime", wrong),
        by=_text(h, "ce_authid", wrong),
        person=_text(h, "ce_onbehalfof", wrong),
        machine=h.get("ce_authtype") == _AUTH_TYPES[True],
        correlation_id=_text(h, "ce_correlationid", wrong),
        cause_id=_text(h, "ce_causationid", wrong),
        aggregate_version=_number(h, "ce_aggregateversion", wrong),
        shard=_number(h, "ce_shard", wrong),
        position=_number(h, "ce_pos", wrong),
        previous=_number(h, "ce_prev", wrong),
    )
    wrong.extend(_misfits(message, envelope) if not wrong else ())
    if wrong:
        raise BadEnvelope("; ".join(wrong))
    if len(_FITTING) < _FITTING_MAX:
        _FITTING.add((message.topic, *_FIXED_OF(h)))
    return envelope


def _misfits(message: Message, envelope: Envelope) -> Iterator[str]:
    """Yield what does not fit together in a message whose headers are all there."""
    yield from _wrongly_fixed(message.headers, schema_of(envelope.type))
    service = envelope.source.rpartition("/")[2]
    if envelope.source != source_of(service) or message.topic != topic_of(service):
        yield f"header ce_source must be the one that publishes on {message.topic}"
    elif not envelope.type.startswith(f"dev.fourgates.{service}."):
        yield f"header ce_type must be a type of {service}"
    if envelope.shard != _shard_of_key(message.key):
        yield "header ce_shard must be the shard of the key, which is the id of what the message is about"
    if envelope.previous >= envelope.position:
        yield "header ce_prev must be less than ce_pos"


def _wrongly_fixed(h: Mapping[str, str], schema: str) -> Iterator[str]:
    media = h.get("content-type", "")
    if media != CONTENT_TYPE:
        media = media.partition(";")[0].strip().lower()
    said = (media, h.get("ce_specversion"), h.get("ce_dataschema"), h.get("ce_authtype"))
    if said[:3] == (CONTENT_TYPE, SPEC_VERSION, schema) and said[3] in _AUTHS:
        return
    wanted = ((CONTENT_TYPE,), (SPEC_VERSION,), (schema,), _AUTHS)
    for name, value, values in zip(_FIXED, said, wanted, strict=True):
        if value not in values:
            yield f"header {name} must be {' or '.join(values)}"


@lru_cache(maxsize=4096)
def _shard_of_key(key: str) -> int:
    try:
        return shard_of(UUID(key))
    except ValueError:
        return -1


def _text(headers: Mapping[str, str], name: str, wrong: list[str]) -> str:
    value = headers.get(name, "")
    if 0 < len(value) <= TEXT_CHARS_MAX:
        return value
    if not value:
        wrong.append(f"header {name} is missing")
    else:
        wrong.append(f"header {name} is longer than {TEXT_CHARS_MAX} characters")
    return value


def _number(headers: Mapping[str, str], name: str, wrong: list[str]) -> int:
    value = headers.get(name, "")
    # The length is looked at first: Python refuses to read a number of some thousand digits.
    if len(value) <= _DIGITS_MAX and value.isascii() and value.isdecimal():
        number = int(value)
        if number <= NUMBER_MAX:
            return number
    wrong.append(f"header {name} must be a whole number")
    return 0


def _time(headers: Mapping[str, str], name: str, wrong: list[str]) -> datetime:
    try:
        at = datetime.fromisoformat(headers.get(name, ""))
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - refused below, like any time without a zone
    if at.tzinfo is None:
        wrong.append(f"header {name} must be a time with a zone")
        return datetime.min.replace(tzinfo=UTC)
    return at


def _rfc3339(at: datetime) -> str:
    return cast("str", msgspec.to_builtins(at if at.tzinfo is UTC else at.astimezone(UTC)))
