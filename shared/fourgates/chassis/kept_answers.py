"""What read models have answered, kept until something happens that may change it: for decisions that cannot wait."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fourgates.chassis.views import Filter, Row, Views


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a view, as `Views.find` is asked it."""

    view: str
    where: tuple[tuple[str, str | int | float | bool | tuple[str, ...]], ...]
    how: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, view: str, where: Mapping[str, Filter] | None, how: Mapping[str, Any]) -> Question:
        """Return a question that equals every other one like it."""
        filters = (where or {}).items()
        return cls(
            view,
            tuple((f, tuple(w) if isinstance(w, Sequence) and not isinstance(w, str) else w) for f, w in filters),
            tuple(sorted(how.items())),
        )

    @property
    def names(self) -> int:
        """How many values it names: as many as rows may be, and they are kept as well."""
        return sum(len(wanted) if isinstance(wanted, tuple) else 1 for _, wanted in self.where)


class KeptAnswers:
    """The answers of views that say `kept`, at most so many rows in all. Any thread may call.

    An answer is dropped when one of the events happens that its view follows. So it is as good as the view is, for
    whoever knows that all events were told here that were stored before they ask.
    """

    def __init__(self, views: Views, rows_max: int) -> None:
        self._views = views
        self._rows_max = rows_max
        self._lock = threading.Lock()
        kept = views.kept if rows_max else ()
        # How often a view may have changed. An answer that was made during a change is not kept.
        self._changes = {view.name: 0 for view in kept}
        self._by_class: dict[type[Any], list[str]] = {}
        for view in kept:
            for event_class in view.on:
                self._by_class.setdefault(event_class, []).append(view.name)
        # What was asked for last stands last. None stands for an answer that is too large to be kept.
        self._answers: OrderedDict[Question, list[Row] | None] = OrderedDict()
        self._asked: dict[str, set[Question]] = {view: set() for view in self._changes}
        self._rows = 0

    def keeps(self, view: str) -> bool:
        """Tell whether answers of a view are kept."""
        return view in self._changes

    def known(self, question: Question) -> list[Row] | None:
        """Return the answer to a question, which nobody may change, or None when it is too large to be kept.

        Raises `KeyError` when it has to be asked.
        """
        with self._lock:
            found = self._answers[question]
            self._answers.move_to_end(question)
            return found

    def ask(self, question: Question) -> None:
        """Ask a view and keep what it answers, unless the view may have changed meanwhile. It is waited for."""
        view = question.view
        with self._lock:
            changes = self._changes[view]
        rows: list[Row] | None = self._views.find(view, dict(question.where), **dict(question.how))
        if _room(question, rows) > self._rows_max:
            rows = None
        with self._lock:
            if self._changes[view] != changes or question in self._answers:
                return
            self._answers[question] = rows
            self._asked[view].add(question)
            self._rows += _room(question, rows)
            while self._rows > self._rows_max and len(self._answers) > 1:
                self._forget(next(iter(self._answers)))

    def moved(self, event_classes: Iterable[type[Any] | None]) -> None:
        """Hear of which classes the events are that have happened; None stands for one that nobody here knows."""
        for event_class in event_classes:
            for view in self._changes if event_class is None else self._by_class.get(event_class, ()):
                self._drop(view)

    def _drop(self, view: str) -> None:
        with self._lock:
            self._changes[view] += 1
            for question in [*self._asked[view]]:
                self._forget(question)

    def _forget(self, question: Question) -> None:
        self._rows -= _room(question, self._answers.pop(question))
        self._asked[question.view].discard(question)


def _room(question: Question, rows: Sequence[Row] | None) -> int:
    """Return what an answer counts for: also one without rows takes room, and so does what its question names."""
    return 1 + question.names + len(rows or ())
