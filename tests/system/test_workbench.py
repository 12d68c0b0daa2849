"""The workbench really builds and really tests, with nothing but the wheels that it was given."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from fourgates_cli.workbench import BuildFailedError, Medium, Workbench, fetch_wheelhouse, lay_out

EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE = EXAMPLES / "parcel-tracking"
BUILD_TOOLS = ("flit-core", "pip")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Medium]:
    kept = EXAMPLES.parent / ".fourgates" / "wheelhouse"
    folder = kept if kept.exists() else tmp_path_factory.mktemp("wheelhouse")
    return {wheel.name: wheel for wheel in fetch_wheelhouse(EXAMPLES / "wheelhouse.lock", folder)}


def built(
    tmp_path: Path, wheels: dict[str, Medium], version: str, bench: str = "bench"
) -> tuple[Workbench, Medium, Medium, Path]:
    workbench = Workbench(tmp_path / bench)
    source = lay_out(EXAMPLE, version, tmp_path / bench / "source")
    build = workbench.build(source, [wheels[name] for name in BUILD_TOOLS])
    return workbench, build.wheel, build.sbom, source


def test_the_same_source_gives_the_same_bytes(tmp_path: Path, wheels: dict[str, Medium]) -> None:
    _, first, _, _ = built(tmp_path, wheels, "1.0.0", "one")
    _, second, _, _ = built(tmp_path, wheels, "1.0.0", "two")
    assert first.sha256 == second.sha256
    assert (first.name, first.version) == ("parcel-tracking", "1.0.0")


def test_the_bill_names_the_wheel_and_every_input_by_digest(tmp_path: Path, wheels: dict[str, Medium]) -> None:
    _, wheel, sbom, _ = built(tmp_path, wheels, "1.0.0")
    bill = json.loads(sbom.file.read_text())
    assert bill["metadata"]["component"]["hashes"][0]["content"] == wheel.sha256
    assert {part["hashes"][0]["content"] for part in bill["components"]} == {
        wheels[name].sha256 for name in BUILD_TOOLS
    }


def test_a_build_without_one_of_its_tools_fails(tmp_path: Path, wheels: dict[str, Medium]) -> None:
    source = lay_out(EXAMPLE, "1.0.0", tmp_path / "source")
    with pytest.raises(BuildFailedError, match="flit"):
        Workbench(tmp_path / "bench").build(source, [wheels["pip"]])


@pytest.mark.parametrize(
    ("version", "failures"),
    [("1.0.0", 0), ("1.1.0-attempt-1", 1), ("1.1.0", 0), ("1.1.1", 0), ("1.1.2", 0)],
)
def test_the_tests_run_on_the_built_bytes(
    tmp_path: Path, wheels: dict[str, Medium], version: str, failures: int
) -> None:
    workbench, wheel, _, source = built(tmp_path, wheels, version)
    evidence = workbench.test(wheel, source / "tests", list(wheels.values()), suite="functional")
    suite = ET.fromstring(evidence.junit_xml).find("testsuite")
    assert suite is not None
    assert int(suite.get("failures", "-1")) == failures
    assert evidence.passed is (failures == 0)
    properties = {p.get("name"): p.get("value") for p in suite.iterfind("properties/property")}
    assert properties["sha256"] == wheel.sha256


def test_the_decommissioning_procedure_is_tested_as_a_document(tmp_path: Path, wheels: dict[str, Medium]) -> None:
    workbench = Workbench(tmp_path / "bench")
    source = lay_out(EXAMPLE, "retirement", tmp_path / "source")
    content = (source / "procedure.md").read_bytes()
    procedure = workbench.write(
        "procedure.md", content, name="parcel-tracking-decommissioning", version="1", kind="document"
    )
    evidence = workbench.test(procedure, source / "tests", list(wheels.values()), suite="procedure")
    assert evidence.passed
    assert procedure.sha256 in evidence.junit_xml
