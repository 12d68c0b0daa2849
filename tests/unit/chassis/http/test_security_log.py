"""The security log keeps what was refused, for auditors, and cannot be edited or flooded."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from fourgates.chassis.http import SQLiteSecurityLog

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def record(log: SQLiteSecurityLog, at: datetime = NOON, detail: str = "why") -> None:
    log.record(kind="refused", at=at, principal="p", path="POST /x", rule="r", detail=detail)


async def test_auditors_read_it_in_pages(house):
    for _ in range(3):
        record(house.log)
    first = (await house.ask("GET", "/v1/security-log")).json()
    assert [item["place"] for item in first["items"]] == [1, 2]
    second = (await house.ask("GET", f"/v1/security-log?page_token={first['next_page_token']}")).json()
    assert [item["place"] for item in second["items"]] == [3]
    assert second["next_page_token"] is None
    other = await house.ask("GET", "/v1/security-log", token=house.token(scopes="parcel:read"))
    assert other.status_code == 403


def test_it_survives_and_is_append_only(tmp_path):
    path = tmp_path / "folder" / "security.sqlite"
    log = SQLiteSecurityLog(path)
    record(log, detail="lone \ud800 surrogate" + "x" * 2000)
    log.close()
    again = SQLiteSecurityLog(path)
    assert len(again.find(0, 10)) == 1
    assert again.find(0, 10)[0]["detail"].startswith("lone ? surrogate")
    again.close()
    connection = sqlite3.connect(path)
    for statement in ("UPDATE refusals SET kind = 'x'", "DELETE FROM refusals"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_a_flood_is_counted_not_kept():
    log = SQLiteSecurityLog(per_minute_max=3)
    for _ in range(10):
        record(log)
    assert len(log.find(0, 100)) == 3
    record(log, NOON + timedelta(minutes=2))
    kinds = [(row["kind"], row["detail"]) for row in log.find(3, 100)]
    assert kinds == [("left-out", "7 more refusals were not recorded"), ("refused", "why")]
    log.close()
