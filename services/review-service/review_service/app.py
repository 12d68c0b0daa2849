"""Builds review-service from its parts."""

from __future__ import annotations

from fourgates.chassis.http_client import HttpClient
from fourgates.chassis.service import Parts, Service, assemble

from review_service.adapters import HttpProber, measuring_reviews, measuring_services
from review_service.api import routes
from review_service.application import Prober, ReviewUseCases
from review_service.publishing import PUBLISHED
from review_service.reactions import CLOCK, HEARD, OWN
from review_service.settings import ReviewSettings
from review_service.views import VIEWS


def build(parts: Parts, settings: ReviewSettings | None = None, prober: Prober | None = None) -> Service:
    """Build the service; nothing runs yet."""
    chosen = settings or ReviewSettings()
    client = HttpClient(timeout_s=chosen.probe_timeout_s, answer_limit_bytes=chosen.probe_limit_bytes)
    measuring = prober or HttpProber(client, chosen)
    return assemble(
        name="review",
        parts=parts,
        settings=chosen,
        title="Fourgates: review, service level targets and value",
        description="Post-implementation reviews: what became of targets and value, and when a release closes.",
        use_cases=lambda work: ReviewUseCases(work, chosen),
        routes=routes,
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
        effects=(measuring_reviews(measuring), measuring_services(measuring)),
        on_stop=client.close,
    )
