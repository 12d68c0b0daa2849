"""The security log of a service with replicas: a table of its database, so that auditors read one log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier, Literal

from fourgates.chassis.http.security_log import COLUMNS, LimitedSecurityLog
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, Limits, lock_key

CONNECTIONS_MAX = 2


class PostgresSecurityLog(LimitedSecurityLog):
    """The log in the table `refusals`, which is made with the tables of the store."""

    def __init__(self, url: str, *, schema: str, per_minute_max: int = 600) -> None:
        super().__init__(per_minute_max)
        self._datastore = FourgatesPostgresDatastore(url, schema=schema, limits=Limits(pool_max=CONNECTIONS_MAX))
        self._table = Identifier(schema, "refusals")
        self._key = Literal(lock_key("refusals", schema))

    def close(self) -> None:
        """Close all connections."""
        self._datastore.close()

    def _insert(self, row: Sequence[str]) -> None:
        statement = SQL("INSERT INTO {} (kind, at, principal, path, rule, detail) VALUES (%s,%s,%s,%s,%s,%s)")
        with self._datastore.get_connection() as conn, conn.transaction():
            # So that places are in the order of commits, and who reads on from a place misses none.
            conn.execute(SQL("SELECT pg_advisory_xact_lock({})").format(self._key))
            conn.execute(
                statement.format(self._table), [text.replace("\0", "\N{REPLACEMENT CHARACTER}") for text in row]
            )

    def _select(self, after: int, limit: int) -> Sequence[Sequence[Any]]:
        columns = SQL(", ").join(map(Identifier, COLUMNS))
        statement = SQL("SELECT {} FROM {} WHERE place > %s ORDER BY place LIMIT %s").format(columns, self._table)
        with self._datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(statement, (after, limit)).fetchall()
