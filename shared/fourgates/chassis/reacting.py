"""What a service does about each message that it hears, wherever the message comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from fourgates.chassis.aggregate import Act
from fourgates.chassis.bus.envelope import Envelope
from fourgates.chassis.clock import Clock
from fourgates.chassis.work import Work

UseCases = Any
Heard = Mapping[type[Any], Callable[[UseCases, Act, Any], None]]
React = Callable[[Work], None]

BODY_BYTES_MAX = 2_097_152


class Unreadable(Exception):
    """A message does not say what its type says, or is of a type or a version that nobody here listens to."""


class Reactions:
    """The reactions of one service, by the type of what is heard. Shared by threads."""

    def __init__(self, service: str, heard: Heard, *, use_cases: Callable[[Work], UseCases], clock: Clock) -> None:
        self._service = service
        self._by_type = {cls.TYPE: (cls, react) for cls, react in heard.items()}
        self._facts = {_without_version(known) for known in self._by_type}
        self._use_cases = use_cases
        self._clock = clock

    @property
    def publishers(self) -> set[str]:
        """The services that are listened to."""
        return {known.split(".")[2] for known in self._by_type}

    def concern(self, message_type: str) -> bool:
        """Tell whether a type is listened to, be it in another version."""
        return message_type in self._by_type or _without_version(message_type) in self._facts

    def to(self, envelope: Envelope, body: bytes) -> React:
        """Return the reaction to a message, to be done in a unit of work. Raises `Unreadable`."""
        if envelope.type not in self._by_type:
            raise Unreadable(f"{envelope.type} is a version that is not known here")
        cls, react = self._by_type[envelope.type]
        fact = _fact(cls, body)

        def do(work: Work) -> None:
            work.heard = envelope
            react(self._use_cases(work), self.act(envelope), fact)

        return do

    def act(self, envelope: Envelope) -> Act:
        """Return the act of the service that answers a message, on behalf of the actor of its cause."""
        return Act(
            by=f"{self._service}-service",
            at=self._clock.now(),
            why=f"heard {envelope.type}",
            cause_id=envelope.message_id,
            correlation_id=envelope.correlation_id,
            on_behalf_of=envelope.person,
            machine=True,
        )


def _fact(cls: type[BaseModel], body: bytes) -> Any:
    """Read a body. Raises `Unreadable`."""
    if len(body) > BODY_BYTES_MAX:
        raise Unreadable(f"the body has {len(body)} bytes, more than {BODY_BYTES_MAX}")
    try:
        return cls.model_validate_json(body)
    except ValidationError as error:
        name = getattr(cls, "TYPE", cls.__name__)
        raise Unreadable(f"the body is no {name}: {error.error_count()} fields are wrong") from error


def _without_version(message_type: str) -> str:
    """Return what a type states, in whatever version."""
    return message_type.rpartition(".")[0]
