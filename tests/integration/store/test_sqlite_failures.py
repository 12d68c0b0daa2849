"""SQLite finds no room on the disk."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: the limit on the size of files holds for all of it.
FULL_DISK = """
import pathlib, resource, signal, sys
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.store import STORE_AWAY, open_sqlite_recorder
from eventsourcing.persistence import StoredEvent

IDS = CountedIds(1)
recorder = open_sqlite_recorder(pathlib.Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def put():
    return recorder.submit([StoredEvent(IDS.new(), 1, "x", b"x" * 2000)], positions={}, reply=None, parked=None)

for _ in range(20):
    put().result(30)
free = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, free[1]))
refused = [put() for _ in range(200)]
assert all(isinstance(answer.exception(30), STORE_AWAY) for answer in refused)
assert recorder.max_notification_id() == 20
resource.setrlimit(resource.RLIMIT_FSIZE, free)
assert put().result(30) == [21]
recorder.close()
print("stored")
"""


def test_a_full_disk_is_told_to_everyone_and_appends_go_on_when_there_is_room_again(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "events.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "stored\n"), done.stderr[-2000:]
