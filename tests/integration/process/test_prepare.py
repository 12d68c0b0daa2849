"""What is made before services start, once and by the owner: a service can append to its log and never change it."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from fourgates.chassis.ids import CountedIds
from fourgates.chassis.process.prepare import main as prepare
from fourgates.chassis.store import EventMapper, EventStore
from fourgates.chassis.store.postgres import open_postgres_recorder
from fourgates.chassis.testing import an_act
from fourgates.chassis.testing.toys import Ball
from kafka import KafkaAdminClient
from psycopg import errors

EVERYTHING = """
SELECT 'relation', c.oid::text, c.relname, c.relowner::regrole::text, c.relacl::text, c.relkind::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s
UNION ALL SELECT 'schema', n.oid::text, n.nspname, n.nspowner::regrole::text, n.nspacl::text, ''
  FROM pg_namespace n WHERE n.nspname = %(schema)s
UNION ALL SELECT 'function', p.oid::text, p.proname, p.proowner::regrole::text, p.proacl::text, p.prosrc
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = %(schema)s
UNION ALL SELECT 'trigger', t.oid::text, t.tgname, t.tgenabled::text, t.tgrelid::text, pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = %(schema)s
UNION ALL SELECT 'role', r.oid::text, r.rolname,
  concat(r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls), r.rolinherit::text, ''
  FROM pg_roles r WHERE r.rolname = %(role)s
ORDER BY 1, 2, 3
"""


class Place:
    """A schema and a role of their own for the service whose topic is shared."""

    def __init__(self, servers, told):
        self.owner_url = servers.postgres.url
        self.schema = self.role = f"review{uuid4().hex[:10]}"
        self.bootstrap = servers.kafka.bootstrap
        self.told = told
        told.setenv("FOURGATES_DATABASE_OWNER_URL", self.owner_url)
        told.setenv("FOURGATES_REVIEW_DATABASE_SCHEMA", self.schema)
        told.setenv("FOURGATES_KAFKA_BOOTSTRAP", self.bootstrap)
        self.password_is("first")

    def password_is(self, password):
        self.url = f"postgresql://{self.role}:{password}@{urlsplit(self.owner_url).netloc.rpartition('@')[2]}/postgres"
        self.told.setenv("FOURGATES_REVIEW_DATABASE_URL", self.url)

    def everything(self):
        with psycopg.connect(self.owner_url) as conn:
            return conn.execute(EVERYTHING, {"schema": self.schema, "role": self.role}).fetchall()

    def store(self):
        return EventStore(open_postgres_recorder(self.url, schema=self.schema), EventMapper())

    def topic(self):
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        found = admin.describe_topics(["fourgates.review.events.v1"])
        admin.close()
        return found

    def remove(self):
        with psycopg.connect(self.owner_url, autocommit=True) as conn:
            conn.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
            conn.execute(f"DROP OWNED BY {self.role}")
            conn.execute(f"DROP ROLE {self.role}")


@pytest.fixture
def place(servers, monkeypatch):
    made = Place(servers, monkeypatch)
    assert prepare(["review"]) == 0
    yield made
    made.remove()


def thrown(store, seed):
    ball = Ball.throw(an_act(), ball_id=CountedIds(seed).new(), colour="red")
    ball.bounce(an_act(), height=3)
    store.append(ball.collect_events(), positions={"own": seed})
    return ball


def test_what_is_there_stays_as_it_is(place):
    store = place.store()
    ball = thrown(store, 1)
    before = place.everything(), place.topic()
    assert prepare(["review"]) == 0
    assert prepare(["review", "review"]) == 0
    assert (place.everything(), place.topic()) == before
    # Also while it is used, and what was stored is there.
    assert store.load(ball.id).heights == (3,)
    thrown(store, 2)
    store.close()


def test_the_role_of_a_service_has_the_password_that_it_is_told(place):
    place.store().close()
    place.password_is("second")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(place.url)
    assert prepare(["review"]) == 0
    store = place.store()
    thrown(store, 1)
    store.close()


def test_the_role_of_a_service_owns_nothing_and_may_not_make_anything(place):
    with closing(place.store()) as store:
        thrown(store, 1)
    with psycopg.connect(place.url, autocommit=True) as conn:
        owned = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        assert conn.execute(owned).fetchone() == (0,)
        of_schema = "SELECT count(*) FROM pg_namespace WHERE nspowner = current_user::regrole"
        assert conn.execute(of_schema).fetchone() == (0,)
        for statement in (
            "CREATE TABLE {schema}.mine (x int)",
            "CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA more{schema}",
            "CREATE ROLE more{schema}",
            "DROP SCHEMA {schema} CASCADE",
            "DROP FUNCTION {schema}.refuse_to_change_the_log CASCADE",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(statement.format(schema=place.schema))


def test_nobody_changes_the_log_and_the_role_of_a_service_may_not_even_try(place):
    with closing(place.store()) as store:
        thrown(store, 1)
    with psycopg.connect(place.owner_url, autocommit=True) as conn:
        find = (
            "SELECT c.oid::regclass::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname = 'append_only' AND n.nspname = %s"
        )
        tables = [name for (name,) in conn.execute(find, (place.schema,))]
    assert len(tables) == 1
    changes = ("UPDATE {} SET state = ''", "DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE")
    own = (*changes, "ALTER TABLE {} DISABLE TRIGGER ALL", "DROP TABLE {}")
    for url, statements, error in (
        (place.url, own, errors.InsufficientPrivilege),
        (place.owner_url, changes, errors.RaiseException),
    ):
        with psycopg.connect(url, autocommit=True) as conn:
            for statement in statements:
                with pytest.raises(error):
                    conn.execute(statement.format(tables[0]))
    with psycopg.connect(place.url) as conn:
        assert conn.execute(f"SELECT count(*) FROM {tables[0]}").fetchone() == (2,)


def test_a_service_that_uses_the_same_server_sees_nothing_of_another(place, servers, monkeypatch):
    with closing(place.store()) as store:
        thrown(store, 1)
    other = Place(servers, monkeypatch)
    assert prepare(["review"]) == 0
    with psycopg.connect(other.url) as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute(f"SELECT * FROM {place.schema}.parked")
    other.remove()


def test_a_refusal_is_told_and_is_no_reason_to_wait(place, capsys):
    place.told.setenv("FOURGATES_DATABASE_OWNER_URL", place.url)
    place.told.setenv("FOURGATES_REVIEW_DATABASE_SCHEMA", f"more{place.schema}")
    assert prepare(["review"]) == 1
    assert "permission denied" in capsys.readouterr().err
