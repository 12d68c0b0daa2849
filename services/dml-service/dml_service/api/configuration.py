"""Configuration items over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fourgates.chassis.http import (
    Answer,
    Call,
    HistoryAnswer,
    Identifier,
    Name,
    NextAnswer,
    Page,
    PathId,
    Strict,
    Text,
    filters,
    needs,
)
from pydantic import ConfigDict, Field

from dml_service.api.media_items import Reason
from dml_service.api.services import with_id
from dml_service.application import DmlUseCases
from dml_service.domain import ConfigurationItem, Relation, RelationKind

Reader = Annotated[Call[DmlUseCases], Depends(needs("dml:read"))]
Writer = Annotated[Call[DmlUseCases], Depends(needs("dml:write"))]


class RegisterConfigurationItem(Strict):
    """A configuration item to be kept track of."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "parcels-db",
                    "kind": "database",
                    "attributes": {"engine": "postgresql"},
                    "reason": "it was set up today",
                }
            ]
        }
    )

    name: Name
    kind: Identifier
    attributes: dict[Name, Name] = Field(default={}, max_length=50)
    reason: Text


class RelationBody(Strict):
    """A typed relation to a configuration item, a service or a media item."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "part_of", "target_id": "0192d3a0-0000-7000-8000-000000000001"}]}
    )

    kind: RelationKind
    target_id: UUID


class SetConfigurationRelations(Strict):
    """All relations of a configuration item; they replace the earlier ones."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "relations": [{"kind": "part_of", "target_id": "0192d3a0-0000-7000-8000-000000000001"}],
                    "reason": "it keeps the parcels",
                }
            ]
        }
    )

    relations: list[RelationBody] = Field(max_length=200)
    reason: Text


class RelationAnswer(Answer):
    """A relation."""

    kind: RelationKind
    target_id: UUID


class RunningAnswer(Answer):
    """What runs here."""

    release_id: UUID
    version: str
    url: str
    item_ids: list[UUID]
    since: datetime


class ConfigurationItemAnswer(Answer):
    """A configuration item as it stands."""

    id: UUID
    name: str
    kind: str
    attributes: dict[str, str]
    relations: list[RelationAnswer]
    running: RunningAnswer | None
    retired: bool


class ConfigurationItemRow(Answer):
    """A configuration item in a list."""

    id: UUID
    number: str
    name: str
    kind: str
    retired: bool
    target_ids: list[UUID]
    service_ids: list[UUID]
    running_release_id: UUID | None
    running_version: str | None
    url: str | None


def present_configuration_item(item: ConfigurationItem) -> ConfigurationItemAnswer:
    """Return a configuration item as its reader sees it."""
    running = item.running
    return ConfigurationItemAnswer(
        id=item.id,
        name=item.name,
        kind=item.kind,
        attributes=item.attributes,
        relations=[RelationAnswer(kind=one.kind, target_id=one.target_id) for one in item.relations],
        running=None
        if running is None
        else RunningAnswer(
            release_id=running.release_id,
            version=running.release_version,
            url=running.url,
            item_ids=list(running.item_ids),
            since=running.since,
        ),
        retired=item.retired,
    )


router = APIRouter(prefix="/v1", tags=["configuration"])


@router.post(
    "/configuration-items",
    operation_id="configuration_items_register",
    status_code=201,
    response_model=ConfigurationItemAnswer,
)
async def register_configuration_item(body: RegisterConfigurationItem, call: Writer) -> Response:
    """Register a configuration item; what deployment puts somewhere is registered by itself."""
    return await call.command(
        lambda use_cases: use_cases.register_configuration_item(
            call.act(body.reason),
            configuration_item_id=call.new_id(),
            name=body.name,
            kind=body.kind,
            attributes=body.attributes,
        ),
        present=present_configuration_item,
        status=201,
        location=lambda item: f"/v1/configuration-items/{item.id}",
    )


@router.get("/configuration-items", operation_id="configuration_items_list", response_model=Page[ConfigurationItemRow])
def list_configuration_items(
    call: Reader,
    *,
    name: Annotated[Name | None, Query()] = None,
    kind: Annotated[Identifier | None, Query()] = None,
    service_id: Annotated[PathId | None, Query()] = None,
    target_id: Annotated[PathId | None, Query()] = None,
    running_release_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List configuration items: what runs where, and everything else that is kept track of."""
    where = filters(
        name=name, kind=kind, service_ids=service_id, target_ids=target_id, running_release_id=running_release_id
    )
    return call.page("configuration_items", where, order_by="number", present=with_id)


@router.get(
    "/configuration-items/{configuration_item_id}",
    operation_id="configuration_items_get",
    response_model=ConfigurationItemAnswer,
)
async def get_configuration_item(configuration_item_id: PathId, call: Reader) -> Response:
    """Show a configuration item."""
    return await call.show(ConfigurationItem, configuration_item_id, present_configuration_item)


@router.get(
    "/configuration-items/{configuration_item_id}/next",
    operation_id="configuration_items_next",
    response_model=NextAnswer,
)
def next_of_configuration_item(configuration_item_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a configuration item, by whom, and why not."""
    return call.next(ConfigurationItem, configuration_item_id)


@router.get(
    "/configuration-items/{configuration_item_id}/history",
    operation_id="configuration_items_history",
    response_model=HistoryAnswer,
)
def history_of_configuration_item(configuration_item_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a configuration item, every release that ran there included."""
    return call.history(ConfigurationItem, configuration_item_id)


@router.put(
    "/configuration-items/{configuration_item_id}/relations",
    operation_id="configuration_items_set_relations",
    response_model=ConfigurationItemAnswer,
)
async def set_relations(configuration_item_id: PathId, body: SetConfigurationRelations, call: Writer) -> Response:
    """Replace the relations of a configuration item."""
    return await call.command(
        lambda use_cases: use_cases.set_configuration_relations(
            call.act(body.reason),
            configuration_item_id=configuration_item_id,
            relations=tuple(Relation(kind=one.kind, target_id=one.target_id) for one in body.relations),
        ),
        present=present_configuration_item,
        if_match=True,
    )


@router.post(
    "/configuration-items/{configuration_item_id}/retirement",
    operation_id="configuration_items_retire",
    response_model=ConfigurationItemAnswer,
)
async def retire_configuration_item(configuration_item_id: PathId, body: Reason, call: Writer) -> Response:
    """Take a configuration item out of use; its history stays."""
    return await call.command(
        lambda use_cases: use_cases.retire_configuration_item(
            call.act(body.reason), configuration_item_id=configuration_item_id, reason=body.reason
        ),
        present=present_configuration_item,
    )
