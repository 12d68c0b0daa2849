"""Settings that every service has: each a named environment variable with limits, a description and an example."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

COMMON_PREFIX = "FOURGATES_"

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$", max_length=2000)]


class HouseSettings(BaseSettings):
    """Settings that a service's own variable (`FOURGATES_RELEASE_…`) and a common one (`FOURGATES_…`) can give.

    The own one wins.
    """

    model_config = SettingsConfigDict(env_prefix=COMMON_PREFIX, frozen=True)

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

    data_folder: Path = Field(
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
    idempotency_hours: int = Field(default=24, ge=1, le=168, description="How long first answers are kept.")
    in_flight_max: int = Field(default=1000, ge=1, le=100_000, description="Requests with a key that run at once.")
    security_log_per_minute_max: int = Field(
        default=600, ge=1, le=100_000, description="Records a minute in the security log; more are only counted."
    )
    http_timeout_s: float = Field(default=10.0, gt=0, le=300, description="Longest wait for another server's answer.")
    tick_s: float = Field(default=1.0, gt=0, le=3600, description="Time between two looks at what is due.")

    @property
    def keys_url(self) -> str:
        """The address of the issuer's keys."""
        return self.jwks_url or f"{self.issuer_url.rstrip('/')}/jwks"


def describe_problems(error: ValidationError, settings: type[BaseSettings] = ServiceSettings) -> list[str]:
    """Return every problem in words: the variable, what is expected of it, and an example."""
    found = error.errors(include_input=False)
    return [describe_problem(str(one["loc"][0]) if one["loc"] else "", one["msg"], settings) for one in found]


def describe_problem(name: str, message: str, settings: type[BaseSettings]) -> str:
    """Return one problem in words: the variable, what is expected of it, and an example."""
    prefix = str(settings.model_config.get("env_prefix") or "")
    field = settings.model_fields.get(name)
    if field is None:
        return f"{prefix}{name.upper()}: {message}."
    example = (field.examples or [field.get_default(call_default_factory=True)])[0]
    shape = _shape(field.annotation, field.metadata)
    return f"{prefix}{name.upper()}: {message}. Expected: {shape}. {field.description or ''} Example: {example}."


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
    return name.removeprefix("Secret").lower() if name == "SecretStr" else name, metadata
