"""Tells what is done and what that proved; anything not seen as expected ends the walk-through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from rich.console import Console
from rich.text import Text

from fourgates_cli.client import Answer
from fourgates_cli.exits import AnticipatedError

Tell = Callable[[str], None]


class NotAsExpectedError(AnticipatedError):
    """Something was seen that the process does not allow, or something expected was not seen."""


class Narrator:
    """Tells the story and counts what it proved: grants, refusals, states and facts."""

    def __init__(self, tell: Tell | None = None) -> None:
        self.names: dict[str, str] = {}
        console = Console(highlight=False)
        self._say: Callable[[Text], None] = lambda text: console.print(text, soft_wrap=True)
        if tell is not None:
            self._say = lambda text: tell(text.plain)
        self.seen: Counter[str] = Counter()

    def act(self, title: str) -> None:
        """Begin an act."""
        self._say(Text(f"\n━━ {title}", style="bold cyan"))

    def step(self, text: str) -> None:
        """Say what is done now."""
        self._say(Text(f"\n  {text}", style="bold"))

    def proved(self, text: str, *, kind: str = "fact") -> None:
        """Say what was proved."""
        self.seen[kind] += 1
        self._say(Text.assemble(("    ✓ ", "green"), text))

    def tell(self, text: str) -> None:
        """Say something as it is."""
        self._say(Text(text))

    def aside(self, text: str) -> None:
        """Say something that proves nothing."""
        for person_id, name in self.names.items():
            text = text.replace(person_id, name)
        self._say(Text(f"      {text}", style="dim"))

    def fact(self, holds: object, text: str, *, seen: object = "") -> None:
        """Prove a fact. Raises `NotAsExpectedError` with what was seen."""
        if not holds:
            self.failed(text, seen=seen)
        self.proved(text)

    def failed(self, text: str, *, seen: object) -> None:
        """Say that something was not as it must be. Raises `NotAsExpectedError`."""
        raise NotAsExpectedError(f"expected: {text}; seen: {seen}")

    def state(self, thing: dict[str, Any], field: str, expected: str, text: str) -> None:
        """Prove the state of a thing. Raises `NotAsExpectedError`."""
        if thing.get(field) != expected:
            raise NotAsExpectedError(f"{text}: {field} is {thing.get(field)!r} and not {expected!r}: {thing}")
        self.proved(f"{text}: {field} {expected}", kind="state")

    def granted(self, text: str) -> None:
        """Tell of a grant."""
        self.proved(text, kind="grant")

    def refused(self, answer: Answer, *, status: int, codes: Collection[str], text: str) -> None:
        """Prove a refusal with all of these reasons. Raises `NotAsExpectedError`."""
        missing = set(codes) - set(answer.codes)
        if answer.status != status or missing:
            said = f"{answer.status} {answer.body}"
            raise NotAsExpectedError(f"expected {status} with {sorted(codes)}: {text}; {answer.path} said {said}")
        self.proved(f"{text}: {status}", kind="refusal")
        for error in answer.errors:
            remedy = f" → {error['remedy']}" if error.get("remedy") else ""
            self.aside(f"{error.get('code')}: {error.get('detail')}{remedy}")

    def summary(self) -> str:
        """Return what was proved, counted."""
        words = {"grant": "grants", "refusal": "refusals", "state": "states", "fact": "facts"}
        return ", ".join(f"{self.seen[kind]} {word}" for kind, word in words.items())
