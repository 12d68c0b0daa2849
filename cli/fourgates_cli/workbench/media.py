"""A medium on the workbench: a file whose digest was checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


class DigestMismatchError(Exception):
    """Bytes that are not what their digest says."""


@dataclass(frozen=True)
class Medium:
    """One file, by name, version and digest; `kind` is wheel, sbom or document."""

    name: str
    version: str
    sha256: str
    kind: str
    file: Path

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.file.stat().st_size


def sha256_of(content: bytes) -> str:
    """Return the lower-case hex sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def medium_from(file: Path, *, kind: str, name: str = "", version: str = "") -> Medium:
    """Return the medium that a file is; a wheel says its name and version itself."""
    if kind == "wheel":
        wheel_name, wheel_version = file.name.split("-")[:2]
        name, version = wheel_name.replace("_", "-"), wheel_version
    return Medium(name=name, version=version, sha256=sha256_of(file.read_bytes()), kind=kind, file=file)
