"""The command starts quickly: what only some commands need is loaded by those."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("fastapi", "kafka", "eventsourcing", "psycopg", "fourgates_cli.walkthrough", "fourgates_cli.workbench")


def test_who_only_logs_in_does_not_load_the_services_and_what_they_stand_on():
    loaded = f"import sys, fourgates_cli.main; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
