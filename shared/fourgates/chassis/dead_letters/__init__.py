"""Messages that could not be handled: they wait in order until a person retries or discards them."""

from fourgates.chassis.dead_letters.copies import DeadLetterCopies, dead_letter_topic_of
from fourgates.chassis.dead_letters.desk import DeadLetterDesk, DeadLetterUseCases, NotHandled, told
from fourgates.chassis.dead_letters.letter import DeadLetter, DeadLetterState, ParkedMessage, letter_id

__all__ = [
    "DeadLetter",
    "DeadLetterCopies",
    "DeadLetterDesk",
    "DeadLetterState",
    "DeadLetterUseCases",
    "NotHandled",
    "ParkedMessage",
    "dead_letter_topic_of",
    "letter_id",
    "told",
]
