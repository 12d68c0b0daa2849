"""On real parts, as processes behind a proxy, the same happens as in one process; and so it does when things fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from fourgates.chassis.testing.lacking import named_when_lacking

from tests.system.conftest import Walked
from tests.system.histories import differences
from tests.system.processes import RealParts
from tests.system.resilience import Plan
from tests.system.walking import RETOLD_MAX, told_by_files, walk_on_real_parts, walk_through_failures

# A walk takes two minutes on a quiet machine, and Kafka is away for a while in one of them.
pytestmark = pytest.mark.timeout(1200)


def test_the_same_happens_on_real_parts_as_in_one_process(walked: Walked, installed: Path, tmp_path: Path):
    with named_when_lacking(), RealParts(tmp_path, installed=installed) as parts:
        seen = walk_on_real_parts(parts)
        ended = parts.stop()
    assert not differences(told_by_files(walked.data), seen, retold_max=RETOLD_MAX)
    assert set(ended.values()) == {0}, "every process ends in order"


def test_the_same_happens_whatever_fails(walked: Walked, installed: Path, tmp_path: Path, record_property):
    plan = Plan(kills=3, kafka_away_s=20, restart_postgres=True, seed=4)
    with named_when_lacking():
        seen, report = walk_through_failures(tmp_path, plan, installed)
    record_property("told", f"What failed while the walk-through went on: {report}")
    assert not differences(told_by_files(walked.data), seen, retold_max=RETOLD_MAX)
    assert report.kills == plan.kills
    assert report.on_an_unanswered_write * 2 >= plan.kills
