"""A replica that the machine pauses for longer than its group waits: another takes over, and nothing is repeated."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing.messages import TwoServices
from fourgates.chassis.testing.messages import eventually as eventually_within
from fourgates.chassis.testing.postgres import a_place

A_REPLICA = Path(__file__).parent / "a_replica.py"
BALLS = 12
HEIGHTS = list(range(10, 0, -1))
eventually = partial(eventually_within, wait_s=90)


@pytest.fixture
def two(servers):
    with a_place(servers.postgres.url) as place:
        recorder = open_postgres_recorder(place.service_url, schema=place.schema, owner_url=place.owner_url)
        with closing(EventStore(recorder, EventMapper())) as heard:
            said = EventStore(open_sqlite_recorder(None), EventMapper())
            services = TwoServices(KafkaBus(servers.kafka.bootstrap), stores=(said, heard))
            yield services, place
            services.stop()


@pytest.mark.timeout(400)
def test_a_replica_that_is_paused_while_another_takes_over_repeats_nothing(two, servers):
    services, place = two

    def bounce_all(prefix):
        for number in range(BALLS):
            services.bounce(f"{prefix}{number}", *HEIGHTS)

    def all_took_effect(*prefixes):
        return lambda: len(services.mirrored()) >= len(prefixes) * BALLS * len(HEIGHTS)

    arguments = [servers.kafka.bootstrap, services.name, place.service_url, place.schema]
    services.run(services.relay)
    with subprocess.Popen([sys.executable, str(A_REPLICA), *arguments]) as paused:
        try:
            bounce_all("a")
            assert eventually(lambda: len(services.mirrored()) > 0)
            paused.send_signal(signal.SIGSTOP)
            services.run(services.a_replica())
            bounce_all("b")
            assert eventually(all_took_effect("a", "b")), len(services.mirrored())
            # It goes on in the middle of what the other one has handled meanwhile.
            paused.send_signal(signal.SIGCONT)
            bounce_all("c")
            assert eventually(all_took_effect("a", "b", "c")), len(services.mirrored())
            assert paused.poll() is None
        finally:
            paused.kill()
    services.stop()
    heard = {
        f"{prefix}{number}": services.mirrored_of(f"{prefix}{number}") for prefix in "abc" for number in range(BALLS)
    }
    assert heard == dict.fromkeys(heard, HEIGHTS)
    assert len(services.mirrored()) == 3 * BALLS * len(HEIGHTS)
    assert services.parked() == []
