"""Who may look at the console: a session in a cookie, begun with the person's own secret, from this site alone."""

from __future__ import annotations

import html

import httpx
import pytest
from fourgates.chassis.http_client import HttpClient
from operations_service.adapters import IssuerSignIn
from operations_service.application import SignInAway, SignInRefused

from tests.unit.operations.a_window import EVIL, RELEASE, Window

HERE = {"Origin": "http://127.0.0.1"}


def send(window, path, form, **headers):
    return window.send("POST", path, token=None, data=form, headers=headers)


@pytest.mark.parametrize(
    ("path", "to"), [("/console/", "sign-in"), (f"/console/releases/{RELEASE}", f"sign-in?release={RELEASE}")]
)
def test_who_has_not_signed_in_is_led_to_where_one_does(window, path, to):
    answer = window.look(path, token=None)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/{to}")
    assert window.look("/console", token=None).headers["location"] == "/console/"


def test_a_session_that_has_ended_says_so_and_is_written_to_the_security_log(window):
    assert window.look("/console/", token="gone").status_code == 303
    assert "session has ended" in window.look("/console/sign-in", token="gone").text
    assert "session has ended" not in window.look("/console/sign-in", token=None).text
    records = window.service.api.state.caller.security_log.find(0, 9)
    assert next((r["kind"], r["path"]) for r in records) == ("bad-token", "GET /console/")


def test_an_account_that_may_not_look_is_told_what_it_lacks(window):
    answer = window.look("/console/", token="stan")
    assert (answer.status_code, "operations:read" in answer.text) == (403, True)
    assert answer.headers["content-type"].startswith("text/html")


def test_the_cookie_counts_for_the_pages_alone(window):
    for path in ("/v1/stream", "/v1/board", "/v1/events"):
        assert window.look(path).status_code == 401
    for path in ("/console/live", f"/console/releases/{RELEASE}/live"):
        window.opened(11)
        assert window.get(path).status_code == 401
    # And a token in a header counts for no page.
    assert window.get("/console/").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:81"},
        {**HERE, "Sec-Fetch-Site": "cross-site"},
        {**HERE, "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/console/sign-in", "/console/sign-out"])
def test_a_form_of_another_site_is_refused(window, path, headers):
    answer = send(window, path, {"username": "olga", "secret": "x"}, **headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert "was not sent from this page" in answer.text


class Desk:
    """Where people sign in: one knows olga, and one is away."""

    def token_for(self, username, secret):
        if username == "away":
            raise SignInAway("The issuer does not answer. Try again in a moment.")
        if (username, secret) != ("olga", "hers"):
            raise SignInRefused("The name or the secret is wrong.")
        return "olga"


def test_who_has_the_right_secret_gets_a_cookie_and_is_led_to_what_was_asked_for(tmp_path):
    window = Window(tmp_path, sign_in=Desk())
    form = {"username": " olga ", "secret": "hers"}
    for release, to in (("", ""), (str(RELEASE), f"releases/{RELEASE}"), ("//evil.example", "")):
        answer = send(window, "/console/sign-in", {**form, "release": release}, **HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/console/{to}")
        assert answer.headers["set-cookie"].startswith("fourgates=olga; HttpOnly; Path=/; SameSite=strict")
    # Who has signed in already is not asked again.
    assert window.look("/console/sign-in").headers["location"] == "/console/"


@pytest.mark.parametrize(("name", "status", "told"), [(EVIL, 403, "is wrong"), ("away", 503, "does not answer")])
def test_who_is_not_signed_in_keeps_the_name_and_is_told_what_to_do(tmp_path, name, status, told):
    answer = send(Window(tmp_path, sign_in=Desk()), "/console/sign-in", {"username": name, "secret": "x"}, **HERE)
    assert (answer.status_code, told in answer.text, "set-cookie" in answer.headers) == (status, True, False)
    assert f'value="{html.escape(name)}"'.replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"username=a", "text/plain", 415),
        (b"username=\xff", "application/x-www-form-urlencoded", 400),
        (b"a=1&b=1&c=1&d=1&e=1&f=1", "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 9000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_body_that_is_no_form_gets_a_page_that_says_so(window, content, kind, status):
    headers = {**HERE, "Content-Type": kind}
    answer = window.send("POST", "/console/sign-in", token=None, content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (status, "text/html")


def signing_in(status, body, **headers):
    """Sign in at an issuer that answers so."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body, headers=headers))
    with HttpClient(transport=transport) as client:
        return IssuerSignIn(client, token_url="http://issuer/token", scope="operations:read").token_for("olga", "x")


def test_the_issuer_gives_a_token_for_looking_only():
    asked = []

    def answer(request):
        asked.append(dict(httpx.QueryParams(request.content.decode())))
        return httpx.Response(200, json={"access_token": "t"})

    with HttpClient(transport=httpx.MockTransport(answer)) as client:
        sign_in = IssuerSignIn(client, token_url="http://issuer/token", scope="operations:read")
        assert sign_in.token_for("olga", "her secret") == "t"
    said = {"grant_type": "password", "username": "olga", "password": "her secret", "scope": "operations:read"}
    assert asked == [said]


@pytest.mark.parametrize(
    ("status", "body", "headers", "told"),
    [
        (400, b'{"error": "invalid_grant"}', {}, "wrong"),
        (400, b'{"error": "unsupported_grant_type"}', {}, "takes no names"),
        (400, b'{"error": "invalid_scope"}', {}, "operations:read"),
        (400, b'{"error": "invalid_request"}', {}, "Give your name"),
        (429, b"{}", {"Retry-After": "17"}, "in 17 seconds"),
        (200, b'{"access_token": 7}', {}, "wrong"),
        (401, b"[]", {}, "wrong"),
    ],
)
def test_the_issuer_says_no_in_words_that_help(status, body, headers, told):
    with pytest.raises(SignInRefused, match=told):
        signing_in(status, body, **headers)


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (500, b"{}"), (502, b"")])
def test_an_issuer_that_is_ill_is_no_fault_of_the_person(status, body):
    with pytest.raises(SignInAway):
        signing_in(status, body)


@pytest.mark.parametrize(
    ("public_url", "name", "secure"),
    [
        ("http://127.0.0.1:8400/operations", "fourgates", False),
        ("http://localhost/operations", "fourgates", False),
        ("http://[::1]:80", "fourgates", False),
        ("https://fourgates.example/operations", "__Host-fourgates", True),
        # Without TLS a browser keeps no such cookie: better nobody signs in than that the token travels in the open.
        ("http://fourgates.example", "__Host-fourgates", True),
        ("http://127.evil.example", "__Host-fourgates", True),
    ],
)
def test_the_cookie_is_for_this_host_alone_and_needs_tls_anywhere_but_on_loopback(tmp_path, public_url, name, secure):
    window = Window(tmp_path, public_url=public_url)
    here = "/".join(public_url.split("/")[:3])
    answer = send(window, "/console/sign-out", {}, Origin=here)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f'{name}="";')
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=0"} <= set(cookie.split("; "))
    assert ("Secure" in cookie) is secure
    assert window.look("/console/", cookie=name).status_code == 200
