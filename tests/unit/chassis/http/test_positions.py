"""Positions: a command says what it reached, a question may wait for it, bounded, and in nobody's way."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from fourgates.chassis.bus.envelope import shard_of
from fourgates.chassis.http.positions import MIN_POSITION, POSITION, Positions, reached
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.testing import an_act

LONG_S = 60


def asking(position):
    return {MIN_POSITION: position}


def with_limits(house, **limits):
    settings = ServiceSettings(**limits)
    house.caller.positions = Positions("toy", house.units, settings)
    return house.caller.positions


async def until(true):
    async with asyncio.timeout(LONG_S):
        while not true():  # noqa: ASYNC110 - what is waited for is a number of threads, which tells nobody
            await asyncio.sleep(0)


def post(house):
    """Post a parcel past HTTP."""
    work = house.units.open()
    house.caller.use_cases(work).post(an_act(), parcel_id=house.caller.ids.new(), name="tea")
    house.units.commit(work)


async def test_a_command_says_what_it_reached_and_a_question_may_ask_for_it(house):
    answer = await house.post()
    shard = shard_of(UUID(answer.json()["id"]))
    assert answer.headers[POSITION] == f"toy/{shard}=1"
    place = answer.headers["location"]
    for wanted in (answer.headers[POSITION], "1", "0", "toy/0=1, toy/63=0", "toy/0=1 ,1"):
        assert (await house.ask("GET", place, headers=asking(wanted))).status_code == 200


async def test_the_last_position_of_each_shard_is_told():
    red, blue = UUID(int=1), UUID(int=2)
    assert reached("toy", [(red, 4), (blue, 5), (red, 6)]) == ", ".join(
        f"toy/{shard}={position}" for shard, position in sorted([(shard_of(red), 6), (shard_of(blue), 5)])
    )


async def test_an_answer_that_is_given_again_tells_a_position_behind_what_was_done(house):
    first = await house.post(headers={"Idempotency-Key": "abc"})
    await house.post()
    again = await house.post(headers={"Idempotency-Key": "abc"})
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers[POSITION] == first.headers[POSITION].replace("=1", "=2")


async def test_a_command_that_is_refused_reached_nothing(house):
    place = (await house.post()).headers["location"]
    answer = await house.ask("POST", f"{place}/seal", json={"reason": "it is full"})
    assert answer.status_code == 403
    assert POSITION not in answer.headers


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "-1",
        "1.0",
        "1;2",
        "toy=1",
        "toy/64=1",
        "toy/01=1",
        "toy/1=",
        "toy/1=-1",
        "/1=1",
        "1" * 19,
        "²",
        "change/1=1",
        "1,,1",
        ", ".join(["1"] * 65),
    ],
)
async def test_what_is_no_position_is_refused(house, wrong):
    answer = await house.ask("GET", "/v1/parcels", headers={MIN_POSITION.encode(): wrong.encode("latin-1")})
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/problems/bad-header")
    assert [(e["header"], e["code"]) for e in answer.json()["errors"]] == [(MIN_POSITION, "no-position")]


async def test_a_position_that_does_not_come_is_503_and_says_what_to_do(house):
    with_limits(house, position_wait_s=0.01)
    answer = await house.ask("GET", "/v1/parcels", headers=asking("1"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"].endswith("/problems/behind")
    assert "toy/0=1 is not reached here after 0.01 s" in answer.json()["detail"]
    assert (await house.ask("GET", "/v1/parcels")).status_code == 200


async def test_whoever_waits_is_woken_by_the_append(house):
    # Nobody looks by itself: without a notice, this would wait for ever.
    positions = with_limits(house, position_wait_s=LONG_S)
    question = asyncio.create_task(house.ask("GET", "/v1/parcels", headers=asking("2")))
    await until(lambda: positions.waiting == 1)
    post(house)
    assert (await house.ask("GET", "/v1/parcels")).status_code == 200
    assert not question.done()
    post(house)
    answer = await asyncio.wait_for(question, LONG_S / 2)
    assert len(answer.json()["items"]) == 2
    assert positions.waiting == 0


async def test_only_so_many_wait_and_they_keep_nobody_from_an_answer(house):
    positions = with_limits(house, position_wait_s=LONG_S, position_waits_max=60)
    questions = [asyncio.create_task(house.ask("GET", "/v1/parcels", headers=asking("1"))) for _ in range(60)]
    await until(lambda: positions.waiting == 60)
    refused = await house.ask("GET", "/v1/parcels", headers=asking("1"))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert (await house.post()).status_code == 201
    assert {answer.status_code for answer in await asyncio.gather(*questions)} == {200}


async def test_commands_do_not_wait(house):
    assert (await house.post(headers=asking("99"))).status_code == 201
