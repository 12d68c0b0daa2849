"""Walk through while everything fails that can fail, and compare the end with that of an undisturbed walk.

`make resilience KILLS=20 KAFKA_AWAY_S=60 SEED=1` calls it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fourgates.chassis.logs import configure_logs
from fourgates_cli.embedded import Embedded
from fourgates_cli.people import ensure_people

from tests.system.histories import Histories, differences
from tests.system.processes import install_each_alone
from tests.system.resilience import Plan
from tests.system.rest import come_to_rest, into_files
from tests.system.walking import RETOLD_MAX, told_by_files, walk, walk_through_failures


def undisturbed(folder: Path) -> Histories:
    """Walk through the embedded set, and return what happened."""
    with Embedded(folder) as running:
        walk(running.url, ensure_people(folder), folder / "workbench", into_files(folder))
        come_to_rest(into_files(folder))
    return told_by_files(folder)


def main() -> int:
    """Run it; return 0 when all ended the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kafka-away-s", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    configure_logs("error")
    plan = Plan(kills=asked.kills, kafka_away_s=asked.kafka_away_s, restart_postgres=True, seed=asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        expected = undisturbed(Path(folder) / "embedded")
        installed = install_each_alone(Path(folder) / "installed")
        seen, report = walk_through_failures(Path(folder) / "real", plan, installed)
    print(report)
    differ = differences(expected, seen, retold_max=RETOLD_MAX)
    print(differ or f"All {len(seen)} aggregates ended the same as without failures.")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
