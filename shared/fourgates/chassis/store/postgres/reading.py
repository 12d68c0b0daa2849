"""The reading side of the recorder: what the library reads, in the server's own form and a third of the time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from eventsourcing.persistence import InterfaceError, Notification, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresProcessRecorder
from eventsourcing.utils import retry
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore
from fourgates.chassis.store.stored import notification, stored_event


class Reading(PostgresProcessRecorder):
    """Reads rows as tuples of binary values."""

    datastore: FourgatesPostgresDatastore

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one aggregate in order."""
        conditions = {"originator_id =": originator_id, "originator_version >": gt, "originator_version <=": lte}
        order = "originator_version DESC" if desc else "originator_version"
        rows = self._select("originator_version, topic, state", conditions, order, limit)
        found = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
        return [stored_event(found, version, topic, state) for version, topic, state in rows]

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events of the log in order, between two positions and of some topics if given."""
        begin = "notification_id >=" if inclusive_of_start else "notification_id >"
        conditions = {begin: start, "notification_id <=": stop, "topic = ANY": list(topics) or None}
        names = "notification_id, originator_id, originator_version, topic, state"
        return [notification(*row) for row in self._select(names, conditions, "notification_id", limit)]

    def _select(self, names: str, conditions: dict[str, Any], order: str, limit: int | None) -> list[tuple[Any, ...]]:
        given = {name: value for name, value in conditions.items() if value is not None}
        where = " AND ".join(f"{condition} (%s)" for condition in given)
        clauses = f"{where and f'WHERE {where}'} ORDER BY {order}{'' if limit is None else ' LIMIT %s'}"
        statement = _statement(self.datastore.schema, self.events_table_name, names, clauses)
        values = [*given.values(), *([] if limit is None else [limit])]
        with self.datastore.get_connection() as conn, conn.cursor(binary=True, row_factory=tuple_row) as cursor:
            cursor.execute(statement, values, prepare=True)
            return cursor.fetchall()


@lru_cache(maxsize=256)
def _statement(schema: str, table: str, names: str, clauses: str) -> Composed:
    """Return a statement; composing it anew takes a third of the time of a short answer."""
    place = {"schema": Identifier(schema), "events": Identifier(table)}
    return SQL(f"SELECT {names} FROM {{schema}}.{{events}} {clauses}").format(**place)
