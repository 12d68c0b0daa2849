"""The development issuer gives tokens to whoever knows a secret, and tells nobody who exists."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates.chassis.identity import JwksVerifier, hash_secret, verify_secret
from fourgates.chassis.identity.issuer import IssuerLimits, issuer_app
from fourgates.chassis.identity.keys import BadKeyFile, load_or_make_signing_key, new_signing_key
from fourgates.chassis.identity.people import people_from
from fourgates.chassis.ids import CountedIds

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8080/identity"
ANNA = {
    "id": "018f-anna",
    "username": "anna",
    "name": "Anna",
    "secret_hash": hash_secret("apple"),
    "roles": ["packer"],
}
PEOPLE = {
    "roles": {"packer": ["parcel:read", "parcel:write"], "machine": ["parcel:read"]},
    "people": [ANNA],
    "machines": [
        {"id": "robot", "secret_hash": hash_secret("r:b t"), "roles": ["machine"], "scopes": ["parcel:carry"]}
    ],
}
KEY = new_signing_key()


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON)


@pytest.fixture
async def issuer(clock):
    app = issuer_app(
        people=people_from(PEOPLE),
        key=KEY,
        clock=clock,
        ids=CountedIds(),
        issuer_url=URL,
        audience="fourgates",
        limits=IssuerLimits(failures_max=3),
    )
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1:8080") as client:
        yield client


def anna(secret: str = "apple", **more: str) -> dict[str, str]:
    return {"grant_type": "password", "username": "anna", "password": secret, **more}


async def test_a_person_gets_a_token_that_services_accept(issuer, clock):
    answer = await issuer.post("/token", data=anna())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "parcel:read parcel:write")
    keys = (await issuer.get("/jwks")).json()
    verifier = JwksVerifier(fetch=lambda: keys, issuer=URL, audience="fourgates", clock=clock)
    principal = verifier.verify(body["access_token"])
    assert principal.subject == "018f-anna"
    assert principal.roles == ("packer",)
    assert principal.scopes == {"parcel:read", "parcel:write"}
    assert principal.machine is False


async def test_a_token_holds_no_name(issuer):
    token = (await issuer.post("/token", data=anna())).json()["access_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert "anna" not in json.dumps(claims).lower().replace("018f-anna", "")


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_machine_gets_a_token_as_itself(issuer, clock, by_header):
    form = {"grant_type": "client_credentials"}
    headers = {}
    if by_header:
        headers["Authorization"] = "Basic " + base64.b64encode(b"robot:r%3Ab+t").decode()
    else:
        form |= {"client_id": "robot", "client_secret": "r:b t"}
    token = (await issuer.post("/token", data=form, headers=headers)).json()["access_token"]
    verifier = JwksVerifier(fetch=KEY.jwks, issuer=URL, audience="fourgates", clock=clock)
    principal = verifier.verify(token)
    assert (principal.subject, principal.machine) == ("robot", True)
    assert principal.scopes == {"parcel:read", "parcel:carry"}


async def test_a_person_is_no_machine_whatever_the_client_is_called(issuer, clock):
    token = (await issuer.post("/token", data=anna(client_id="018f-anna"))).json()["access_token"]
    verifier = JwksVerifier(fetch=KEY.jwks, issuer=URL, audience="fourgates", clock=clock)
    assert verifier.verify(token).machine is False


async def test_fewer_scopes_can_be_asked_for_but_not_others(issuer):
    fewer = await issuer.post("/token", data=anna(scope="parcel:read other:thing"))
    assert fewer.json()["scope"] == "parcel:read"
    none = await issuer.post("/token", data=anna(scope="other:thing"))
    assert (none.status_code, none.json()["error"]) == (400, "invalid_scope")


async def test_a_wrong_secret_and_an_unknown_person_cannot_be_told_apart(issuer):
    wrong = await issuer.post("/token", data=anna("pear"))
    unknown = await issuer.post("/token", data={**anna(), "username": "nobody"})
    assert wrong.status_code == unknown.status_code == 400
    assert wrong.content == unknown.content
    assert wrong.json()["error"] == "invalid_grant"


async def test_the_secret_of_another_is_wrong(issuer):
    assert (await issuer.post("/token", data=anna("r:b t"))).status_code == 400
    machine = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "apple"}
    answer = await issuer.post("/token", data=machine)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("username", ["anna", "nobody"])
async def test_guessing_is_slowed_down_for_known_and_unknown_names(issuer, clock, username):
    form = {**anna("pear"), "username": username}
    for _ in range(3):
        assert (await issuer.post("/token", data=form)).status_code == 400
    answer = await issuer.post("/token", data={**form, "password": "apple"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == 300
    clock.advance(timedelta(seconds=301))
    later = await issuer.post("/token", data=anna())
    assert later.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"grant_type=password",
        b"grant_type=other",
        b"grant_type=password&grant_type=password&username=anna&password=apple",
        b"grant_type=%ff",
        b"\xff",
        b"a=1&" * 30,
    ],
)
async def test_a_malformed_form_is_a_400(issuer, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await issuer.post("/token", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_request", "unsupported_grant_type"}


@pytest.mark.parametrize("header", ["Bearer x", "Basic ###", "Basic " + base64.b64encode(b"robot").decode(), "Basic"])
async def test_a_malformed_header_is_a_400(issuer, header):
    answer = await issuer.post("/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header})
    assert answer.status_code == 400


async def test_the_form_has_a_type_and_a_size(issuer):
    assert (await issuer.post("/token", json=anna())).status_code == 415
    assert (await issuer.post("/token", data=anna("x" * 20_000))).status_code == 413
    assert (await issuer.post("/token", data=anna("x" * 2_000))).status_code == 400


async def test_discovery_names_every_address(issuer):
    told = (await issuer.get("/.well-known/openid-configuration")).json()
    assert told["issuer"] == URL
    assert told["jwks_uri"] == f"{URL}/jwks"
    assert told["token_endpoint"] == f"{URL}/token"
    assert told["scopes_supported"] == ["parcel:read", "parcel:write"]


async def test_only_public_keys_are_published(issuer):
    keys = (await issuer.get("/jwks")).json()["keys"]
    assert [set(key) & {"d", "p", "q"} for key in keys] == [set()]


def test_the_signing_key_is_kept_for_its_owner_only(tmp_path):
    path = tmp_path / "folder" / "key.json"
    made = load_or_make_signing_key(path)
    assert load_or_make_signing_key(path).kid == made.kid
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"kty": "oct", "k": "AAAA"}', '{"kty": "OKP", "crv": "x"}'])
def test_a_file_without_a_key_is_told(tmp_path, content):
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(BadKeyFile):
        load_or_make_signing_key(path)


def test_the_same_secret_is_hashed_differently_each_time():
    assert hash_secret("x") != hash_secret("x")
    assert verify_secret("x", hash_secret("x"))
    assert not verify_secret("y", hash_secret("x"))
    assert not verify_secret("x" * 2000, hash_secret("x" * 2000))
    assert verify_secret("\ud800", hash_secret("\ud800"))
