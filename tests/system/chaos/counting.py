"""What the databases hold, counted by their own server: no code of a service is asked."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from tests.system.chaos.load import Told

CONVERGE_S = 180.0
_HEAD = "SELECT coalesce(max(notification_id), 0) FROM {}.stored_events"
_DRAFTED = """SELECT convert_from(state, 'UTF8')::json -> 'content' ->> 'title', originator_id
    FROM change.stored_events WHERE topic = 'change.Drafted' AND notification_id > %s"""
_SUBMITTED = "SELECT originator_id FROM change.stored_events WHERE topic = 'change.Submitted' AND notification_id > %s"
_NOTED = """SELECT (convert_from(state, 'UTF8')::json -> 'change' ->> 'change_id')::uuid
    FROM release.stored_events WHERE topic = 'release.KnownChangeNoted' AND notification_id > %s"""
_COUNT_SUBMITTED = """SELECT count(*) FROM change.stored_events
    WHERE topic = 'change.Submitted' AND notification_id > %s"""
_COUNT_NOTED = """SELECT count(*) FROM release.stored_events
    WHERE topic = 'release.KnownChangeNoted' AND notification_id > %s"""
_RELAYED = "SELECT max(notification_id) FROM change.notification_tracking WHERE application_name = 'relay'"
_PARKED = "SELECT count(*) FROM {}.parked"


@dataclass
class Found:
    """What was stored and handled, against what was acknowledged."""

    stored: int = 0
    handled: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


class Books:
    """Reads the logs of change-service, which was written to, and of release-service, which listens to it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._heads = (0, 0)

    def begin(self) -> None:
        """Count only what comes from now on."""
        self._heads = (self._number(_HEAD.format("change")), self._number(_HEAD.format("release")))

    def begin_at_the_beginning(self) -> None:
        """Count everything."""
        self._heads = (0, 0)

    def wait_until_handled(self, count: int) -> bool:
        """Wait until release-service has stored so many effects; tell whether it has in time."""
        until = time.monotonic() + CONVERGE_S
        while self.handled() < count:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def stored(self) -> int:
        """Return the position of the last fact that change-service stored."""
        return self._number(_HEAD.format("change"))

    def relayed(self) -> int:
        """Return the position of the last fact that Kafka has acknowledged."""
        return self._number(_RELAYED)

    def submitted(self) -> int:
        """Return how many submissions are stored."""
        return self._number(_COUNT_SUBMITTED, self._heads[0])

    def handled(self) -> int:
        """Return how many effects release-service has stored."""
        return self._number(_COUNT_NOTED, self._heads[1])

    def parked(self) -> int:
        """Return how many messages could not be handled at all."""
        return sum(self._number(_PARKED.format(schema)) for schema in ("change", "release"))

    def compare(self, told: Told) -> Found:
        """Count what is there: each acknowledged write must be stored once, and each submission handled once."""
        with psycopg.connect(self._url) as conn:
            drafted = [(str(title), UUID(str(made))) for title, made in conn.execute(_DRAFTED, (self._heads[0],))]
            submitted = Counter(UUID(str(made)) for (made,) in conn.execute(_SUBMITTED, (self._heads[0],)))
            noted = Counter(UUID(str(made)) for (made,) in conn.execute(_NOTED, (self._heads[1],)))
        titles = Counter(title for title, _ in drafted)
        made = dict(drafted)
        found = Found(stored=len(drafted) + submitted.total(), handled=noted.total())
        found.lost += [f"raised, not stored: {title}" for title, is_ in told.raised.items() if made.get(title) != is_]
        found.lost += [f"submitted, not stored: {is_}" for is_ in told.submitted - submitted.keys()]
        found.lost += [f"stored, not handled: {is_}" for is_ in submitted.keys() - noted.keys()]
        found.doubled += [f"raised {times} times: {title}" for title, times in titles.items() if times > 1]
        found.doubled += [f"submitted {times} times: {is_}" for is_, times in submitted.items() if times > 1]
        found.doubled += [f"handled {times} times: {is_}" for is_, times in noted.items() if times > 1]
        # Every write was sent until it was acknowledged, so there is nothing else.
        found.doubled += [f"stored, never acknowledged: {title}" for title in titles.keys() - told.raised.keys()]
        found.doubled += [f"submission stored, never acknowledged: {is_}" for is_ in submitted.keys() - told.submitted]
        found.doubled += [f"handled, never stored: {is_}" for is_ in noted.keys() - submitted.keys()]
        return found

    def _number(self, statement: str, *values: int) -> int:
        with psycopg.connect(self._url) as conn:
            row = conn.execute(statement, values).fetchone()
        return int(row[0] or 0) if row else 0
