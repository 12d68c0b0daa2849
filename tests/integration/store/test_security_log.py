"""The replicas of a service keep one security log, which none of them can change."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from fourgates.chassis.http.shared_security_log import PostgresSecurityLog
from fourgates.chassis.store.postgres import create_tables
from psycopg.conninfo import conninfo_to_dict

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def record(log: PostgresSecurityLog, detail: str) -> None:
    log.record(kind="refused", at=NOON, principal="p", path="POST /x", rule="r", detail=detail)


@pytest.fixture
def replicas(place):
    create_tables(place.owner_url, place.schema, conninfo_to_dict(place.service_url)["user"])
    made = [PostgresSecurityLog(place.service_url, schema=place.schema) for _ in range(2)]
    yield made
    for log in made:
        log.close()


def test_every_replica_reads_what_all_recorded(replicas):
    one, two = replicas
    record(one, "first \0 \ud800")
    record(two, "second")
    expected = [(1, "first \N{REPLACEMENT CHARACTER} ?"), (2, "second")]
    assert [(row["place"], row["detail"]) for row in one.find(0, 10)] == expected
    assert two.find(0, 10) == one.find(0, 10)
    assert [row["detail"] for row in two.find(1, 10)] == ["second"]
    assert [row["place"] for row in two.find(0, 1)] == [1]


def test_a_reader_who_goes_on_from_a_place_misses_nothing(replicas):
    writers = [
        threading.Thread(target=lambda log=log: [record(log, "x") for _ in range(50)]) for log in (*replicas, *replicas)
    ]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while any(writer.is_alive() for writer in writers) or len(seen) < 200:
        seen += [row["place"] for row in replicas[0].find(seen[-1] if seen else 0, 1000)]
    for writer in writers:
        writer.join()
    assert seen == sorted(set(seen))
    assert len(seen) == 200


@pytest.mark.parametrize("statement", ["UPDATE {} SET kind = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_neither_a_service_nor_the_owner_changes_what_was_refused(place, replicas, statement):
    record(replicas[0], "kept")
    for url in (place.service_url, place.owner_url):
        with psycopg.connect(url) as conn, pytest.raises(psycopg.Error, match=r"append-only|permission denied"):
            conn.execute(statement.format(f"{place.schema}.refusals"))
