"""Text that every store of ours can keep, and the names that people and machines use, as types of a model's fields."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

# NUL and lone surrogates cannot be kept by PostgreSQL; other control characters have no business in a text.
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_KEPT = "[^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F]"
_WRITTEN = f"^{_KEPT}*[^\\s\\u0000-\\u001F]{_KEPT}*$"
_VISIBLE = re.compile(r"[^\s\x00-\x1f]")


def _storable(value: str) -> str:
    if UNSTORABLE.search(value):
        raise PydanticCustomError("unstorable_text", "Text must not contain NUL, lone surrogates or control characters")
    return value


def _written(value: str) -> str:
    # One call for both: the library's way into Python costs as much as the look.
    if UNSTORABLE.search(value):
        return _storable(value)
    if not _VISIBLE.search(value):
        raise PydanticCustomError("blank_text", "Text must not be blank")
    return value


def _text(length_max: int) -> tuple[Any, ...]:
    schema = {"type": "string", "minLength": 1, "maxLength": length_max, "pattern": _WRITTEN}
    return (
        StringConstraints(min_length=1, max_length=length_max),
        AfterValidator(_written),
        WithJsonSchema(schema),
    )


Text = Annotated[str, *_text(4000)]
"""Prose by a person: a reason, a description."""

Name = Annotated[str, *_text(200)]
"""One line that names something."""

Document = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500_000),
    AfterValidator(_storable),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 500_000, "pattern": f"^{_KEPT}*$"}),
]
"""A document that travels inside a body, such as a report in XML."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")]
"""A short lower-case name that machines use."""

Digest = Annotated[str, StringConstraints(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]
"""A sha256 in lower-case hex."""

Subject = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._:@|/+=-]+$")]
"""The opaque id of a person or a machine account: the subject of a token."""
