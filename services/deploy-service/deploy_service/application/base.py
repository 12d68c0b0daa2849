"""What all use cases share: the unit of work, the settings, and heard things by their own id."""

from __future__ import annotations

from uuid import UUID

from fourgates.chassis.aggregate import derived_id
from fourgates.chassis.work import Work

from deploy_service.settings import DeploySettings

NO_NAMESPACE = UUID(int=0)


class UseCases:
    """One unit of work, and the settings."""

    def __init__(self, work: Work, settings: DeploySettings) -> None:
        self._work = work
        self._settings = settings


def known_medium_id(name: str, version: str, sha256: str) -> UUID:
    """Return the id under which a media item is known here: it follows from its name, version and bytes."""
    return derived_id(NO_NAMESPACE, f"known-medium {name}@{version}#{sha256}")
