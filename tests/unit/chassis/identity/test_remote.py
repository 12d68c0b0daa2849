"""A service that runs alone fetches the keys of its issuer over HTTP, as its settings say."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.http_client import HttpClient
from fourgates.chassis.identity import KeysUnavailable
from fourgates.chassis.identity.keys import ALGORITHM, new_signing_key
from fourgates.chassis.identity.remote import remote_verifier
from fourgates.chassis.settings import ServiceSettings
from joserfc import jwt

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
KEY = new_signing_key()


def token() -> str:
    claims = {"iss": "https://i/x", "aud": "us", "sub": "p", "exp": int(NOON.timestamp()) + 60, "roles": []}
    header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": KEY.kid}
    return jwt.encode(header, claims, KEY.key, algorithms=[ALGORITHM])


def test_keys_come_from_the_issuer():
    asked = []

    def answer(request):
        asked.append(str(request.url))
        return httpx.Response(200, json=KEY.jwks())

    settings = ServiceSettings(issuer_url="https://i/x/", audience="us")
    with HttpClient(transport=httpx.MockTransport(answer)) as client:
        verifier = remote_verifier(settings, client=client, clock=HeldClock(NOON))
        assert verifier.verify(token()).subject == "p"
    assert asked == ["https://i/x/jwks"]


def test_an_issuer_that_does_not_answer_leaves_tokens_unjudged():
    with HttpClient(transport=httpx.MockTransport(lambda r: httpx.Response(500))) as client:
        verifier = remote_verifier(ServiceSettings(), client=client, clock=HeldClock(NOON))
        with pytest.raises(KeysUnavailable):
            verifier.verify(token())
