"""What a deployment is judged by: facts heard from elsewhere, and facts of the environments, as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class EnvironmentFact:
    """An environment of the plan as it is registered."""

    environment_id: UUID
    name: str
    sandbox: bool
    rung: int
    soak_s: int
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class MediumFact:
    """A media item as it was heard: unheard, definitive, quarantined or withdrawn."""

    name: str
    version: str
    sha256: str
    state: str


@dataclass(frozen=True)
class FreezeFact:
    """A freeze that was heard and not lifted; without environments or services it covers all of them."""

    window_id: UUID
    starts_at: datetime
    ends_at: datetime
    environment_ids: tuple[UUID, ...]
    service_ids: tuple[UUID, ...]
    reason: str
    waived: bool = False

    def covers(self, environment_id: UUID, service_id: UUID, at: datetime) -> bool:
        """Return whether this freeze forbids a deployment there and then; half open, as every window."""
        return (
            not self.waived
            and self.starts_at <= at < self.ends_at
            and (not self.environment_ids or environment_id in self.environment_ids)
            and (not self.service_ids or service_id in self.service_ids)
        )


@dataclass(frozen=True)
class RehearsalFact:
    """A rehearsal as it finished here: what was rehearsed, as it was told, and as it was really carried out."""

    rehearsal_id: UUID
    release_id: UUID
    succeeded: bool
    package_digest: str
    items_digest: str
    steps_digest: str
    executed_digest: str


@dataclass(frozen=True)
class LowerRungFact:
    """An environment below the one that is due, and since when this very package stands there."""

    name: str
    stands_since_at: datetime | None
    soak_s: int


@dataclass(frozen=True)
class Facts:
    """Everything that decides whether a deployment may run now."""

    media: tuple[MediumFact, ...] = ()
    authorization: str = "valid"
    freezes: tuple[FreezeFact, ...] = ()
    lifecycle: str | None = None
    live_dependants: tuple[UUID, ...] = ()
    on_hold: bool = False
    release_cancelled: bool = False
    cancelled_change_ids: tuple[UUID, ...] = ()
    held_change_ids: tuple[UUID, ...] = ()
    rehearsal: RehearsalFact | None = None
    lower_rungs: tuple[LowerRungFact, ...] = ()
    environments: tuple[EnvironmentFact, ...] = ()
