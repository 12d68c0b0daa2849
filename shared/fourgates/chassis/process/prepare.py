"""Make what services need before they start: `python -m fourgates.chassis.process.prepare <service> …`.

For each service, as the owner of the database: its role, its tables, and what the role may do with them, which is to
append to the log and never to change it; and its topic. What is there already stays as it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg
import structlog
from eventsourcing.persistence import PersistenceError
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal
from pydantic import SecretStr, ValidationError

from fourgates.chassis.bus import BusUnavailable
from fourgates.chassis.bus.envelope import topic_of
from fourgates.chassis.bus.kafka import ensure_topics
from fourgates.chassis.dead_letters import dead_letter_topic_of
from fourgates.chassis.logs import configure_logs
from fourgates.chassis.process.settings import NAME, BadSettings, ProcessSettings
from fourgates.chassis.settings import COMMON_PREFIX, describe_problem, describe_problems
from fourgates.chassis.store import STORE_AWAY
from fourgates.chassis.store.postgres import create_tables

log = structlog.get_logger("fourgates.prepare")

WAIT_S = 300.0
PAUSE_S = 1.0
FAILED, MISUSED = 1, 2
_NEEDED = ("database_owner_url", "database_url", "kafka_bootstrap")


@dataclass(frozen=True)
class Prepared:
    """One service, and what its process will be told."""

    name: str
    owner_url: str
    url: str
    process: ProcessSettings

    @property
    def role(self) -> str | None:
        """The role of the service."""
        user = conninfo_to_dict(self.url).get("user")
        return str(user) if user else None


def read_prepared(names: Sequence[str]) -> list[Prepared]:
    """Return the services with their settings from the environment. Raises `BadSettings` with every problem."""
    strange = [name[:50] for name in names if not NAME.match(name)]
    problems = [f"{name!r}: this is no name of a service. Example: the x of x-service." for name in strange]
    found = [one for name in names if NAME.match(name) and (one := _read(name, problems)) is not None]
    if problems:
        raise BadSettings(list(dict.fromkeys(problems)))
    return found


def prepare(services: Sequence[Prepared], *, wait_s: float = WAIT_S) -> None:
    """Make roles, tables and topics. Raises what the database or the bus says when the time is over."""
    for one in services:
        _when_it_answers(partial(_tables, one), (psycopg.OperationalError, *STORE_AWAY), wait_s)
        log.info("tables are there", service=one.name, schema=one.process.database_schema or one.name)
    for one in services:
        _when_it_answers(partial(_topic, one), (BusUnavailable,), wait_s)
        log.info("topic is there", service=one.name, topic=topic_of(one.name))


def _read(name: str, problems: list[str]) -> Prepared | None:
    prefix = f"{COMMON_PREFIX}{name.upper()}_"
    try:
        process = ProcessSettings(_env_prefix=prefix)
    except ValidationError as error:
        problems += describe_problems(error, ProcessSettings, prefix)
        return None
    lacking = [n for n in _NEEDED if getattr(process, n) is None]
    problems += [describe_problem(n, "Needed to prepare", ProcessSettings) for n in lacking]
    return (
        None if lacking else Prepared(name, _plain(process.database_owner_url), _plain(process.database_url), process)
    )


def _tables(one: Prepared) -> None:
    with psycopg.connect(one.owner_url, autocommit=True, connect_timeout=5) as conn:
        _make_role(conn, one)
    create_tables(one.owner_url, one.process.database_schema or one.name, one.role)


def _make_role(conn: psycopg.Connection, one: Prepared) -> None:
    """Make the role of a service with the password of its URL, or give it that password."""
    password = conninfo_to_dict(one.url).get("password")
    if one.role is None or one.role == conninfo_to_dict(one.owner_url).get("user") or password is None:
        return
    names = {"role": Identifier(one.role), "password": Literal(str(password))}
    known = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (one.role,)).fetchone()
    statement = "ALTER ROLE {role} PASSWORD {password}" if known else "CREATE ROLE {role} LOGIN PASSWORD {password}"
    conn.execute(SQL(statement).format(**names))


def _topic(one: Prepared) -> None:
    ensure_topics(
        one.process.kafka_bootstrap or "",
        [topic_of(one.name), dead_letter_topic_of(topic_of(one.name))],
        partitions=one.process.kafka_partitions,
        replication=one.process.kafka_replication,
        client_options=one.process.kafka_options,
    )


def _when_it_answers(make: Callable[[], None], away: tuple[type[Exception], ...], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            make()
        except away as error:
            if time.monotonic() > until:
                raise
            log.warning("waits", reason=f"{type(error).__name__}: {error}")
            time.sleep(PAUSE_S)
        else:
            return


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def main(names: Sequence[str]) -> int:
    """Prepare services; return the exit code."""
    if not names:
        sys.stderr.write("usage: python -m fourgates.chassis.process.prepare <service> …\n")
        return MISUSED
    configure_logs()
    try:
        prepare(read_prepared(names))
    except BadSettings as bad:
        sys.stderr.write("".join(f"{problem}\n" for problem in bad.problems))
        return MISUSED
    except (psycopg.Error, PersistenceError, BusUnavailable, *STORE_AWAY) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
