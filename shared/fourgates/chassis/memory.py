"""Decides on the event loop, from aggregates in memory: no thread, and one transaction for all who store meanwhile."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from anyio import to_thread
from eventsourcing.persistence import IntegrityError

from fourgates.chassis.aggregate import Aggregate
from fourgates.chassis.kept_answers import KeptAnswers, Question
from fourgates.chassis.store import EventStore, Reply
from fourgates.chassis.store.answer import Answer
from fourgates.chassis.store.kept import Kept
from fourgates.chassis.views import Filter, Row
from fourgates.chassis.work import Work

T = TypeVar("T")

# Times that one decision may have to wait for something before it is made in a thread instead.
WAITS_MAX = 16
MOVED_MAX = 10_000


class NotAtOnce(Exception):
    """This needs something that is waited for: a thread may do it."""


class _Missing(NotAtOnce):
    """This aggregate is not in memory."""

    def __init__(self, aggregate_id: UUID) -> None:
        self.id = aggregate_id
        super().__init__(str(aggregate_id))


class _Unanswered(NotAtOnce):
    """The answer to this question is not in memory."""

    def __init__(self, question: Question) -> None:
        self.question = question
        super().__init__(question.view)


class _Unsure(NotAtOnce):
    """What is in memory may be older than the log, and nothing would tell."""


class Memory:
    """The aggregates and answers of one service that are kept, and the decisions that they allow without waiting.

    A decision that changes one kept aggregate needs no look at the log: if somebody else was first, storing it fails.
    Whatever else a decision reads, and whatever is shown, is first known to be current.
    """

    def __init__(self, store: EventStore, count_max: int, answers: KeptAnswers) -> None:
        self._store = store
        self._count_max = count_max
        self._kept = Kept(count_max)
        self._answers = answers
        # How far the log was looked at; what was kept before the first look is trusted by nobody.
        self._seen: int | None = None
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop] = WeakKeyDictionary()
        store.tell(self._moved)

    async def decide(self, decide: Callable[[Work], T]) -> tuple[Work, T]:
        """Return what was decided, and the unit of work to `store`. Raises `NotAtOnce` and whatever `decide` raises.

        `decide` runs again after something had to be waited for.
        """
        sure = not self._store.shared
        given: dict[UUID, Aggregate | None] = {}
        kept = self._kept
        for _ in range(WAITS_MAX):
            if kept is not self._kept:
                # What was loaded before the log was looked at anew may have moved since, and nobody would be told.
                kept = self._kept
                given.clear()
            hand = _Hand(kept, given, sure=sure)
            work = _MemoryWork(hand, self._answers)
            try:
                decided = decide(work)
                work.check_sure()
            except _Missing as missing:
                hand.undo()
                given[missing.id] = await self._store.load_on_loop(missing.id)
            except _Unanswered as unanswered:
                hand.undo()
                await to_thread.run_sync(self._answers.ask, unanswered.question)
            except _Unsure:
                hand.undo()
                await self._be_current()
                sure = True
            except BaseException:
                hand.give_back()
                raise
            else:
                return work, decided
        raise NotAtOnce("too much of it is not in memory")

    async def store(self, work: Work, *, reply: Reply | None = None) -> None:
        """Store what was decided, together with what others store now. Raises `Conflict` and `StoreUnavailable`."""
        decided = cast("_MemoryWork", work)
        decided.hand.give_back()
        changed = decided.changed()
        events = decided.pending()
        if not (events or reply):
            return
        answer = self._store.submit(events, reply=reply)
        if not answer.done():
            try:
                await self._of_loop().answers.to(answer)
            except BaseException:
                # It is stored all the same, or not, and nobody waits for it any more.
                answer.add_done_callback(lambda done: self._moved_unless_lost(done, events))
                raise
        elif events:
            self._store.notice()
        self._answers.moved(map(type, events))
        positions = self._store.appended(answer)
        work.reached = [(event.originator_id, place) for event, place in zip(events, positions, strict=True)]
        for aggregate in changed:
            decided.hand.kept.put(aggregate)

    async def look(self, aggregate_id: UUID, show: Callable[[Aggregate | None], T]) -> T:
        """Return what `show` makes of an aggregate as it is now, or of None when there is none."""
        if self._store.shared and self._count_max:
            await self._be_current()
        kept = self._kept
        found = kept.take(aggregate_id)
        if found is None:
            found = await self._store.load_on_loop(aggregate_id)
        try:
            return show(found)
        finally:
            if found is not None:
                kept.put(found)

    def _moved_unless_lost(self, done: Answer, events: Sequence[Any]) -> None:
        if not isinstance(done.exception(), IntegrityError):
            self._moved(events)

    def _moved(self, events: Iterable[Any]) -> None:
        """Hear what somebody else of this process stored."""
        for event in events:
            self._kept.moved(event.originator_id, event.originator_version)
        self._answers.moved(map(type, events))

    async def _be_current(self) -> None:
        """Wait for a look at the log that begins after this is asked; all who ask meanwhile share the next one."""
        loop = self._of_loop()
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loop.asked.append(asked)
        if loop.looking is None:
            loop.looking = asyncio.create_task(self._look_for_all(loop))
        await asked

    async def _look_for_all(self, loop: _OfLoop) -> None:
        """Look at the log until nobody asks any more. All who shared a look go on in the same turn of the loop.

        So what they decide is stored together.
        """
        try:
            while loop.asked:
                asked, loop.asked = loop.asked, []
                wrong: Exception | None = NotAtOnce("nobody looked at the log to its end")
                try:
                    await to_thread.run_sync(self._look_at_log)
                    wrong = None
                except Exception as error:  # noqa: BLE001 - each of them is told
                    wrong = error
                finally:
                    _wake(asked, wrong)
        finally:
            left, loop.asked, loop.looking = loop.asked, [], None
            _wake(left, NotAtOnce("nobody looks at the log"))

    def _look_at_log(self) -> None:
        moved = [] if self._seen is None else self._store.moved_since(self._seen, MOVED_MAX)
        if self._seen is None or len(moved) == MOVED_MAX:
            # Read first: whatever is kept from now on is loaded later, so whatever it misses is behind this position.
            head = self._store.head()
            self._kept = Kept(self._count_max)
            self._answers.moved((None,))
            self._seen = head
            return
        for position, aggregate_id, version, event_class in moved:
            self._kept.moved(aggregate_id, version)
            self._answers.moved((event_class,))
            self._seen = position

    def _of_loop(self) -> _OfLoop:
        loop = asyncio.get_running_loop()
        found = self._loops.get(loop)
        if found is None:
            found = self._loops[loop] = _OfLoop(_Answers(loop, self._store))
        return found


@dataclass
class _OfLoop:
    """What belongs to one event loop."""

    answers: _Answers
    # Those who wait for a look at the log that has not begun, and whoever looks.
    asked: list[asyncio.Future[None]] = field(default_factory=list)
    looking: asyncio.Task[None] | None = None


def _wake(asked: Iterable[asyncio.Future[None]], error: Exception | None) -> None:
    """Let all who wait go on, or tell them what is wrong."""
    for one in asked:
        if one.done():
            continue
        if error is None:
            one.set_result(None)
        else:
            one.set_exception(error)


class _Answers:
    """Brings answers of the writer to one event loop: everybody is woken once for all that came together."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: EventStore) -> None:
        self._loop = weakref.ref(loop)
        self._store = store
        self._thread = threading.get_ident()
        self._arrived: deque[asyncio.Future[None]] = deque()
        self._called = False

    def to(self, answer: Answer) -> asyncio.Future[None]:
        """Return what is done when the writer has answered."""
        loop = self._loop()
        assert loop is not None  # noqa: S101 - it runs whoever asks
        waiting: asyncio.Future[None] = loop.create_future()
        answer.add_done_callback(partial(self._arrive, waiting))
        return waiting

    def _arrive(self, waiting: asyncio.Future[None], _: Answer) -> None:
        self._arrived.append(waiting)
        loop = self._loop()
        # Whoever was called has not looked yet: it will find this, too.
        if not self._called and loop is not None and not loop.is_closed():
            self._called = True
            if threading.get_ident() == self._thread:
                # The loop has stored it by itself, and needs nobody to wake it.
                loop.call_soon(self._tell)
            else:
                loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._called = False
        while self._arrived:
            waiting = self._arrived.popleft()
            if not waiting.done():
                waiting.set_result(None)
        self._store.notice()


