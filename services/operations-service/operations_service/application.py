"""The one use case of operations, keeping what was heard, and what it asks of the outside: that people can sign in."""

from __future__ import annotations

from typing import Protocol

from fourgates.chassis.aggregate import Act
from fourgates.chassis.work import Work

from operations_service.domain import About, HeardFact, Message


class SignInRefused(Exception):
    """Nobody was signed in; the reason is for that person."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class SignInAway(Exception):
    """Nobody can be signed in now; the text says what to do."""


class SignIn(Protocol):
    """Where people sign in."""

    def token_for(self, username: str, secret: str) -> str:
        """Return a token of a person. Raises `SignInRefused` and `SignInAway`."""
        ...


class OperationsUseCases:
    """What operations-service does by itself."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def keep_fact(self, act: Act, *, body: str, about: About) -> None:
        """Keep the fact that is heard now, with all that its envelope says; one that is kept already is ignored."""
        heard = self._work.heard
        if heard is None:
            return
        message = Message(
            message_id=heard.message_id,
            publisher=heard.source.rpartition("/")[2],
            type=heard.type,
            subject=heard.subject,
            happened_at=heard.at,
            done_by=heard.by,
            person=heard.person,
            machine=heard.machine,
            cause_id=heard.cause_id,
            correlation_id=heard.correlation_id,
            body=body,
        )
        if self._work.find(HeardFact, HeardFact.id_of(message)) is None:
            self._work.save(HeardFact.keep(act, message=message, about=about))
