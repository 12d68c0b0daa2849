"""Every environment variable of release management, with its limits."""

from __future__ import annotations

from fourgates.chassis.settings import ServiceSettings
from pydantic import Field
from pydantic_settings import SettingsConfigDict


class ReleaseSettings(ServiceSettings):
    """Settings of release-service."""

    model_config = SettingsConfigDict(env_prefix="FOURGATES_RELEASE_", frozen=True)

    debt_due_hours: int = Field(
        default=72, ge=1, le=2160, description="Hours after which a debt of an emergency is overdue."
    )
    overdue_per_tick_max: int = Field(
        default=20, ge=1, le=1000, description="Releases with overdue debts that one look at the clock takes up."
    )
    releases_per_fact_max: int = Field(
        default=1000, ge=1, le=1000, description="Open releases of one service, or of one item, that a fact reaches."
    )
    evidence_tests_max: int = Field(
        default=100_000, ge=1, le=1_000_000, description="Most test cases in one report of a test run."
    )
