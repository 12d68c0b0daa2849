"""The tables of docs/events.md, made from the code; they stand between two marks each."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from fourgates.chassis.bus.envelope import SHARDS, Envelope, shard_of, source_of, to_message, topic_of
from fourgates.chassis.bus.kafka import DEFAULT_LIMITS, PARTITIONS
from fourgates.contracts import Contract
from operations_service.publishing import CONTRACTS

PAGE = Path(__file__).parents[2] / "docs/events.md"
SERVICES = ("change", "release", "dml", "deploy", "review", "operations")
MARKED = re.compile(r"(<!-- (\w+): made by `make schemas` -->\n).*?(<!-- end -->)", re.DOTALL)

# What each header of a message says. A header that is added to the code must be explained here.
HEADERS: Mapping[str, str] = {
    "content-type": "How the body is written. Decide by it: other modes of CloudEvents are `application/cloudevents…`.",
    "ce_specversion": "The version of CloudEvents.",
    "ce_id": "The message. With `ce_source` it is unique for ever, however often the message is delivered.",
    "ce_source": "The service that published it.",
    "ce_type": "What happened, with the version of its schema.",
    "ce_subject": "What it happened to: the service and the id.",
    "ce_time": "When it happened.",
    "ce_recordedtime": "When that was recorded.",
    "ce_dataschema": "The name of the JSON Schema of the body, which is the schema's `$id`; no address (see Bodies).",
    "ce_sequence": "`ce_pos` as text that sorts as the numbers do.",
    "ce_partitionkey": "The key of the message: the id of what it is about.",
    "ce_correlationid": "The request with which everything began that led here.",
    "ce_causationid": "What caused it: the `ce_id` of another message, or the request of a person.",
    "ce_authtype": "`user` for a person, `service_account` for a machine.",
    "ce_authid": "Who did it: the opaque subject of the token, never a name.",
    "ce_onbehalfof": "The person for whom a service did it; the same as `ce_authid` when a person did it.",
    "ce_aggregateversion": "Which event of its subject it is, from 1; events that are not published count, too.",
    "ce_shard": f"A number below {SHARDS}, fixed by the key. Order holds within (`ce_source`, `ce_shard`).",
    "ce_pos": "The position in the log of the service; grows, with gaps.",
    "ce_prev": "The `ce_pos` of the message before in the same shard, 0 for the first. A gap is seen by it.",
}


def sample_headers() -> Mapping[str, str]:
    """The headers of a message as the services send it."""
    about = UUID("0193a3c2-5d1e-7f00-8000-000000001042")
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    envelope = Envelope(
        message_id="release-1042",
        source=source_of("release"),
        type="dev.fourgates.release.phase_entered.v1",
        subject=f"release/{about}",
        at=at,
        recorded_at=at,
        by="0193a3c2-5d1e-7f00-8000-00000000002a",
        person="0193a3c2-5d1e-7f00-8000-00000000002a",
        machine=False,
        correlation_id="0193a3c2-5d1e-7f00-8000-000000000c01",
        cause_id="0193a3c2-5d1e-7f00-8000-000000000c01",
        aggregate_version=7,
        shard=shard_of(about),
        position=1042,
        previous=1017,
    )
    return to_message("release", envelope, str(about), b"{}").headers


@cache
def hearers() -> Mapping[str, tuple[str, ...]]:
    """The services that hear each type."""
    heard: dict[str, list[str]] = {}
    for service in SERVICES:
        for contract in importlib.import_module(f"{service}_service.reactions").HEARD:
            heard.setdefault(contract.TYPE, []).append(service)
    return {name: tuple(services) for name, services in heard.items()}


def publisher(contract: type[Contract]) -> str:
    """Who says it."""
    return contract.TYPE.split(".")[2]


def topics() -> str:
    """The topics, who publishes on them, and how they are kept."""
    rows = []
    for service in dict.fromkeys(publisher(contract) for contract in CONTRACTS.values()):
        said = [name for name, contract in CONTRACTS.items() if publisher(contract) == service]
        listening = sorted({f"`fourgates.{who}.reactions`" for name in said for who in hearers()[name]})
        names = (f"`{topic_of(service)}`", f"`{source_of(service)}`")
        figures = (str(len(said)), str(PARTITIONS), f"{DEFAULT_LIMITS.retention_days} days")
        rows.append((*names, *figures, ", ".join(listening)))
    return _table(("topic", "`ce_source`", "types", "partitions", "kept", "consumer groups of our own"), rows)


def headers() -> str:
    """The headers of a message."""
    sample = sample_headers()
    return _table(("header", "says", "example"), [(f"`{n}`", HEADERS[n], f"`{sample[n]}`") for n in sample])


def types() -> str:
    """Every published type, what it says, and who of our own services hears it."""
    parts = []
    for service in dict.fromkeys(publisher(contract) for contract in CONTRACTS.values()):
        rows = [_told(contract) for contract in CONTRACTS.values() if publisher(contract) == service]
        parts.append(f"**{service}-service**\n\n{_table(('type and schema', 'says', 'heard by'), rows)}")
    return "\n".join(parts)


def _told(contract: type[Contract]) -> tuple[str, str, str]:
    name = contract.TYPE
    words = inspect.cleandoc(contract.__doc__ or "").partition("\n")[0]
    heard = ", ".join(who for who in hearers()[name] if who != "operations") or "operations only"
    return f"[`{name}`](schemas/{name}.json)", words, heard


TABLES: Mapping[str, Callable[[], str]] = {"topics": topics, "headers": headers, "types": types}


def with_tables(page: str) -> str:
    """The page with each marked table as the code says it now."""
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", page)


def write() -> None:
    """Write the tables into the page."""
    PAGE.write_text(with_tables(PAGE.read_text()))


def _table(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [names, tuple("---" for _ in names), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
