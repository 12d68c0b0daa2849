"""Shapes that several of the answers share."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from fourgates.chassis.http import Answer, Call, Strict, Text, needs
from fourgates.chassis.views import Row
from pydantic import ConfigDict

from deploy_service.application import DeployUseCases
from deploy_service.domain import Item, Placed, Step

Reader = Annotated[Call[DeployUseCases], Depends(needs("deploy:read"))]
Writer = Annotated[Call[DeployUseCases], Depends(needs("deploy:execute"))]


class Reason(Strict):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the window is open"}]})

    reason: Text


class ItemAnswer(Answer):
    """A media item by its name, version and bytes."""

    name: str
    version: str
    sha256: str
    size_bytes: int
    kind: str


class StepAnswer(Answer):
    """One executable step."""

    name: str
    action: str
    path: str
    expect_status: int
    timeout_s: int


class PlacedAnswer(Answer):
    """What stands on a node."""

    node: str
    version: str
    release_id: UUID
    url: str | None
    manifest_digest: str
    items: list[ItemAnswer]


def item_answer(item: Item) -> ItemAnswer:
    return ItemAnswer(
        name=item.name, version=item.version, sha256=item.sha256, size_bytes=item.size_bytes, kind=item.kind
    )


def step_answers(steps: tuple[Step, ...]) -> list[StepAnswer]:
    return [
        StepAnswer(name=s.name, action=s.action, path=s.path, expect_status=s.expect_status, timeout_s=s.timeout_s)
        for s in steps
    ]


def placed_answer(placed: Placed) -> PlacedAnswer:
    return PlacedAnswer(
        node=placed.node,
        version=placed.package.version,
        release_id=placed.package.release_id,
        url=placed.url,
        manifest_digest=placed.manifest_digest,
        items=[item_answer(item) for item in placed.package.items],
    )


def with_id(row: Row) -> dict[str, Any]:
    """Return a row of a view with its key as id."""
    return {"id": row["key"], **{name: value for name, value in row.items() if name != "key"}}
