"""A review in any state, for the tests of its rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid5

import pytest
from fourgates.chassis.testing import NOON, an_act
from review_service.domain import (
    Comparison,
    DeploymentOutcome,
    Endpoint,
    Evaluation,
    Measurement,
    ObservationRules,
    ReleaseFacts,
    ReleaseKind,
    Result,
    Review,
    ReviewedDeployment,
    Sample,
    Target,
)

ROOT = UUID(int=7)


def an_id(name: str) -> UUID:
    return uuid5(ROOT, name)


SPEED = Target(an_id("speed"), "speed", "latency_p95_ms", Comparison.AT_MOST, 200.0, "ms", "/parcels", 150.0)
UPTIME = Target(an_id("uptime"), "uptime", "availability_percent", Comparison.AT_LEAST, 99.0, "%", "/health", 99.5)
ENDPOINT = Endpoint(an_id("production"), "node-1", "http://127.0.0.1:9001")
OBSERVATION = ObservationRules(ends_at=NOON + timedelta(hours=1), extension_s=600, extensions_max=2, samples_min=5)
SERVICE_ACT = an_act("review-service", machine=True, on_behalf_of="dora")
REVIEWER = an_act("rita", roles=("release_manager",))


def measured(value: float | None, target: Target = SPEED, *, count: int = 10, name: str = "first") -> Measurement:
    samples = (Sample(ENDPOINT.url + target.path, 0, 200, value or 1.0),)
    return Measurement(an_id(f"{target.name}/{name}"), target.target_id, value, samples, count)


def statement(subject: str = "value", result: Result = Result.PASS, name: str = "first") -> Evaluation:
    return Evaluation(
        an_id(f"{subject}/{name}"), subject, subject, result, None, None, "", missed=False, statement="so"
    )


def deployed(outcome: DeploymentOutcome = DeploymentOutcome.DEPLOYED) -> ReviewedDeployment:
    return ReviewedDeployment(an_id("deployment"), outcome, (ENDPOINT,))


def opened(
    kind: ReleaseKind = ReleaseKind.UPDATE,
    outcome: DeploymentOutcome | None = DeploymentOutcome.DEPLOYED,
    targets: tuple[Target, ...] | None = (SPEED,),
) -> Review:
    """An open review whose release waits for it."""
    review = Review.open(
        SERVICE_ACT,
        release_id=an_id("release"),
        service_id=an_id("service"),
        kind=kind,
        observation=OBSERVATION,
        deployment=deployed(outcome) if outcome else None,
    )
    review.note_release(SERVICE_ACT, facts=ReleaseFacts(in_review=True))
    if targets is not None:
        review.pin_targets(SERVICE_ACT, revision=1, targets=targets)
    return review


def ready(value: float = 100.0) -> Review:
    """A review of an update in which everything was evaluated."""
    review = opened()
    review.record_measurement(SERVICE_ACT, measurement=measured(value))
    review.make_statement(REVIEWER, evaluation=statement())
    return review


@pytest.fixture
def given() -> SimpleNamespace:
    """What the tests of review share."""
    shared: dict[str, Callable[..., object] | object] = {
        "an_id": an_id,
        "speed": SPEED,
        "uptime": UPTIME,
        "endpoint": ENDPOINT,
        "observation": OBSERVATION,
        "service_act": SERVICE_ACT,
        "reviewer": REVIEWER,
        "measured": measured,
        "statement": statement,
        "deployed": deployed,
        "opened": opened,
        "ready": ready,
    }
    return SimpleNamespace(**shared)