class _Hand:
    """What one decision took of what is in memory, and what was loaded for it."""

    def __init__(self, kept: Kept, given: dict[UUID, Aggregate | None], *, sure: bool) -> None:
        self.kept = kept
        self.sure = sure
        self._given = given
        self._taken: dict[UUID, Aggregate] = {}

    def load(self, aggregate_id: UUID) -> Aggregate | None:
        """Return an aggregate, as the store would. Raises `NotAtOnce` when that has to be waited for."""
        if aggregate_id in self._given:
            return self._given[aggregate_id]
        found = self._taken.get(aggregate_id)
        if found is None:
            if self._taken and not self.sure:
                raise _Unsure
            found = self.kept.take(aggregate_id)
            if found is None:
                raise _Missing(aggregate_id)
            self._taken[aggregate_id] = found
        return found

    @property
    def taken(self) -> Collection[Aggregate]:
        """What was taken out of memory."""
        return self._taken.values()

    def undo(self) -> None:
        """Put back what was taken and not changed, and forget what was changed: it is decided again, or not at all."""
        for aggregate in self._taken.values():
            if not aggregate.pending_events:
                self.kept.put(aggregate)
        for aggregate_id, given in [*self._given.items()]:
            if given is not None and given.pending_events:
                del self._given[aggregate_id]

    def give_back(self) -> None:
        """Put back whatever was not changed."""
        for aggregate in (*self._taken.values(), *self._given.values()):
            if aggregate is not None and not aggregate.pending_events:
                self.kept.put(aggregate)


