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
    stream_readers_max: int = Field(
        default=200, ge=1, le=10_000, description="Most open streams of one process, those of the console among them."
    )
    stream_threads_max: int = Field(
        default=4, ge=1, le=64, description="Threads in which open streams ask the store; the others wait their turn."
    )
    stream_batch_max: int = Field(default=100, ge=1, le=1000, description="Facts that a stream reads at once.")
    stream_ping_s: float = Field(
        default=15.0, gt=0, le=60, description="Silence after which a stream sends a comment, and looks at its token."
    )
    stream_send_s: float = Field(
        default=30.0, gt=0, le=600, description="How long one event may wait for its reader, who is cut off then."
    )
