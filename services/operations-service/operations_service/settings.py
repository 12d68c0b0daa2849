"""Every environment variable of operations-service, with its limits."""

from __future__ import annotations

from pathlib import Path

from fourgates.chassis.settings import ServiceSettings, Url
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
    console_history_max: int = Field(
        default=200, ge=1, le=5000, description="Facts on one page of a release's history in the console."
    )
    console_ended_max: int = Field(
        default=20, ge=0, le=1000, description="Most closed and cancelled releases on the board of the console."
    )
    token_url: Url | None = Field(
        default=None,
        description="Where people sign in to the console; by default <issuer_url>/token.",
        examples=["http://issuer:8080/token"],
    )
    people_file: Path | None = Field(
        default=None,
        description="File of people, whose names the console shows; without it they are known by their opaque ids.",
        examples=["/etc/fourgates/people.json"],
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

    @property
    def sign_in_url(self) -> str:
        """Where people sign in."""
        return self.token_url or f"{self.issuer_url.rstrip('/')}/token"
