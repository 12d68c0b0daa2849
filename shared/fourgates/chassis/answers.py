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
        filters = ((field, wanted) for field, wanted in (where or {}).items())
        return cls(
            view,
            tuple((f, tuple(w) if isinstance(w, Sequence) and not isinstance(w, str) else w) for f, w in filters),
            tuple(sorted(how.items())),
        )


class Answers:
    """The answers of views that say `kept`, at most so many rows in all. Any thread may call.

    An answer is dropped when one of the events happens that its view follows. So it is as good as the view is, for
    whoever knows that all events were told here that were stored before they ask.
    """

    def __init__(self, views: Views, rows_max: int) -> None:
        self._views = views
        self._rows_max = rows_max
        self._lock = threading.Lock()
        # How often a view may have changed. An answer that was made during a change is not kept.
        self._changes = {view.name: 0 for view in views.kept}
        self._by_class: dict[type[Any], list[str]] = {}
        for view in views.kept:
            for event_class in view.on:
                self._by_class.setdefault(event_class, []).append(view.name)
        self._answers: OrderedDict[Question, list[Row]] = OrderedDict()
        self._rows = 0

    def keeps(self, view: str) -> bool:
        """Tell whether answers of a view are kept."""
        return view in self._changes

    def known(self, question: Question) -> list[Row] | None:
        """Return the answer to a question, which nobody may change, or None when it has to be asked."""
        with self._lock:
            found = self._answers.get(question)
            if found is not None:
                self._answers.move_to_end(question)
            return found

    def ask(self, question: Question) -> bool:
        """Ask a view and keep what it answers; tell whether that is little enough to be kept. It is waited for."""
        with self._lock:
            changes = self._changes[question.view]
        rows = self._views.find(question.view, dict(question.where), **dict(question.how))
        takes = _room(rows)
        if takes > self._rows_max:
            return False
        with self._lock:
            if self._changes[question.view] == changes and question not in self._answers:
                self._answers[question] = rows
                self._rows += takes
                while self._rows > self._rows_max:
                    self._rows -= _room(self._answers.popitem(last=False)[1])
        return True

    def concern(self, events: Iterable[Any]) -> bool:
        """Tell whether events may change an answer."""
        return any(type(event) in self._by_class for event in events)

    def moved(self, event_classes: Iterable[type[Any] | None]) -> None:
        """Hear of which classes the events are that have happened; None stands for one that nobody here knows."""
        for event_class in event_classes:
            for view in self._changes if event_class is None else self._by_class.get(event_class, ()):
                self._drop(view)

    def _drop(self, view: str) -> None:
        with self._lock:
            self._changes[view] += 1
            for question in [question for question in self._answers if question.view == view]:
                self._rows -= _room(self._answers.pop(question))


def _room(rows: Sequence[Row]) -> int:
    """Return what an answer counts for: also an empty one takes room."""
    return len(rows) + 1
