"""Versions of an example: folders that are laid one over the other."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path


def versions_of(example: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the folders that make up each version of an example, lowest first."""
    written = tomllib.loads((example / "versions.toml").read_text(encoding="utf-8"))
    return {version: tuple(folders) for version, folders in written["versions"].items()}


def lay_out(example: Path, version: str, into: Path) -> Path:
    """Write the source of one version into an empty folder. Raises `KeyError` for an unknown version."""
    folders = versions_of(example)[version]
    if into.exists():
        shutil.rmtree(into)
    for folder in folders:
        shutil.copytree(example / folder, into, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return into
