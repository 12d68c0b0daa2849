"""The store in PostgreSQL: the library's tables, one transaction for each append, and one leader for each service."""

from fourgates.chassis.store.postgres.connections import Limits
from fourgates.chassis.store.postgres.leadership import PostgresLeadership
from fourgates.chassis.store.postgres.opening import create_tables, open_postgres_recorder
from fourgates.chassis.store.postgres.recorder import FourgatesPostgresRecorder

__all__ = [
    "FourgatesPostgresRecorder",
    "Limits",
    "PostgresLeadership",
    "create_tables",
    "open_postgres_recorder",
]
