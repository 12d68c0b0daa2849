"""The services that configuration management knows."""

from __future__ import annotations

from fourgates.chassis.views import Rows, View

from dml_service.domain import Lifecycle, Service
from dml_service.views.projecting import change, number


def _service_registered(rows: Rows, happened: Service.Registered) -> None:
    change(
        rows,
        happened,
        number=number(rows, "SVC"),
        name=happened.name,
        owner_id=happened.owner_id,
        tier=happened.tier,
        lifecycle=Lifecycle.PIPELINE,
        depends_on=[],
        targets_revision=0,
        retirement_recommended=False,
    )


def _owner_set(rows: Rows, happened: Service.OwnerSet) -> None:
    change(rows, happened, owner_id=happened.owner_id)


def _targets_set(rows: Rows, happened: Service.TargetsSet) -> None:
    change(rows, happened, targets_revision=happened.revision)


def _relations_set(rows: Rows, happened: Service.RelationsSet) -> None:
    change(rows, happened, depends_on=[str(one) for one in happened.depends_on])


def _went_live(rows: Rows, happened: Service.WentLive) -> None:
    change(rows, happened, lifecycle=Lifecycle.LIVE)


def _retirement_begun(rows: Rows, happened: Service.RetirementBegun) -> None:
    change(rows, happened, lifecycle=Lifecycle.RETIRING)


def _retirement_backed_out(rows: Rows, happened: Service.RetirementBackedOut) -> None:
    change(rows, happened, lifecycle=happened.lifecycle)


def _service_retired(rows: Rows, happened: Service.Retired) -> None:
    change(rows, happened, lifecycle=Lifecycle.RETIRED)


def _retirement_recommended(rows: Rows, happened: Service.RetirementRecommended) -> None:
    change(rows, happened, retirement_recommended=True)


SERVICES = View(
    name="services",
    fields=("number", "name", "owner_id", "tier", "lifecycle", "depends_on", "retirement_recommended"),
    on={
        Service.Registered: _service_registered,
        Service.OwnerSet: _owner_set,
        Service.TargetsSet: _targets_set,
        Service.RelationsSet: _relations_set,
        Service.WentLive: _went_live,
        Service.RetirementBegun: _retirement_begun,
        Service.RetirementBackedOut: _retirement_backed_out,
        Service.Retired: _service_retired,
        Service.RetirementRecommended: _retirement_recommended,
    },
    lists=("depends_on",),
)
