"""Messages that could not be handled: they wait in order until a person retries or discards them."""

from fourgates.chassis.dead_letters.desk import DeadLetterDesk, DeadLetterUseCases, NotHandled, told
from fourgates.chassis.dead_letters.letter import DeadLetter, DeadLetterState, ParkedMessage, letter_id

__all__ = [
    "DeadLetter",
    "DeadLetterDesk",
    "DeadLetterState",
    "DeadLetterUseCases",
    "NotHandled",
    "ParkedMessage",
    "letter_id",
    "told",
]
