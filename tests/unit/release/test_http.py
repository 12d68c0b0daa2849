"""Releases over HTTP: what is asked, what is answered, and every unmet condition at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
import pytest
from fourgates.chassis.identity import Principal
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier
from fourgates.contracts.change import ChangeAuthorized, ChangeRequested
from fourgates.contracts.common import ChangeType, Risk
from fourgates.contracts.dml import ServiceRegistered
from release_service.app import build

SERVICE, CHANGE = str(UUID(int=1)), str(UUID(int=2))
SCOPES = frozenset({"release:read", "release:write"})
ROLES = ("release_manager", "builder", "tester", "change_manager")
PLAN = {
    "schedule": None,
    "risks": [{"name": "it is slow", "rating": "low", "contingency_action": ""}],
    "deployment_steps": [{"name": "install", "action": "install"}],
    "back_out": {"steps": []},
    "tests": {"suites": [{"name": "functional"}]},
    "reason": "a first thought",
}


class Desk:
    """A release manager's desk: the service in memory, asked over HTTP."""

    def __init__(self):
        people = (_principal("mona"), _principal("eve", roles=()))
        self.here = Hearing(build, a_verifier(*people), a_security_log())

    def ask(self, method, path, body=None, *, by="mona", **headers):
        async def send():
            transport = httpx.ASGITransport(app=self.here.service.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                sent = {"Authorization": f"Bearer {by}", **{k.replace("_", "-"): v for k, v in headers.items()}}
                return await client.request(method, path, json=body, headers=sent)

        return asyncio.run(send())

    def knows_service_and_change(self):
        facts = {"change_id": CHANGE, "content_digest": "c" * 64}
        self.here.hear(
            ServiceRegistered(service_id=SERVICE, name="parcels", owner_id="olga", tier="gold", lifecycle="live")
        )
        self.here.hear(
            ChangeRequested(
                **facts,
                title="track parcels",
                change_type=ChangeType.NORMAL,
                risk=Risk.LOW,
                service_ids=[SERVICE],
                alters_service=True,
                requested_by="rita",
                authors=["anna"],
            )
        )
        self.here.hear(
            ChangeAuthorized(**facts, authorization_id=UUID(int=3), deciders=[], policy_version=1),
            about=UUID(CHANGE),
        )

    def opened(self):
        self.knows_service_and_change()
        return self.ask("POST", "/v1/releases", an_opening()).json()["id"]


def _principal(name, roles=ROLES):
    return Principal(subject=name, roles=roles, scopes=SCOPES, machine=False)


def an_opening(**more):
    return {
        "service_id": SERVICE,
        "kind": "update",
        "version": "1.1.0",
        "change_ids": [CHANGE],
        "reason": "parcels by city",
    } | more


@pytest.fixture
def desk():
    return Desk()


def codes(answer):
    return {error["code"] for error in answer.json()["unmet"]}


def test_a_release_of_something_unheard_is_refused_naming_it(desk):
    answer = desk.ask("POST", "/v1/releases", an_opening())
    assert answer.status_code == 409
    assert codes(answer) == {"service-not-heard", "change-not-heard-of"}


def test_what_is_unheard_hides_nothing_else(desk):
    desk.here.hear(
        ServiceRegistered(service_id=SERVICE, name="parcels", owner_id="olga", tier="gold", lifecycle="retired")
    )
    assert codes(desk.ask("POST", "/v1/releases", an_opening())) == {"service-retired", "change-not-heard-of"}


def test_a_release_is_opened_found_and_told(desk):
    release_id = desk.opened()
    shown = desk.ask("GET", f"/v1/releases/{release_id}")
    assert (shown.json()["number"], shown.json()["state"]) == ("REL-1001", "requested")
    assert shown.json()["changes"][0]["state"] == "authorized"
    listed = desk.ask("GET", f"/v1/releases?state=requested&change_id={CHANGE}&number=REL-1001").json()
    assert [item["id"] for item in listed["items"]] == [release_id]
    assert desk.ask("GET", "/v1/releases?state=closed").json()["items"] == []
    history = desk.ask("GET", f"/v1/releases/{release_id}/history").json()["items"]
    assert [item["type"] for item in history] == ["release.Opened"]
    following = desk.ask("GET", f"/v1/releases/{release_id}/next").json()["commands"]
    assert {"command", "by", "possible", "unmet"} <= set(following[0])
    assert desk.ask("GET", f"/v1/releases/{release_id}/package").json()["items"] == []


def test_a_change_is_carried_once(desk):
    desk.opened()
    answer = desk.ask("POST", "/v1/releases", an_opening())
    assert (answer.status_code, codes(answer)) == (409, {"change-carried-elsewhere"})


def test_a_cancelled_release_frees_its_change(desk):
    release_id = desk.opened()
    assert desk.ask("POST", f"/v1/releases/{release_id}/cancellation", {"reason": "no"}).json()["state"] == "cancelled"
    assert desk.ask("POST", "/v1/releases", an_opening()).status_code == 201


def test_a_dropped_change_is_free(desk):
    release_id = desk.opened()
    etag = desk.ask("GET", f"/v1/releases/{release_id}").headers["ETag"]
    body = {"change_ids": [], "reason": "not yet"}
    assert desk.ask("PUT", f"/v1/releases/{release_id}/changes", body, If_Match=etag).json()["changes"] == []
    assert desk.ask("POST", "/v1/releases", an_opening()).status_code == 201


def test_who_may_not_is_told_the_rule(desk):
    desk.knows_service_and_change()
    answer = desk.ask("POST", "/v1/releases", an_opening(), by="eve")
    assert (answer.status_code, codes(answer)) == (403, {"not-entitled"})


def test_a_plan_is_written_on_what_was_read(desk):
    release_id = desk.opened()
    path = f"/v1/releases/{release_id}/plan"
    assert desk.ask("PUT", path, PLAN).status_code == 428
    assert desk.ask("PUT", path, PLAN, If_Match='"9"').status_code == 412
    answer = desk.ask("PUT", path, PLAN, If_Match='"1"')
    assert (answer.status_code, codes(answer)) == (409, {"not-in-planning"})


def test_an_unreadable_report_is_pointed_at(desk):
    release_id = desk.opened()
    body = {"suite": "functional", "tested_sha256": "a" * 64, "junit_xml": "<oops", "reason": "ran"}
    answer = desk.ask("POST", f"/v1/releases/{release_id}/test-runs", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/junit_xml"


def test_a_time_that_no_release_has_is_refused(desk):
    release_id = desk.opened()
    schedule = {"starts_at": "9999-12-31T23:59:59-23:00", "ends_at": "9999-12-31T23:59:59Z"}
    answer = desk.ask("PUT", f"/v1/releases/{release_id}/plan", PLAN | {"schedule": schedule}, If_Match='"1"')
    assert answer.status_code == 422


COMMANDS = {
    "impact-requests": {},
    "impact-acknowledgements": {"impact_digest": "1" * 64},
    "gate-requests": {"gates": ["planning"]},
    f"gate-requests/{CHANGE}/withdrawal": {},
    "phases": {"phase": "planning"},
    "builds": {"inputs": [{"name": "a", "version": "1", "sha256": "a" * 64}], "candidates": []},
    "sign-offs": {},
    "rehearsals": {"environment_id": SERVICE},
    "owner-notices": {"service_ids": [SERVICE]},
    "ways-back": {"way": "rebuild", "version": "2"},
    "hold": {},
    "resumption": {},
    "confirmation-requests": {},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_carried_out_or_refused_with_its_conditions(desk, command):
    release_id = desk.opened()
    answer = desk.ask("POST", f"/v1/releases/{release_id}/{command}", {**COMMANDS[command], "reason": "to see"})
    assert answer.status_code in {200, 409}
    assert answer.status_code == 200 or all(u["code"] and u["remedy"] for u in answer.json()["unmet"])
    unknown = desk.ask("POST", f"/v1/releases/{SERVICE}/{command}", {**COMMANDS[command], "reason": "to see"})
    assert unknown.status_code == 404


def test_a_deployment_plan_is_refused_with_its_conditions(desk):
    release_id = desk.opened()
    body = {"environments": [], "on_window_end": "pause", "reason": "to see"}
    answer = desk.ask("PUT", f"/v1/releases/{release_id}/deployment-plan", body, If_Match='"1"')
    assert (answer.status_code, codes(answer)) == (409, {"no-environments", "not-the-time-to-plan-deployment"})
