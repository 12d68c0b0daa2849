"""The verifier of a service that fetches the keys of its issuer over HTTP."""

from __future__ import annotations

from fourgates.chassis.clock import Clock
from fourgates.chassis.http_client import HttpClient
from fourgates.chassis.identity.verifier import JwksVerifier
from fourgates.chassis.settings import ServiceSettings


def remote_verifier(settings: ServiceSettings, *, client: HttpClient, clock: Clock) -> JwksVerifier:
    """Return a verifier of the tokens that the settings speak of."""
    return JwksVerifier(
        fetch=lambda: client.get_json(settings.keys_url),
        issuer=settings.issuer_url.rstrip("/"),
        audience=settings.audience,
        clock=clock,
        leeway_s=settings.token_leeway_s,
        refetch_s=settings.jwks_refetch_s,
        cache_s=settings.jwks_cache_s,
        remembered_max=settings.token_cache_max,
    )
