"""Every environment variable of operations-service, with its limits."""

from __future__ import annotations

from fourgates.chassis.settings import ServiceSettings
from pydantic import Field
from pydantic_settings import SettingsConfigDict


class OperationsSettings(ServiceSettings):
    """Settings of operations-service."""

    model_config = SettingsConfigDict(env_prefix="FOURGATES_OPERATIONS_", frozen=True)

    history_max: int = Field(default=5000, ge=1, le=100_000, description="Most facts in the history of one release.")
    board_max: int = Field(default=1000, ge=1, le=10_000, description="Most releases on the board.")
    lineage_depth_max: int = Field(
        default=200, ge=1, le=10_000, description="Longest chain of causes that is followed."
    )
