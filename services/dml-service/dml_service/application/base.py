"""What every use case of this service stands on."""

from __future__ import annotations

from typing import Protocol

from fourgates.chassis.work import Work

from dml_service.settings import DmlSettings


class Blobs(Protocol):
    """The bytes of media items, kept by their digest."""

    def sound_size(self, sha256: str) -> int | None:
        """Read all that is kept under a digest and return its size; nothing when it is absent or damaged."""
        ...


class UseCases:
    """One unit of work."""

    def __init__(self, work: Work, settings: DmlSettings, blobs: Blobs) -> None:
        self._work = work
        self._settings = settings
        self.blobs = blobs
