"""The client waits for nothing without a limit, and machine tokens are fetched as seldom as possible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.http_client import HttpClient, HttpFailed, MachineTokens

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def client(answer, **options) -> HttpClient:
    return HttpClient(transport=httpx.MockTransport(answer), **options)


def test_json_and_bytes_are_returned():
    with client(lambda r: httpx.Response(200, json={"token": r.headers.get("authorization")})) as http:
        assert http.get_json("http://x/y", token="t") == {"token": "Bearer t"}
        assert http.get_bytes("http://x/y").startswith(b"{")


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(302), httpx.Response(200, content=b"<")])
def test_anything_else_fails(answer):
    with client(lambda r: answer) as http, pytest.raises(HttpFailed) as failed:
        http.get_json("http://x/y")
    assert failed.value.status == answer.status_code


def test_no_answer_fails():
    def gone(request):
        raise httpx.ConnectError("refused")

    with client(gone) as http, pytest.raises(HttpFailed) as failed:
        http.get_bytes("http://x/y")
    assert failed.value.status is None
    with client(gone) as http, pytest.raises(HttpFailed):
        http.get_bytes("http://[x")


def test_an_answer_that_is_too_large_fails():
    with client(lambda r: httpx.Response(200, content=b"x" * 100), answer_limit_bytes=50) as http:
        with pytest.raises(HttpFailed, match="larger"):
            http.get_bytes("http://x/y")
        assert len(http.get_bytes("http://x/y", limit_bytes=200)) == 100


def test_a_machine_token_is_kept_until_shortly_before_it_expires():
    asked = []

    def issue(request):
        asked.append(request.content.decode())
        return httpx.Response(200, json={"access_token": f"t{len(asked)}", "expires_in": 600})

    clock = HeldClock(NOON)
    tokens = MachineTokens(client(issue), token_url="http://i/token", client_id="deploy", secret="s", clock=clock)
    assert tokens.token() == tokens.token() == "t1"
    clock.advance(timedelta(seconds=569))
    assert tokens.token() == "t1"
    clock.advance(timedelta(seconds=2))
    assert tokens.token() == "t2"
    assert asked[0] == "grant_type=client_credentials&client_id=deploy&client_secret=s"


@pytest.mark.parametrize("answer", [httpx.Response(401), httpx.Response(200, json=[]), httpx.Response(200, json={})])
def test_no_machine_token_fails(answer):
    tokens = MachineTokens(
        client(lambda r: answer), token_url="http://i/token", client_id="d", secret="s", clock=HeldClock(NOON)
    )
    with pytest.raises(HttpFailed):
        tokens.token()
