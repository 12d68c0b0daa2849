"""One Kafka for the tests of the example subscriber, two services that publish real events, and the subscriber."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from dml_service.domain import Service, ServiceLevelTarget
from dml_service.publishing import PUBLISHED as SAID_BY_DML
from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.bus.envelope import SHARDS, source_of, topic_of
from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.relay import Relay
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.kafka import given_kafka, running_kafka
from fourgates.chassis.testing.lacking import named_when_lacking
from fourgates.chassis.testing.messages import eventually
from release_service.domain import Release, ReleaseKind, ServiceFacts
from release_service.publishing import PUBLISHED as SAID_BY_RELEASE

SUBSCRIBER = Path(__file__).parents[3] / "examples/subscriber/subscriber.py"
ENDS_WITHIN_S = 20
BUSY_S = 30
MANAGER = an_act("mara", roles=("release_manager",))
DESIGNER = an_act("carl", roles=("change_manager",))
LIVE = ServiceFacts("billing", "otto", "silver", "live")


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory):
    given = given_kafka()
    if given:
        yield given
        return
    with named_when_lacking(), running_kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server.bootstrap


class Publishing:
    """A log and its relay, for a service of our own name, so that tests can share a broker."""

    def __init__(self, name, bus, said):
        self.name = f"{name}{uuid4().hex}"
        self.topic, self.source = topic_of(self.name), source_of(self.name)
        self.store = EventStore(open_sqlite_recorder(None), EventMapper())
        self.bus = bus
        self.relay = Relay(self.name, self.store, bus, said)
        self.aggregates = ()

    def go_on(self):
        """Publish one more event of each aggregate."""
        self.happen()
        while self.relay.step():
            pass

    def happen(self):
        """Store one more event of each aggregate."""
        for aggregate in self.aggregates:
            self.happen_to(aggregate)
            self.store.append(aggregate.collect_events())

    def messages(self):
        """Everything that was published, from the log and not from the bus."""
        return [message for shard in range(SHARDS) for message in self.relay.missing(shard, 0, 10**9)]

    def send(self, messages):
        """Put these on the bus, past the relay."""
        publisher = self.bus.publisher()
        publisher.publish(messages)
        publisher.close()

    def close(self):
        self.relay.close()
        self.store.close()


class Releases(Publishing):
    """Releases that are put on hold and taken off it."""

    def __init__(self, bus, count):
        super().__init__("release", bus, SAID_BY_RELEASE)
        self.aggregates = [self._open(UUID(int=n + 1)) for n in range(count)]

    def happen_to(self, release):
        (release.take_off_hold if release.on_hold else release.put_on_hold)(MANAGER)

    def _open(self, release_id):
        facts = {"service_id": derived_id(release_id, "service"), "service": LIVE, "version": "1.0.0", "changes": ()}
        return Release.open(MANAGER, release_id=release_id, kind=ReleaseKind.NEW, **facts)


class Services(Publishing):
    """Services whose targets are set again and again."""

    def __init__(self, bus, count):
        super().__init__("dml", bus, SAID_BY_DML)
        self.aggregates = [self._register(UUID(int=n + 1)) for n in range(count)]

    def happen_to(self, service):
        service.set_targets(DESIGNER, targets=(_target(service.targets_revision),))

    def _register(self, service_id):
        facts = {"name": f"s{service_id.int}", "owner_id": "otto", "tier": "gold", "value_case": "it is sold"}
        return Service.register(DESIGNER, service_id=service_id, **facts)


def _target(number):
    return ServiceLevelTarget(UUID(int=7), "up", "availability", "at_least", 90.0 + number / 100, "percent", "/healthz")


@pytest.fixture
def bus(bootstrap):
    return KafkaBus(bootstrap)


@pytest.fixture
def releases(bus):
    made = Releases(bus, 40)
    yield made
    made.close()


@pytest.fixture
def services(bus):
    made = Services(bus, 20)
    yield made
    made.close()


class Subscribers:
    """Processes of the subscriber that share a file and a consumer group."""

    # Small batches, so that it can be killed between many; and a dead one is soon known to be dead.
    OPTIONS = (("max_poll_records", 20), ("fetch_max_wait_ms", 100), ("session_timeout_ms", 1500))

    def __init__(self, folder, bootstrap, *topics):
        self.file = folder / "history.sqlite"
        self._folder = folder
        self.group = f"test.{uuid4().hex}"
        self.bootstrap = bootstrap
        self._topics = f"^({'|'.join(topics)})$"
        self.running = {}
        self.program = SUBSCRIBER

    def start(self, name="one", *options, **environment):
        where = ("--bootstrap", self.bootstrap, "--file", str(self.file), "--group", self.group)
        client = {**dict(self.OPTIONS), "heartbeat_interval_ms": 400}
        with self.said_in(name).open("ab") as said:
            self.running[name] = subprocess.Popen(
                [sys.executable, str(self.program), *where, "--topics", self._topics, *options],
                env={**os.environ, "KAFKA_OPTIONS": json.dumps(client), **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def kill(self, name="one"):
        process = self.running.pop(name)
        process.kill()
        process.wait(ENDS_WITHIN_S)

    def end(self, name="one"):
        """Ask it to end, and return how it did."""
        self.running[name].send_signal(signal.SIGTERM)
        return self.ended(name)

    def ended(self, name="one"):
        code = self.running[name].wait(ENDS_WITHIN_S)
        del self.running[name]
        return code

    def said_in(self, name):
        return self._folder / f"{name}.log"

    def said(self, name="one"):
        return self.said_in(name).read_text()

    def rows(self, statement):
        """What stands in the file, with its columns as told."""
        if not self.file.exists():
            return []
        db = sqlite3.connect(self.file, timeout=BUSY_S)
        try:
            return db.execute(statement).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def count(self):
        return dict(self.rows("SELECT 1, count(*) FROM history")).get(1, 0)

    def histories(self):
        """The ids of what is kept, in order, of each subject."""
        found = defaultdict(list)
        for subject, source, message_id in self.rows("SELECT subject, source, id FROM history ORDER BY place"):
            found[source, subject].append(message_id)
        return found

    def close(self):
        for name in list(self.running):
            self.kill(name)


@pytest.fixture
def subscribers(tmp_path, bootstrap, releases, services):
    made = Subscribers(tmp_path, bootstrap, releases.topic, services.topic)
    yield made
    made.close()


def published(*publishing):
    """The ids of what was published, in order, of each subject."""
    found = defaultdict(list)
    for one in publishing:
        for message in one.messages():
            found[one.source, message.headers["ce_subject"]].append(message.headers["ce_id"])
    return found


@pytest.fixture
def kit():
    return sys.modules[__name__]


__all__ = ["eventually", "published"]
