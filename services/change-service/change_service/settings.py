"""Every environment variable of change management, with its limits."""

from __future__ import annotations

from fourgates.chassis.identity.people import PeoplePath
from fourgates.chassis.settings import ServiceSettings
from pydantic import Field
from pydantic_settings import SettingsConfigDict


class ChangeSettings(ServiceSettings):
    """Settings of change-service."""

    model_config = SettingsConfigDict(env_prefix="FOURGATES_CHANGE_", frozen=True)

    people_file: PeoplePath | None = Field(
        default=None,
        description="File of people who are made known at the start; those who are known stay as they are.",
        examples=["/etc/fourgates/people.json"],
    )
    expiries_per_tick_max: int = Field(
        default=50, ge=1, le=1000, description="Requests and grants that one look at the clock expires."
    )
    escalations_per_tick_max: int = Field(
        default=50, ge=1, le=1000, description="Requests that one look at the clock escalates."
    )
    electorate_max: int = Field(
        default=1000, ge=1, le=1000, description="Most people who are counted to see whether a request can be met."
    )
    gate_wait_s_max: int = Field(
        default=30, ge=0, le=300, description="Longest time that a caller may wait for the verdict on a gate."
    )
    gate_waiters_max: int = Field(
        default=8,
        ge=1,
        le=30,
        description="Most callers who wait for a gate at the same time; more are answered at once.",
    )
    schedule_max: int = Field(
        default=1000, ge=1, le=1000, description="Most windows and plans that a deployment plan is compared with."
    )
