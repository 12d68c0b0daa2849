"""One dead letter: what a person decided about a message that could not be handled, and how that went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, Unmet, derived_id, event, refuse_any

# The ids of dead letters follow from it and their places, which no database of a service uses twice.
_NAMESPACE = UUID("5b0c4a52-6f0e-5d7c-9b52-3f1f7c1f6c0a")


def letter_id(place: int) -> UUID:
    """Return the id of the dead letter at a place."""
    return derived_id(_NAMESPACE, f"dead-letter/{place}")


class DeadLetterState(StrEnum):
    """Where a dead letter is."""

    WAITING = "waiting"
    HANDLED = "handled"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class ParkedMessage:
    """What is kept for ever of a message that was parked: where it stands, whose it is, and why it was parked."""

    place: int
    source: str
    key: str
    message_id: str
    message_type: str
    reason: str
    parked_at: datetime
    body_digest: str


class DeadLetter(Aggregate):
    """A message that could not be handled. Its log begins with the first decision about it."""

    TOPIC = "chassis.DeadLetter"

    class Noted(Aggregate.Created):
        """A message that could not be handled came before a person for the first time."""

        message: ParkedMessage

    class Retried(Aggregate.Event):
        """A retry handled the message."""

    class RetryFailed(Aggregate.Event):
        """A retry could not handle the message either, so it waits on."""

        reason: str

    class Discarded(Aggregate.Event):
        """The message was given up: it is never handled here."""

    @classmethod
    def note(cls, act: Act, message: ParkedMessage) -> DeadLetter:
        """Begin the log of a parked message."""
        return cls(id=letter_id(message.place), act=act, message=message)

    @property
    def place(self) -> int:
        """Where it stands among all messages that were ever parked here."""
        return self.message.place

    def retried(self, act: Act, *, first: int, from_a_source: bool) -> None:
        """Let the message be handled by a retry. `first` is the place of the first that waits about the same thing."""
        refuse_any(self.unmet_for_retry(first=first, from_a_source=from_a_source))
        self._retried(act=act)

    def retry_failed(self, act: Act, *, reason: str) -> None:
        """Note that a retry failed, and why."""
        refuse_any(self.unmet_for_decision())
        self._retry_failed(act=act, reason=reason)

    def discard(self, act: Act) -> None:
        """Give the message up."""
        refuse_any(self.unmet_for_decision())
        self._discarded(act=act)

    def unmet_for_decision(self) -> Iterator[Unmet]:
        """Yield what stands in the way of any decision."""
        if self.state is not DeadLetterState.WAITING:
            yield Unmet(
                "settled",
                f"This message was {self.state} already.",
                source="state",
                remedy="see what else waits: GET /v1/dead-letters",
            )

    def unmet_for_retry(self, *, first: int, from_a_source: bool) -> Iterator[Unmet]:
        """Yield what stands in the way of a retry."""
        yield from self.unmet_for_decision()
        if first < self.place and self.state is DeadLetterState.WAITING:
            yield Unmet(
                "not-first",
                f"Dead letter {first} about the same thing came before this one.",
                source="place",
                remedy=f"retry or discard dead letter {first} first",
            )
        if not from_a_source:
            yield Unmet(
                "no-message",
                "What arrived has no place in the log of any source, so it can never take effect.",
                source="source",
                remedy="discard it: what the source did say there is fetched from its own log",
            )

    @event(Noted)
    def __init__(self, id: UUID, act: Act, message: ParkedMessage) -> None:
        self.message = message
        # Why it was parked, or why the last retry failed.
        self.reason = message.reason
        self.retries = 0
        self.state = DeadLetterState.WAITING

    @event(Retried)
    def _retried(self, act: Act) -> None:
        self.state = DeadLetterState.HANDLED
        self.retries += 1

    @event(RetryFailed)
    def _retry_failed(self, act: Act, reason: str) -> None:
        self.reason = reason
        self.retries += 1

    @event(Discarded)
    def _discarded(self, act: Act) -> None:
        self.state = DeadLetterState.DISCARDED
