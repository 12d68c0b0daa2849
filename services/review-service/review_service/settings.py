"""Every environment variable of review-service, with its limits."""

from __future__ import annotations

from fourgates.chassis.settings import ServiceSettings
from pydantic import Field
from pydantic_settings import SettingsConfigDict


class ReviewSettings(ServiceSettings):
    """Settings of review-service."""

    model_config = SettingsConfigDict(env_prefix="FOURGATES_REVIEW_", frozen=True)

    observation_s: int = Field(
        default=3600, ge=0, le=7_776_000, description="How long a review observes the targets after a deployment."
    )
    extension_s: int = Field(
        default=1800, ge=1, le=2_592_000, description="By how much an inconclusive end extends the observation."
    )
    extensions_max: int = Field(
        default=2, ge=0, le=100, description="Extensions of an observation; after them inconclusive counts as missed."
    )
    observe_every_s: int = Field(
        default=300, ge=1, le=86_400, description="Time between two measurements by the clock while a review is open."
    )
    watch_every_s: int = Field(
        default=3600, ge=1, le=604_800, description="Time between two measurements of a service outside reviews."
    )
    due_per_tick_max: int = Field(
        default=20, ge=1, le=1000, description="Reviews, and watches, that one look at the clock takes up."
    )
    samples: int = Field(default=20, ge=1, le=200, description="Probes of one target in one measurement.")
    samples_min: int = Field(
        default=10, ge=1, le=200, description="Probes that must have told something; fewer are inconclusive."
    )
    probe_timeout_s: float = Field(default=2.0, gt=0, le=30, description="Longest wait for one probe's answer.")
    probe_pause_s: float = Field(default=0.02, ge=0, le=10, description="Pause between two probes.")
    probe_limit_bytes: int = Field(
        default=1_048_576, ge=1024, le=67_108_864, description="Largest answer to a probe that is read."
    )
    measurement_limit_s: float = Field(
        default=30.0, gt=0, le=600, description="Longest measurement of one target; then what was probed has to do."
    )
