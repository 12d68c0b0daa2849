"""The wheelhouse: third-party wheels by the hashed lock, fetched once, before anything is released.

This is the only place where a package index is used. From here the wheels enter the DML by an initial load.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fourgates_cli.exits import AnticipatedError
from fourgates_cli.workbench.media import Medium, medium_from

FETCH_TIMEOUT_S = 300
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class WheelhouseError(AnticipatedError):
    """The wheelhouse could not be filled, or does not hold what the lock names."""


@dataclass(frozen=True)
class Locked:
    """One line of the lock: a package that may have only these bytes."""

    name: str
    version: str
    sha256s: tuple[str, ...]


def read_lock(lock: Path) -> tuple[Locked, ...]:
    """Return what the lock allows."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    locked = []
    for line in text.splitlines():
        pinned = _PINNED.match(line)
        if pinned:
            locked.append(Locked(pinned["name"], pinned["version"], tuple(_HASH.findall(line))))
    return tuple(locked)


def wheels_in(folder: Path, lock: Path) -> tuple[Medium, ...]:
    """Return the wheels that the lock names. Raises `WheelhouseError` when one is missing or has other bytes."""
    found = {medium.sha256: medium for medium in (medium_from(file, kind="wheel") for file in folder.glob("*.whl"))}
    wheels = []
    for locked in read_lock(lock):
        fitting = [found[sha256] for sha256 in locked.sha256s if sha256 in found]
        if not fitting:
            msg = f"{locked.name} {locked.version} of {lock.name} is not in {folder}; `fourgates wheelhouse` fetches it"
            raise WheelhouseError(msg)
        wheels.append(fitting[0])
    return tuple(wheels)


def fetch_wheelhouse(lock: Path, folder: Path) -> tuple[Medium, ...]:
    """Fetch what the lock names unless it is there already, and return it. Raises `WheelhouseError`."""
    try:
        return wheels_in(folder, lock)
    except WheelhouseError:
        folder.mkdir(parents=True, exist_ok=True)
    command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--requirement", str(lock), "--dest", str(folder)]
    fetched = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
    if fetched.returncode:
        msg = f"pip could not fetch {lock.name}: {fetched.stderr.strip()}"
        raise WheelhouseError(msg)
    return wheels_in(folder, lock)


def _pip() -> list[str]:
    """Return the command of a pip: that of this environment, else that of the Python it was made from."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    base: str = getattr(sys, "_base_executable", sys.executable)
    return [base, "-m", "pip"]
