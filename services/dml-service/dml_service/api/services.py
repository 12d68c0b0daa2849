"""Services over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal
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
    Subject,
    Text,
    filters,
    needs,
)
from fourgates.chassis.views import Row
from pydantic import ConfigDict, Field

from dml_service.application import DmlUseCases, TargetWanted
from dml_service.domain import Lifecycle, Service

Reader = Annotated[Call[DmlUseCases], Depends(needs("dml:read"))]
Writer = Annotated[Call[DmlUseCases], Depends(needs("dml:write"))]
UrlPath = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^/[A-Za-z0-9/._~%?&=-]*$")]

_TARGET: dict[str, Any] = {
    "name": "parcels are found fast",
    "measure": "latency_p95_ms",
    "comparison": "at_most",
    "goal": 200.0,
    "unit": "ms",
    "path": "/parcels/1",
    "warning_at": 150.0,
}


class TargetBody(Strict):
    """A service level target."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TARGET]})

    name: Name
    measure: Literal["availability_percent", "latency_p95_ms"]
    comparison: Literal["at_least", "at_most"]
    goal: float = Field(ge=0, le=1e9)
    unit: Name
    path: UrlPath
    warning_at: float | None = Field(default=None, ge=0, le=1e9)

    def wanted(self) -> TargetWanted:
        """Return it in the words of the use case."""
        return TargetWanted(
            name=self.name,
            measure=self.measure,
            comparison=self.comparison,
            goal=self.goal,
            unit=self.unit,
            path=self.path,
            warning_at=self.warning_at,
        )


class RegisterService(Strict):
    """A service to be known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "parcel-tracking",
                    "tier": "gold",
                    "value_case": "Customers see where their parcel is and call us less.",
                    "targets": [_TARGET],
                    "reason": "service design is done",
                }
            ]
        }
    )

    name: Name
    owner_id: Subject | None = None
    tier: Identifier
    value_case: Text
    depends_on: list[UUID] = Field(default=[], max_length=100)
    targets: list[TargetBody] = Field(default=[], max_length=50)
    reason: Text


class SetTargets(Strict):
    """All service level targets of a service; they replace the earlier ones."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"targets": [_TARGET], "reason": "the pilot showed what is possible"}]}
    )

    targets: list[TargetBody] = Field(max_length=50)
    reason: Text


class SetServiceRelations(Strict):
    """All services on which a service depends; they replace the earlier ones."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"depends_on": ["0192d3a0-0000-7000-8000-000000000001"], "reason": "it looks addresses up there"}
            ]
        }
    )

    depends_on: list[UUID] = Field(max_length=100)
    reason: Text


class SetOwner(Strict):
    """The new owner of a service."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"owner_id": "9f1d2c", "reason": "the team was split"}]})

    owner_id: Subject
    reason: Text


class TargetAnswer(Answer):
    """A service level target."""

    target_id: UUID
    name: str
    measure: str
    comparison: str
    goal: float
    unit: str
    path: str
    warning_at: float | None


class ServiceAnswer(Answer):
    """A service as it stands."""

    id: UUID
    name: str
    owner_id: str
    tier: str
    value_case: str
    lifecycle: Lifecycle
    depends_on: list[UUID]
    live_dependants: list[UUID]
    targets: list[TargetAnswer]
    targets_revision: int
    retirement_recommended_by: list[UUID]


class ServiceRow(Answer):
    """A service in a list."""

    id: UUID
    number: str
    name: str
    owner_id: str
    tier: str
    lifecycle: Lifecycle
    depends_on: list[UUID]
    targets_revision: int
    retirement_recommended: bool


def present(service: Service) -> ServiceAnswer:
    """Return a service as its reader sees it."""
    targets = [
        TargetAnswer(
            target_id=one.target_id,
            name=one.name,
            measure=one.measure,
            comparison=one.comparison,
            goal=one.goal,
            unit=one.unit,
            path=one.path,
            warning_at=one.warning_at,
        )
        for one in service.targets
    ]
    return ServiceAnswer(
        id=service.id,
        name=service.name,
        owner_id=service.owner_id,
        tier=service.tier,
        value_case=service.value_case,
        lifecycle=service.lifecycle,
        depends_on=list(service.depends_on),
        live_dependants=list(service.live_dependants),
        targets=targets,
        targets_revision=service.targets_revision,
        retirement_recommended_by=list(service.retirement_recommended_by),
    )


