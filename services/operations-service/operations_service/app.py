"""Builds operations-service from its parts."""

from __future__ import annotations

from fourgates.chassis.service import Parts, Service, assemble

from operations_service.api import Followers, routes
from operations_service.application import OperationsUseCases
from operations_service.publishing import PUBLISHED
from operations_service.reactions import CLOCK, HEARD, OWN
from operations_service.settings import OperationsSettings
from operations_service.views import VIEWS


def build(parts: Parts, settings: OperationsSettings | None = None) -> Service:
    """Build the service; nothing runs yet."""
    chosen = settings or OperationsSettings()
    followers = Followers(
        head=parts.store.head,
        wait_beyond=parts.store.wait_beyond,
        followers_max=chosen.stream_readers_max,
        threads_max=chosen.stream_threads_max,
    )
    return assemble(
        name="operations",
        parts=parts,
        settings=chosen,
        title="Fourgates: operations",
        description="The operators' window: the stream of all facts, releases by phase, one history per release.",
        use_cases=OperationsUseCases,
        routes=lambda caller: routes(caller, chosen, followers),
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
        everywhere=(followers,),
        on_drain=followers.drain,
    )
