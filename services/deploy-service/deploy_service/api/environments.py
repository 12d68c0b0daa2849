"""Environments over HTTP: their nodes, what stands on each, and drift."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import Answer, HistoryAnswer, Name, NextAnswer, Page, PathId, Strict, Text, filters
from fourgates.chassis.prose import Identifier
from pydantic import ConfigDict, Field

from deploy_service.api.shapes import PlacedAnswer, Reader, Reason, Writer, placed_answer, with_id
from deploy_service.domain import Environment

NODES_MAX = 1000
RUNG_MAX = 100
SOAK_S_MAX = 31_536_000


class RegisterEnvironment(Strict):
    """An environment to be known: a sandbox has rung 0, the ladder begins with rung 1."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "production",
                    "sandbox": False,
                    "rung": 2,
                    "soak_s": 3600,
                    "nodes": ["prod-1", "prod-2"],
                    "reason": "the second depot opens",
                }
            ]
        }
    )

    name: Name
    sandbox: bool = False
    rung: int = Field(ge=0, le=RUNG_MAX)
    soak_s: int = Field(default=0, ge=0, le=SOAK_S_MAX)
    nodes: list[Identifier] = Field(max_length=NODES_MAX)
    reason: Text


class AddNode(Strict):
    """A node to be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"node": "prod-3", "reason": "more parcels"}]})

    node: Identifier
    reason: Text


class StandingAnswer(PlacedAnswer):
    """What stands on a node for a service, and what was found there if that differs."""

    service_id: UUID
    drifted_to: str | None


class NodeAnswer(Answer):
    """A node, and everything that stands on it."""

    node: str
    placed: list[StandingAnswer]


class NodesAnswer(Answer):
    """The nodes of an environment."""

    items: list[NodeAnswer]


class EnvironmentAnswer(Answer):
    """An environment as it stands."""

    id: UUID
    name: str
    sandbox: bool
    rung: int
    soak_s: int
    nodes: list[str]
    occupied_by: dict[UUID, UUID]
    placed: list[StandingAnswer]


class EnvironmentRow(Answer):
    """An environment in a list."""

    id: UUID
    name: str
    sandbox: bool
    rung: int
    soak_s: int
    nodes: list[str]


class DriftRow(Answer):
    """A node where something else runs than was authorized."""

    id: str
    environment_id: UUID
    node: str
    service_id: UUID
    release_id: UUID
    version: str
    manifest_digest: str
    found: str | None
    url: str | None


def standing_answers(environment: Environment) -> list[StandingAnswer]:
    """Return what stands in an environment, by service and node."""
    return [
        StandingAnswer(
            **placed_answer(placed).model_dump(),
            service_id=UUID(key.partition("/")[0]),
            drifted_to=environment.drift.get(key),
        )
        for key, placed in sorted(environment.placed.items())
    ]


def present(environment: Environment) -> EnvironmentAnswer:
    """Return an environment as its reader sees it."""
    return EnvironmentAnswer(
        id=environment.id,
        name=environment.name,
        sandbox=environment.sandbox,
        rung=environment.rung,
        soak_s=environment.soak_s,
        nodes=list(environment.nodes),
        occupied_by=environment.occupied_by,
        placed=standing_answers(environment),
    )


def present_nodes(environment: Environment) -> NodesAnswer:
    """Return the nodes of an environment, each with what stands on it."""
    standing = standing_answers(environment)
    return NodesAnswer(
        items=[NodeAnswer(node=node, placed=[s for s in standing if s.node == node]) for node in environment.nodes]
    )


router = APIRouter(prefix="/v1", tags=["environments"])


@router.post("/environments", operation_id="environments_register", status_code=201, response_model=EnvironmentAnswer)
async def register_environment(body: RegisterEnvironment, call: Writer) -> Response:
    """Register a sandbox or a rung of the ladder."""
    return await call.command(
        lambda use_cases: use_cases.register_environment(
            call.act(body.reason),
            environment_id=call.new_id(),
            name=body.name,
            sandbox=body.sandbox,
            rung=body.rung,
            soak_s=body.soak_s,
            nodes=tuple(body.nodes),
        ),
        present=present,
        status=201,
        location=lambda environment: f"/v1/environments/{environment.id}",
    )


@router.get("/environments", operation_id="environments_list", response_model=Page[EnvironmentRow])
def list_environments(call: Reader, sandbox: Annotated[bool | None, Query()] = None) -> Response:
    """List environments, from the bottom of the ladder up."""
    return call.page("environments", filters(sandbox=sandbox), order_by="rung", present=with_id)


@router.get("/environments/{environment_id}", operation_id="environments_get", response_model=EnvironmentAnswer)
async def get_environment(environment_id: PathId, call: Reader) -> Response:
    """Show an environment."""
    return await call.show(Environment, environment_id, present)


@router.get("/environments/{environment_id}/next", operation_id="environments_next", response_model=NextAnswer)
def next_of_environment(environment_id: PathId, call: Reader) -> Response:
    """Say what can be done next with an environment, by whom, and why not."""
    return call.next(Environment, environment_id)


@router.get("/environments/{environment_id}/history", operation_id="environments_history", response_model=HistoryAnswer)
def history_of_environment(environment_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to an environment."""
    return call.history(Environment, environment_id)


@router.get("/environments/{environment_id}/nodes", operation_id="environments_nodes", response_model=NodesAnswer)
async def nodes_of_environment(environment_id: PathId, call: Reader) -> Response:
    """List the nodes of an environment, and what stands on each."""
    return await call.show(Environment, environment_id, present_nodes)


@router.post(
    "/environments/{environment_id}/nodes",
    operation_id="environments_add_node",
    status_code=201,
    response_model=EnvironmentAnswer,
)
async def add_node(environment_id: PathId, body: AddNode, call: Writer) -> Response:
    """Add a node to an environment."""
    return await call.command(
        lambda use_cases: use_cases.add_node(call.act(body.reason), environment_id=environment_id, node=body.node),
        present=present,
        status=201,
        location=lambda environment: f"/v1/environments/{environment.id}/nodes",
    )


@router.post(
    "/environments/{environment_id}/drift-checks",
    operation_id="environments_check_drift",
    status_code=202,
    response_model=EnvironmentAnswer,
)
async def check_drift(environment_id: PathId, body: Reason, call: Writer) -> Response:
    """Ask to compare what really runs with what was authorized; what differs will be in the drift."""
    return await call.command(
        lambda use_cases: use_cases.ask_drift_check(call.act(body.reason), environment_id=environment_id),
        present=present,
        status=202,
    )


@router.get("/drift", operation_id="drift_list", response_model=Page[DriftRow], tags=["drift"])
def list_drift(
    call: Reader,
    environment_id: Annotated[PathId | None, Query()] = None,
    service_id: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List the nodes where something else runs than was authorized."""
    where = {"drifted": True, **filters(environment_id=environment_id, service_id=service_id)}
    fields = DriftRow.model_fields
    return call.page("placements", where, present=lambda row: {k: v for k, v in with_id(row).items() if k in fields})
