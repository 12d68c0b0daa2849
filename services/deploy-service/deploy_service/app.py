"""Builds deploy-service from its parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fourgates.chassis.http_client import HttpClient, MachineTokens
from fourgates.chassis.service import Effect, Parts, Service, assemble

from deploy_service.adapters import (
    DmlMedia,
    DriftInspector,
    LocalProcesses,
    Media,
    NodeKeeper,
    Processes,
    StepRunner,
)
from deploy_service.adapters.unpacking import Limits
from deploy_service.api import routes
from deploy_service.application import DeployUseCases
from deploy_service.domain import Environment, RehearsalWorkBegan, WorkBegan
from deploy_service.publishing import PUBLISHED
from deploy_service.reactions import CLOCK, HEARD, OWN
from deploy_service.settings import DeploySettings
from deploy_service.views import VIEWS


def build(parts: Parts, settings: DeploySettings | None = None, *, media: Media | None = None) -> Service:
    """Build the service; nothing runs yet. Without `media`, bytes come from the DML."""
    chosen = settings or DeploySettings()
    client = HttpClient(timeout_s=chosen.http_timeout_s)
    folder = parts.data or chosen.data_folder / "deploy"
    executor = _executor(folder, chosen, client, media or _dml(parts, folder, chosen, client))
    runner = StepRunner(executor, parts.clock)
    inspector = DriftInspector(executor, parts.clock)

    def close() -> None:
        executor.close()
        client.close()

    service = assemble(
        name="deploy",
        parts=parts,
        settings=chosen,
        title="Fourgates: deployment",
        description="Environments, rehearsals, deployments, back-out and retirement.",
        use_cases=lambda work: DeployUseCases(work, chosen),
        routes=routes,
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
        effects=(
            Effect("deployments", on=WorkBegan, run=runner.run_deployment),
            Effect("rehearsals", on=RehearsalWorkBegan, run=runner.run_rehearsal),
            Effect("drift", on=Environment.DriftCheckAsked, run=inspector.inspect),
        ),
        on_stop=close,
    )
    keeper = NodeKeeper(executor, service.carry_out)
    return replace(service, workers=(*service.workers, keeper))


def _dml(parts: Parts, folder: Path, settings: DeploySettings, client: HttpClient) -> DmlMedia:
    tokens = MachineTokens(
        client,
        token_url=settings.machine_token_url,
        client_id=settings.client_id,
        secret=settings.client_secret,
        clock=parts.clock,
    )
    return DmlMedia(
        client, tokens, dml_url=settings.dml_url, folder=folder / "media", bytes_max=settings.media_bytes_max
    )


def _executor(folder: Path, settings: DeploySettings, client: HttpClient, media: Media) -> LocalProcesses:
    processes = Processes(
        stop_wait_s=settings.stop_wait_s,
        log_bytes_max=settings.log_bytes_max,
        ports=(settings.port_first, settings.port_last),
        host=settings.node_host,
    )
    return LocalProcesses(
        folder / "nodes",
        media=media,
        client=client,
        processes=processes,
        limits=Limits(settings.unpacked_bytes_max, settings.unpacked_entries_max),
        timeout_s_max=settings.step_timeout_s_max,
        stop_on_close=settings.stop_nodes_on_shutdown,
    )
