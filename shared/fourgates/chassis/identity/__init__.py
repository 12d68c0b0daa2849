"""Who is asking: tokens and their verification, the file of people, and the development issuer.

The issuer itself is imported from `fourgates.chassis.identity.issuer`; a service needs only the verifier.
"""

from fourgates.chassis.identity.hashing import hash_secret, verify_secret
from fourgates.chassis.identity.principal import Principal
from fourgates.chassis.identity.verifier import BadToken, JwksVerifier, KeysUnavailable, TokenVerifier

__all__ = [
    "BadToken",
    "JwksVerifier",
    "KeysUnavailable",
    "Principal",
    "TokenVerifier",
    "hash_secret",
    "verify_secret",
]
