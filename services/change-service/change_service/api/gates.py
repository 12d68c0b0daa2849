"""Gates over HTTP, for systems that wait for one: the verdict in one word, at once or as soon as there is one."""

from __future__ import annotations

import time
from threading import BoundedSemaphore
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fourgates.chassis.http import CallFactory, PathId
from fourgates.chassis.views import Row, iso

from change_service.api.authorization_shapes import GateAnswer
from change_service.api.shapes import Reader
from change_service.application import ChangeUseCases
from change_service.domain import Gate
from change_service.settings import ChangeSettings
from change_service.views import authorizations_of_release

AWAITING, ALLOWED = "awaiting", "allowed"
Seconds = Annotated[
    int, Query(ge=0, le=3600, description="Seconds to wait while the verdict is awaited; the service bounds them.")
]


def gate_route(caller: CallFactory[ChangeUseCases]) -> APIRouter:
    """Return the route, which waits for the log of this service to go on."""
    asking = APIRouter(prefix="/v1", tags=["authorizations"])
    settings = cast("ChangeSettings", caller.settings)
    # Each caller who waits holds a thread, so that only some may; the others are answered at once and ask again.
    places = BoundedSemaphore(settings.gate_waiters_max)

    @asking.get(
        "/gates/{release_id}/{gate}",
        operation_id="gates_get",
        summary="May a release pass a gate?",
        response_model=GateAnswer,
    )
    def get_gate(release_id: PathId, gate: Gate, call: Reader, wait: Seconds = 0) -> Response:
        """Say in one word whether a gate may be passed now; with `wait`, as soon as that is decided."""
        wait_s = min(wait, settings.gate_wait_s_max)
        if not (wait_s and places.acquire(blocking=False)):
            return call.answer(_answered(caller, release_id, gate))
        try:
            return call.answer(_awaited(caller, release_id, gate, wait_s))
        finally:
            places.release()

    return asking


def _awaited(caller: CallFactory[ChangeUseCases], release_id: UUID, gate: Gate, wait_s: int) -> GateAnswer:
    until = time.monotonic() + wait_s
    while True:
        seen = caller.units.head()
        answer = _answered(caller, release_id, gate)
        left_s = until - time.monotonic()
        if answer.verdict != AWAITING or left_s <= 0 or not caller.units.wait_beyond(seen, left_s):
            return answer


def _answered(caller: CallFactory[ChangeUseCases], release_id: UUID, gate: Gate) -> GateAnswer:
    rows = authorizations_of_release(caller.views, release_id, subject_kind="gate", gates=gate.value)
    row = rows[0] if rows else None
    holds: tuple[str, ...] = ()
    verdict, reasons = AWAITING, ["This gate was not requested."]
    if row is not None:
        holds = caller.use_cases(caller.units.open()).holds_of(release_id, [UUID(one) for one in row["change_ids"]])
        verdict = _verdict(row, gate, iso(caller.clock.now()))
        reasons = row["reasons"] or [f"The authorization is {row['state']}."]
    if verdict == ALLOWED and holds:
        verdict, reasons = "prevented", [f"{hold} is on hold." for hold in holds]
    found = {"verdict": verdict, "reasons": reasons, "release_id": release_id, "gate": gate}
    about = {"authorization_id": row and row["key"], "expires_at": row and row["due_at"]}
    return GateAnswer.model_validate({**found, **about})


def _verdict(row: Row, gate: Gate, now: str) -> str:
    if row["state"] == "requested":
        return AWAITING
    if row["state"] in {"rejected", "withdrawn"}:
        return "prevented"
    granted = row["state"] == "granted" and gate.value not in row["used_gates"]
    return ALLOWED if granted and now < row["due_at"] else "invalid"
