"""What an API tells about itself: OpenAPI, documentation without another host, health."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from fourgates.chassis.http import create_api
from fourgates.chassis.http.health import Note
from openapi_spec_validator import validate


async def test_the_openapi_document_is_valid_and_complete(house):
    document = (await house.client.get("/openapi.json")).json()
    validate(document)
    assert "HTTPValidationError" not in str(document)
    operations = {
        op["operationId"]: op for path in document["paths"].values() for op in path.values() if "operationId" in op
    }
    assert set(operations) >= {"parcels_post", "parcels_list", "parcels_rename", "security_log_list"}
    post = operations["parcels_post"]
    assert set(post["responses"]) >= {"201", "400", "401", "403", "404", "406", "409", "412", "413", "415", "422"}
    assert post["security"] == [{"bearer": ["parcel:write"]}]
    assert set(post["responses"]["201"]["headers"]) == {"ETag", "Fourgates-Position", "Location"}
    names = {p["name"] for p in operations["parcels_list"]["parameters"]}
    assert names == {"name", "number", "page_size", "page_token", "If-None-Match", "Fourgates-Min-Position"}
    if_match = next(p for p in operations["parcels_rename"]["parameters"] if p["name"] == "If-Match")
    assert if_match["required"] is True
    assert "Idempotency-Key" in {p["name"] for p in post["parameters"]}


async def test_the_documentation_needs_no_other_host(house):
    page = await house.client.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"docs/{name}" in page.text
        assert (await house.client.get(f"/docs/{name}")).status_code == 200
    assert (await house.client.get("/docs/other.js")).status_code == 404


async def test_a_process_lives_without_being_ready(house):
    assert (await house.client.get("/livez")).text == "ok"
    house.api.readiness.checks["log"] = lambda: None
    assert (await house.client.get("/readyz")).status_code == 200
    assert (await house.client.get("/readyz?verbose")).text == "[+]log ok\nok"
    house.api.readiness.checks["bus"] = lambda: "no connection"
    answer = await house.client.get("/healthz?verbose")
    assert answer.status_code == 503
    assert "[-]bus: no connection" in answer.text
    assert (await house.client.get("/livez")).status_code == 200


async def test_a_note_is_told_and_does_not_make_a_process_unready(house):
    house.api.readiness.checks["log"] = lambda: None
    house.api.readiness.checks["workers"] = lambda: Note("x-relay: BusUnavailable")
    assert (await house.client.get("/readyz")).text == "ok"
    assert (await house.client.get("/readyz?verbose")).text == "[+]log ok\n[!]workers: x-relay: BusUnavailable\nok"
    house.api.readiness.checks["log"] = lambda: "is away"
    answer = await house.client.get("/readyz?verbose")
    assert (answer.status_code, answer.text.splitlines()[-1]) == (503, "not ready")


async def test_a_failing_check_is_not_well(house):
    def broken() -> str | None:
        raise OSError("secret words")

    house.api.readiness.checks["bus"] = broken
    answer = await house.client.get("/readyz?verbose")
    assert answer.status_code == 503
    assert "secret" not in answer.text


async def test_a_draining_process_is_not_ready(house):
    house.api.readiness.draining = True
    assert (await house.client.get("/readyz")).status_code == 503


def test_an_annotation_that_cannot_be_read_is_found_at_start():
    api = create_api("x", "X", "X")
    router = APIRouter()
    caller = object()

    @router.get("/x")
    def x(call: Annotated[int, Depends(caller)]) -> int:
        return 1

    with pytest.raises(TypeError, match="top of the module"):
        api.include_router(router)
    with pytest.raises(TypeError, match="no options"):
        api.include_router(APIRouter(), prefix="/x")
