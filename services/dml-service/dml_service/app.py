"""Builds dml-service from its parts."""

from __future__ import annotations

from fourgates.chassis.service import Parts, Service, assemble

from dml_service.adapters import FileBlobs, MemoryBlobs
from dml_service.api import routes
from dml_service.application import DmlUseCases
from dml_service.publishing import PUBLISHED
from dml_service.reactions import CLOCK, HEARD, OWN
from dml_service.settings import DmlSettings
from dml_service.views import VIEWS


def build(parts: Parts, settings: DmlSettings | None = None) -> Service:
    """Build the service; nothing runs yet."""
    chosen = settings or DmlSettings()
    blobs = _blobs(parts, chosen)
    return assemble(
        name="dml",
        parts=parts,
        settings=chosen,
        title="Fourgates: configuration management and the definitive media library",
        description="Services, configuration items, baselines, and the media that may be built with and deployed.",
        use_cases=lambda work: DmlUseCases(work, chosen, blobs),
        routes=lambda caller: routes(caller, blobs, chosen),
        views=VIEWS,
        published=PUBLISHED,
        heard=HEARD,
        own=OWN,
        clock=CLOCK,
    )


def _blobs(parts: Parts, settings: DmlSettings) -> FileBlobs | MemoryBlobs:
    if parts.data is None and parts.views_path is None:
        return MemoryBlobs()
    folder = parts.data or settings.data_folder / "dml"
    return FileBlobs(folder / "blobs", chunk_bytes=settings.blob_chunk_bytes)
