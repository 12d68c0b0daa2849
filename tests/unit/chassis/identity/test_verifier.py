"""A token is accepted only when everything about it is right."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from fourgates.chassis.clock import HeldClock
from fourgates.chassis.identity import BadToken, JwksVerifier, KeysUnavailable
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
NOW = int(NOON.timestamp())
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
STRANGER = OKPKey.generate_key("Ed25519", {"kid": "ed"})
SECRET = OctKey.generate_key(256, {"kid": "oct"})
CLAIMS = {
    "iss": "https://i",
    "aud": "fourgates",
    "sub": "p-1",
    "exp": NOW + 600,
    "roles": ["b", "a"],
    "scope": "x:y z:w",
}


class Keys:
    """The published keys, and how often they were fetched."""

    def __init__(self, *keys) -> None:
        self.keys = list(keys)
        self.fetched = 0
        self.down = False

    def __call__(self):
        self.fetched += 1
        if self.down:
            raise OSError("down")
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


def token(key=ED, alg: str = "Ed25519", typ: str | None = "at+jwt", kid: str | None = None, **claims) -> str:
    header = {"alg": alg, "kid": kid or key.kid, **({"typ": typ} if typ else {})}
    body = {k: v for k, v in {**CLAIMS, **claims}.items() if v is not None}
    return jwt.encode(header, body, key, algorithms=[alg], default_type=None)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON)


@pytest.fixture
def keys() -> Keys:
    return Keys(RSA, EC, ED)


@pytest.fixture
def verifier(clock, keys) -> JwksVerifier:
    return JwksVerifier(fetch=keys, issuer="https://i", audience="fourgates", clock=clock, remembered_max=3)


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (EC, "ES256"), (ED, "Ed25519")])
def test_each_allowed_algorithm_is_accepted(verifier, key, alg):
    principal = verifier.verify(token(key, alg))
    assert principal.subject == "p-1"
    assert principal.roles == ("a", "b")
    assert principal.scopes == {"x:y", "z:w"}
    assert principal.machine is False


def test_who_is_its_own_client_is_a_machine(verifier):
    assert verifier.verify(token(client_id="p-1")).machine is True


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": True},
        {"nbf": NOW + 61},
        {"nbf": "x"},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\u0000b"},
        {"sub": "x" * 300},
        {"sub": 7},
        {"roles": "a"},
        {"roles": [1]},
        {"scope": 5},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(verifier, claims):
    with pytest.raises(BadToken):
        verifier.verify(token(**claims))


@pytest.mark.parametrize("claims", [{"exp": NOW - 59}, {"nbf": NOW + 60}, {"aud": ["other", "fourgates"]}], ids=str)
def test_clocks_may_differ_a_little(verifier, claims):
    assert verifier.verify(token(**claims)).subject == "p-1"


@pytest.mark.parametrize("typ", ["JWT", None, "at"])
def test_only_access_tokens_are_accepted(verifier, typ):
    with pytest.raises(BadToken):
        verifier.verify(token(typ=typ))


def test_a_token_without_a_signature_is_refused(verifier):
    def part(value) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    for alg in ("none", "None", ""):
        with pytest.raises(BadToken):
            verifier.verify(f"{part({'alg': alg, 'typ': 'at+jwt', 'kid': 'ed'})}.{part(CLAIMS)}.")


def test_a_secret_is_no_way_to_sign(verifier):
    with pytest.raises(BadToken):
        verifier.verify(token(SECRET, "HS256", kid="rsa"))


def test_a_forged_signature_is_refused(verifier):
    with pytest.raises(BadToken):
        verifier.verify(token(STRANGER))
    head, body, signature = token().split(".")
    other = token(sub="p-2").split(".")[1]
    for forged in (f"{head}.{other}.{signature}", f"{head}.{body}.", f"{head}.{body}", "x", "", "a.b.c", "é.é.é"):
        with pytest.raises(BadToken):
            verifier.verify(forged)


def test_an_endless_token_is_refused(verifier):
    with pytest.raises(BadToken):
        verifier.verify("x" * 10_000)


def test_keys_are_fetched_once(verifier, keys):
    verifier.verify(token())
    verifier.verify(token(sub="p-2"))
    assert keys.fetched == 1


def test_an_unknown_key_is_looked_for_once_and_not_again_at_once(verifier, keys, clock):
    verifier.verify(token())
    clock.advance(timedelta(seconds=31))
    late = OKPKey.generate_key("Ed25519", {"kid": "late"})
    for _ in range(5):
        with pytest.raises(BadToken):
            verifier.verify(token(late))
    assert keys.fetched == 2
    keys.keys.append(late)
    clock.advance(timedelta(seconds=31))
    assert verifier.verify(token(late)).subject == "p-1"
    assert keys.fetched == 3


def test_known_keys_outlive_an_outage_of_the_issuer(verifier, keys, clock):
    verifier.verify(token())
    keys.down = True
    clock.advance(timedelta(hours=2))
    assert verifier.verify(token(exp=NOW + 9000)).subject == "p-1"


def test_without_keys_nothing_can_be_judged(verifier, keys, clock):
    keys.down = True
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            verifier.verify(token())
    assert keys.fetched == 1
    keys.down = False
    clock.advance(timedelta(seconds=1))
    assert verifier.verify(token()).subject == "p-1"


def test_a_verified_token_is_remembered_until_it_expires(verifier, keys, clock):
    mine = token()
    assert verifier.remembered(mine) is None
    verifier.verify(mine)
    assert verifier.remembered(mine) is not None
    clock.advance(timedelta(seconds=660))
    assert verifier.remembered(mine) is None
    with pytest.raises(BadToken):
        verifier.verify(mine)


def test_memory_is_bounded(verifier):
    tokens = [token(sub=f"p-{n}") for n in range(5)]
    for each in tokens:
        verifier.verify(each)
    assert [verifier.remembered(each) is not None for each in tokens] == [False, False, True, True, True]
