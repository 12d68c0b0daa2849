"""What every use case of release management has: its unit of work, and how a release is loaded and saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from fourgates.chassis.aggregate import Act
from fourgates.chassis.work import Work

from release_service.domain import (
    Item,
    KnownChange,
    KnownItem,
    KnownMedium,
    KnownService,
    Release,
    ReleaseState,
    TestResult,
    known_change_id,
    known_medium_id,
    known_service_id,
)
from release_service.settings import ReleaseSettings

OVER = frozenset({ReleaseState.CLOSED, ReleaseState.CANCELLED})


class BadEvidence(Exception):
    """A report of a test run that cannot be read."""


@dataclass(frozen=True)
class Evidence:
    """What a report of a test run says: how it ended, how much ran, and which bytes it names."""

    result: TestResult
    tests: int
    failures: int
    sha256: str
    names: tuple[str, ...]


class EvidenceReader(Protocol):
    """Reads the report of a test run."""

    def read(self, report: str) -> Evidence:
        """Return what a report says. Raises `BadEvidence`."""
        ...


class Base:
    """One unit of work on releases."""

    def __init__(self, work: Work, settings: ReleaseSettings, evidence: EvidenceReader) -> None:
        self._work = work
        self._settings = settings
        self._evidence = evidence

    def _release(self, release_id: UUID) -> Release:
        return self._work.get(Release, release_id)

    def _save(self, act: Act, release: Release) -> Release:
        """Save a release; one that is over frees its changes in the same transaction."""
        self._work.save(release)
        if release.state in OVER:
            self._drop(act, release, release.changes)
        return release

    def _drop(self, act: Act, release: Release, change_ids: Iterable[UUID]) -> None:
        for change_id in change_ids:
            known = self._work.find(KnownChange, known_change_id(change_id))
            if known is not None:
                known.drop(act, release_id=release.id)
                self._work.save(known)

    def _refresh(self, act: Act, release: Release) -> None:
        """Give a release what was heard while it was opened, so that no decision is made on older facts."""
        service = self._work.find(KnownService, known_service_id(release.service_id))
        if service is not None:
            release.note_service(act, service=service.facts)
        for change_id in tuple(release.changes):
            known = self._work.find(KnownChange, known_change_id(change_id))
            if known is not None:
                release.note_change(act, change=known.change)

    def _known_items(self, items: Iterable[Item]) -> dict[str, KnownItem]:
        found = {item.key: self._work.find(KnownMedium, known_medium_id(item.key)) for item in items}
        return {key: medium.item for key, medium in found.items() if medium is not None}
