"""Many threads may read events for the first time at once."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: what this guards against ends the process. Every round has event types that nobody has read
# yet and that share a part.
FIRST_READS = """
import sys
import threading
from dataclasses import make_dataclass
from fourgates.chassis.store.mapper import _decode

sys.setswitchinterval(1e-6)
for number in range(30):
    inner = [make_dataclass(f"Inner{number}_{n}", [("x", int)]) for n in range(20)]
    part = make_dataclass(f"Part{number}", [(f"f{n}", cls) for n, cls in enumerate(inner)])
    whole = [make_dataclass(f"Whole{number}_{n}", [("part", part)]) for n in range(4)]
    state = b'{"part": {' + b", ".join(b'"f%d": {"x": %d}' % (n, n) for n in range(20)) + b"}}"
    start = threading.Barrier(4)

    def read(cls):
        start.wait(10)
        assert _decode(cls, state)["part"].f19.x == 19

    threads = [threading.Thread(target=read, args=(cls,)) for cls in whole]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
print("read")
"""


def test_threads_may_read_an_event_for_the_first_time_at_once():
    done = subprocess.run([sys.executable, "-c", FIRST_READS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr[-2000:]
