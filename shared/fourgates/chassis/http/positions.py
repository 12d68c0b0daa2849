"""Reading what one has just written: a command says what it reached, a question may ask for at least that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import Response

from fourgates.chassis.bus.envelope import SHARDS, shard_of
from fourgates.chassis.handled import Handled
from fourgates.chassis.http.problems import Problem
from fourgates.chassis.settings import ServiceSettings
from fourgates.chassis.work import Units

POSITION = "Fourgates-Position"
MIN_POSITION = "Fourgates-Min-Position"
_POSITION = POSITION.lower().encode()
# As OpenAPI tells it, for one place; several are separated by commas.
PLACE = r"[a-z]{1,40}/([0-9]|[1-5][0-9]|6[0-3])=[0-9]{1,18}"
_PLACE = re.compile(r"([a-z]{1,40})/([0-9]|[1-5][0-9]|6[0-3])=([0-9]{1,18})")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BARE = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Place:
    """A position in the log of a service, and the shard in which something happened there."""

    service: str
    shard: int
    position: int

    def __str__(self) -> str:
        """Return it as it stands in a header."""
        return f"{self.service}/{self.shard}={self.position}"


def reached(service: str, happened: Sequence[tuple[UUID, int]]) -> str:
    """Return the header of a command: the last position in each shard that it touched."""
    if len(happened) == 1:
        [(aggregate_id, position)] = happened
        return f"{service}/{shard_of(aggregate_id)}={position}"
    last: dict[int, int] = {}
    for aggregate_id, position in happened:
        shard = shard_of(aggregate_id)
        last[shard] = max(last.get(shard, 0), position)
    return ", ".join(str(Place(service, shard, position)) for shard, position in sorted(last.items()))


class Positions:
    """What commands say, and where a question waits until this service is at least where the caller wants it."""

    def __init__(self, service: str, units: Units, settings: ServiceSettings, handled: Handled | None = None) -> None:
        self._service = service
        self._units = units
        self._wait_s = settings.position_wait_s
        self._handled = handled
        # Threads of their own: whoever waits keeps nobody from being answered.
        self._limiter = CapacityLimiter(settings.position_waits_max)

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return int(self._limiter.borrowed_tokens)

    def tell(self, response: Response, happened: Sequence[tuple[UUID, int]], about: UUID | None) -> Response:
        """Tell in an answer what a command reached; when nothing happened, the answer is as new as anything."""
        if not happened and about is not None:
            happened = [(about, self._units.head())]
        if happened:
            # A header of its own: nothing else says this.
            response.raw_headers.append((_POSITION, reached(self._service, happened).encode()))
        return response

    def tell_again(self, response: Response, target: UUID | None) -> Response:
        """Tell in the first answer to a command, which is given again, a position behind everything that it did."""
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            return response
        return self.tell(response, (), _id_in(response.headers.get("location", "")) or target)

    async def wait(self, headers: Sequence[str]) -> None:
        """Wait for the places in the headers. Raises the 400 problem, and 503 when it takes too long."""
        if not headers:
            return
        places = self._places(headers)
        if self._limiter.available_tokens < 1:
            raise Problem("unavailable", "Too many wait for a position.", headers={"Retry-After": "1"})
        behind = await to_thread.run_sync(self._behind, places, limiter=self._limiter)
        if behind is not None:
            raise Problem(
                "behind", f"{behind} is not reached here after {self._wait_s:g} s.", headers={"Retry-After": "1"}
            )

    def _places(self, headers: Sequence[str]) -> list[Place]:
        parts = [part.strip(" \t") for part in ",".join(headers).split(",")]
        if len(parts) > SHARDS:
            raise _bad(f"Name at most {SHARDS} places")
        return [self._place(part) for part in parts]

    def _place(self, text: str) -> Place:
        found = _PLACE.fullmatch(text)
        if found is None and not _BARE.fullmatch(text):
            raise _bad(f"Send what a command answered as {POSITION}, or a position of this service's own log")
        service, shard, position = found.groups() if found else (self._service, "0", text)
        place = Place(service, int(shard), int(position))
        heard = self._handled.publishers if self._handled is not None else frozenset()
        if place.service != self._service and place.service not in heard:
            raise _bad(f"This service listens to: {', '.join(sorted(heard)) or 'nobody'}")
        return place

    def _behind(self, places: Sequence[Place]) -> Place | None:
        """Return the first place that is not reached in time, or None when all are."""
        until = monotonic() + self._wait_s
        return next((place for place in places if not self._reached(place, until - monotonic())), None)

    def _reached(self, place: Place, timeout_s: float) -> bool:
        if place.service == self._service or self._handled is None:
            return self._units.wait_beyond(place.position - 1, timeout_s)
        return self._handled.wait(place.service, place.shard, place.position, timeout_s)


def _id_in(path: str) -> UUID | None:
    """Return the last id in a path."""
    found = _ID.findall(path)
    return UUID(found[-1]) if found else None


def _bad(detail: str) -> Problem:
    return Problem("bad-header", errors=[{"header": MIN_POSITION, "code": "no-position", "detail": detail}])
