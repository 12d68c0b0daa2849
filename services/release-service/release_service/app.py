"""Builds release-service from its parts."""

from __future__ import annotations

from fourgates.chassis.service import Parts, Service, assemble

from release_service.adapters import JUnitReader
from release_service.api import routes
from release_service.application import ReleaseUseCases
from release_service.publishing import PUBLISHED
from release_service.reactions import CLOCK, HEARD, OWN
from release_service.settings import ReleaseSettings
from release_service.views import VIEWS


def build(parts: Parts, settings: ReleaseSettings | None = None) -> Service:
    """Build the service; nothing runs yet."""
    chosen = settings or ReleaseSettings()
    evidence = JUnitReader(tests_max=chosen.evidence_tests_max)
    return assemble(
        name="release",
        parts=parts,
        settings=chosen,
        title="Fourgates: release and deployment management",
        description="Releases from their request to their closing: plans, gates, builds, evidence, ways back.",
        use_cases=lambda work: ReleaseUseCases(work, chosen, evidence),
        routes=routes,
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
    )
