"""Where dead letters are decided about: retried in the order in which they were parked, or discarded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import structlog

from fourgates.chassis.aggregate import Act, Refused
from fourgates.chassis.bus import Message
from fourgates.chassis.bus.envelope import BadEnvelope, Envelope, from_message, source_of, topic_of
from fourgates.chassis.dead_letters.letter import DeadLetter, DeadLetterState, ParkedMessage, letter_id
from fourgates.chassis.reacting import Reactions, Unreadable
from fourgates.chassis.store import STORE_AWAY, Conflict, EventStore, Parked
from fourgates.chassis.store.texts import readable
from fourgates.chassis.work import NotFound, Units, Work

log = structlog.get_logger()

RACES_MAX = 20
# So many dead letters of one thing follow at once; whoever waits for the answer to a retry waits for them.
FOLLOWED_MAX = 500


class NotHandled(Exception):
    """A retry failed, so the message waits on; the text says why."""


class DeadLetterUseCases:
    """What is done about dead letters, each in one transaction."""

    def __init__(self, work: Work, store: EventStore, reactions: Reactions) -> None:
        self._work = work
        self._store = store
        self._reactions = reactions

    def retry(self, act: Act, *, place: int) -> DeadLetter:
        """Handle the first message that waits about a thing.

        Raises `Refused` when it is not the first or does not wait, `NotHandled` when it fails again.
        """
        letter, parked = self._letter(act, place)
        first = self._store.first_parked(parked.source, parked.key)
        letter.retried(act, first=first.place if first else place, from_a_source=_source_of(parked) is not None)
        try:
            self._react(parked)
        except (Conflict, *STORE_AWAY):
            raise
        except Exception as error:
            log.exception("retry failed", source=parked.source, place=place)
            raise NotHandled(told(error)) from error
        return self._settle(letter)

    def note_failure(self, act: Act, *, place: int, reason: str) -> DeadLetter:
        """Keep why a retry failed. Raises `Refused` when someone has settled the message meanwhile."""
        letter, _ = self._letter(act, place)
        letter.retry_failed(act, reason=readable(reason))
        self._work.save(letter)
        return letter

    def discard(self, act: Act, *, place: int) -> DeadLetter:
        """Give a message up; those behind it stay. Raises `Refused` when it does not wait."""
        letter, _ = self._letter(act, place)
        letter.discard(act)
        return self._settle(letter)

    def _settle(self, letter: DeadLetter) -> DeadLetter:
        self._work.save(letter)
        self._work.settles = letter.place
        return letter

    def _letter(self, act: Act, place: int) -> tuple[DeadLetter, Parked]:
        parked = self._store.find_parked(place)
        if parked is None:
            raise NotFound(DeadLetter.__name__, letter_id(place))
        letter = self._work.find(DeadLetter, letter_id(place))
        return letter or noted(act, parked), parked

    def _react(self, parked: Parked) -> None:
        envelope = envelope_of(parked)
        if not self._reactions.concern(envelope.type):
            raise Unreadable(f"nobody here listens to {envelope.type} any more")
        self._reactions.to(envelope, parked.body)(self._work)


class DeadLetterDesk:
    """The dead letters of one service. Shared by the inbox, which parks them, and by those who decide about them."""

    def __init__(self, units: Units, store: EventStore, reactions: Reactions) -> None:
        self._units = units
        self._store = store
        self._reactions = reactions

    def use_cases(self, work: Work) -> DeadLetterUseCases:
        """Return the use cases for a unit of work."""
        return DeadLetterUseCases(work, self._store, self._reactions)

    def waiting(self, limit: int, after: int, *, source: str | None = None, key: str | None = None) -> Sequence[Parked]:
        """Return waiting messages behind a place, of a source and about a thing if given."""
        return self._store.list_parked(limit, after, source=source, key=key)

    def get(self, place: int) -> Parked:
        """Return a parked message, whether it waits or was settled. Raises `NotFound`."""
        parked = self._store.find_parked(place)
        if parked is None:
            raise NotFound(DeadLetter.__name__, letter_id(place))
        return parked

    def first(self, parked: Parked) -> int | None:
        """Return the place of the first message that waits about the same thing, or None when none does."""
        first = self._store.first_parked(parked.source, parked.key)
        return None if first is None else first.place

    def letter(self, parked: Parked, act: Act) -> DeadLetter:
        """Return what is known of a parked message; without a decision about it yet, as it was parked."""
        return self._units.open().find(DeadLetter, letter_id(parked.place)) or noted(act, parked)

    def follow(self, source: str, key: str, act: Callable[[], Act]) -> int:
        """Retry what waits about a thing, in order, until one fails; return how many were handled.

        Whoever else does the same at the same time handles some of them.
        """
        handled = races = 0
        while handled < FOLLOWED_MAX and races < RACES_MAX:
            first = self._store.first_parked(source, key)
            if first is None:
                break
            try:
                outcome = self._retry(act(), first.place)
            except (Conflict, Refused):
                # Someone else has settled it meanwhile.
                races += 1
                continue
            if outcome is not DeadLetterState.HANDLED:
                break
            handled += 1
        return handled

    def _retry(self, act: Act, place: int) -> DeadLetterState:
        """Retry one message, and keep why it failed if it did. Raises `Conflict`."""
        try:
            return self._carry_out(lambda use_cases: use_cases.retry(act, place=place))
        except (Conflict, Refused, *STORE_AWAY):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the message waits on with it
            reason = told(error)
            return self._carry_out(lambda use_cases: use_cases.note_failure(act, place=place, reason=reason))

    def _carry_out(self, use_case: Callable[[DeadLetterUseCases], DeadLetter]) -> DeadLetterState:
        work = self._units.open()
        letter = use_case(self.use_cases(work))
        self._units.commit(work)
        return letter.state


def noted(act: Act, parked: Parked) -> DeadLetter:
    """Begin the log of a parked message."""
    message = ParkedMessage(
        place=parked.place,
        source=readable(parked.source),
        key=readable(parked.key),
        message_id=readable(parked.message_id),
        message_type=readable(parked.headers.get("ce_type", "")),
        reason=readable(parked.reason),
        parked_at=parked.parked_at,
        body_digest=hashlib.sha256(parked.body).hexdigest(),
    )
    return DeadLetter.note(act, message)


def envelope_of(parked: Parked) -> Envelope:
    """Return the envelope of a parked message. Raises `BadEnvelope`."""
    service = _source_of(parked)
    if service is None:
        raise BadEnvelope(f"{parked.source} is no source")
    shard = int(parked.headers.get("ce_shard", "0"))
    return from_message(Message(topic_of(service), parked.key, shard, parked.headers, parked.body))


def _source_of(parked: Parked) -> str | None:
    """Return the service whose log a message has a place in. What has none was parked under its topic."""
    service = parked.source.rpartition("/")[2]
    return service if parked.source == source_of(service) else None


def told(error: Exception) -> str:
    """Return why a retry failed."""
    return str(error) if isinstance(error, (NotHandled, Unreadable)) else f"{type(error).__name__}: {error}"
