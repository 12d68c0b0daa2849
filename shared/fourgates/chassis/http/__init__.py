"""How every service speaks HTTP: strict in what it takes, the same answers everywhere.

The `api.py` of a service says it all at the top of its modules, where FastAPI can read the annotations:

    Reader = Annotated[Call, Depends(needs("release:read"))]
    Writer = Annotated[Call[ReleaseUseCases], Depends(needs("release:write"))]

    router = APIRouter(prefix="/v1", tags=["releases"])

    @router.post("/releases", operation_id="releases_open", status_code=201, response_model=ReleaseAnswer)
    async def open_release(body: OpenRelease, call: Writer) -> Response:
        return await call.command(
            lambda use_cases: use_cases.open_release(call.act(body.reason), release_id=call.new_id(), ...),
            present=present_release,
            status=201,
            location=lambda release: f"/v1/releases/{release.id}",
        )

    @router.get("/releases", operation_id="releases_list", response_model=Page[ReleaseRow])
    def list_releases(call: Reader, state: Annotated[list[ReleaseState] | None, Query()] = None) -> Response:
        return call.page("releases", filters(state=state))

    def routes(caller: CallFactory) -> APIRouter:
        return router

Endpoints that give a command or show one thing are coroutines and wait for nothing but their call (decision 0017); all
others are plain functions and run in threads. `call.act` and `call.new_id` belong inside the use case, so that a second
decision is made at its own time and with the same ids. `present` runs before the commit.
"""

from fourgates.chassis.http.api import Api, create_api
from fourgates.chassis.http.call import Call
from fourgates.chassis.http.callers import CallFactory
from fourgates.chassis.http.health import Check, Readiness
from fourgates.chassis.http.operation import Needs, needs
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.http.security_log import SecurityLog, SQLiteSecurityLog
from fourgates.chassis.http.security_log_api import security_log_routes
from fourgates.chassis.http.shapes import (
    Answer,
    Count,
    HistoryAnswer,
    NextAnswer,
    Page,
    PathId,
    QueryInt,
    Strict,
    UnmetAnswer,
    filters,
)
from fourgates.chassis.prose import Digest, Document, Identifier, Name, Subject, Text

__all__ = [
    "Answer",
    "Api",
    "Call",
    "CallFactory",
    "Check",
    "Count",
    "Digest",
    "Document",
    "HistoryAnswer",
    "Identifier",
    "Name",
    "Needs",
    "NextAnswer",
    "Page",
    "PathId",
    "Problem",
    "QueryInt",
    "Readiness",
    "SQLiteSecurityLog",
    "SecurityLog",
    "Strict",
    "Subject",
    "Text",
    "UnmetAnswer",
    "create_api",
    "filters",
    "needs",
    "security_log_routes",
]
