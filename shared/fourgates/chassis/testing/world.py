"""Small stand-ins for what surrounds a service: who a token speaks for, and a security log in memory."""

from __future__ import annotations

from fourgates.chassis.http import SQLiteSecurityLog
from fourgates.chassis.identity import BadToken, Principal


class NamedTokens:
    """A verifier that knows its principals by name: the token is the subject."""

    def __init__(self, *principals: Principal) -> None:
        self._principals = {p.subject: p for p in principals}

    def verify(self, token: str) -> Principal:
        """Return the principal of a name. Raises `BadToken`."""
        known = self.remembered(token)
        if known is None:
            raise BadToken("nobody has this token")
        return known

    def remembered(self, token: str) -> Principal | None:
        """Return the principal of a name."""
        return self._principals.get(token)


def a_verifier(*principals: Principal) -> NamedTokens:
    """Return a verifier for these principals."""
    return NamedTokens(*principals)


def a_security_log() -> SQLiteSecurityLog:
    """Return a security log in memory."""
    return SQLiteSecurityLog()
