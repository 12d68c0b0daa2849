"""What a process is told: which store and bus it uses, where it answers, and what its service wants to know besides."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, Field, Json, SecretStr, ValidationError

from fourgates.chassis.bus.envelope import SHARDS
from fourgates.chassis.settings import (
    COMMON_PREFIX,
    Folder,
    HouseSettings,
    ServiceSettings,
    describe_problem,
    describe_problems,
)

NAME = re.compile(r"[a-z]+\Z")
PORT_MAX = 65_535
# What every client of the library knows, can be said in JSON, and is not ours to say.
_KAFKA_OPTIONS = frozenset(
    name
    for name in KafkaConsumer.DEFAULT_CONFIG
    if name in KafkaProducer.DEFAULT_CONFIG and name in KafkaAdminClient.DEFAULT_CONFIG
    if name.startswith(("ssl_", "sasl_"))
    or name in {"security_protocol", "client_id", "client_dns_lookup", "proxy_url"}
    if name not in {"ssl_context", "sasl_oauth_token_provider"}
)


class BadSettings(Exception):
    """The process cannot start: every problem, with its variable, what is expected of it, and an example."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def _a_database(url: SecretStr) -> SecretStr:
    try:
        conninfo_to_dict(url.get_secret_value())
        is_url = re.fullmatch(r"postgres(ql)?://\S+", url.get_secret_value()) is not None
    except ProgrammingError:
        # What the library says repeats the URL, and with it the password.
        is_url = False
    if not is_url:
        raise ValueError("must be a URL that begins with postgresql://")
    return url


def _brokers(bootstrap: str) -> str:
    if any(not 0 < int(broker.rpartition(":")[2]) <= PORT_MAX for broker in bootstrap.split(",")):
        raise ValueError(f"every port must be one from 1 to {PORT_MAX}")
    return bootstrap


def _options(options: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(name for name in options if name not in _KAFKA_OPTIONS)
    if unknown:
        raise ValueError(f"no such option: {', '.join(unknown)}; there are {', '.join(sorted(_KAFKA_OPTIONS))}")
    if any(not isinstance(value, str | int | None) for value in options.values()):
        raise ValueError("every value must be a text, a whole number, true, false or null")
    return options


DatabaseUrl = Annotated[SecretStr, AfterValidator(_a_database)]
Brokers = Annotated[str, Field(pattern=r"^[^\s:,/]+:[0-9]{1,5}(,[^\s:,/]+:[0-9]{1,5})*$"), AfterValidator(_brokers)]


class ProcessSettings(HouseSettings):
    """Which parts one process is made of. Each variable may carry the service's own prefix instead."""

    host: str = Field(
        default="127.0.0.1", min_length=1, max_length=255, description="Address that is listened on.", examples=["::"]
    )
    port: int = Field(default=8080, ge=0, le=PORT_MAX, description="Port that is listened on; 0 takes any free one.")
    store: Literal["postgres", "sqlite"] = Field(
        default="postgres", description="Where the log is kept: a PostgreSQL server, or a file in the data folder."
    )
    database_url: DatabaseUrl | None = Field(
        default=None,
        description="URL of the PostgreSQL database of the log.",
        examples=["postgresql://user:secret@postgres:5432/fourgates"],
    )
    database_owner_url: DatabaseUrl | None = Field(
        default=None,
        description="The same database as the owner of its tables, who makes them; else the service's role does.",
        examples=["postgresql://owner:secret@postgres:5432/fourgates"],
    )
    database_schema: str | None = Field(
        default=None,
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="The schema of this service's tables; by default its name.",
        examples=["fourgates_x"],
    )
    bus: Literal["kafka", "in_process"] = Field(
        default="kafka",
        description="What carries published facts: Kafka, or a file in the data folder, heard by nobody else.",
    )
    kafka_bootstrap: Brokers | None = Field(
        default=None,
        description="The Kafka brokers that are asked first.",
        examples=["kafka-0:9092,kafka-1:9092"],
    )
    kafka_partitions: int = Field(default=6, ge=1, le=SHARDS, description="Partitions of a topic that is made here.")
    kafka_replication: int = Field(default=1, ge=1, le=9, description="Copies of a topic that is made here.")
    kafka_make_topics: bool = Field(default=True, description="Whether topics that are not there are made here.")
    kafka_options: Annotated[Json[dict[str, Any]], AfterValidator(_options)] = Field(
        default=cast("Any", "{}"),  # As the environment would say it: defaults are read in the same way.
        description="Further options of every Kafka client, for TLS and SASL, as one JSON object.",
        examples=['{"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512"}'],
    )
    sources_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S*\{service\}\S*$",
        max_length=2000,
        description="Where another service, {service}, is asked for what the bus did not bring.",
        examples=["http://{service}:8080"],
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The machine account of this process; by default <service>-service.",
        examples=["x-service"],
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), max_length=4000, description="The secret of the machine account.", examples=["kJ8…"]
    )
    token_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Where the machine account gets its token; by default <issuer_url>/token.",
        examples=["http://issuer:8080/token"],
    )
    own_folder: Folder | None = Field(
        default=None,
        description="Folder of the read models, which no replica may share; else the data folder.",
        examples=["/var/lib/fourgates/own"],
    )
    views: Literal["file", "memory"] = Field(
        default="file", description="Where read models are kept; in memory they are made anew at each start."
    )
    connections_max: int = Field(
        default=1000, ge=1, le=100_000, description="Most connections that are served at once."
    )
    stop_s: int = Field(
        default=20, ge=1, le=600, description="Longest wait for requests that run when the process ends."
    )
    retry_s: float = Field(default=1.0, gt=0, le=60, description="Pause between two attempts to reach what is awaited.")


