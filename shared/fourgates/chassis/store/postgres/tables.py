"""The tables of one service in PostgreSQL, and who may do what with them."""

from __future__ import annotations

from psycopg.sql import SQL, Composed, Identifier, Literal

_MORE = """
CREATE TABLE IF NOT EXISTS {schema}.replies (
    scope text PRIMARY KEY, fingerprint text NOT NULL, status integer NOT NULL, headers text NOT NULL,
    body bytea NOT NULL, kept_at timestamptz NOT NULL, expires_at timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS replies_by_expiry ON {schema}.replies (expires_at);
CREATE TABLE IF NOT EXISTS {schema}.parked (
    place bigserial PRIMARY KEY, source text NOT NULL, key text NOT NULL, message_id text NOT NULL,
    headers text NOT NULL, body bytea NOT NULL, reason text NOT NULL, parked_at timestamptz NOT NULL);
-- By its hash: the key of a stranger may be longer than another kind of index can hold.
CREATE INDEX IF NOT EXISTS parked_by_key ON {schema}.parked USING hash (key);
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
# One call is one transaction, and the lock is held for no round trip. It is taken first, so the order of positions is
# the order of commits. Of the first `given_count` appends those that come too late are left out wholly, and the others
# are stored. The rest want the same as one of the first: they are only told whether they are too late already.
# Planning anew costs as much as storing. So plans are kept as long as a connection lives, and one that was made for a
# small log must not read all of a large one.
_APPEND = """
CREATE OR REPLACE FUNCTION {schema}.append_together(
    given_appends integer[], given_ids uuid[], given_versions bigint[], given_topics text[], given_states bytea[],
    given_savers integer[], given_names text[], given_positions bigint[], given_befores bigint[],
    given_replies json, given_parked json, given_count integer, OUT stored bigint[], OUT late integer[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    saves bigint;
BEGIN
    PERFORM pg_advisory_xact_lock({key});
    late := ARRAY(
        SELECT g.append FROM unnest(given_appends, given_ids, given_versions) AS g (append, id, version)
        WHERE EXISTS (SELECT FROM {schema}.{events} AS e
            WHERE e.originator_id = g.id AND e.originator_version = g.version));
    IF given_names <> '{{}}' THEN
        late := late || ARRAY(
            SELECT g.append FROM unnest(given_savers, given_names, given_befores) AS g (append, name, before)
            JOIN {schema}.{tracking} AS t ON t.application_name = g.name AND t.notification_id > g.before);
    END IF;
    IF given_replies IS NOT NULL THEN
        -- Expired replies go whenever new ones come, so the table is bounded by the traffic of one expiry.
        DELETE FROM {schema}.replies AS r WHERE r.expires_at <=
            (SELECT max(g.kept_at) FROM json_to_recordset(given_replies) AS g (kept_at timestamptz));
        late := late || ARRAY(
            SELECT g.append FROM json_to_recordset(given_replies) AS g (append integer, scope text)
            WHERE EXISTS (SELECT FROM {schema}.replies AS r WHERE r.scope = g.scope));
        INSERT INTO {schema}.replies (scope, fingerprint, status, headers, body, kept_at, expires_at)
            SELECT g.scope, g.fingerprint, g.status, g.headers, g.body, g.kept_at, g.expires_at
            FROM json_to_recordset(given_replies) AS g (append integer, scope text, fingerprint text, status integer,
                headers text, body bytea, kept_at timestamptz, expires_at timestamptz)
            WHERE g.append < given_count AND g.append <> ALL (late);
    END IF;
    IF given_names <> '{{}}' THEN
        INSERT INTO {schema}.{tracking} AS saved (application_name, notification_id)
            SELECT g.name, g.position
            FROM unnest(given_savers, given_names, given_positions) AS g (append, name, position)
            WHERE g.append < given_count AND g.append <> ALL (late)
            ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
                WHERE saved.notification_id < excluded.notification_id;
        GET DIAGNOSTICS saves = ROW_COUNT;
        IF saves < (SELECT count(*) FROM unnest(given_savers) AS g (append)
                WHERE g.append < given_count AND g.append <> ALL (late)) THEN
            RAISE unique_violation USING MESSAGE = 'a position was saved by someone who does not take the lock';
        END IF;
    END IF;
    IF given_parked IS NOT NULL THEN
        INSERT INTO {schema}.parked (source, key, message_id, headers, body, reason, parked_at)
            SELECT g.source, g.key, g.message_id, g.headers, g.body, g.reason, g.parked_at
            FROM json_to_recordset(given_parked) AS g (append integer, source text, key text, message_id text,
                headers text, body bytea, reason text, parked_at timestamptz)
            WHERE g.append < given_count AND g.append <> ALL (late);
    END IF;
    IF given_appends <> '{{}}' THEN
        NOTIFY {channel};
        WITH inserted AS (
            INSERT INTO {schema}.{events} (originator_id, originator_version, topic, state)
            SELECT g.id, g.version, g.topic, g.state
            FROM unnest(given_appends, given_ids, given_versions, given_topics, given_states)
                WITH ORDINALITY AS g (append, id, version, topic, state, place)
            WHERE g.append < given_count AND g.append <> ALL (late) ORDER BY g.place
            RETURNING notification_id)
        SELECT array_agg(i.notification_id ORDER BY i.notification_id) INTO stored FROM inserted AS i;
    END IF;
END$$"""
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


def more_tables(schema: str, events: str, tracking: str, *, channel: str, key: int) -> list[Composed]:
    """Return what we add to the library's tables, as statements."""
    names = {"schema": schema, "events": events, "tracking": tracking}
    identifiers = {name: Identifier(value) for name, value in {**names, "channel": channel}.items()}
    return [*_statements(_MORE, **names), SQL(_APPEND).format(**identifiers, key=Literal(key))]


def grants(schema: str, events: str, tracking: str, role: str) -> list[Composed]:
    """Return the statements that let the role of a service append to the log, but never change it."""
    return _statements(_GRANTS, schema=schema, events=events, tracking=tracking, role=role)


def _statements(text: str, **names: str) -> list[Composed]:
    identifiers = {name: Identifier(value) for name, value in names.items()}
    return [SQL(part).format(**identifiers) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    """Return the statements of a text one by one; a semicolon at the end of a line ends one."""
    return [part.strip() for part in text.split(";\n")]
