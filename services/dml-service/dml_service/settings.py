"""Every environment variable of the DML and configuration management, with its limits."""

from __future__ import annotations

from fourgates.chassis.settings import ServiceSettings
from pydantic import Field
from pydantic_settings import SettingsConfigDict


class DmlSettings(ServiceSettings):
    """Settings of dml-service."""

    model_config = SettingsConfigDict(env_prefix="FOURGATES_DML_", frozen=True)

    blob_bytes_max: int = Field(
        default=536_870_912, ge=1024, le=68_719_476_736, description="Largest media item that is taken, in bytes."
    )
    blob_chunk_bytes: int = Field(
        default=1_048_576, ge=4096, le=67_108_864, description="Bytes that are read from a media item at once."
    )
    check_in_wait_s: int = Field(
        default=600, ge=1, le=86_400, description="How long a check-in waits to hear of its build and sign-off."
    )
    check_ins_per_tick_max: int = Field(
        default=20, ge=1, le=1000, description="Waiting check-ins that one look at the clock takes up."
    )
    baseline_entries_max: int = Field(default=900, ge=1, le=10_000, description="Most things that one baseline holds.")
