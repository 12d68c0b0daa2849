"""The parts of a page that change, sent again whenever a fact came that changes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial

from fourgates.chassis.views import Row, Views

from operations_service.api.following import RETRY_MS, Follower, event, ping
from operations_service.views import CHANGES, NAMES_SERVICE, about_release, facts_behind, last_place

# Facts come in bursts; a page that follows each of them would only flicker.
REST_S = 0.2

Moves = Callable[[Row], bool]


def moves_board(_views: Views) -> Moves:
    """Return what tells whether a fact moves the board."""
    return lambda row: row["type"] in CHANGES or row["type"] == NAMES_SERVICE


def moves_release(release_id: str, views: Views) -> Moves:
    """Return what tells whether a fact belongs to the history of a release."""
    return about_release(views, release_id)


class Part:
    """One part of a page: how it is made, and which facts change it."""

    def __init__(
        self,
        views: Views,
        *,
        make: Callable[[], str],
        moves: Callable[[Views], Moves],
        batch_max: int,
        may_go_on: Callable[[], bool],
    ) -> None:
        self._views = views
        self._make = make
        self._moves = moves
        self._batch_max = batch_max
        self._may_go_on = may_go_on

    def begin(self) -> tuple[int, str]:
        """Return the part as it is now, and up to which place it was made at least."""
        place = last_place(self._views)
        return place, self._make()

    def look(self, place: int) -> tuple[int, str | None] | None:
        """Return how far the log goes, and the part if it changed; None when the session has ended."""
        if not self._may_go_on():
            return None
        moves, changed = self._moves(self._views), False
        while rows := facts_behind(self._views, after=place, limit=self._batch_max):
            place = rows[-1]["sequence"]
            changed = changed or any(moves(row) for row in rows)
        return place, self._make() if changed else None


async def follow_part(follower: Follower, part: Part, *, ping_s: float) -> AsyncGenerator[bytes]:
    """Yield the part as it is, and again whenever it has changed, until the process ends or the session does."""
    follower.look()
    place, made = await follower.ask(part.begin)
    yield event(made, place=place, retry_ms=RETRY_MS)
    while not follower.ends:
        if not await follower.wait(ping_s):
            yield ping(place)
        await asyncio.sleep(REST_S)
        follower.look()
        looked = await follower.ask(partial(part.look, place))
        if looked is None:
            return
        place, changed = looked
        if changed is not None and changed != made:
            made = changed
            yield event(made, place=place)
