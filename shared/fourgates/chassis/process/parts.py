"""The concrete parts of a process, opened as its settings choose them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fourgates.chassis.bus import Bus, InProcessBus
from fourgates.chassis.bus.kafka import KafkaBus
from fourgates.chassis.clock import Clock
from fourgates.chassis.http import SQLiteSecurityLog
from fourgates.chassis.http.shared_security_log import PostgresSecurityLog
from fourgates.chassis.http_client import HttpClient, MachineTokens
from fourgates.chassis.identity.remote import remote_verifier
from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.inbox import SourceLog
from fourgates.chassis.leadership import Leadership
from fourgates.chassis.process.settings import Named, ProcessSettings
from fourgates.chassis.service import Parts
from fourgates.chassis.sources import HttpSources
from fourgates.chassis.store import EventMapper, EventStore, open_sqlite_recorder
from fourgates.chassis.store.interface import Recorder
from fourgates.chassis.store.postgres import PostgresLeadership, open_postgres_recorder


@dataclass
class Opened:
    """What is open, and has to be closed at the end."""

    parts: Parts
    _closing: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Close what the service itself does not."""
        for close in self._closing:
            close()
        self._closing.clear()


def open_parts(named: Named, *, client: HttpClient, clock: Clock) -> Opened:
    """Open the parts of a service. Neither PostgreSQL nor Kafka has to be there yet."""
    settings = named.settings
    security_log = _security_log(named)
    bus = open_bus(named.process, named)
    parts = Parts(
        store=EventStore(_recorder(named), EventMapper()),
        views_path=named.own / "views.sqlite" if named.process.views == "file" else None,
        bus=bus,
        clock=clock,
        ids=TimeOrderedIds(),
        verifier=remote_verifier(settings, client=client, clock=clock),
        security_log=security_log,
        sources=_sources(named, client, clock),
        data=named.data,
        leadership=_leadership(named),
    )
    return Opened(parts, [bus.close, security_log.close])


def open_bus(process: ProcessSettings, named: Named) -> Bus:
    """Return the bus that was chosen."""
    if process.bus == "in_process":
        return InProcessBus(named.data / "bus.sqlite")
    return KafkaBus(
        process.kafka_bootstrap or "",
        make_topics=process.kafka_make_topics,
        partitions=process.kafka_partitions,
        replication=process.kafka_replication,
        client_options=process.kafka_options,
    )


def _sources(named: Named, client: HttpClient, clock: Clock) -> SourceLog | None:
    """Return how other services are asked, or None when it was not told where they are."""
    process = named.process
    if process.sources_url is None:
        return None
    tokens = MachineTokens(
        client,
        token_url=process.token_url or f"{named.settings.issuer_url.rstrip('/')}/token",
        client_id=process.client_id or f"{named.name}-service",
        secret=process.client_secret.get_secret_value(),
        clock=clock,
    )
    return HttpSources(client, tokens, process.sources_url)


def _recorder(named: Named) -> Recorder:
    process = named.process
    if process.store == "sqlite" or process.database_url is None:
        return open_sqlite_recorder(named.data / "events.sqlite")
    owner = process.database_owner_url
    return open_postgres_recorder(
        process.database_url.get_secret_value(),
        schema=named.schema,
        owner_url=owner.get_secret_value() if owner is not None else None,
    )


def _security_log(named: Named) -> SQLiteSecurityLog | PostgresSecurityLog:
    url, most = named.process.database_url, named.settings.security_log_per_minute_max
    if named.process.store == "sqlite" or url is None:
        return SQLiteSecurityLog(named.own / "security.sqlite", per_minute_max=most)
    return PostgresSecurityLog(url.get_secret_value(), schema=named.schema, per_minute_max=most)


def _leadership(named: Named) -> Leadership | None:
    """Return who leads among the replicas, or None where there can be only one."""
    url = named.process.database_url
    if named.process.store == "sqlite" or url is None:
        return None
    return PostgresLeadership(url.get_secret_value(), schema=named.schema)
