"""Where a step is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Place:
    """The spot of one service on one node of one environment."""

    environment_id: UUID
    node: str
    service_id: UUID
