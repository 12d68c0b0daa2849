"""Who is asking: tokens and their verification, the file of people, and the development issuer."""

from fourgates.chassis.identity.principal import Principal
from fourgates.chassis.identity.verifier import BadToken, JwksVerifier, KeysUnavailable, TokenVerifier

__all__ = ["BadToken", "JwksVerifier", "KeysUnavailable", "Principal", "TokenVerifier"]
