"""How far each shard of each source was handled: as saved, and beyond that as far as it waits to be saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fourgates.chassis.store.positions import After


class Places:
    """Positions in memory, by the names under which they are saved. Another replica may save them meanwhile."""

    def __init__(self, read: Callable[[str], int]) -> None:
        self._read = read
        # How far each shard was handled, here or by whoever saved its position last.
        self._reached: dict[str, int] = {}
        self._passed: dict[str, int] = {}
        self._flying: dict[str, int] = {}
        # Where a shard stood when the first message was passed that is not saved yet.
        self._before: dict[str, int] = {}

    def of(self, name: str) -> int:
        """Return how far a shard was handled, here or by whoever saved its position last."""
        reached = self._reached.get(name)
        if reached is None:
            reached = max(self._read(name), self._flying.get(name, 0), self._passed.get(name, 0))
            self._reached[name] = reached
        return reached

    def read_again(self, name: str) -> None:
        """Let the position of one shard be read again."""
        del self._reached[name]

    def pass_by(self, name: str, position: int) -> None:
        """Go on with a shard; its position is saved later."""
        if name not in self._before:
            self._before[name] = self.of(name)
        self._passed[name] = self._reached[name] = position

    @property
    def passed(self) -> Mapping[str, int]:
        """The positions that are to be saved, of messages without any effect."""
        return self._passed

    def reached(self) -> Mapping[str, After]:
        """Return the positions that are to be saved, if nobody else has handled anything of what they say."""
        return {name: After(position, self._before[name]) for name, position in self._passed.items()}

    def take_off(self) -> Mapping[str, After]:
        """Return what is to be saved now, as `reached`, and count it as done until it is known to have failed."""
        reached = self.reached()
        self._flying = self._passed
        self._passed, self._before = {}, {}
        return reached

    def land(self) -> None:
        """Note that what was to be saved is saved."""
        self._flying = {}

    def saved(self, positions: Mapping[str, int]) -> None:
        """Note that these positions were saved, and with them all that were passed."""
        self._reached.update({**self._passed, **positions})
        self._passed, self._before = {}, {}

    def forget_passed(self) -> None:
        """Go back to what is saved, and read it again."""
        self._reached, self._flying, self._passed, self._before = {}, {}, {}, {}

    def read_all_again(self) -> None:
        """Read again what is saved, and keep of what was passed what nobody else has saved meanwhile."""
        now = {name: self._read(name) for name in self._passed}
        self._passed = {name: position for name, position in self._passed.items() if position > now[name]}
        self._before = {name: now[name] for name in self._passed}
        self._reached = {}
