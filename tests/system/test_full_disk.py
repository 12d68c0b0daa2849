"""The embedded set on a disk that fills up, its own log included: clean 503s, and on as before when there is room."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from fourgates.chassis.http_client import HttpClient, HttpFailed
from fourgates.chassis.testing.messages import eventually as eventually_within
from fourgates.chassis.testing.ports import HOST, HeldPort
from fourgates_cli.login import log_in
from fourgates_cli.people import ensure_people

WRITES = 20
# No file grows over this; every one that a service writes is larger.
LIMIT = 4096
BODY = {
    "title": "Show the last scan of a parcel",
    "description": "Callers ask where their parcel was seen last.",
    "change_type": "normal",
    "risk": "low",
    "service_ids": [],
    "alters_service": False,
    "retrospective": False,
    "reason": "a third of all calls ask for it",
}
eventually = partial(eventually_within, wait_s=90)


class Set:
    def __init__(self, url, token, pid):
        self.url, self._token, self._pid = url, token, pid
        self._client = HttpClient(timeout_s=30)

    def ask(self, method, path, key=None, json=None, token=None):
        headers = {"idempotency-key": f'"{key}"'} if key else {}
        return self._client.request(method, f"{self.url}{path}", headers=headers, token=token or self._token, json=json)

    def close(self):
        self._client.close()

    def raise_change(self, number):
        return self.ask("POST", "/change/v1/changes", f"raise-{number}", BODY)

    def submit(self, change_id):
        return self.ask("POST", f"/change/v1/changes/{change_id}/submission", f"submit-{change_id}", {"reason": "go"})

    def limit_files(self, size):
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def ids(self):
        return [item["id"] for item in self.ask("GET", "/change/v1/changes?page_size=1000").json()["items"]]

    def is_ready(self):
        return self.ask("GET", "/change/readyz").status_code == 200


@contextmanager
def embedded(folder: Path):
    secrets = ensure_people(folder)
    command = [str(Path(sys.executable).parent / "fourgates"), "up", "--data", str(folder), "--port"]
    with (
        closing(HeldPort()) as port,
        (folder / "log").open("wb") as log,
        subprocess.Popen([*command, str(port.number)], stdout=log, stderr=log) as process,
    ):
        try:
            url = f"http://{HOST}:{port.number}"
            assert eventually(lambda: answers(url)), (folder / "log").read_text()[-2000:]
            running = Set(url, log_in(url, "rita", secrets.of("rita")), process.pid)
            yield running
            running.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, (folder / "log").read_text()[-2000:]
        finally:
            process.kill()


def answers(url):
    try:
        with HttpClient(timeout_s=5) as client:
            return client.request("GET", f"{url}/operations/readyz").status_code == 200
    except HttpFailed:
        return False


@pytest.mark.timeout(400)
def test_a_full_disk_is_503_and_everything_goes_on_without_a_restart_when_there_is_room(tmp_path):
    with embedded(tmp_path) as running:
        before = [running.raise_change(number) for number in range(WRITES)]
        assert {answer.status_code for answer in before} == {201}
        running.limit_files(LIMIT)
        refused = [running.raise_change(number) for number in range(WRITES, 2 * WRITES)]
        assert {answer.status_code for answer in refused} == {503}, [answer.text for answer in refused][:3]
        assert all("retry-after" in answer.headers for answer in refused)
        # What is stored can still be read. Rows that are behind cannot follow now, and nobody is shown old ones; nor is
        # anybody refused without a record.
        assert running.ask("GET", f"/change/v1/changes/{before[0].json()['id']}").status_code == 200
        assert running.ask("GET", "/change/v1/changes").status_code == 503
        assert running.ask("GET", "/change/v1/changes", token="strange").status_code == 503
        running.limit_files(resource.RLIM_INFINITY)
        assert running.ask("GET", "/change/v1/changes", token="strange").status_code == 401
        after = [running.raise_change(number) for number in range(2 * WRITES)]
        assert {answer.status_code for answer in after} == {201}, [answer.text for answer in after][:3]
        assert [answer.json()["id"] for answer in after[:WRITES]] == [answer.json()["id"] for answer in before]
        assert sorted(running.ids()) == sorted(answer.json()["id"] for answer in after)
        # What follows the log goes on as well: another service hears of what is submitted now.
        change_id = after[0].json()["id"]
        assert running.submit(change_id).status_code == 200
        assert eventually(lambda: knows(tmp_path, change_id))
        assert eventually(running.is_ready)


def knows(folder: Path, change_id: str) -> bool:
    """Tell whether release-service has noted a change."""
    with sqlite3.connect(f"file:{folder / 'release' / 'events.sqlite'}?mode=ro", uri=True) as conn:
        statement = (
            "SELECT count(*) FROM stored_events WHERE topic = 'release.KnownChangeNoted' AND CAST(state AS TEXT) LIKE ?"
        )
        return conn.execute(statement, (f"%{change_id}%",)).fetchone()[0] == 1