class _MemoryWork(Work):
    """A unit of work on what is in memory."""

    def __init__(self, hand: _Hand, answers: KeptAnswers) -> None:
        super().__init__(hand, cast("Any", _KeptViews(hand, answers)))
        self.hand = hand

    def check_sure(self) -> None:
        """Raise `NotAtOnce` when something was read that may have moved, and that storing does not check."""
        if not self.hand.sure and any(not self._changes(aggregate) for aggregate in self.hand.taken):
            raise _Unsure

    def changed(self) -> list[Aggregate]:
        """Return what was changed and is to be stored."""
        return [aggregate for aggregate in self._staged.values() if aggregate.pending_events]

    def _changes(self, aggregate: Aggregate) -> bool:
        return aggregate.id in self._staged and bool(aggregate.pending_events)


class _KeptViews:
    """The read models, as far as what they answer is known."""

    def __init__(self, hand: _Hand, answers: KeptAnswers) -> None:
        self._hand = hand
        self._answers = answers

    def find(self, view: str, where: Mapping[str, Filter] | None = None, **how: Any) -> list[Row]:
        """Return what `Views.find` would. Raises `NotAtOnce` when that has to be waited for."""
        if not self._answers.keeps(view):
            raise NotAtOnce(view)
        if not self._hand.sure:
            raise _Unsure
        question = Question.of(view, where, how)
        try:
            found = self._answers.known(question)
        except KeyError:
            raise _Unanswered(question) from None
        if found is None:
            raise NotAtOnce(view)
        return found

    def __getattr__(self, name: str) -> NoReturn:
        raise NotAtOnce(name)
