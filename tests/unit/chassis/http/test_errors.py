"""Whatever is sent, the answer is a problem that echoes nothing."""

from __future__ import annotations

import json

import pytest

JSON = {"Content-Type": "application/json"}


def told(answer, status: int, slug: str):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"http://toy.example/problems/{slug}"
    assert body["status"] == status
    assert body["instance"].startswith("urn:uuid:")
    assert len(body["trace_id"]) == 32
    return body


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"name": "a" "reason": "b"}',
        b"[" * 100_0 + b"]" * 1000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b'{"weight": ' + b"1" * 1900 + b",}",
    ],
    ids=["cut", "empty", "no utf-8", "byte order mark", "no comma", "deep", "deep objects", "long number"],
)
async def test_what_cannot_be_parsed_is_a_400(house, raw):
    told(await house.ask("POST", "/v1/parcels", content=raw, headers=JSON), 400, "unparsable")


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"name": "x", "reason": "y", "price": NaN}', "/price"),
        (b'{"name": "x", "reason": "y", "price": Infinity}', "/price"),
        (b'{"name": "x", "reason": "y", "price": 1e999}', "/price"),
        (b'{"name": NaN, "reason": "y"}', "/name"),
        (b'{"name": "a\\u0000b", "reason": "y"}', "/name"),
        (b'{"name": "\\ud800", "reason": "y"}', "/name"),
        (b'{"name": "\\b", "reason": "y"}', "/name"),
        (b'{"name": "   ", "reason": "y"}', "/name"),
        (b'{"name": "x", "reason": "y", "weight": true}', "/weight"),
        (b'{"name": "x", "reason": "y", "weight": "1"}', "/weight"),
        (b'{"name": "x", "reason": "y", "weight": 1.0}', "/weight"),
        (b'{"name": "x", "reason": "y", "owner": "zzz\\u007f"}', "/owner"),
        (b'{"name": "x", "reason": "y", "colour": "red"}', "/colour"),
        (b'{"name": "x", "reason": "y", "a/b~": {"c": ["\\ud800"]}}', "/a~1b~0/c/0"),
        (b'{"name": "x", "reason": "y", "\\u0000": 1}', ""),
        (b'{"name": "x", "name": "z", "reason": "y"}', "/name"),
        (b'{"reason": "y"}', "/name"),
        (b"[]", ""),
        (b"null", ""),
    ],
)
async def test_what_is_not_valid_is_a_422_with_a_pointer(house, raw, pointer):
    body = told(await house.ask("POST", "/v1/parcels", content=raw, headers=JSON), 422, "invalid")
    assert pointer in [e["pointer"] for e in body["errors"]]
    assert all(e["code"] and e["detail"] for e in body["errors"])


async def test_nothing_that_was_sent_is_echoed(house):
    wrong = {"name": 1, "reason": ["s3cret"], "owner": "s3cret", "at": "s3cret", "weight": "s3cret"}
    answer = await house.ask("POST", "/v1/parcels", json=wrong)
    assert answer.status_code == 422
    assert "s3cret" not in answer.text
    assert {e["pointer"] for e in answer.json()["errors"]} == {"/name", "/reason", "/owner", "/at", "/weight"}


async def test_ids_times_and_numbers_arrive_as_json(house):
    body = {
        "name": "x",
        "reason": "tabs\tand\nlines",
        "owner": "018f0000-0000-7000-8000-000000000000",
        "at": "2026-01-05T12:00:00Z",
        "price": 2,
    }
    assert (await house.ask("POST", "/v1/parcels", json=body)).status_code == 201


async def test_an_escaped_backslash_before_u0000_is_no_nul(house):
    raw = b'{"name": "c:\\\\u0000", "reason": "y"}'
    assert (await house.ask("POST", "/v1/parcels", content=raw, headers=JSON)).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=latin-1", None])
async def test_another_media_type_is_a_415(house, kind):
    answer = await house.ask(
        "POST", "/v1/parcels", content=b"{}", headers={"Content-Type": kind} if kind else {"X-Nothing": "1"}
    )
    told(answer, 415, "unsupported-media-type")
    assert answer.headers["accept-post"] == "application/json"


@pytest.mark.parametrize(("accept", "status"), [("text/html", 406), ("application/json;q=0", 406), ("*/*", 200)])
async def test_an_accept_that_allows_nothing_is_a_406(house, accept, status):
    answer = await house.ask("GET", "/v1/parcels", headers={"Accept": accept})
    assert answer.status_code == status