def with_id(row: Row) -> dict[str, Any]:
    """Return a row of a view with its key as id."""
    return {"id": row["key"], **{name: value for name, value in row.items() if name != "key"}}


router = APIRouter(prefix="/v1", tags=["services"])


@router.post("/services", operation_id="services_register", status_code=201, response_model=ServiceAnswer)
async def register_service(body: RegisterService, call: Writer) -> Response:
    """Register a service, in its pipeline; without an owner it belongs to whoever registers it."""
    return await call.command(
        lambda use_cases: use_cases.register_service(
            call.act(body.reason),
            service_id=call.new_id(),
            name=body.name,
            owner_id=body.owner_id,
            tier=body.tier,
            value_case=body.value_case,
            depends_on=tuple(body.depends_on),
            targets=tuple(one.wanted() for one in body.targets),
        ),
        present=present,
        status=201,
        location=lambda service: f"/v1/services/{service.id}",
    )


@router.get("/services", operation_id="services_list", response_model=Page[ServiceRow])
def list_services(
    call: Reader,
    *,
    name: Annotated[Name | None, Query()] = None,
    owner_id: Annotated[Subject | None, Query()] = None,
    lifecycle: Annotated[list[Lifecycle] | None, Query()] = None,
    depends_on: Annotated[PathId | None, Query()] = None,
) -> Response:
    """List services in the order in which they were registered."""
    where = filters(name=name, owner_id=owner_id, lifecycle=lifecycle, depends_on=depends_on)
    return call.page("services", where, order_by="number", present=with_id)


@router.get("/services/{service_id}", operation_id="services_get", response_model=ServiceAnswer)
async def get_service(service_id: PathId, call: Reader) -> Response:
    """Show a service."""
    return await call.show(Service, service_id, present)


@router.get("/services/{service_id}/next", operation_id="services_next", response_model=NextAnswer)
def next_of_service(service_id: PathId, call: Reader) -> Response:
    """Say what can be done next with a service, by whom, and why not."""
    return call.next(Service, service_id)


@router.get("/services/{service_id}/history", operation_id="services_history", response_model=HistoryAnswer)
def history_of_service(service_id: PathId, call: Reader) -> Response:
    """Tell everything that happened to a service."""
    return call.history(Service, service_id)


@router.put("/services/{service_id}/targets", operation_id="services_set_targets", response_model=ServiceAnswer)
async def set_targets(service_id: PathId, body: SetTargets, call: Writer) -> Response:
    """Replace the service level targets by a new revision."""
    return await call.command(
        lambda use_cases: use_cases.set_targets(
            call.act(body.reason), service_id=service_id, targets=tuple(one.wanted() for one in body.targets)
        ),
        present=present,
        if_match=True,
    )


@router.put("/services/{service_id}/relations", operation_id="services_set_relations", response_model=ServiceAnswer)
async def set_relations(service_id: PathId, body: SetServiceRelations, call: Writer) -> Response:
    """Replace the services on which a service depends."""
    return await call.command(
        lambda use_cases: use_cases.set_service_relations(
            call.act(body.reason), service_id=service_id, depends_on=tuple(body.depends_on)
        ),
        present=present,
        if_match=True,
    )


@router.put("/services/{service_id}/owner", operation_id="services_set_owner", response_model=ServiceAnswer)
async def set_owner(service_id: PathId, body: SetOwner, call: Writer) -> Response:
    """Hand a service to a new owner."""
    return await call.command(
        lambda use_cases: use_cases.set_owner(call.act(body.reason), service_id=service_id, owner_id=body.owner_id),
        present=present,
        if_match=True,
    )
