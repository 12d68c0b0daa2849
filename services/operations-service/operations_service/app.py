"""Builds operations-service from its parts."""

from __future__ import annotations

from fastapi import APIRouter
from fourgates.chassis.http import CallFactory
from fourgates.chassis.http_client import HttpClient
from fourgates.chassis.service import Parts, Service, assemble

from operations_service.adapters import IssuerSignIn, names_in
from operations_service.api import SCOPE, Console, Followers, routes
from operations_service.application import OperationsUseCases, SignIn
from operations_service.publishing import PUBLISHED
from operations_service.reactions import CLOCK, HEARD, OWN
from operations_service.settings import OperationsSettings
from operations_service.views import VIEWS


def build(parts: Parts, settings: OperationsSettings | None = None, *, sign_in: SignIn | None = None) -> Service:
    """Build the service; nothing runs yet. Without `sign_in`, people sign in at the issuer."""
    chosen = settings or OperationsSettings()
    followers = Followers(
        head=parts.store.head,
        wait_beyond=parts.store.wait_beyond,
        followers_max=chosen.stream_readers_max,
        threads_max=chosen.stream_threads_max,
    )
    client = HttpClient(timeout_s=chosen.http_timeout_s)
    desk = sign_in or IssuerSignIn(client, token_url=chosen.sign_in_url, scope=SCOPE)
    names = names_in(chosen.people_file)

    def all_routes(caller: CallFactory) -> APIRouter:
        console = Console(caller, chosen, followers, sign_in=desk, names=names)
        return routes(caller, chosen, followers, console)

    return assemble(
        name="operations",
        parts=parts,
        settings=chosen,
        title="Fourgates: operations",
        description="The operators' window: the stream of all facts, releases by phase, one history for each. "
        "The pages for people are at /console/.",
        use_cases=OperationsUseCases,
        routes=all_routes,
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
        everywhere=(followers,),
        on_stop=client.close,
        on_drain=followers.drain,
    )