@dataclass(frozen=True)
class Named:
    """One installed service by its name, and everything that it was told."""

    name: str
    build: Callable[..., Any]
    process: ProcessSettings
    settings: ServiceSettings

    @property
    def data(self) -> Path:
        """The folder of the service's files, which its replicas may share."""
        return self.settings.data_folder

    @property
    def own(self) -> Path:
        """The folder of what belongs to this process alone."""
        return self.process.own_folder or self.data

    @property
    def schema(self) -> str:
        """The schema of the service's tables."""
        return self.process.database_schema or self.name


def read_settings(name: str) -> Named:
    """Return an installed service with its settings from the environment. Raises `BadSettings` with every problem."""
    build = _installed(name)
    settings_class = _settings_class(name)
    prefix = f"{COMMON_PREFIX}{name.upper()}_"
    problems = list(unknown_variables(prefix, (*settings_class.model_fields, *ProcessSettings.model_fields)))
    process = _read(ProcessSettings, prefix, problems)
    settings = _read(settings_class, prefix, problems)
    problems += _lacking(prefix)
    problems += _untold(prefix, settings_class)
    if problems or process is None or settings is None:
        raise BadSettings(_first_of_each(prefix, problems))
    folder = (settings.data_folder / name).resolve()
    return Named(name, build, process, settings.model_copy(update={"data_folder": folder}))


def _installed(name: str) -> Callable[..., Any]:
    if not NAME.match(name) or importlib.util.find_spec(f"{name}_service") is None:
        raise BadSettings([f"{name[:50]!r}: no service of this name is installed here. Example: the x of x-service."])
    return cast("Callable[..., Any]", importlib.import_module(f"{name}_service.app").build)


def _settings_class(name: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"{name}_service.settings")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    return found[0]


def _read(cls: type[Any], prefix: str, problems: list[str]) -> Any:
    try:
        return cls(_env_prefix=prefix)
    except ValidationError as error:
        problems += describe_problems(error, cls, prefix)
        return None


def unknown_variables(prefix: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the variables with the service's own prefix that nothing reads: a slip of the pen would have no effect."""
    known = {f"{prefix}{name.upper()}" for name in names}
    for variable in sorted(os.environ):
        if variable.upper().startswith(prefix) and variable.upper() not in known:
            yield f"{variable}: no setting has this name. Example: {prefix}LOG_LEVEL."


def _lacking(prefix: str) -> Iterator[str]:
    """Yield what the chosen parts need and were not told; what they were told wrongly was found before."""
    needed = {"postgres": ("database_url",), "kafka": ("kafka_bootstrap", "sources_url", "client_secret")}
    for choice in ("store", "bus"):
        chosen = _told(prefix, choice) or ProcessSettings.model_fields[choice].default
        for name in needed.get(chosen, ()):
            if not _told(prefix, name):
                message = f"Needed with {COMMON_PREFIX}{choice.upper()}={chosen}"
                yield describe_problem(name, message, ProcessSettings)


def _untold(prefix: str, cls: type[ServiceSettings]) -> Iterator[str]:
    for name in sorted(cls.told_alone):
        if not _told(prefix, name):
            common = ServiceSettings if name in ServiceSettings.model_fields else cls
            yield describe_problem(name, "A process of its own must be told", common)


def _first_of_each(prefix: str, problems: Sequence[str]) -> list[str]:
    """Return one problem for each setting: both the process and its service may want to know the same."""
    first: dict[str, str] = {}
    for problem in problems:
        variable = problem.partition(":")[0]
        first.setdefault(variable.removeprefix(prefix).removeprefix(COMMON_PREFIX), problem)
    return list(first.values())


def _told(prefix: str, name: str) -> str:
    """Return what the environment says, as the settings read it: in any case, and first by the own prefix."""
    told = {variable.upper(): value for variable, value in os.environ.items() if value}
    return told.get(f"{prefix}{name.upper()}") or told.get(f"{COMMON_PREFIX}{name.upper()}", "")
