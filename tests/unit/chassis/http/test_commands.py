"""Commands: one effect, the first answer again, versions, races, and every refusal told in full."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates.chassis.testing import an_act

SEALER = ("sealer",)


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


async def test_a_new_thing_has_an_address_and_a_version(house):
    answer = await house.post()
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == f"/v1/parcels/{answer.json()['id']}"
    shown = await house.ask("GET", answer.headers["location"])
    assert shown.json() == answer.json()
    assert shown.headers["etag"] == '"1"'
    assert shown.headers["cache-control"] == "private, no-cache"


async def test_the_actor_is_the_subject_of_the_token(house):
    place = (await house.post(token=house.token("person-9"))).headers["location"]
    history = (await house.ask("GET", f"{place}/history")).json()["items"]
    assert [(h["type"], h["by"], h["why"], h["version"]) for h in history] == [
        ("toy.ParcelPosted", "person-9", "a gift", 1)
    ]
    assert history[0]["at"] == "2026-01-05T12:00:00.000000Z"
    assert history[0]["facts"] == {"name": "tea"}
    assert history[0]["roles"] == ["packer"]


async def test_the_same_request_twice_has_one_effect_and_one_answer(house):
    first = await house.post(headers=key('"abc"'))
    again = await house.post(headers=key('"abc"'))
    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len((await house.ask("GET", "/v1/parcels")).json()["items"]) == 1


async def test_a_bare_key_is_the_same_as_a_quoted_one(house):
    first = await house.post(headers=key('"abc"'))
    assert (await house.post(headers=key("abc"))).json() == first.json()


async def test_a_key_belongs_to_one_person(house):
    first = await house.post(headers=key("abc"))
    other = await house.post(headers=key("abc"), token=house.token("person-2"))
    assert other.json()["id"] != first.json()["id"]


async def test_a_key_with_another_body_is_a_422(house):
    await house.post("tea", headers=key("abc"))
    answer = await house.post("jam", headers=key("abc"))
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/problems/key-reused")


async def test_a_key_expires(house):
    first = await house.post(headers=key("abc"))
    house.clock.advance(timedelta(hours=25))
    assert (await house.post(headers=key("abc"))).json()["id"] != first.json()["id"]


@pytest.mark.parametrize("bad", ['"abc', "", "a b", '"', "x" * 256, '"é"'.encode()])
async def test_a_malformed_key_is_a_400(house, bad):
    answer = await house.post(headers={b"Idempotency-Key": bad})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["header"] == "Idempotency-Key"


async def test_two_keys_are_a_400(house):
    token = house.token()
    headers = [("Authorization", f"Bearer {token}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await house.client.post("/v1/parcels", json={"name": "x", "reason": "y"}, headers=headers)
    assert answer.status_code == 400


async def test_a_refusal_is_kept_as_well(house):
    place = (await house.post()).headers["location"]
    first = await house.ask("POST", f"{place}/seal", json={"reason": "r"}, headers=key("k"))
    again = await house.ask("POST", f"{place}/seal", json={"reason": "r"}, headers=key("k"))
    assert first.status_code == again.status_code == 403
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert house.refusals() == ["forbidden"]


async def test_an_error_of_the_form_is_not_kept(house):
    token = house.token()
    wrong = await house.ask("POST", "/v1/parcels", token=token, json={"name": "x"}, headers=key("k"))
    assert wrong.status_code == 422
    assert (await house.post(headers=key("k"))).status_code == 201


async def test_the_same_request_in_flight_is_a_409(house):
    house.gate.held = True
    running = asyncio.create_task(house.post(headers=key("k")))
    await asyncio.to_thread(house.gate.entered.wait, 10)
    house.gate.held = False
    second = await house.post(headers=key("k"))
    house.gate.opened.set()
    assert second.status_code == 409
    assert second.headers["retry-after"] == "1"
    assert (await running).status_code == 201
    assert (await house.post(headers=key("k"))).headers["idempotency-replayed"] == "true"


async def test_a_lost_race_is_decided_again_with_the_same_ids_and_a_later_time(house):
    house.units.losses = 2
    house.units.meanwhile = lambda: house.clock.advance(timedelta(seconds=1))
    answer = await house.post(headers=key("k"))
    assert answer.status_code == 201
    history = (await house.ask("GET", f"{answer.headers['location']}/history")).json()["items"]
    assert history[0]["at"] == "2026-01-05T12:00:02.000000Z"
    assert UUID(answer.json()["id"]).int & 0xFF == 1


async def test_who_loses_every_race_gets_a_409(house):
    house.units.losses = 99
    answer = await house.post(headers=key("k"))
    assert answer.status_code == 409
    assert answer.headers["retry-after"] == "1"
    house.units.losses = 0
    assert (await house.post(headers=key("k"))).status_code == 201


async def test_who_loses_a_race_with_a_version_gets_a_412(house):
    place = (await house.post()).headers["location"]
    parcel_id = UUID(place.rsplit("/", 1)[1])

    def someone_else_renames() -> None:
        house.units.losses = 0
        work = house.units.open()
        house.caller.use_cases(work).rename(an_act(roles=("packer",)), parcel_id=parcel_id, name="jam")
        house.units.commit(work)

    house.units.losses = 1
    house.units.meanwhile = someone_else_renames
    body = {"name": "x", "reason": "y"}
    answer = await house.ask("PUT", f"{place}/name", json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 412
    assert answer.json()["current_etag"] == '"2"'


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ('"1"', 200),
        ("*", 200),
        ('"7", "1"', 200),
        ('W/"1"', 412),
        ('"7"', 412),
        ("1", 400),
        ('"1" "2"', 400),
        ("", 400),
    ],
)
async def test_if_match_names_the_version_that_was_read(house, tag, status):
    place = (await house.post()).headers["location"]
    body = {"name": "jam", "reason": "y"}
    answer = await house.ask("PUT", f"{place}/name", json=body, headers={"If-Match": tag})
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["etag"] == '"2"'


async def test_if_match_is_honoured_where_it_is_not_needed(house):
    place = (await house.post()).headers["location"]
    options = {"token": house.token(roles=SEALER), "json": {"reason": "r"}}
    assert (await house.ask("POST", f"{place}/seal", headers={"If-Match": '"9"'}, **options)).status_code == 412
    assert (await house.ask("POST", f"{place}/seal", headers={"If-Match": '"1"'}, **options)).status_code == 200


async def test_a_replay_comes_before_the_precondition(house):
    place = (await house.post()).headers["location"]
    headers = {"If-Match": '"1"', **key("k")}
    body = {"name": "jam", "reason": "y"}
    first = await house.ask("PUT", f"{place}/name", json=body, headers=headers)
    again = await house.ask("PUT", f"{place}/name", json=body, headers=headers)
    assert first.status_code == again.status_code == 200
    assert again.content == first.content


async def test_what_the_caller_has_already_is_a_304(house):
    place = (await house.post()).headers["location"]
    for tag in ('"1"', 'W/"1"', "*"):
        answer = await house.ask("GET", place, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == '"1"'
    assert (await house.ask("GET", place, headers={"If-None-Match": '"0"'})).status_code == 200


async def test_a_refusal_names_every_unmet_condition(house):
    place = (await house.post()).headers["location"]
    await house.ask("POST", f"{place}/seal", token=house.token(roles=SEALER), json={"reason": "r"})
    body = {"name": "x", "reason": "y"}
    answer = await house.ask(
        "PUT", f"{place}/name", token=house.token(roles=()), json=body, headers={"If-Match": '"2"'}
    )
    assert answer.status_code == 409
    assert answer.json()["unmet"] == [
        {"code": "sealed", "detail": "The parcel is sealed.", "source": "Sealed", "remedy": "post another one"},
        {
            "code": "not-entitled",
            "detail": "Packers rename.",
            "source": "roles",
            "remedy": "ask a packer",
            "rule": "not-entitled",
            "person": "person-1",
        },
    ]
    assert house.refusals() == ["refused"]


async def test_only_the_person_in_the_way_is_a_403_with_rule_and_person(house):
    place = (await house.post()).headers["location"]
    answer = await house.ask("POST", f"{place}/seal", json={"reason": "r"})
    assert answer.status_code == 403
    assert [(u["rule"], u["person"]) for u in answer.json()["unmet"]] == [("not-entitled", "person-1")]
    record = house.log.find(0, 9)[0]
    assert (record["kind"], record["principal"], record["rule"]) == ("forbidden", "person-1", "not-entitled")
    assert record["path"] == f"POST {place}/seal"


async def test_a_refusal_leaves_no_event(house):
    place = (await house.post()).headers["location"]
    await house.ask("POST", f"{place}/seal", json={"reason": "r"})
    assert len((await house.ask("GET", f"{place}/history")).json()["items"]) == 1


async def test_next_tells_what_is_possible_and_why_not(house):
    place = (await house.post()).headers["location"]
    rename, seal = (await house.ask("GET", f"{place}/next")).json()["commands"]
    assert (rename["command"], rename["possible"], rename["unmet"]) == ("rename", True, [])
    assert (seal["possible"], seal["by"], seal["unmet"][0]["code"]) == (False, ["sealer"], "not-entitled")


async def test_addresses_are_right_below_a_mount(house):
    outer = FastAPI()
    outer.mount("/toy", house.api)
    async with AsyncClient(transport=ASGITransport(outer), base_url="http://all.example") as client:
        headers = {"Authorization": f"Bearer {house.token()}"}
        for name in ("a", "b", "c"):
            made = await client.post("/toy/v1/parcels", json={"name": name, "reason": "r"}, headers=headers)
        assert made.headers["location"] == f"/toy/v1/parcels/{made.json()['id']}"
        assert (await client.get(made.headers["location"], headers=headers)).json() == made.json()
        listed = await client.get("/toy/v1/parcels", headers=headers)
        following = listed.headers["link"].split(";")[0].strip("<>")
        assert following.startswith("/toy/v1/parcels?page_token=")
        assert (await client.get(following, headers=headers)).json()["items"][0]["name"] == "c"
        missing = await client.get("/toy/v1/nothing", headers=headers)
        assert missing.json()["type"] == "http://all.example/toy/problems/not-found"
        assert (await client.get("/toy/problems/not-found")).status_code == 200
        assert (await client.get("/toy/openapi.json")).json()["servers"] == [{"url": "/toy"}]


async def test_a_decision_that_asks_read_models_often_looks_at_the_log_once(house):
    looks = 0

    class Curious(house.caller.use_cases):
        def post(self, act, **given):
            nonlocal looks
            views = self._work.views
            before = views._begun
            names = [len(views.find("parcels", {"name": given["name"]})) for _ in range(3)]
            looks = views._begun - before
            assert names == [house.posted] * 3
            return super().post(act, **given)

    house.caller.use_cases = Curious
    for house.posted in range(3):
        assert (await house.post()).status_code == 201
        assert looks == 1
