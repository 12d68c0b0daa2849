"""The stream over real HTTP: cut anywhere it goes on without loss or doubling, and it keeps no process from ending."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from fourgates.chassis.process.serving import listen
from fourgates_cli.client import Caller
from fourgates_cli.embedded import Embedded
from fourgates_cli.login import log_in
from fourgates_cli.people import ensure_people, people_file

CHANGES = 40
SEED = 20261123
TIMEOUT = httpx.Timeout(10)
# A stream that is open must not make an end longer than this; without care it takes 20 s.
ENDS_WITHIN_S = 10.0
pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    data = tmp_path_factory.mktemp("world") / "data"
    secrets = ensure_people(data)
    with Embedded(data) as running, login(running.url, secrets, "rita") as rita:
        yield running.url, rita


def login(url, secrets, name):
    return Caller(url, token=log_in(url, name, secrets.of(name)))


def draft(number):
    said = {"title": f"Change {number}", "description": "x", "change_type": "normal", "risk": "low"}
    return {**said, "service_ids": [], "alters_service": False, "reason": "to be heard"}


def raise_changes(rita, count):
    for number in range(count):
        change = rita.post("/change/v1/changes", draft(number))
        rita.post(f"/change/v1/changes/{change['id']}/submission", {"reason": "ready"})


@contextmanager
def opened(url, token, *, path="/operations/v1/stream", **options):
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    with (
        httpx.Client(timeout=TIMEOUT) as client,
        client.stream("GET", url + path, headers=headers, **options) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        yield answer


class Reader:
    """Reads like a browser: whole events only, and resumes behind the last one that it saw whole."""

    def __init__(self, url, token, **options):
        self.url, self.token, self.options = url, token, options
        self.last, self.events, self.cuts = "0", [], 0

    def read(self, cut_after, enough):
        """Read until so many bytes came, or enough events."""
        raw = b""
        with opened(self.url, self.token, headers={"Last-Event-ID": self.last}, **self.options) as answer:
            for piece in answer.iter_raw():
                raw += piece[: max(cut_after - len(raw), 0)]
                *whole, _ = raw.split(b"\n\n")
                if len(raw) >= cut_after or len(self.events) + sum(b"data: " in one for one in whole) >= enough:
                    break
        for one in whole:
            fields = dict(re.findall(rb"^(\w+): (.*)$", one, re.MULTILINE))
            self.last = fields.get(b"id", self.last.encode()).decode()
            if b"data" in fields:
                self.events.append(json.loads(fields[b"data"]))
        self.cuts += 1


def test_a_reader_who_is_cut_off_at_random_places_hears_everything_once_and_in_order(world, record_property):
    url, rita = world
    chance = random.Random(SEED)
    events = "/operations/v1/events"
    before = len(rita.get(f"{events}?limit=1000")["items"])
    speaking = threading.Thread(target=raise_changes, args=(rita, CHANGES))
    reader = Reader(url, rita.token)
    speaking.start()
    try:
        while len(reader.events) < before + CHANGES:
            reader.read(chance.randint(1, 4000), before + CHANGES)
    finally:
        speaking.join()
    pages = rita.get(f"{events}?limit=1000")["items"]
    assert (
        [int(e["sequence"]) for e in reader.events] == [f["sequence"] for f in pages] == list(range(1, len(pages) + 1))
    )
    assert [(e["id"], e["type"], e["data"]) for e in reader.events] == [
        (f["message_id"], f["type"], f["facts"]) for f in pages
    ]
    record_property("told", f"stream: {len(reader.events)} events over {reader.cuts} connections, seed {SEED}")


def test_a_stream_without_a_place_begins_now_and_a_fact_arrives_at_once(world):
    url, rita = world
    with opened(url, rita.token, params={"types": "dev.fourgates.change.requested.v1"}) as answer:
        lines = answer.iter_lines()
        place = next(line for line in lines if line.startswith("id: "))
        raise_changes(rita, 1)
        asked_at = time.monotonic()
        told = json.loads(next(line for line in lines if line.startswith("data: ")).removeprefix("data: "))
    assert time.monotonic() - asked_at < 5
    assert int(told["sequence"]) > int(place.removeprefix("id: "))
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_head_of_the_stream_is_answered_and_ends(world):
    url, rita = world
    answer = httpx.head(f"{url}/operations/v1/stream", headers={"Authorization": f"Bearer {rita.token}"}, timeout=5)
    assert (answer.status_code, answer.content) == (200, b"")


class Reading:
    """Reads in a thread until there is no more; begun once the first piece has come."""

    def __init__(self, url, token, *, path):
        self._asked, self._how = (url, token, path), "never began"
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self._began.wait(10), self._how

    def _read(self):
        url, token, path = self._asked
        try:
            with opened(url, token, path=path) as answer:
                for _ in answer.iter_raw():
                    self._began.set()
            self._how = "ended"
        except httpx.HTTPError as error:
            self._how = repr(error)

    def ended(self):
        self._thread.join(15)
        return self._how


def test_an_open_stream_does_not_keep_the_embedded_set_from_ending(tmp_path):
    secrets = ensure_people(tmp_path)
    with Embedded(tmp_path) as running:
        reading = Reading(running.url, log_in(running.url, "ada", secrets.of("ada")), path="/operations/v1/stream")
        asked_at = time.monotonic()
    assert time.monotonic() - asked_at < ENDS_WITHIN_S
    assert reading.ended() == "ended"


@contextmanager
def process(module, *arguments, **environment):
    """One of our processes, which is ended at the end if it still runs."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("FOURGATES_")}
    running = subprocess.Popen([sys.executable, "-m", module, *arguments], env={**told, **environment})
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.wait(10)