async def test_a_body_that_is_announced_too_large_is_a_413(house):
    answer = await house.ask("POST", "/v1/parcels", content=b"x" * 3000, headers=JSON)
    assert told(answer, 413, "too-large")["limit_bytes"] == 2000


async def test_a_body_in_pieces_that_grows_too_large_is_a_413(house):
    async def pieces():
        for _ in range(30):
            yield b"x" * 100

    told(await house.ask("POST", "/v1/parcels", content=pieces(), headers=JSON), 413, "too-large")


async def test_a_stream_has_a_limit_of_its_own(house):
    octets = {"Content-Type": "application/octet-stream"}
    answer = await house.ask("PUT", "/v1/labels/x", content=b"x" * 4000, headers=octets)
    assert answer.json() == {"size": 4000}

    async def pieces():
        for _ in range(60):
            yield b"x" * 100

    told(await house.ask("PUT", "/v1/labels/x", content=pieces(), headers=octets), 413, "too-large")
    told(await house.ask("PUT", "/v1/labels/x", content=b"x", headers=JSON), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("query", "status", "slug"),
    [
        ("nme=x", 400, "unknown-parameter"),
        ("number=1&number=2", 400, "repeated-parameter"),
        ("page_size=1_0", 422, "invalid"),
        ("page_size=x", 422, "invalid"),
        ("page_size=-1", 422, "invalid"),
        ("number=%00", 422, "invalid"),
        ("number=%ff", 422, "invalid"),
        ("&".join(["name=x"] * 200), 400, "unparsable"),
    ],
)
async def test_queries_are_strict(house, query, status, slug):
    told(await house.ask("GET", f"/v1/parcels?{query}"), status, slug)


async def test_a_list_may_be_repeated(house):
    await house.post("tea")
    await house.post("jam")
    answer = await house.ask("GET", "/v1/parcels?name=tea&name=jam")
    assert [item["name"] for item in answer.json()["items"]] == ["jam", "tea"]


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/parcels", "/v1/parcels/", "/v1/parcels/no-id", "/v1/parcels/%00"])
async def test_what_is_not_there_is_a_404(house, path):
    told(await house.ask("GET", path), 404, "not-found")


async def test_an_unknown_id_is_a_404(house):
    told(await house.ask("GET", f"/v1/parcels/{'0' * 8}-0000-0000-0000-{'0' * 12}"), 404, "not-found")


async def test_another_method_is_a_405_that_names_all_allowed(house):
    answer = await house.ask("DELETE", "/v1/parcels")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert answer.json()["type"] == "about:blank"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_head_answers_as_get_without_the_body(house):
    get = await house.ask("GET", "/v1/parcels")
    head = await house.ask("HEAD", "/v1/parcels")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_head_leaves_the_request_of_the_server_as_it_is(house):
    scope = {"type": "http", "method": "HEAD", "path": "/livez", "headers": [], "query_string": b"", "root_path": ""}

    async def send(message):
        pass

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await house.api(scope, receive, send)
    assert scope["method"] == "HEAD"


async def test_what_nobody_expected_is_a_500_that_says_nothing_of_it(house):
    answer = await house.ask("GET", "/v1/broken")
    told(answer, 500, "unexpected")
    assert "secret" not in answer.text


async def test_the_trace_of_the_caller_goes_on_and_a_malformed_one_is_ignored(house):
    trace = "a" * 32
    given = await house.ask("GET", "/v1/x", headers={"traceparent": f"00-{trace}-{'b' * 16}-01"})
    assert given.json()["trace_id"] == trace
    odd = await house.ask("GET", "/v1/x", headers={"traceparent": "nonsense"})
    assert len(odd.json()["trace_id"]) == 32


async def test_a_strange_host_leads_to_a_relative_type(house):
    answer = await house.ask("GET", "/v1/x", headers={"Host": "a b<>"})
    assert answer.json()["type"] == "/problems/not-found"


async def test_answers_carry_the_security_headers(house):
    for path in ("/v1/parcels", "/v1/nothing", "/livez"):
        headers = (await house.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "cache-control" in headers


async def test_every_type_of_problem_has_its_page(house):
    answer = await house.ask("GET", "/v1/nothing")
    page = await house.client.get(answer.json()["type"])
    assert page.json()["status"] == 404
    assert json.loads(page.content)["type"] == answer.json()["type"]
    assert (await house.client.get("/problems/unheard-of")).status_code == 404
