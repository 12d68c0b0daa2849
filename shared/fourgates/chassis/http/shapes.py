"""The shapes of requests and answers: strict models, ids and numbers in addresses."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

T = TypeVar("T")
_set = object.__setattr__

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