def ready(url, path):
    until = time.monotonic() + 40
    while not answers(url + path):
        assert time.monotonic() < until, url
        time.sleep(0.05)


def answers(url):
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def a_port():
    with listen("127.0.0.1", 0) as free:
        return free.getsockname()[1]


@pytest.fixture
def alone(tmp_path):
    """The issuer, whose tokens last for three seconds, and operations-service, as processes of their own."""
    secrets = ensure_people(tmp_path)
    issuer, operations = (f"http://127.0.0.1:{a_port()}" for _ in range(2))
    for_issuer = {
        "FOURGATES_ISSUER_URL": issuer,
        "FOURGATES_ISSUER_PEOPLE_FILE": str(people_file(tmp_path)),
        "FOURGATES_ISSUER_KEY_FILE": str(tmp_path / "key.json"),
        "FOURGATES_ISSUER_TOKEN_LIFETIME_S": "3",
        "FOURGATES_ISSUER_PORT": issuer.rpartition(":")[2],
    }
    for_service = {
        "FOURGATES_STORE": "sqlite",
        "FOURGATES_BUS": "in_process",
        "FOURGATES_DATA_FOLDER": str(tmp_path / "data"),
        "FOURGATES_ISSUER_URL": issuer,
        "FOURGATES_PUBLIC_URL": operations,
        "FOURGATES_PORT": operations.rpartition(":")[2],
        "FOURGATES_OPERATIONS_STREAM_PING_S": "0.2",
        "FOURGATES_TOKEN_LEEWAY_S": "0",
    }
    with (
        process("fourgates.chassis.identity.process", **for_issuer),
        process("fourgates.chassis.process", "operations", **for_service) as running,
    ):
        ready(issuer, "/livez")
        ready(operations, "/readyz")

        def token():
            form = {"grant_type": "password", "username": "ada", "password": secrets.of("ada")}
            return httpx.post(f"{issuer}/token", data=form).json()["access_token"]

        yield operations, token, running


def test_a_stream_ends_with_its_token_and_with_its_process(alone):
    url, token, running = alone
    assert Reading(url, token(), path="/v1/stream").ended() == "ended"
    reading = Reading(url, token(), path="/v1/stream")
    asked_at = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0
    assert time.monotonic() - asked_at < ENDS_WITHIN_S
    assert reading.ended() == "ended"


def test_a_question_to_another_service_waits_for_what_a_command_reached(world):
    url, rita = world
    headers = {"Authorization": f"Bearer {rita.token}"}
    with httpx.Client(base_url=url, timeout=TIMEOUT, headers=headers) as client:
        for number in range(CHANGES, CHANGES + 10):
            change = client.post("/change/v1/changes", json=draft(number)).json()["id"]
            done = client.post(f"/change/v1/changes/{change}/submission", json={"reason": "ready"})
            wanted = {"Fourgates-Min-Position": done.headers["Fourgates-Position"]}
            place, subjects = 0, []
            while page := client.get(f"/operations/v1/events?after={place}", headers=wanted).json()["items"]:
                place, subjects = int(page[-1]["sequence"]), [*subjects, *(item["subject"] for item in page)]
            assert subjects.count(f"change/{change}") == 1
