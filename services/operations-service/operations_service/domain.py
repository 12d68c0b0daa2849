"""What was heard from all services, kept as it came: the only thing that operations-service decides is to keep it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fourgates.chassis.aggregate import Act, Aggregate, derived_id, digest_of, event

_SPACE = UUID("5a7f8c1e-52a2-4a3b-9a0f-9b6c6a0f6a11")


@dataclass(frozen=True)
class Message:
    """A published fact: which one, about what, who did it when, and what caused it."""

    message_id: str
    publisher: str
    type: str
    subject: str
    happened_at: datetime
    done_by: str
    person: str
    machine: bool
    cause_id: str
    correlation_id: str
    body: str


@dataclass(frozen=True)
class About:
    """The things that a fact names."""

    release_ids: tuple[UUID, ...] = ()
    change_ids: tuple[UUID, ...] = ()
    service_ids: tuple[UUID, ...] = ()


class HeardFact(Aggregate):
    """One fact that a service published."""

    TOPIC = "operations.HeardFact"

    class Kept(Aggregate.Created):
        """A fact that a service published was kept for operators."""

        message: Message
        about: About

    @classmethod
    def id_of(cls, message: Message) -> UUID:
        """Return the id of a fact: the same words, from the same cause at the same moment, are one fact."""
        said = (message.type, message.subject, message.happened_at, message.cause_id, message.body)
        return derived_id(_SPACE, digest_of(said))

    @classmethod
    def keep(cls, act: Act, *, message: Message, about: About) -> HeardFact:
        """Keep a fact."""
        return cls(id=cls.id_of(message), act=act, message=message, about=about)

    @event(Kept)
    def __init__(self, id: UUID, act: Act, message: Message, about: About) -> None:
        self.message = message
        self.about = about
