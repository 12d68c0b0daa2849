"""A system that waits for a gate asks for its verdict in one word."""

from __future__ import annotations

import asyncio
from threading import Thread
from uuid import UUID

import httpx
import pytest
from change_service.app import build
from change_service.domain import Gate, VoteKind
from change_service.settings import ChangeSettings
from fourgates.chassis.identity import Principal
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier

from tests.unit.change.a_world import CHANGE, GATE_REQUEST, RELEASE, World

ROBOT = Principal(subject="robot", roles=("machine",), scopes=frozenset({"change:read"}), machine=True)


class Desk(World):
    def __init__(self, folder, **settings):
        chosen = ChangeSettings(data_folder=folder, **settings)
        super().__init__(Hearing(lambda parts: build(parts, chosen), a_verifier(ROBOT), a_security_log()))
        self.change()
        self.do(lambda u: u.note_content(self.act("rita"), release_id=RELEASE, change_ids=(CHANGE,)))

    def get(self, wait="0"):
        async def send():
            transport = httpx.ASGITransport(app=self.here.service.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                path = f"/v1/gates/{RELEASE}/planning"
                return await client.get(path, params={"wait": wait}, headers={"Authorization": "Bearer robot"})

        return asyncio.run(send())

    def verdict(self, wait="0"):
        return self.get(wait).json()["verdict"]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_gate_is_awaited_until_it_is_granted_and_invalid_once_it_was_used(desk):
    assert desk.verdict() == "awaiting"
    desk.gate(Gate.PLANNING)
    assert desk.verdict() == "awaiting"
    desk.vote("cora", GATE_REQUEST)
    assert desk.verdict(wait="30") == "allowed"
    authorization_id = desk.authorization(GATE_REQUEST).id
    desk.do(lambda u: u.use_grant(desk.act("rita"), authorization_id=authorization_id, gate=Gate.PLANNING))
    assert desk.verdict() == "invalid"


def test_a_rejected_gate_and_one_on_hold_are_prevented(desk):
    desk.gate(Gate.PLANNING)
    desk.vote("cora", GATE_REQUEST)
    desk.do(lambda u: u.note_hold(desk.act("rita"), release_id=RELEASE, on_hold=True))
    held = desk.get().json()
    assert (held["verdict"], held["reasons"]) == ("prevented", [f"Release {RELEASE} is on hold."])
    desk.do(lambda u: u.note_hold(desk.act("rita"), release_id=RELEASE, on_hold=False))
    desk.gate(Gate.PLANNING, request_id=UUID(int=15))
    desk.vote("carl", UUID(int=15), VoteKind.REJECT)
    assert desk.verdict() == "prevented"


def test_whoever_waits_is_answered_as_soon_as_it_is_decided(desk):
    desk.gate(Gate.PLANNING)
    heard = []
    waiting = Thread(target=lambda: heard.append(desk.verdict(wait="30")))
    waiting.start()
    desk.vote("cora", GATE_REQUEST)
    waiting.join(timeout=20)
    assert heard == ["allowed"]


def test_nobody_waits_longer_than_the_service_lets_them(tmp_path):
    desk = Desk(tmp_path, gate_wait_s_max=1)
    assert desk.verdict(wait="3600") == "awaiting"
    assert desk.get(wait="-1").status_code == 422
    assert desk.get(wait="soon").status_code == 422
