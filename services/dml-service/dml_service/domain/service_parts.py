"""What a service consists of as values: its lifecycle, its targets, what it depends on, and how it is retired."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Lifecycle(StrEnum):
    """The states of a service."""

    PIPELINE = "pipeline"
    LIVE = "live"
    RETIRING = "retiring"
    RETIRED = "retired"


# A retiring service still runs until its retirement is closed, and is live again when that is backed out.
RUNNING = (Lifecycle.LIVE, Lifecycle.RETIRING)


@dataclass(frozen=True)
class ServiceLevelTarget:
    """What service design promises: a measure, and the goal that it is compared with."""

    target_id: UUID
    name: str
    measure: str
    comparison: str
    goal: float
    unit: str
    path: str
    warning_at: float | None = None


@dataclass(frozen=True)
class Dependency:
    """A service to depend on: how it stands, and every service that it reaches itself."""

    service_id: UUID
    lifecycle: Lifecycle | None
    reaches: frozenset[UUID]


@dataclass(frozen=True)
class Retirement:
    """A retirement that is under way: its release, its deployment, and how far it came."""

    release_id: UUID
    deployment_id: UUID
    deployed: bool = False
    failed: bool = False
