"""A thing whose log cannot be read is told as such, what is too large is refused, and the others are served."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.persistence import StoredEvent
from fourgates.chassis.kept_answers import KeptAnswers
from fourgates.chassis.memory import Memory
from fourgates.chassis.service import _stopped
from fourgates.chassis.store import EVENT_BYTES_MAX


async def test_a_row_that_cannot_be_read_stops_its_thing_and_no_other(house, capsys):
    bad, good = [(await house.post()).headers["location"] for _ in range(2)]
    bad_id = UUID(bad.rpartition("/")[2])
    row = StoredEvent(bad_id, 2, "toy.ParcelRenamed", b"\x00")
    house.units._store._recorder.append([row], positions={}, reply=None, parked=None)
    # As a process finds it that begins now.
    settings = house.caller.settings
    answers = KeptAnswers(house.caller.views, settings.answers_kept_rows_max)
    house.caller.memory = Memory(house.units._store, settings.aggregates_kept_max, answers)
    rename = {"json": {"name": "salt", "reason": "x"}, "headers": {"If-Match": "*"}}
    for method, path, sent in (
        ("GET", bad, {}),
        ("GET", f"{bad}/history", {}),
        ("GET", f"{bad}/next", {}),
        ("PUT", f"{bad}/name", rename),
    ):
        answer = await house.ask(method, path, **sent)
        assert answer.status_code == 500
        told = answer.json()
        assert told["type"].endswith("/problems/unreadable-event")
        assert told["event"] == {"type": "toy.ParcelRenamed", "version": 2, "id": str(bad_id)}
    assert "unreadable event" in capsys.readouterr().out
    assert (await house.ask("PUT", f"{good}/name", **rename)).status_code == 200
    listed = (await house.ask("GET", "/v1/parcels")).json()["items"]
    assert sorted(item["name"] for item in listed) == ["salt", "tea"]
    assert (await house.post()).status_code == 201
    assert str(bad_id) in str(_stopped(house.units._store))


async def test_what_would_be_recorded_may_be_too_large(house):
    # No body of a request is as large as that here, but what a use case makes of it may be.
    post = house.caller.use_cases.post
    house.caller.use_cases.post = lambda self, act, *, parcel_id, name: post(
        self, act, parcel_id=parcel_id, name=name * EVENT_BYTES_MAX
    )
    try:
        answer = await house.post("t")
    finally:
        house.caller.use_cases.post = post
    assert answer.status_code == 413
    assert answer.json()["type"].endswith("/problems/too-large")
    assert answer.json()["limit_bytes"] == EVENT_BYTES_MAX
    assert house.units.head() == 0
