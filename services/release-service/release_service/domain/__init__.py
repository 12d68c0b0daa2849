"""The domain of release management: the release and what it has heard; pure rules, no clock, no I/O."""

from release_service.domain.known import (
    KnownChange,
    KnownMedium,
    KnownService,
    known_change_id,
    known_medium_id,
    known_service_id,
    unmet_for_knowing,
)
from release_service.domain.plan import BackOutPlan, Plan, PlannedRisk, Schedule, Suite, TestPlan
from release_service.domain.release import Release
from release_service.domain.review import next_version
from release_service.domain.states import *  # noqa: F403 - the closed lists of words, all of them
from release_service.domain.values import *  # noqa: F403 - the words of the release, all of them

__all__ = [
    "BackOutPlan",
    "KnownChange",
    "KnownMedium",
    "KnownService",
    "Plan",
    "PlannedRisk",
    "Release",
    "Schedule",
    "Suite",
    "TestPlan",
    "known_change_id",
    "known_medium_id",
    "known_service_id",
    "next_version",
    "unmet_for_knowing",
]
