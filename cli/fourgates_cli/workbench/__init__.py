"""The builder's workbench: what a CI system does with media that were checked out of the DML, and with nothing else."""

from fourgates_cli.workbench.bench import Build, BuildFailedError, TestEvidence, Workbench
from fourgates_cli.workbench.media import DigestMismatchError, Medium, sha256_of
from fourgates_cli.workbench.sbom import bill_of_materials
from fourgates_cli.workbench.source import lay_out, versions_of
from fourgates_cli.workbench.wheelhouse import WheelhouseError, fetch_wheelhouse, read_lock, wheels_in

__all__ = [
    "Build",
    "BuildFailedError",
    "DigestMismatchError",
    "Medium",
    "TestEvidence",
    "WheelhouseError",
    "Workbench",
    "bill_of_materials",
    "fetch_wheelhouse",
    "lay_out",
    "read_lock",
    "sha256_of",
    "versions_of",
    "wheels_in",
]
