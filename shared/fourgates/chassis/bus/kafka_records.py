"""What the Kafka library receives, as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fourgates.chassis.bus.interface import Message


def received(record: Any) -> Message:
    """Return a message as it came. What is no text is kept in a readable form under a name that nobody reads."""
    headers = _headers(record.headers)
    shard = headers.get("ce_shard", "")
    return Message(
        topic=record.topic,
        key=_text(record.key or b"")[0],
        shard=int(shard) if shard.isascii() and shard.isdecimal() and len(shard) < 5 else -1,  # noqa: PLR2004
        headers=headers,
        body=record.value or b"",
        offset=record.offset,
        partition=record.partition,
    )


def _headers(pairs: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    try:
        headers = {name: value.decode() for name, value in pairs if value is not None}
        if len(headers) == len(pairs) and "\x00" not in "".join(headers.values()):
            return headers
    except UnicodeDecodeError:
        pass
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
