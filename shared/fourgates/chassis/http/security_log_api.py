"""The security log over HTTP, for auditors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from fourgates.chassis.http.call import Call
from fourgates.chassis.http.callers import CallFactory
from fourgates.chassis.http.operation import needs
from fourgates.chassis.http.security_log import SecurityLogItem
from fourgates.chassis.http.shapes import Page

Auditor = Annotated[Call, Depends(needs("audit:read"))]


def security_log_routes(caller: CallFactory[Any]) -> APIRouter:
    """Return the one route of the security log of a service."""
    router = APIRouter(prefix="/v1", tags=["security log"])

    @router.get(
        "/security-log",
        operation_id="security_log_list",
        summary="List what was refused",
        response_model=Page[SecurityLogItem],
    )
    def list_refusals(call: Auditor) -> Response:
        return call.page_of(
            lambda limit, after: caller.security_log.find(after[0] if after else 0, limit),
            place=lambda row: (row["place"],),
            context=[caller.service, "security-log"],
        )

    return router
