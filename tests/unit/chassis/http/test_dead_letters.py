"""Dead letters over HTTP: what waits is listed and shown, and people with the scope retry or discard it."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from uuid import UUID

import pytest
from fourgates.chassis.dead_letters import letter_id
from fourgates.chassis.http_client import ASGITransport, AsyncClient
from fourgates.chassis.store import StoreUnavailable
from fourgates.chassis.testing.listening import BALL_ID, Listener
from fourgates.chassis.testing.toys import BallBounced

REASON = {"reason": "the colour is known now"}


class Desk(Listener):
    """A person who looks after dead letters."""

    def ask(self, method, path, body=None, *, by="mona", **headers):
        async def send():
            transport = ASGITransport(app=self.hearing.service.api)
            async with AsyncClient(transport=transport, base_url="http://here") as client:
                sent = {"Authorization": f"Bearer {by}", **{k.replace("_", "-"): v for k, v in headers.items()}}
                return await client.request(method, f"/v1/dead-letters{path}", json=body, headers=sent)

        return asyncio.run(send())

    def places(self):
        return [item["place"] for item in self.ask("GET", "").json()["items"]]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_what_waits_is_listed_with_its_reason(desk):
    assert desk.ask("GET", "").json() == {"items": [], "next_page_token": None}
    desk.hears("red", 3, 2)
    first, second = desk.ask("GET", "", by="rita").json()["items"]
    body = b'{"ball_id":"%s","colour":"red","height":3}' % str(BALL_ID).encode()
    assert first == {
        "place": 1,
        "state": "waiting",
        "source": "/fourgates/toy",
        "key": str(BALL_ID),
        "message_id": "toy-1",
        "message_type": "dev.fourgates.toy.ball_bounced.v1",
        "reason": "ValueError: no colour red",
        "retries": 0,
        "parked_at": "2026-01-05T12:00:00.000000Z",
        "body_digest": hashlib.sha256(body).hexdigest(),
    }
    assert second["reason"] == "an earlier message about the same thing is parked"


def test_the_list_comes_in_pages(tmp_path):
    desk = Desk(tmp_path, page_size_default=2)
    desk.hears("red", 5, 4, 3, 2, 1)
    seen, token = [], ""
    while True:
        page = desk.ask("GET", f"?page_token={token}" if token else "").json()
        seen.append([item["place"] for item in page["items"]])
        token = page["next_page_token"]
        if not token:
            break
    assert seen == [[1, 2], [3, 4], [5]]


def test_the_list_is_chosen_by_source_and_by_what_it_is_about(tmp_path):
    desk = Desk(tmp_path, page_size_default=2)
    other = UUID(int=8)
    desk.hears("red", 5, 4, 3)
    desk.hears("red", 2, ball_id=other)

    def chosen(query):
        found = desk.ask("GET", query)
        return found.status_code, [item["place"] for item in found.json().get("items", ())]

    assert chosen(f"?key={other}") == (200, [4])
    assert chosen(f"?source=/fourgates/toy&key={BALL_ID}&page_size=3") == (200, [1, 2, 3])
    assert chosen("?source=/fourgates/other") == (200, [])
    page = desk.ask("GET", f"?key={BALL_ID}").json()
    assert chosen(f"?key={BALL_ID}&page_token={page['next_page_token']}") == (200, [3])
    assert chosen(f"?page_token={page['next_page_token']}")[0] == 400
    assert chosen(f"?key={'x' * 1001}")[0] == 422


def test_one_is_shown_with_what_arrived_and_what_has_to_come_first(desk):
    desk.hears("red", 2, 1)
    shown = desk.ask("GET", "/2", by="rita").json()
    assert (shown["first"], shown["history"]) == (1, [])
    assert shown["headers"]["ce_id"] == "toy-2"
    assert shown["body"].endswith('"height":1}')
    assert shown["body_bytes"] == len(shown["body"])


def test_a_retry_handles_it_and_what_waits_behind_it(desk):
    desk.hears("red", 3, 2, 1)
    desk.known.add("red")
    answer = desk.ask("POST", "/1/retries", REASON)
    assert (answer.status_code, answer.json()["state"]) == (201, "handled")
    assert answer.headers["location"] == "/v1/dead-letters/1"
    assert desk.thrown() == ["red-3", "red-2", "red-1"]
    assert desk.places() == []
    shown = desk.ask("GET", "/2").json()
    assert (shown["state"], shown["first"]) == ("handled", None)
    told = [(one["type"], one["by"], one["why"]) for one in shown["history"]]
    assert told[1] == ("chassis.DeadLetterRetried", "mona", "follows dead letter 1: the colour is known now")


def test_a_retry_that_fails_is_an_answer_and_stays_with_its_new_reason(desk):
    desk.hears("red", 2, 1)
    first = desk.ask("POST", "/1/retries", REASON)
    assert (first.status_code, first.json()["state"], first.json()["retries"]) == (201, "waiting", 1)
    desk.ask("POST", "/1/retries", REASON)
    item = desk.ask("GET", "").json()["items"][0]
    assert (item["retries"], item["reason"]) == (2, "ValueError: no colour red")
    assert desk.places() == [1, 2]


def test_a_commit_that_cannot_be_is_a_failed_retry(desk, monkeypatch):
    desk.hears("red", 1)
    desk.known.add("red")
    append = desk.hearing.store.append

    def strict(events, **more):
        if any(type(happened).__name__ == "Thrown" for happened in events):
            raise OverflowError("too large")
        return append(events, **more)

    monkeypatch.setattr(desk.hearing.store, "append", strict)
    answer = desk.ask("POST", "/1/retries", REASON)
    assert (answer.status_code, answer.json()["reason"]) == (201, "OverflowError: too large")
    assert desk.thrown() == []


def test_a_later_one_is_refused_with_the_remedy(desk):
    desk.hears("red", 2, 1)
    answer = desk.ask("POST", "/2/retries", REASON)
    assert answer.status_code == 409
    [unmet] = answer.json()["unmet"]
    assert (unmet["code"], unmet["remedy"]) == ("not-first", "retry or discard dead letter 1 first")


def test_a_discard_settles_one_and_the_next_may_be_retried(desk):
    desk.hears("red", 2, 1)
    answer = desk.ask("POST", "/1/discards", {"reason": "it was a mistake of the source"})
    assert (answer.status_code, answer.json()["state"]) == (201, "discarded")
    assert desk.places() == [2]
    again = desk.ask("POST", "/1/discards", REASON)
    assert (again.status_code, again.json()["unmet"][0]["code"]) == (409, "settled")
    desk.known.add("red")
    assert desk.ask("POST", "/2/retries", REASON).json()["state"] == "handled"
    assert desk.thrown() == ["red-1"]


def test_the_same_request_sent_twice_is_one_decision(desk):
    desk.hears("red", 1)
    one, two = (desk.ask("POST", "/1/retries", REASON, idempotency_key='"k"') for _ in range(2))
    assert (one.status_code, two.status_code) == (201, 201)
    assert one.content == two.content
    assert desk.ask("GET", "/1").json()["retries"] == 1


def test_who_lost_the_race_decides_again_on_what_is_then_true(desk):
    desk.hears("red", 1)
    desk.known.add("red")
    desk.hearing.races_next()
    assert desk.ask("POST", "/1/retries", REASON).json()["state"] == "handled"
    assert desk.thrown() == ["red-1"]


def test_a_store_that_goes_away_after_the_retry_leaves_the_answer_as_it_is(desk, monkeypatch):
    desk.hears("red", 2, 1)
    desk.known.add("red")
    append = desk.hearing.store.append

    def once(events, **more):
        if desk.thrown():
            raise StoreUnavailable("gone")
        return append(events, **more)

    monkeypatch.setattr(desk.hearing.store, "append", once)
    assert desk.ask("POST", "/1/retries", REASON).json()["state"] == "handled"
    assert desk.places() == [2]


def test_looking_and_deciding_need_their_scopes(desk):
    desk.hears("red", 1)
    for path in ("/1/retries", "/1/discards"):
        answer = desk.ask("POST", path, REASON, by="rita")
        assert (answer.status_code, "operations:write" in answer.text) == (403, True)
    assert desk.ask("GET", "", by="nobody").status_code == 401
    assert desk.places() == [1]


@pytest.mark.parametrize("place", ["0", "2", "-1", "1.0", "x", "9" * 19, "9" * 30, str(UUID(int=1))])
def test_what_is_no_place_of_a_dead_letter_is_not_found(desk, place):
    desk.hears("red", 1)
    assert desk.ask("GET", f"/{place}").status_code == 404
    assert desk.ask("POST", f"/{place}/retries", REASON).status_code == 404
    assert desk.ask("POST", f"/{place}/discards", REASON).status_code == 404


def test_a_decision_needs_a_reason(desk):
    desk.hears("red", 1)
    for body in ({}, {"reason": " "}, {"reason": "x", "force": True}):
        assert desk.ask("POST", "/1/discards", body).status_code == 422
    assert desk.hearing.store.load(letter_id(1)) is None


def test_whatever_was_sent_can_be_shown(desk):
    message = desk.hearing.message(BallBounced(ball_id=BALL_ID, colour="red", height=1))
    headers = {**message.headers, "ce_id": "", "x\ud800": "\0"}
    desk.hearing.deliver(replace(message, headers=headers, body=b"\xff\0" * 100_000))
    shown = desk.ask("GET", "/1").json()
    assert (shown["body_bytes"], shown["headers"]["x\\ud800"]) == (200_000, "\0")
    assert len(shown["body"]) < 200_000
    answer = desk.ask("POST", "/1/retries", REASON)
    assert answer.json()["unmet"][0]["code"] == "no-message"
    assert desk.ask("POST", "/1/discards", REASON).status_code == 201
