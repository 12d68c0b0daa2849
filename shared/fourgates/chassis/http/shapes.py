"""The shapes of requests and answers: strict models, and text that every store of ours can keep."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

T = TypeVar("T")
_set = object.__setattr__

# NUL and lone surrogates cannot be kept by PostgreSQL; other control characters have no business in a text.
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_KEPT = "[^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F]"
_WRITTEN = f"^{_KEPT}*[^\\s\\u0000-\\u001F]{_KEPT}*$"
_VISIBLE = re.compile(r"[^\s\x00-\x1f]")
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")


class Strict(BaseModel):
    """The base of every request body: no unknown field, no conversion, no infinite number.

    UUIDs, times and enums arrive as JSON strings and are parsed from them.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Answer(BaseModel):
    """The base of every answer."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Return an answer of all its values, which have the types of its fields already.

        Nothing is checked here: the serializer warns where a value has another type. Raises `TypeError` for names that
        are not those of the fields.
        """
        fields = cls.__pydantic_fields__.keys()
        if values.keys() != fields:
            msg = f"{cls.__name__} has other fields: {sorted(values.keys() ^ fields)}"
            raise TypeError(msg)
        made = cls.__new__(cls)
        # What `model_construct` sets, field by field, in a tenth of its time.
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", set(values))
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


class Page(Answer, Generic[T]):
    """One page of a collection; only a missing token means the end.

    A route whose response model has `next_page_token` takes `page_size` and `page_token`.
    """

    items: list[T]
    next_page_token: str | None = None


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


def _path_id(value: object) -> object:
    if isinstance(value, str) and not _ID.fullmatch(value):
        raise PydanticCustomError("id", "This is no id")
    return value


PathId = Annotated[UUID, BeforeValidator(_path_id), WithJsonSchema({"type": "string", "format": "uuid"})]
"""An id in a path; what is none leads to a 404."""


def _whole_number(value: object) -> object:
    if isinstance(value, str) and not _WHOLE_NUMBER.fullmatch(value):
        raise PydanticCustomError("whole_number", "Must be a whole number of at most nine digits")
    return value


# Limits stand before the validator, or they would not reach the JSON schema.
QueryInt = Annotated[int, Field(ge=-999_999_999, le=999_999_999), BeforeValidator(_whole_number)]
"""A whole number in a query: digits only."""

Count = Annotated[int, Field(ge=0, le=999_999_999), BeforeValidator(_whole_number)]
"""A whole number in a query that is not negative."""


def filters(**given: object) -> dict[str, Any]:
    """Return a `where` for a view from query parameters: what was not given is left out, ids and enums become text."""
    return {name: _plain(value) for name, value in given.items() if value is not None and value != []}


def _plain(value: object) -> object:
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(member) for member in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


class UnmetAnswer(Answer):
    """One unmet condition: what is missing, where that was read, and what would meet it."""

    code: str
    detail: str
    source: str
    remedy: str
    rule: str | None = None
    person: str | None = None


class NextCommandAnswer(Answer):
    """One command that could come next, who may give it, and why it is not possible now."""

    command: str
    by: list[str]
    possible: bool
    unmet: list[UnmetAnswer]


class NextAnswer(Answer):
    """What can be done next."""

    commands: list[NextCommandAnswer]


class HistoryItem(Answer):
    """One event of a log."""

    version: int
    type: str
    at: str
    by: str
    on_behalf_of: str | None
    roles: list[str]
    why: str
    cause: str
    correlation: str
    facts: dict[str, Any]


class HistoryAnswer(Answer):
    """The events of one thing, in order."""

    items: list[HistoryItem]
