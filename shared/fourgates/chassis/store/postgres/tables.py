"""The tables of one service in PostgreSQL, and who may do what with them."""

from __future__ import annotations

from psycopg.sql import SQL, Composed, Identifier

_MORE = """
CREATE TABLE IF NOT EXISTS {schema}.replies (
    scope text PRIMARY KEY, fingerprint text NOT NULL, status integer NOT NULL, headers text NOT NULL,
    body bytea NOT NULL, kept_at timestamptz NOT NULL, expires_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS replies_by_expiry ON {schema}.replies (expires_at);
CREATE TABLE IF NOT EXISTS {schema}.parked (
    place bigserial PRIMARY KEY, source text NOT NULL, key text NOT NULL, message_id text NOT NULL,
    headers text NOT NULL, body bytea NOT NULL, reason text NOT NULL, parked_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS parked_by_key ON {schema}.parked (source, key);
CREATE TABLE IF NOT EXISTS {schema}.refusals (
    place bigserial PRIMARY KEY, kind text NOT NULL, at text NOT NULL, principal text NOT NULL, path text NOT NULL,
    rule text NOT NULL, detail text NOT NULL);
CREATE OR REPLACE FUNCTION {schema}.refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'this log is append-only'; END$$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.{events}
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_to_change_the_log();
CREATE OR REPLACE TRIGGER refusals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.refusals
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_to_change_the_log();
-- The library switches off the clean-up of this table, whose rows change all the time.
ALTER TABLE {schema}.{tracking} RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)
"""
_GRANTS = """
REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {role};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC, {role};
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
GRANT SELECT, INSERT ON {schema}.{events}, {schema}.parked, {schema}.refusals TO {role};
GRANT SELECT, INSERT, UPDATE ON {schema}.{tracking} TO {role};
GRANT SELECT, INSERT, DELETE ON {schema}.replies TO {role}
"""


def more_tables(schema: str, events: str, tracking: str) -> list[Composed]:
    """Return what we add to the library's tables, as statements."""
    return _statements(_MORE, schema=schema, events=events, tracking=tracking)


def grants(schema: str, events: str, tracking: str, role: str) -> list[Composed]:
    """Return the statements that let the role of a service append to the log, but never change it."""
    return _statements(_GRANTS, schema=schema, events=events, tracking=tracking, role=role)


def _statements(text: str, **names: str) -> list[Composed]:
    identifiers = {name: Identifier(value) for name, value in names.items()}
    return [SQL(part).format(**identifiers) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    """Return the statements of a text one by one; a semicolon at the end of a line ends one."""
    return [part.strip() for part in text.split(";\n")]
