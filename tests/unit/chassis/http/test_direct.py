"""The short way of a request: it finds what the framework finds, and answers as the long way does."""

from __future__ import annotations

import gc
import re
import weakref

import pytest
from fourgates.chassis.http.api import Api
from fourgates.chassis.http.direct import Directory, route_path
from fourgates.chassis.http.operation import Asked, Operation
from starlette.routing import Match, Route

ID = "0192d3a0-0000-7000-8000-000000000001"


def as_the_framework_finds(api: Api, method: str, path: str) -> Route | None:
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    found = (r for r in api.router.routes if isinstance(r, Route) and r.matches(scope)[0] is Match.FULL)
    return next(found, None)


def paths_of(api: Api) -> set[tuple[str, str]]:
    """Every path of the API with an id, with a word, and cut short or made longer, by every method."""
    routes = [route for route in api.router.routes if isinstance(route, Route)]
    filled = {re.sub(r"\{[^}]*\}", by, route.path) for route in routes for by in (ID, "next", "a b")}
    methods = {method for route in routes for method in route.methods or ()} | {"PATCH"}
    paths = filled | {f"{path}/" for path in filled} | {path.rpartition("/")[0] for path in filled} | {"", "/"}
    return {(method, path) for method in methods for path in paths}


def test_it_finds_what_the_framework_finds(house):
    directory = Directory()
    for route in house.api.router.routes:
        if isinstance(route, Route):
            directory.add(route)
    asked = paths_of(house.api)
    assert len(asked) > 100
    for method, path in asked:
        assert directory.find(method, path)[0] is as_the_framework_finds(house.api, method, path), (method, path)


def test_a_path_below_a_mount_is_found():
    assert route_path({"path": "/change/v1/x", "root_path": "/change"}) == "/v1/x"
    assert route_path({"path": "/changes", "root_path": "/change"}) == "/changes"
    assert route_path({"path": "/v1/x", "root_path": ""}) == "/v1/x"


def test_of_headers_that_stand_twice_the_first_counts_as_everywhere():
    sent = [(b"accept", b"text/html"), (b"x", b"\xe9"), (b"accept", b"application/json")]
    asked = Asked({"type": "http", "headers": sent}, None)
    assert [asked.header(name) for name in (b"accept", b"x", b"y")] == ["text/html", "é", None]
    assert [asked.headers_of(name) for name in (b"accept", b"x", b"y")] == [
        ["text/html", "application/json"],
        ["é"],
        [],
    ]
    assert asked.header(b"accept") == asked.headers.get("accept")
    once = Asked({"type": "http", "headers": sent[:2]}, None)
    assert (once.header(b"accept"), once.headers_of(b"accept"), once.headers_of(b"y")) == (
        "text/html",
        ["text/html"],
        [],
    )


ASKED = [
    ("POST", "/v1/parcels", {"json": {"name": "tea", "reason": "a gift"}}, 201),
    ("POST", "/v1/parcels", {"json": {"name": 5, "reason": "a gift"}}, 422),
    ("POST", "/v1/parcels", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ("POST", "/v1/parcels", {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}}, 415),
    ("POST", "/v1/parcels", {"json": {"name": "tea", "reason": "x" * 3000}}, 413),
    ("POST", "/v1/parcels?a=b", {"json": {"name": "tea", "reason": "a gift"}}, 400),
    ("GET", f"/v1/parcels/{ID}", {}, 404),
    ("GET", "/v1/parcels/none", {}, 404),
    ("GET", f"/v1/parcels/{ID}", {"headers": {"Accept": "text/html"}}, 406),
    ("GET", f"/v1/parcels/{ID}", {"token": "x"}, 401),
    ("PUT", f"/v1/parcels/{ID}/name", {"json": {"name": "tea", "reason": "x"}, "headers": {"If-Match": "3"}}, 400),
]


@pytest.mark.parametrize(("method", "path", "sent", "status"), ASKED)
async def test_it_answers_as_the_long_way_does(house, method, path, sent, status):
    short = await house.ask(method, path, **sent)
    operations = [route for route in house.api.router.routes if isinstance(route, Operation) and route.is_direct]
    assert operations
    for operation in operations:
        operation.is_direct = False
    long = await house.ask(method, path, **sent)
    assert (short.status_code, long.status_code) == (status, status)
    assert told(short) == told(long)
    assert set(short.headers) == set(long.headers)


@pytest.mark.parametrize("key", [None, "k-1"])
async def test_nothing_of_a_request_waits_for_the_collector_of_cycles(house, monkeypatch, key):
    calls = []
    begin = house.api.state.caller.begin

    def noted(*args, **kwargs):
        call = begin(*args, **kwargs)
        calls.append(weakref.ref(call))
        return call

    monkeypatch.setattr(house.api.state.caller, "begin", noted)
    headers = {"Idempotency-Key": key} if key else {}
    made = {"name": "tea", "reason": "a gift"}
    gc.collect()
    gc.disable()
    try:
        parcel = (await house.ask("POST", "/v1/parcels", json=made, headers=headers)).json()
        await house.ask("GET", f"/v1/parcels/{parcel['id']}")
        assert [call() for call in calls] == [None, None]
    finally:
        gc.enable()


def told(answer) -> dict[str, object]:
    """Return a body without what belongs to one request alone."""
    body = answer.json()
    return {name: value for name, value in body.items() if name not in {"instance", "trace_id", "id", "number"}}


async def test_nobody_hears_what_went_wrong_inside(house, monkeypatch):
    def broken(_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(house.caller, "use_cases", broken)
    answer = await house.post()
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
