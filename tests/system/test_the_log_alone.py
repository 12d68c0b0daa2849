"""The log alone rebuilds everything: without views, in another process, the same answers to the byte."""

from __future__ import annotations

import pytest
from fourgates_cli.embedded import SERVICES

from tests.system.conftest import read_all

EVERY_ANSWER_MIN = 500

# The first test of a session that asks for it pays for the walk-through.
pytestmark = pytest.mark.timeout(600)


async def test_every_get_answers_the_same_after_every_view_and_process_was_dropped(walked, tmp_path):
    with walked.again(tmp_path / "again", without_views=True) as again:
        answers = await read_all(again, walked.tokens, walked.ids)
    for service, before in walked.answers.items():
        after = answers[service]
        assert sorted(after) == sorted(before), service
        different = [path for path in before if before[path] != after[path]]
        assert different == [], (service, different[:5])
    assert set(answers) == set(SERVICES)
    assert sum(len(found) for found in answers.values()) > EVERY_ANSWER_MIN
