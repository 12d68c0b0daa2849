"""Settings that every service has: each a named environment variable with limits, a description and an example."""

from __future__ import annotations

import os
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

COMMON_PREFIX = "FOURGATES_"

_KINDS = {"str": "text", "SecretStr": "text", "int": "whole number", "float": "number", "bool": "true or false"}
_KINDS |= {"Path": "path", "dict": "JSON object"}


def _an_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ValueError("must be a URL with a host, and a port below 65536 if it names one")
    return url


Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$", max_length=2000), AfterValidator(_an_address)]


def _can_be_made(path: Path) -> Path:
    there = path.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"{there} is no folder in which this process may write")
    return path


def _can_hold_a_file(path: Path) -> Path:
    _can_be_made(path.parent)
    return path


Folder = Annotated[Path, AfterValidator(_can_be_made)]
OwnFile = Annotated[Path, AfterValidator(_can_hold_a_file)]


class HouseSettings(BaseSettings):
    """Settings that a service's own variable (`FOURGATES_RELEASE_…`) and a common one (`FOURGATES_…`) can give.

    The own one wins. A variable that is empty says nothing.
    """

    model_config = SettingsConfigDict(env_prefix=COMMON_PREFIX, env_ignore_empty=True, frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - given by the library; nothing is read from it
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the service's own variables, then the common ones."""
        common = EnvSettingsSource(settings_cls, env_prefix=COMMON_PREFIX)
        return init_settings, env_settings, common, file_secret_settings


class ServiceSettings(HouseSettings):
    """The common settings. A service's class has a prefix of its own (`FOURGATES_RELEASE_`).

    A process of its own must be told those in `told_alone`: their defaults are those of one process for all services.
    """

    told_alone: ClassVar[frozenset[str]] = frozenset({"issuer_url", "public_url"})

    data_folder: Folder = Field(
        default=Path(".fourgates"), description="Folder of all files that this process keeps.", examples=["/var/lib/x"]
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log lines that are written.", examples=["info"]
    )
    public_url: Url | None = Field(
        default=None,
        description="Address under which callers reach this service.",
        examples=["https://fourgates.example"],
    )
    issuer_url: Url = Field(
        default="http://127.0.0.1:8080/identity",
        description="The issuer whose tokens are accepted.",
        examples=["https://login.example"],
    )
    audience: str = Field(
        default="fourgates", min_length=1, max_length=200, description="The audience that tokens must name."
    )
    jwks_url: Url | None = Field(
        default=None,
        description="Address of the issuer's keys; by default <issuer_url>/jwks.",
        examples=["https://a.b/k"],
    )
    token_leeway_s: int = Field(default=60, ge=0, le=300, description="Tolerated difference of clocks, for tokens.")
    token_cache_max: int = Field(default=2000, ge=0, le=100_000, description="Verified tokens that are remembered.")
    jwks_refetch_s: int = Field(default=30, ge=1, le=3600, description="Shortest time between two fetches of keys.")
    jwks_cache_s: int = Field(default=3600, ge=60, le=86_400, description="Time after which keys are fetched again.")
    body_limit_bytes: int = Field(
        default=1_048_576, ge=1024, le=67_108_864, description="Largest JSON body of a request."
    )
    page_size_default: int = Field(default=50, ge=1, le=1000, description="Items on a page when none are asked for.")
    page_size_max: int = Field(default=1000, ge=1, le=1000, description="Most items on one page.")
    conflict_retries_max: int = Field(
        default=3, ge=0, le=20, description="Times a command is decided again after someone else was first."
    )
    aggregates_kept_max: int = Field(
        default=20_000, ge=0, le=1_000_000, description="Aggregates kept in memory between requests; 0 keeps none."
    )
    answers_kept_rows_max: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000,
        description="Rows of read models kept in memory for decisions; 0 keeps none.",
    )
    idempotency_hours: int = Field(default=24, ge=1, le=168, description="How long first answers are kept.")
    in_flight_max: int = Field(default=1000, ge=1, le=100_000, description="Requests with a key that run at once.")
    security_log_per_minute_max: int = Field(
        default=600, ge=1, le=100_000, description="Records a minute in the security log; more are only counted."
    )
    parked_max: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Dead letters that may wait; what would be one more stops its shard until some are settled.",
    )
    position_wait_s: float = Field(
        default=5.0, gt=0, le=60, description="Longest wait of a question for the position that it asks for."
    )
    position_waits_max: int = Field(
        default=100, ge=1, le=10_000, description="Questions that wait for a position at once."
    )
    http_timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for another server's answer.")
    tick_s: float = Field(default=1.0, gt=0, le=3600, description="Time between two looks at what is due.")

    @property
    def keys_url(self) -> str:
        """The address of the issuer's keys."""
        return self.jwks_url or f"{self.issuer_url.rstrip('/')}/jwks"


def describe_problems(
    error: ValidationError, settings: type[BaseSettings] = ServiceSettings, own_prefix: str = ""
) -> list[str]:
    """Return every problem in words: the variable, what is expected of it, and an example; never its value."""
    found = error.errors(include_input=False)
    return [
        describe_problem(str(one["loc"][0]) if one["loc"] else "", one["msg"], settings, own_prefix) for one in found
    ]


def describe_problem(name: str, message: str, settings: type[BaseSettings], own_prefix: str = "") -> str:
    """Return one problem in words: the variable, what is expected of it, and an example; never its value."""
    variable = _variable(name, settings, own_prefix)
    field = settings.model_fields.get(name)
    message = message.removeprefix("Value error, ").removesuffix(".")
    if field is None:
        return f"{variable}: {message}."
    example = (field.examples or [field.get_default(call_default_factory=True)])[0]
    shape = _shape(field.annotation, field.metadata)
    return f"{variable}: {message}. Expected: {shape}. {field.description or ''} Example: {example}."


def _variable(name: str, settings: type[BaseSettings], own_prefix: str) -> str:
    """Return the variable that gave a setting, or the one to give it with."""
    usual = f"{settings.model_config.get('env_prefix') or ''}{name.upper()}"
    told = {variable.upper() for variable, value in os.environ.items() if value}
    candidates = (f"{own_prefix}{name.upper()}", usual, f"{COMMON_PREFIX}{name.upper()}")
    return next((one for one in candidates if one in told), usual)


def _shape(annotation: Any, metadata: list[Any]) -> str:
    kind, limits = _unwrapped(annotation, list(metadata))
    names = {Ge: ("at least", "ge"), Gt: ("more than", "gt"), Le: ("at most", "le"), Lt: ("less than", "lt")}
    told = [
        f"{words} {getattr(limit, attribute)}"
        for limit in limits
        for cls, (words, attribute) in names.items()
        if isinstance(limit, cls)
    ]
    patterns = [f"like {limit.pattern}" for limit in limits if getattr(limit, "pattern", None)]
    return ", ".join([kind, *told, *patterns])


def _unwrapped(annotation: Any, metadata: list[Any]) -> tuple[str, list[Any]]:
    """Return in a word what a value must be, if there is one, and its limits."""
    arguments = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, arguments)), metadata
    if get_origin(annotation) is Annotated:
        more = [inner for one in arguments[1:] for inner in getattr(one, "metadata", None) or [one]]
        return _unwrapped(arguments[0], [*metadata, *more])
    if get_origin(annotation) in {Union, UnionType} and len(arguments) == 1:
        return _unwrapped(arguments[0], metadata)
    name = getattr(annotation, "__name__", None) or str(annotation)
    return _KINDS.get(name, name), metadata
