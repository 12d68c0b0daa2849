"""What is due is taken up, however much waits that is not due."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from fourgates.chassis.testing import NOON
from fourgates.chassis.testing.hearing import Hearing
from fourgates.chassis.testing.world import a_security_log, a_verifier
from review_service.app import build
from review_service.settings import ReviewSettings


@pytest.fixture
def here():
    return Hearing(lambda parts: build(parts, ReviewSettings(due_per_tick_max=2)), a_verifier(), a_security_log())


def test_services_that_answer_nowhere_do_not_hide_those_that_do(here, given):
    act = here.act("review-service")
    release_id = given.an_id("release")
    for number in range(3):
        loaded = UUID(int=number + 1)
        here.carry_out(
            lambda use_cases, loaded=loaded: use_cases.begin_measuring(act, release_id=release_id, service_id=loaded)
        )
    here.clock.advance(timedelta(seconds=1))
    act, running = here.act("review-service"), given.an_id("running")

    def deployed(use_cases):
        use_cases.note_targets(act, service_id=running, revision=1, targets=(given.speed,))
        use_cases.note_endpoints(act, service_id=running, endpoints=(given.endpoint,), as_of=NOON)
        use_cases.begin_measuring(act, release_id=release_id, service_id=running)

    here.carry_out(deployed)
    with here.watched() as happened:
        here.tick(after=timedelta(days=1))
    assert happened == ["review.TargetWatchMeasurementRequested"]
