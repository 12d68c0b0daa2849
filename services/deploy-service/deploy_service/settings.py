"""Every environment variable of deployment, with its limits."""

from __future__ import annotations

from typing import ClassVar, Literal

from fourgates.chassis.settings import ServiceSettings, Url
from pydantic import Field
from pydantic_settings import SettingsConfigDict


class DeploySettings(ServiceSettings):
    """Settings of deploy-service."""

    model_config = SettingsConfigDict(env_prefix="FOURGATES_DEPLOY_", frozen=True)

    told_alone: ClassVar[frozenset[str]] = ServiceSettings.told_alone | {"client_secret", "dml_url"}

    dml_url: Url = Field(
        default="http://127.0.0.1:8080/dml",
        description="Where media are fetched by digest.",
        examples=["https://a.b/dml"],
    )
    token_url: Url | None = Field(
        default=None, description="Where the machine account gets its token; by default <issuer_url>/token."
    )
    client_id: str = Field(
        default="deploy-service", min_length=1, max_length=200, description="The machine account of this service."
    )
    client_secret: str = Field(
        default="", max_length=4000, description="The secret of the machine account.", examples=["kJ8…"]
    )
    on_heard_cause: Literal["pause", "back_out"] = Field(
        default="pause", description="What happens to running work when a revocation, freeze or quarantine is heard."
    )
    start_limit_s: int = Field(
        default=1_209_600, ge=1, le=31_536_000, description="How long a planned deployment waits for its start."
    )
    drift_check_s: int = Field(
        default=900, ge=1, le=86_400, description="Time between two looks at what really runs in an environment."
    )
    step_timeout_s_max: int = Field(default=300, ge=1, le=3600, description="Longest time that one step may take.")
    start_wait_s: float = Field(
        default=0.2, gt=0, le=30, description="How long a process that was started must live to count as started."
    )
    stop_wait_s: float = Field(default=5.0, gt=0, le=300, description="Time to end in peace before being killed.")
    node_host: str = Field(
        default="127.0.0.1",
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description="Own name or address on which nodes listen, and under which they are reached by who measures them.",
        examples=["deploy"],
    )
    port_first: int = Field(default=0, ge=0, le=65_535, description="First port for nodes; 0 takes any free one.")
    port_last: int = Field(default=65_535, ge=1, le=65_535, description="Last port for nodes, if a first is given.")
    media_bytes_max: int = Field(
        default=268_435_456, ge=1024, le=4_294_967_296, description="Largest item that is fetched and unpacked."
    )
    unpacked_bytes_max: int = Field(
        default=1_073_741_824, ge=1024, le=17_179_869_184, description="Most bytes that one item may unpack to."
    )
    unpacked_entries_max: int = Field(
        default=20_000, ge=1, le=1_000_000, description="Most files that one item may unpack to."
    )
    log_bytes_max: int = Field(
        default=10_485_760, ge=1024, le=1_073_741_824, description="Size at which a node's log file is begun anew."
    )
    stop_nodes_on_shutdown: bool = Field(
        default=True,
        description="Whether nodes end with this service; they start again with it.",
    )

    @property
    def machine_token_url(self) -> str:
        """Where the machine account gets its token."""
        return self.token_url or f"{self.issuer_url.rstrip('/')}/token"
