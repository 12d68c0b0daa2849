"""A service as a process: it answers at once, waits for its servers, outlives their outages, and ends in order."""

from __future__ import annotations

import json
import signal
import socket
import time
from functools import partial
from itertools import cycle

import pytest
from fourgates.chassis.testing.messages import eventually as eventually_within
from kafka import KafkaConsumer

SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
# A connection that is being tried is waited for; the setting allows as much for requests.
ENDS_SOON_S = 20
# Six processes start at once on a machine that may be busy.
eventually = partial(eventually_within, wait_s=60)
TOPIC = "fourgates.dml.events.v1"


@pytest.mark.timeout(300)
def test_a_service_waits_for_its_servers_and_outlives_their_outages(servers, installation, urls, run):
    owner_url, url = urls
    issuer = installation.issuer()
    servers.postgres.stop()
    servers.kafka.stop()
    told = {"bootstrap": servers.kafka.bootstrap, "database_url": url}
    dml = installation.service("dml", **told)
    preparing = run(
        "fourgates.chassis.process.prepare",
        "dml",
        DATABASE_OWNER_URL=owner_url,
        DATABASE_URL=url,
        KAFKA_BOOTSTRAP=servers.kafka.bootstrap,
    )
    starts_when_they_come(dml, servers, preparing)
    written = Written(dml, installation.token(issuer, "oskar"))
    written.add(3)
    is_away_with_postgresql(dml, servers, written)
    stays_without_kafka(dml, servers, written)
    goes_on_after_a_kill(dml, written)
    rebuilds_its_read_models_when_told_to(dml, written)
    began = time.monotonic()
    assert dml.end() == 0, dml.said()[-3000:]
    assert time.monotonic() - began < ENDS_SOON_S
    assert published(servers.kafka.bootstrap, len(written.ids)) == written.ids


def starts_when_they_come(dml, servers, preparing):
    assert eventually(dml.lives)
    assert eventually(lambda: "[-]store: waits: " in dml.ready()[1])
    status, told = dml.ready()
    assert status == 503
    assert "[-]bus: waits: " in told
    answer = dml.ask("/v1/services")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "The service has not started: /readyz?verbose says what it waits for."
    servers.postgres.start()
    # Its log is there, so it answers; what it publishes waits.
    assert eventually(lambda: dml.ask("/v1/services").status_code == 401), dml.said()[-3000:]
    status, told = dml.ready()
    assert status == 503
    assert told.splitlines()[0] == "[+]store ok"
    assert "[-]bus: waits: " in told
    servers.kafka.start()
    assert preparing.ended() == 0, preparing.said()
    dml.wait_until_ready()


def is_away_with_postgresql(dml, servers, written):
    servers.postgres.stop()
    assert eventually(lambda: dml.ready()[0] == 503)
    assert "[-]store: " in dml.ready()[1]
    assert dml.lives()
    refused = written.try_one()
    assert refused.status_code == 503
    servers.postgres.start()
    dml.wait_until_ready()
    written.add(1)


def stays_without_kafka(dml, servers, written):
    servers.kafka.kill()
    written.add(2)
    assert eventually(lambda: "dml-relay: BusUnavailable" in dml.ready()[1])
    status, told = dml.ready()
    assert (status, told.splitlines()[-1]) == (200, "ok")
    assert any(line.startswith("[!]workers: ") for line in told.splitlines())
    written.add(1)
    servers.kafka.start()
    assert eventually(lambda: "BusUnavailable" not in dml.ready()[1]), dml.ready()


def goes_on_after_a_kill(dml, written):
    written.add(1)
    dml.kill()
    dml.start()
    dml.wait_until_ready()
    for service_id in written.ids:
        assert dml.ask(f"/v1/services/{service_id}", headers=written.who).status_code == 200
    written.add(1)


def rebuilds_its_read_models_when_told_to(dml, written):
    dml.signal(signal.SIGHUP)
    assert eventually(lambda: "read models were rebuilt" in dml.said())
    listed = dml.ask("/v1/services", headers=written.who).json()["items"]
    assert sorted(service["id"] for service in listed) == sorted(written.ids)


class Written:
    """The services that were registered, in order."""

    def __init__(self, dml, who):
        self.dml, self.who = dml, who
        self.ids: list[str] = []
        self._tried = 0

    def try_one(self):
        self._tried += 1
        body = {"name": f"service {self._tried}", "tier": "gold", "value_case": "it is sold", "reason": "it is new"}
        return self.dml.ask("/v1/services", method="POST", json=body, headers=self.who)

    def add(self, count):
        for _ in range(count):
            answer = self.try_one()
            assert answer.status_code == 201, answer.text
            self.ids.append(answer.json()["id"])


def published(bootstrap, count):
    """The services of which Kafka tells that they were registered, in order, each once."""
    consumer = KafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest", metrics_enabled=False)
    found: dict[str, tuple[int, str]] = {}

    def is_complete():
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                headers = {name: value.decode() for name, value in record.headers}
                if headers["ce_type"].endswith(".service_registered.v1"):
                    found[headers["ce_id"]] = (int(headers["ce_pos"]), json.loads(record.value)["service_id"])
        return len(found) >= count

    eventually(is_complete)
    consumer.close(autocommit=False)
    return [service_id for _, service_id in sorted(found.values())]


def test_every_service_answers_while_it_waits_and_ends_when_asked(installation):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # One refuses to speak, one takes the call and says nothing.
        places = (f"127.0.0.1:{port}" for port in cycle((1, silent.getsockname()[1])))
        running = [
            installation.service(name, bootstrap=place, database_url=f"postgresql://u:hunter2@{place}/d")
            for name, place in zip(SERVICES, places, strict=False)
        ]
        for one in running:
            assert eventually(lambda one=one: "[-]store: waits: " in one.ready()[1]), one.said()
            status, said = one.ready()
            assert status == 503
            assert "[-]bus: waits: " in said
            assert one.lives()
        began = time.monotonic()
        for one in running:
            one.signal(signal.SIGTERM)
        assert [one.ended() for one in running] == [0] * len(running)
        assert time.monotonic() - began < ENDS_SOON_S
        assert not [one for one in running if "hunter2" in one.said()]


def test_the_issuer_ends_when_asked_and_keeps_its_key(installation):
    issuer = installation.issuer()
    keys = issuer.ask("/jwks").json()
    assert keys["keys"]
    issuer.kill()
    issuer.start()
    assert eventually(issuer.is_ready)
    assert issuer.ask("/jwks").json() == keys
    assert issuer.end(signal.SIGINT) == 0


def test_an_address_that_is_taken_is_named(installation):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        other = installation.service("review", bootstrap="h:1", database_url="postgresql://u@h/d", PORT=port)
        assert other.ended() == 1
    assert f"cannot listen on 127.0.0.1 port {port}, which FOURGATES_HOST and FOURGATES_PORT name" in other.said()


@pytest.mark.parametrize("module", ["fourgates.chassis.process", "fourgates.chassis.identity.process"])
def test_wrong_settings_end_the_real_command(run, module):
    names = ["release"] if module == "fourgates.chassis.process" else []
    one = run(module, *names, DATABASE_URL="mysql://u:hunter2@h/d", PORT="hunter2")
    assert one.ended() == 2
    told = one.said().splitlines()
    assert len(told) >= 3
    assert all(line.startswith("FOURGATES_") and "Expected: " in line and "Example: " in line for line in told)
    assert "hunter2" not in one.said()
