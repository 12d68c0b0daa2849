"""What every part of this API shares: who calls, examples, and bodies with nothing but a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from fourgates.chassis.http import Answer, Call, Strict, Text, needs
from fourgates.chassis.views import Row
from pydantic import AfterValidator, AwareDatetime, ConfigDict
from pydantic_core import PydanticCustomError

from change_service.application import ChangeUseCases
from change_service.views import plain

Reader = Annotated[Call[ChangeUseCases], Depends(needs("change:read"))]
Writer = Annotated[Call[ChangeUseCases], Depends(needs("change:write"))]
Authorizer = Annotated[Call[ChangeUseCases], Depends(needs("change:authorize"))]

A = TypeVar("A", bound=Answer)

EXAMPLE_ID = "0192d3a0-0000-7000-8000-000000000001"
LIST_MAX = 200
YEAR_MIN, YEAR_MAX = 2000, 2200


def _near(at: datetime) -> datetime:
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise PydanticCustomError("far_time", "Must be a time between the years 2000 and 2200")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_near)]
"""A time with its offset, far from where times overflow."""


def example(**body: Any) -> ConfigDict:
    """Return the configuration of a body with its example."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Reason(Strict):
    """Why it is done."""

    model_config = example(reason="agreed in the weekly meeting")

    reason: Text


class DeciderAnswer(Answer):
    """One person whose vote made a grant, with what they held and meant at that time."""

    person_id: str
    roles: list[str]
    voted_at: str
    meaning: str
    reason: str


def from_row(model: type[A]) -> Callable[[Row], A]:
    """Return how a row is presented: its key is the id, and only what the answer names is shown."""
    names = [name for name in model.model_fields if name != "id"]

    def present(row: Row) -> A:
        return model.model_validate({"id": row["key"], **{name: row[name] for name in names}})

    return present


def shown(model: type[A], **values: Any) -> A:
    """Return an answer from values of the domain."""
    return model.model_validate({name: plain(value) for name, value in values.items()})
