"""The order of the checks is the same for every operation."""

from __future__ import annotations

from uuid import UUID

import pytest

JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
NOWHERE = f"/v1/parcels/{UUID(int=7)}"


async def test_size_comes_before_the_token(house):
    answer = await house.client.post("/v1/parcels", content=b"x" * 3000)
    assert answer.status_code == 413


async def test_the_token_comes_before_the_media_type(house):
    answer = await house.client.post("/v1/parcels", content=b"x", headers=TEXT)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_media_type_comes_before_the_scope(house):
    token = house.token(scopes="parcel:read")
    assert (await house.ask("POST", "/v1/parcels", token=token, content=b"x", headers=TEXT)).status_code == 415


async def test_the_scope_comes_before_parsing(house):
    token = house.token(scopes="parcel:read")
    answer = await house.ask("POST", "/v1/parcels", token=token, content=b"{", headers=JSON)
    assert answer.status_code == 403
    assert 'scope="parcel:write"' in answer.headers["www-authenticate"]
    assert house.refusals() == ["insufficient-scope"]


async def test_parsing_comes_before_existence(house):
    assert (await house.ask("PUT", f"{NOWHERE}/name", content=b"{", headers=JSON)).status_code == 400


async def test_the_schema_comes_before_existence(house):
    assert (await house.ask("PUT", f"{NOWHERE}/name", json={"name": "x"})).status_code == 422


async def test_existence_comes_before_the_precondition(house):
    assert (await house.ask("PUT", f"{NOWHERE}/name", json={"name": "x", "reason": "y"})).status_code == 404


async def test_the_precondition_comes_before_the_rules(house):
    place = (await house.post()).headers["location"]
    await house.ask("POST", f"{place}/seal", token=house.token(roles=("sealer",)), json={"reason": "r"})
    body = {"name": "x", "reason": "y"}
    assert (await house.ask("PUT", f"{place}/name", json=body)).status_code == 428
    stale = await house.ask("PUT", f"{place}/name", json=body, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["current_etag"] == '"2"'
    assert (await house.ask("PUT", f"{place}/name", json=body, headers={"If-Match": '"2"'})).status_code == 409


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", "bearer x.y.z", "x" * 9000, "Bearer é"])
async def test_a_bad_token_is_a_401(house, header):
    answer = await house.client.get("/v1/parcels", headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_bad_token_is_written_to_the_security_log_and_none_is_not(house):
    await house.client.get("/v1/parcels")
    assert house.refusals() == []
    await house.ask("GET", "/v1/parcels", token="a.b.c")
    assert house.refusals() == ["bad-token"]
