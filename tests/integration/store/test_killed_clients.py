"""The process that appends is killed with -9 at random points: what it was told is there, wholly and once."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import closing

import pytest
from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder

ROUNDS = 3
EVENTS = 3
# Some threads append aggregates of three events each, and say so when they were told that these are stored.
CHILD = """
import os, pathlib, sys, threading
from uuid import uuid4
from eventsourcing.persistence import StoredEvent
from fourgates.chassis.store import open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder

where, schema = sys.argv[1:]
recorder = open_postgres_recorder(where, schema=schema) if schema else open_sqlite_recorder(pathlib.Path(where))
recorder.max_notification_id()

def write():
    while True:
        made = uuid4()
        events = [StoredEvent(made, version, "toy.BallThrown", b"state") for version in (1, 2, 3)]
        recorder.append(events, positions={f"of {made}": 1}, reply=None, parked=None)
        os.write(1, f"{made}\\n".encode())

for _ in range(8):
    threading.Thread(target=write).start()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request, tmp_path):
    """The arguments of the child, and how to look at what it has stored."""
    if request.param == "sqlite":
        path = tmp_path / "events.sqlite"
        yield (str(path), ""), lambda: open_sqlite_recorder(path)
        return
    place = request.getfixturevalue("place")
    with closing(open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url)) as first:
        first.max_notification_id()
    yield (
        (place.service_url, place.schema),
        lambda: open_postgres_recorder(place.service_url, schema=place.schema),
    )


def killed_after(arguments, count):
    """Let a child append until it was told so often, kill it, and return everything that it was told."""
    command = [sys.executable, "-c", CHILD, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        told = [child.stdout.readline() for _ in range(count)]
        child.kill()
        told += child.stdout.readlines()
    # The last line may be cut short.
    return [line.strip() for line in told if line.endswith("\n")]


def test_what_was_acknowledged_is_there_wholly_and_once_though_the_writer_was_killed(opened):
    arguments, look = opened
    chance = random.Random(4)
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        acknowledged += killed_after(arguments, chance.randint(1, 60))
    with closing(look()) as recorder:
        found = recorder.select_notifications(None, 1_000_000)
        stored: dict[str, list[int]] = {}
        for one in found:
            stored.setdefault(str(one.originator_id), []).append(one.originator_version)
        saved = {made for made in stored if recorder.max_tracking_id(f"of {made}") == 1}
    assert set(acknowledged) <= stored.keys()
    assert set(map(tuple, stored.values())) == {tuple(range(1, EVENTS + 1))}
    assert saved == stored.keys()
    assert len({one.id for one in found}) == len(found) == EVENTS * len(stored)
