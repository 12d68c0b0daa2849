"""The inbox: handles what other services published, exactly once in effect, in order per shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import sleep

import structlog

from fourgates.chassis.bus import Bus, BusUnavailable, Consumer, Message
from fourgates.chassis.bus.envelope import BadEnvelope, Envelope, from_message, source_of
from fourgates.chassis.clock import Clock
from fourgates.chassis.dead_letters import DeadLetterDesk
from fourgates.chassis.places import Places
from fourgates.chassis.reacting import Heard, React, Reactions, Unreadable, UseCases
from fourgates.chassis.source_log import Asked, GapFound, SourceAway, SourceLog, TooManyParked
from fourgates.chassis.store import STORE_AWAY, AlreadyHandled, Conflict, EventStore, Parked
from fourgates.chassis.together import Taken, Together, to_park
from fourgates.chassis.work import Units, Work

__all__ = ["GapFound", "Inbox", "SourceAway", "SourceLog", "TooManyParked"]

log = structlog.get_logger()

POLL = 500
COMMIT_EVERY = 5000
RACES_MAX = 20
TRIES_MAX = 3
PARKED_MAX = 10_000
# Whoever stores what was handled gets the interpreter for a moment, and else would wait for it until handling pauses.
GIVE_WAY_S = 0.000_05


class Inbox:
    """One consumer of a service. Another replica may be handling the same messages at the same time.

    Who saves the position of a message first has handled it; whoever comes second reads all positions again, because
    a shard that moved to another replica and back has gone on in between.
    """

    def __init__(
        self,
        service: str,
        *,
        store: EventStore,
        units: Units,
        bus: Bus,
        topics: tuple[str, ...],
        heard: Heard,
        use_cases: Callable[[Work], UseCases],
        clock: Clock,
        sources: SourceLog | None = None,
        parked_max: int = PARKED_MAX,
    ) -> None:
        self.name = f"{service}-inbox"
        self._service = service
        self._store = store
        self._units = units
        self._bus = bus
        self._topics = topics
        self._reactions = Reactions(service, heard, use_cases=use_cases, clock=clock)
        self.dead_letters = DeadLetterDesk(units, store, self._reactions)
        self._parked_max = parked_max
        self._clock = clock
        self._asked = Asked(sources)
        self._consumer: Consumer | None = None
        self._uncommitted = 0
        # Effects that wait to be stored in one transaction, and the positions to be saved with them: also those of
        # messages that nobody here listens to, which are saved with the next effects or at the end of the batch.
        self._together: Together[Taken] = Together(units)
        self._places = Places(store.position_of)
        # Whether no message waits for a person, as far as that is known since positions were read.
        self._none_parked: bool | None = None
        # Facts whose reactions look at the read models, which know of an effect only when it is stored.
        self._looking: set[str] = set()
        # The last message of each shard that waits for its source. What came before it, the source has.
        self._waiting: dict[str, Message] = {}
        # Sources that may have to be read from their beginning.
        self._unread = {source_of(name) for name in self._reactions.publishers if sources is not None}

    @property
    def publishers(self) -> set[str]:
        """The services that are listened to."""
        return self._reactions.publishers

    def step(self) -> bool:
        """Handle what has arrived; tell whether there was anything."""
        return self._handle(0.0)

    def wait(self, timeout_s: float) -> None:
        """Wait for messages and handle them."""
        self._handle(timeout_s)

    def close(self) -> None:
        """Leave the group; what was not committed will be delivered again."""
        if self._consumer is not None:
            self._consumer.close()
        self._consumer = None
        self._uncommitted = 0
        self._places.forget_passed()
        self._waiting.clear()
        self._together.clear()

    def _handle(self, timeout_s: float) -> bool:
        if not self._topics:
            return False
        if self._consumer is None:
            self._consumer = self._bus.consumer(f"fourgates.{self._service}.reactions", self._topics)
        self._asked.again()
        self._none_parked = None
        try:
            found = self._handle_some(self._consumer, timeout_s)
        except BusUnavailable:
            # The place in the group is kept.
            raise
        except Exception:
            self.close()
            raise
        if self._waiting or self._unread:
            # What waits was not committed, and the place in the group is kept: the next step tries again.
            waiting = ", ".join(sorted({*self._waiting, *self._unread}))
            self._check_room(f"; waiting: {waiting}")
            raise GapFound(f"waiting for what is missing of {waiting}")
        return found

    def _handle_some(self, consumer: Consumer, timeout_s: float) -> bool:
        waited, self._waiting = self._waiting, {}
        try:
            for source in sorted(self._unread):
                self._begin(source)
            # What is in hand does not wait for what may come.
            messages = consumer.poll(0.0 if self._together.is_in_hand else timeout_s, POLL)
        except BusUnavailable:
            self._store_all()
            raise
        finally:
            self._waiting.update(waited)
        waited, self._waiting = self._waiting, {}
        self._none_parked = None
        for message in (*waited.values(), *messages):
            self._take(message)
        self._uncommitted += len(messages) + len(waited)
        much = len(messages) == POLL and self._uncommitted < COMMIT_EVERY
        if much and not (self._waiting or self._unread):
            # What is being stored may be so while the next messages are handled, and the bus is told now and then: what
            # it delivers again is known by its position.
            return True
        self._store_all()
        if self._uncommitted and not self._waiting:
            consumer.commit()
            self._uncommitted = 0
        return bool(messages)

    def _store_all(self) -> None:
        self._settle()
        self._save({})

    def _begin(self, source: str) -> None:
        """Read a source that was never heard from its own log, up to its head: the bus may have forgotten the rest."""
        begun = f"{source}/begun"
        try:
            if not self._places.of(begun):
                for shard, head in self._asked.ask(source, lambda log: log.heads(source)).items():
                    self._fill(source, shard, head + 1)
                self._settle()
                for name in [name for name in self._waiting if name.startswith(f"{source}/")]:
                    self._check_turn(name)
                self._save({begun: 1})
        except GapFound as gap:
            log.warning("source is not read yet", service=self._service, source=source, reason=str(gap))
        else:
            self._unread.discard(source)

    def _take(self, message: Message) -> None:
        try:
            envelope = from_message(message)
        except BadEnvelope as error:
            place = {f"{message.topic}/{message.partition}": message.offset + 1}
            self._park(message, message.topic, str(error), place)
            return
        self._take_in_turn(Taken(message, envelope, f"{envelope.source}/{envelope.shard}"))

    def _take_in_turn(self, taken: Taken, *, alone: bool = False) -> None:
        message, name = taken.message, taken.name
        if name in self._waiting:
            self._waiting[name] = max(self._waiting[name], message, key=lambda m: int(m.headers["ce_pos"]))
            return
        try:
            self._go_on(taken, alone=alone)
        except GapFound as gap:
            log.warning("shard waits", service=self._service, shard=name, reason=str(gap))
            self._waiting[name] = message

    def _go_on(self, taken: Taken, *, alone: bool) -> None:
        """Handle a message, after what is missing before it. Raises `GapFound` when its shard has to wait."""
        message, envelope, name = taken.message, taken.envelope, taken.name
        if envelope.previous > self._places.of(name):
            self._places.read_again(name)  # Before the alarm: another replica may have gone on with this shard.
        if envelope.previous > self._places.of(name):
            log.error("gap", service=self._service, shard=name, after=self._places.of(name), until=envelope.position)
            self._fill(envelope.source, envelope.shard, envelope.position)
            self._check_turn(name)
        if envelope.previous > self._places.of(name):
            # The log of the source is complete, and what this message claims to follow is not in it.
            self._park(message, message.topic, f"{envelope.source} published nothing at {envelope.previous}", {})
        elif envelope.position > self._places.of(name):
            self._deliver(taken, alone=alone)

    def _fill(self, source: str, shard: int, until: int) -> None:
        """Fetch and handle what a shard has before a position. Raises `GapFound` when it cannot be had."""
        name = f"{source}/{shard}"
        while self._places.of(name) < until - 1 and (missed := self._missing(source, shard, until)):
            for message, envelope in missed:
                if envelope.position > self._places.of(name):
                    self._deliver(Taken(message, envelope, name))

    def _missing(self, source: str, shard: int, until: int) -> list[tuple[Message, Envelope]]:
        after = self._places.of(f"{source}/{shard}")
        found = self._asked.ask(
            source, lambda log: [(m, from_message(m)) for m in log.missing(source, shard, after, until)]
        )
        return [(message, envelope) for message, envelope in found if after < envelope.position < until]

    def _deliver(self, taken: Taken, *, alone: bool = False) -> None:
        """Handle a message that follows what was handled: its effect is stored together with others, or alone.

        What a source says beyond what is listened to is passed over: it may say new things at any time. A version that
        is not known here, of a fact that is, says what this service decides by, so it must not go unnoticed.
        """
        envelope = taken.envelope
        self._check_turn(taken.name)
        if not self._reactions.concern(envelope.type):
            self._places.pass_by(taken.name, envelope.position)
            self._together.pass_over(taken)
        elif self._is_parked(taken):
            if self._is_next(taken):
                reason = "an earlier message about the same thing is parked"
                self._park(taken.message, envelope.source, reason, {taken.name: envelope.position})
                self._follow(taken.message, envelope)
        elif alone:
            self._handle_alone(taken)
        else:
            self._handle_together(taken)

    def _handle_together(self, taken: Taken) -> None:
        """Let the effect of a message wait with others. What is not as simple as that is handled alone."""
        envelope = taken.envelope
        waits = self._together.has_effects or self._together.is_flying
        if waits and envelope.type in self._looking and not self._is_next(taken):
            return
        work, failed = self._units.open(), None
        try:
            self._reactions.to(envelope, taken.message.body)(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, the effects before it are stored first
            failed = error
        if work.looked:
            self._looking.add(envelope.type)
        must_wait = self._together.concern(work)
        if failed is None and not must_wait:
            self._places.pass_by(taken.name, envelope.position)
            self._together.join(taken, work)
            if self._together.is_full:
                self._launch()
                sleep(GIVE_WAY_S)
        elif self._is_next(taken):
            self._handle_alone(taken, None if must_wait else failed)

    def _is_next(self, taken: Taken) -> bool:
        """Store what waits, and tell whether a message is still the next of its shard to be handled.

        Raises `GapFound` when its shard has to wait.
        """
        self._settle()
        self._check_turn(taken.name)
        return taken.envelope.position > self._places.of(taken.name)

    def _check_turn(self, name: str) -> None:
        if name in self._waiting:
            raise GapFound("an earlier message has to wait")

    def _settle(self) -> None:
        """Store all effects that wait in one transaction; when that cannot be, message by message."""
        self._launch()
        self._land()

    def _launch(self) -> None:
        """Begin to store the effects that wait, when those before them are stored."""
        self._land()
        if self._together.has_effects:
            self._together.take_off(self._places.take_off())

    def _land(self) -> None:
        """Wait until what is being stored is; when that cannot be, handle it, and what came since, one by one."""
        again = self._together.land()
        if not again:
            self._places.land()
            return
        self._places.forget_passed()
        self._none_parked = None
        for taken in again:
            self._take_in_turn(taken, alone=True)

    def _is_parked(self, taken: Taken) -> bool:
        """Tell whether an earlier message about the same thing is parked and waits."""
        if self._none_parked is None:
            self._none_parked = self._store.count_parked() == 0
        return not self._none_parked and self._store.is_parked(taken.envelope.source, taken.message.key)

    def _follow(self, message: Message, envelope: Envelope) -> None:
        """Retry what was just parked behind an earlier message that a retry has handled at the same moment."""
        first = self._store.first_parked(envelope.source, message.key)
        if first is not None and first.message_id == envelope.message_id:
            self.dead_letters.follow(envelope.source, message.key, lambda: self._reactions.act(envelope))

    def _handle_alone(self, taken: Taken, failed: Exception | None = None) -> None:
        """Handle a message in a transaction of its own, or park it; it may have failed once already."""
        message, envelope = taken.message, taken.envelope
        position = {taken.name: envelope.position}
        try:
            react = self._reactions.to(envelope, message.body)
        except Unreadable as error:
            reason: str | None = str(error)
        else:
            reason = self._try(react, envelope, position, failed)
        if reason is not None:
            self._park(message, envelope.source, reason, position)

    def _try(
        self, react: React, envelope: Envelope, position: Mapping[str, int], failed: Exception | None
    ) -> str | None:
        """React in one transaction with the position; return why that cannot be done, or None when it is done."""
        errors: list[str] = []
        races = 0
        while len(errors) < TRIES_MAX and races < RACES_MAX:
            try:
                self._attempt(react, position, failed)
            except (AlreadyHandled, Conflict):
                if self._is_handled(position):
                    return None
                races += 1
            except STORE_AWAY:
                # No message is to blame for it, so none is parked.
                raise
            except Exception as error:
                log.exception("reaction failed", service=self._service, type=envelope.type, id=envelope.message_id)
                errors.append(f"{type(error).__name__}: {error}")
            else:
                self._saved(position)
                return None
            failed = None
        return errors[-1] if errors else f"lost {races} races"

    def _attempt(self, react: React, position: Mapping[str, int], failed: Exception | None) -> None:
        if failed is not None:
            raise failed
        work = self._units.open()
        react(work)
        self._units.commit(work, positions={**self._places.passed, **position})

    def _park(self, message: Message, source: str, reason: str, positions: Mapping[str, int]) -> None:
        """Park a message with its positions, after what came before it. Raises `TooManyParked`."""
        self._settle()
        self._check_room(f"; not parked: {reason}")
        log.error("message parked", service=self._service, source=source, key=message.key, reason=reason)
        parked = to_park(message, source, reason, self._clock.now())
        self._save(positions, parked)
        self._none_parked = None

    def _check_room(self, more: str) -> None:
        if self._store.count_parked() >= self._parked_max:
            raise TooManyParked(f"{self._parked_max} dead letters wait, and no more may: settle some{more}")

    def _save(self, positions: Mapping[str, int], parked: Parked | None = None) -> None:
        """Save positions with those that were passed, and a parked message with its own, unless someone else did."""
        while positions or parked or self._places.passed:
            try:
                self._store.append((), positions={**self._places.passed, **positions}, parked=parked)
            except AlreadyHandled:
                if self._is_handled(positions):
                    return
            else:
                self._saved(positions)
                return

    def _saved(self, positions: Mapping[str, int]) -> None:
        self._places.saved(positions)
        self._together.clear()

    def _is_handled(self, positions: Mapping[str, int]) -> bool:
        """Tell whether someone else has handled the message at these positions.

        A position that was saved before may be that of any message in the transaction, so all are read again, and
        those that someone else saved are left out of the next one.
        """
        self._places.read_all_again()
        self._none_parked = None
        handled = any(self._store.position_of(name) >= position for name, position in positions.items())
        if handled:
            log.warning("handled by another replica", service=self._service, positions=dict(positions))
        return handled
