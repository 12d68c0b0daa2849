"""Opens the store of one service in PostgreSQL, and makes its tables."""

from __future__ import annotations

from psycopg.sql import SQL, Identifier, Literal

from fourgates.chassis.store.batching import QueueLimits
from fourgates.chassis.store.postgres.connections import FourgatesPostgresDatastore, Limits, lock_key
from fourgates.chassis.store.postgres.recorder import FourgatesPostgresRecorder
from fourgates.chassis.store.postgres.tables import grants


def open_postgres_recorder(
    url: str,
    *,
    schema: str,
    owner_url: str | None = None,
    limits: Limits | None = None,
    queue: QueueLimits | None = None,
) -> FourgatesPostgresRecorder:
    """Return a recorder on a schema of a database. No server is needed yet.

    Before the first use the tables are created, if they are missing: by the owner, so that the role of `url` can
    append to the log but never change it; or, without an owner, by that role itself (for development).
    Raises `ValueError` when a URL cannot be read.
    """
    if owner_url is not None:
        FourgatesPostgresDatastore(owner_url, schema=schema).close()
    datastore = FourgatesPostgresDatastore(
        url, schema=schema, limits=limits, prepare=lambda: _create_missing(url, schema, owner_url)
    )
    return FourgatesPostgresRecorder(datastore, queue=queue)


def create_tables(owner_url: str, schema: str, role: str | None = None) -> None:
    """Create what is missing as the owner, and let the role of a service append to the log but never change it.

    Without a role, or when it is the owner itself, the log is kept as it is by its trigger alone.
    Raises `StoreUnavailable` when there is no server.
    """
    datastore = FourgatesPostgresDatastore(owner_url, schema=schema)
    try:
        _create(datastore, role)
    finally:
        datastore.close()


def _create_missing(url: str, schema: str, owner_url: str | None) -> None:
    datastore = FourgatesPostgresDatastore(url, schema=schema)
    try:
        if not _exist(datastore):
            create_tables(owner_url or url, schema, datastore.role)
    finally:
        datastore.close()


def _exist(datastore: FourgatesPostgresDatastore) -> bool:
    """Tell whether the tables are there, and the function that is made after them."""
    with datastore.get_connection() as conn:
        # The catalogue can be read by everyone; a name in a schema that one may not use cannot be resolved.
        found = conn.execute(
            "SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n"
            " ON n.oid = c.relnamespace JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = 'append_together'"
            " AND p.pronargs = 12"
            " WHERE t.tgname = 'append_only' AND n.nspname = %s"
            " AND (c.relowner = current_user::regrole OR has_table_privilege(c.oid, 'INSERT'))",
            (datastore.schema,),
        )
        return found.fetchone() is not None


def _create(datastore: FourgatesPostgresDatastore, role: str | None) -> None:
    recorder = FourgatesPostgresRecorder(datastore)
    key = Literal(lock_key("create", datastore.schema))
    schema = Identifier(datastore.schema)
    with datastore.get_connection() as conn:
        # Several replicas may start at once, and "if not exists" alone is no protection against that.
        conn.execute(SQL("SELECT pg_advisory_lock({})").format(key))
        try:
            if conn.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (datastore.schema,)).fetchone() is None:
                conn.execute(SQL("CREATE SCHEMA {}").format(schema))
            recorder.create_table()
            if role is not None and role != datastore.role:
                tables = (recorder.events_table_name, recorder.tracking_table_name)
                with conn.transaction():
                    for statement in grants(datastore.schema, *tables, role):
                        conn.execute(statement)
        finally:
            conn.execute(SQL("SELECT pg_advisory_unlock({})").format(key))
