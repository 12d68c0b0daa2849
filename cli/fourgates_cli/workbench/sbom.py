"""The software bill of materials of a build, in CycloneDX: what was built, and from which inputs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from fourgates_cli.workbench.media import Medium


def bill_of_materials(built: Medium, inputs: Sequence[Medium], *, epoch_s: int) -> str:
    """Return the bill as JSON; the same inputs give the same bytes."""
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"urn:sha256:{built.sha256}"))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch_s, tz=UTC)
    root = _component(built, ComponentType.APPLICATION, ComponentScope.REQUIRED)
    bom.metadata.component = root
    used = [_component(medium, ComponentType.LIBRARY, ComponentScope.EXCLUDED) for medium in inputs]
    for component in used:
        bom.components.add(component)
    bom.register_dependency(root, used)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _component(medium: Medium, kind: ComponentType, scope: ComponentScope) -> Component:
    purl = PackageURL(type="pypi", name=medium.name, version=medium.version)
    return Component(
        name=medium.name,
        version=medium.version,
        type=kind,
        scope=scope,
        bom_ref=f"{purl}#{medium.sha256}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=medium.sha256)],
    )
