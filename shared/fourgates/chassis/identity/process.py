"""The development issuer as a process of its own: `python -m fourgates.chassis.identity.process`."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from fourgates.chassis.clock import SystemClock
from fourgates.chassis.identity.issuer import IssuerLimits, issuer_app
from fourgates.chassis.identity.keys import BadKeyFile, SigningKey, load_or_make_signing_key
from fourgates.chassis.identity.people import BadPeopleFile, PeoplePath, load_people
from fourgates.chassis.ids import TimeOrderedIds
from fourgates.chassis.logs import configure_logs, write_logs_of_libraries
from fourgates.chassis.process.serving import CannotServe, listen, serve
from fourgates.chassis.process.settings import BadSettings, unknown_variables
from fourgates.chassis.settings import HouseSettings, OwnFile, Url, describe_problem, describe_problems

PREFIX = "FOURGATES_ISSUER_"
FAILED, MISUSED = 1, 2


class IssuerSettings(HouseSettings):
    """Settings of the issuer. `FOURGATES_ISSUER_URL` is the one that services are told, too."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    url: Url = Field(
        description="The issuer that its tokens name; its path is the one behind a proxy.",
        examples=["https://fourgates.example/identity"],
    )
    people_file: PeoplePath = Field(
        description="File of people and machine accounts, with hashed secrets.", examples=["/etc/fourgates/people.json"]
    )
    key_file: OwnFile = Field(
        default=Path(".fourgates/issuer/signing-key.json"),
        description="File of the signing key; made when it is missing.",
        examples=["/var/lib/fourgates/signing-key.json"],
    )
    audience: str = Field(default="fourgates", min_length=1, max_length=200, description="The audience of its tokens.")
    token_lifetime_s: int = Field(default=3600, ge=1, le=86_400, description="How long a token is valid.")
    host: str = Field(default="127.0.0.1", min_length=1, max_length=255, description="Address that is listened on.")
    port: int = Field(default=8080, ge=0, le=65_535, description="Port that is listened on; 0 takes any free one.")
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="The least severe log lines that are written.",
        examples=["info"],
    )


def read_issuer_settings() -> IssuerSettings:
    """Return the settings from the environment. Raises `BadSettings` with every problem."""
    problems = list(unknown_variables(PREFIX, IssuerSettings.model_fields))
    try:
        settings = IssuerSettings()
    except ValidationError as error:
        problems += describe_problems(error, IssuerSettings)
    if problems:
        raise BadSettings(problems)
    return settings


def run(settings: IssuerSettings) -> None:
    """Serve until asked to end. Raises `BadSettings` or `CannotServe`."""
    api = issuer_app(
        people=load_people(settings.people_file),
        key=_key(settings),
        clock=SystemClock(),
        ids=TimeOrderedIds(),
        issuer_url=settings.url.rstrip("/"),
        audience=settings.audience,
        limits=IssuerLimits(token_lifetime_s=settings.token_lifetime_s),
    )

    def drain() -> None:
        api.readiness.draining = True

    serve(api, listen(settings.host, settings.port), root_path=urlsplit(settings.url).path, on_end=drain)


def _key(settings: IssuerSettings) -> SigningKey:
    try:
        return load_or_make_signing_key(settings.key_file)
    except (BadKeyFile, OSError) as error:
        raise BadSettings([describe_problem("key_file", str(error), IssuerSettings)]) from error


def main() -> int:
    """Run the issuer until it is asked to end; return the exit code."""
    try:
        settings = read_issuer_settings()
        configure_logs(settings.log_level, service="issuer")
        write_logs_of_libraries(settings.log_level, service="issuer")
        run(settings)
    except BadSettings as bad:
        sys.stderr.write("".join(f"{problem}\n" for problem in bad.problems))
        return MISUSED
    except (BadPeopleFile, CannotServe, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
