"""Start Fourgates on real parts, walk through it by the command that anybody uses, and stay up: `make real`.

PostgreSQL, Kafka, the issuer, six services as processes, each from an environment of its own, and a proxy before them.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from fourgates.chassis.logs import configure_logs
from fourgates.chassis.testing.lacking import Lacking
from fourgates_cli import places
from fourgates_cli.people import secrets_file

from tests.system.processes import RealParts

WALK_S = 1200


def walk(parts: RealParts) -> int:
    """Run `fourgates walkthrough --url …`; return its exit code."""
    arguments = {
        "--url": parts.url,
        "--secrets": str(secrets_file(parts.folder)),
        "--workbench": str(parts.folder / "workbench"),
    }
    command = [str(Path(sys.executable).parent / "fourgates"), "walkthrough"]
    for name, value in arguments.items():
        command += [name, value]
    print(" ".join(command), flush=True)
    return subprocess.run(command, check=False, timeout=WALK_S).returncode


def main() -> int:
    """Run it; return the exit code of the walk-through."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--installed", type=Path, help="environments of the services, as `make alone` makes them")
    parser.add_argument("--no-stay", action="store_true", help="end after the walk-through")
    asked = parser.parse_args()
    configure_logs("error")
    folder = places.HOME / "real" / datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    try:
        with RealParts(folder, installed=asked.installed) as parts:
            code = walk(parts)
            if code == 0 and not asked.no_stay:
                print(f"\nFourgates answers at {parts.url}; people and secrets: {secrets_file(folder)}")
                for process in parts.processes:
                    print(f"  {process.name:<14} {process.url}  log {process.log}")
                print("End with Ctrl-C.", flush=True)
                _stay()
    except Lacking as lacking:
        print(lacking, file=sys.stderr)
        return 1
    return code


def _stay() -> None:
    asked_to_end = threading.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, lambda _signal, _frame: asked_to_end.set())
    asked_to_end.wait()


if __name__ == "__main__":
    sys.exit(main())
